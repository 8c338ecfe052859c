//! Each service before a scripted other side: what is asked for, and what each answer is taken for.

use super::Integrations;
use async_trait::async_trait;
use colloquy_domain::{
    channel::Secret,
    commerce::{
        Order, OrderLine, OrderStatus, Reservation, ReservationDetails, ReservationStatus, Subject,
        flow::{Answer, FlowKind, Step},
        settings::{Connections, Google, Provider, Stripe},
    },
    failure::Failure,
    ids::{MenuItemId, OrderId, ReservationId},
    ports::{Outside, Services, Told, Unanswered, WebAnswer, WebCall, Work},
    testkit::ManualClock,
    time::Timestamp,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

const KEY: &str = include_str!("testdata/rsa.pem");
const PUBLIC: &str = include_str!("testdata/rsa.pub.pem");
const NOW: Timestamp = Timestamp(1_767_225_600_000);

pub(super) type Said = Result<(u16, Value), Unanswered>;

/// Answers by the script, in its order; tokens are given without it.
#[derive(Default)]
pub(super) struct Scripted {
    script: Mutex<Vec<Said>>,
    pub(super) calls: Mutex<Vec<WebCall>>,
}

#[async_trait]
impl Outside for Scripted {
    async fn call(&self, call: WebCall) -> Result<WebAnswer, Unanswered> {
        let is_token = call.url.starts_with("https://oauth2.") && call.url.ends_with("/token");
        self.calls.lock().unwrap().push(call);
        let (status, body) = if is_token {
            (200, json!({ "access_token": "ya29.token", "expires_in": 3600, "token_type": "Bearer" }))
        } else {
            self.script.lock().unwrap().remove(0)?
        };
        Ok(WebAnswer { status, retry_after: None, body: body.to_string().into_bytes() })
    }
}

impl Scripted {
    pub(super) fn asked(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|c| format!("{} {}", c.method, c.url)).collect()
    }

    fn body(&self, place: usize) -> String {
        self.calls.lock().unwrap()[place].body.clone().unwrap_or_default()
    }
}

pub(super) fn before(script: Vec<Said>) -> (Integrations, Arc<Scripted>) {
    let outside = Arc::new(Scripted { script: Mutex::new(script), ..Scripted::default() });
    (Integrations::new(outside.clone(), Arc::new(ManualClock::at(NOW))), outside)
}

fn connections() -> Connections {
    let google = Google {
        client_email: "desk@project.iam.gserviceaccount.com".into(),
        private_key: Secret::new(KEY),
        calendar: Some("team@group.calendar.google.com".into()),
        spreadsheet: Some("sheet-1".into()),
        zone: "Europe/Paris".into(),
        slot_minutes: 120,
        base_url: None,
    };
    let stripe = Stripe {
        secret_key: Secret::new("sk_test_1"),
        webhook_secret: None,
        publishable_key: None,
        currency: "eur".into(),
        base_url: None,
    };
    Connections { google: Some(google), stripe: Some(stripe), avatar: None }
}

fn table(step: Step) -> Work {
    let reservation = Reservation {
        id: ReservationId::new(Uuid::from_u128(9)),
        details: ReservationDetails {
            name: "=HYPERLINK(\"http://evil\")".into(),
            phone: "+33612345678".into(),
            party: 4,
            date: "2026-05-01".into(),
            time: "19:30".into(),
            notes: "by the window".into(),
        },
        zone: "Europe/Paris".into(),
        starts_at: Timestamp(1_777_656_600_000),
        ends_at: Timestamp(1_777_663_800_000),
        conversation: None,
        status: ReservationStatus::Pending,
        cause: None,
        calendar_link: None,
        created_at: NOW,
        updated_at: NOW,
    };
    let subject = Subject::Reservation(reservation);
    Work { kind: FlowKind::Reserve, step, key: "reserve-1-x".into(), subject, payment_method: None }
}

fn order(step: Step) -> Work {
    let line = OrderLine { item: MenuItemId::new(Uuid::from_u128(8)), name: "Soup".into(), quantity: 2, price: 650 };
    let order = Order {
        id: OrderId::new(Uuid::from_u128(7)),
        lines: vec![line],
        amount: 1_300,
        currency: "eur".into(),
        name: "Ada".into(),
        phone: "+33612345678".into(),
        notes: String::new(),
        conversation: None,
        turn: None,
        status: OrderStatus::RequiresConfirmation,
        cause: None,
        payment: Some("pi_1".into()),
        payment_secret: None,
        created_at: NOW,
        updated_at: NOW,
    };
    let payment_method = Some("pm_card".into());
    Work { kind: FlowKind::Pay, step, key: "pay-1-x".into(), subject: Subject::Order(order), payment_method }
}

async fn act(script: Vec<Said>, work: Work) -> (Answer, Arc<Scripted>) {
    let (services, outside) = before(script);
    let told = services.act(&connections(), &work).await;
    assert!(outside.script.lock().unwrap().is_empty(), "not all was asked: {:?}", outside.asked());
    (told.answer, outside)
}

async fn look(script: Vec<Said>, work: Work) -> Answer {
    before(script).0.look(&connections(), &work).await.answer
}

pub(super) fn lost() -> Said {
    Err(Unanswered::Lost(Failure::retry("web.timeout", "")))
}

pub(super) fn not_sent() -> Said {
    Err(Unanswered::NotSent(Failure::retry("web.unreachable", "")))
}

pub(super) fn refused(code: &str) -> Answer {
    Answer::Refused { code: code.into() }
}

pub(super) fn unknown(code: &str) -> Answer {
    Answer::Unknown { code: code.into() }
}

// req: S0-CAL-1
// req: S0-RES-1
#[tokio::test]
async fn an_event_is_inserted_under_an_id_of_ours_by_a_service_account_that_signs_in_once() {
    let link = json!({ "id": "x", "htmlLink": "https://calendar/x", "status": "confirmed" });
    let (services, outside) = before(vec![Ok((200, link.clone())), Ok((409, json!({}))), Ok((200, link))]);
    let first = services.act(&connections(), &table(Step::AddToCalendar)).await;
    let again = services.act(&connections(), &table(Step::AddToCalendar)).await;
    assert_eq!((&first, first.proof.reference.as_deref()), (&again, Some("https://calendar/x")));
    insta::assert_snapshot!(outside.asked().join("\n"), @r"
    POST https://oauth2.googleapis.com/token
    POST https://www.googleapis.com/calendar/v3/calendars/team@group.calendar.google.com/events
    POST https://www.googleapis.com/calendar/v3/calendars/team@group.calendar.google.com/events
    GET https://www.googleapis.com/calendar/v3/calendars/team@group.calendar.google.com/events/cq00000000000000000000000000000009
    ");
    let body: Value = serde_json::from_str(&outside.body(1)).unwrap();
    assert_eq!(
        (&body["start"]["dateTime"], &body["start"]["timeZone"]),
        (&json!("2026-05-01T17:30:00Z"), &json!("Europe/Paris"))
    );
    assert_eq!(body["id"], "cq00000000000000000000000000000009");

    let form = outside.body(0);
    let assertion = form.split("assertion=").nth(1).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["https://oauth2.googleapis.com/token"]);
    validation.validate_exp = false;
    let key = DecodingKey::from_rsa_pem(PUBLIC.as_bytes()).unwrap();
    let claims = decode::<Value>(assertion, &key, &validation).unwrap().claims;
    assert_eq!(claims["iss"], "desk@project.iam.gserviceaccount.com");
    assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(1_767_225_600), Some(1_767_229_200)));
}

// req: S0-CAL-1
#[tokio::test]
async fn the_calendars_answers_are_taken_for_what_they_say() {
    let insert = || table(Step::AddToCalendar);
    assert_eq!(act(vec![lost()], insert()).await.0, unknown("google.no_answer"));
    assert_eq!(act(vec![Ok((503, Value::Null))], insert()).await.0, unknown("google.unavailable"));
    assert_eq!(
        act(vec![not_sent()], insert()).await.0,
        Answer::Later { code: "google.unreachable".into(), after: None }
    );
    assert_eq!(act(vec![Ok((404, json!({})))], insert()).await.0, refused("google.not_found"));
    let quota = json!({ "error": { "errors": [{ "reason": "rateLimitExceeded" }] } });
    assert!(matches!(act(vec![Ok((403, quota))], insert()).await.0, Answer::Later { .. }));
    assert_eq!(act(vec![Ok((410, json!({})))], table(Step::RemoveFromCalendar)).await.0, Answer::Happened);
    assert_eq!(look(vec![Ok((200, json!({ "status": "cancelled" })))], insert()).await, Answer::Absent);
    assert_eq!(
        look(vec![Ok((403, json!({})))], insert()).await,
        unknown("google.forbidden"),
        "no word of what is there"
    );

    let busy = json!({ "calendars": { "team@group.calendar.google.com": { "busy": [
        { "start": "2026-05-01T17:30:00Z", "end": "2026-05-01T21:30:00+02:00" },
    ] } } });
    let (services, outside) = before(vec![Ok((200, busy))]);
    let found = services.busy(&connections(), Timestamp(1_777_656_600_000), Timestamp(1_777_663_800_000)).await;
    assert_eq!(found, Ok(vec![(Timestamp(1_777_656_600_000), Timestamp(1_777_663_800_000))]));
    assert!(outside.body(1).contains("2026-05-01T17:30:00Z"), "{}", outside.body(1));
    let unshared =
        json!({ "calendars": { "team@group.calendar.google.com": { "errors": [{ "reason": "notFound" }] } } });
    let (services, _) = before(vec![Ok((200, unshared))]);
    assert_eq!(services.busy(&connections(), NOW, NOW).await.unwrap_err().code, "google.not_found");
}

// req: S0-CRM-1
#[tokio::test]
async fn a_sheet_gets_its_header_once_and_rows_by_kind_as_plain_text() {
    let added = || Ok((200, json!({})));
    let missing = Ok((400, json!({ "error": { "message": "Unable to parse range: Reservations!1:1" } })));
    let (done, outside) = act(vec![missing, added(), added(), added()], table(Step::AddToSheet)).await;
    assert_eq!(done, Answer::Happened);
    insta::assert_snapshot!(outside.asked()[1..].join("\n"), @r"
    GET https://sheets.googleapis.com/v4/spreadsheets/sheet-1/values/Reservations!1:1
    POST https://sheets.googleapis.com/v4/spreadsheets/sheet-1:batchUpdate
    PUT https://sheets.googleapis.com/v4/spreadsheets/sheet-1/values/Reservations!A1?valueInputOption=RAW
    POST https://sheets.googleapis.com/v4/spreadsheets/sheet-1/values/Reservations!A1:append?valueInputOption=RAW&insertDataOption=INSERT_ROWS
    ");
    let row: Value = serde_json::from_str(&outside.body(4)).unwrap();
    assert_eq!(
        (&row["values"][0][0], &row["values"][0][3]),
        (&json!("reserve-1-x"), &json!("=HYPERLINK(\"http://evil\")"))
    );
    let header: Value = serde_json::from_str(&outside.body(3)).unwrap();
    assert_eq!(header["values"][0].as_array().map(Vec::len), row["values"][0].as_array().map(Vec::len));

    let there = Ok((200, json!({ "values": [["Key", "Kind"]] })));
    let (done, outside) = act(vec![there, added()], order(Step::AddToSheet)).await;
    assert_eq!((done, outside.asked().len()), (Answer::Happened, 3), "a header that is there stays");
    assert!(outside.body(2).contains("2 × Soup") && outside.body(2).contains("1300"), "{}", outside.body(2));
}

// req: S0-CRM-1
#[tokio::test]
async fn a_row_whose_answer_was_lost_is_looked_for_by_its_key() {
    let there = || Ok((200, json!({ "values": [["Key"]] })));
    assert_eq!(act(vec![there(), lost()], table(Step::AddToSheet)).await.0, unknown("google.no_answer"));
    let before_it = act(vec![lost()], table(Step::AddToSheet)).await.0;
    assert!(matches!(before_it, Answer::Later { .. }), "nothing was appended: {before_it:?}");
    let column = json!({ "values": [["Key"], ["other"], [], ["reserve-1-x"]] });
    assert_eq!(look(vec![Ok((200, column))], table(Step::AddToSheet)).await, Answer::Happened);
    let column = json!({ "values": [["Key"], ["reserve-1"]] });
    assert_eq!(look(vec![Ok((200, column))], table(Step::AddToSheet)).await, Answer::Absent);
    assert_eq!(look(vec![lost()], table(Step::AddToSheet)).await, unknown("google.no_answer"));
}

// req: S0-PAY-1
#[tokio::test]
async fn payments_carry_their_key_and_their_answers_are_taken_for_what_they_say() {
    let made = json!({ "id": "pi_1", "client_secret": "pi_1_secret_2", "status": "requires_payment_method" });
    let (services, outside) = before(vec![Ok((200, made))]);
    let Told { answer, proof } = services.act(&connections(), &order(Step::CreatePayment)).await;
    assert_eq!((answer, proof.reference.as_deref()), (Answer::Happened, Some("pi_1")));
    assert_eq!(proof.secret.map(|s| s.expose().to_owned()).as_deref(), Some("pi_1_secret_2"));
    let call = outside.calls.lock().unwrap()[0].clone();
    assert_eq!(call.url, "https://api.stripe.com/v1/payment_intents");
    assert!(call.headers.contains(&("idempotency-key".into(), "pay-1-x".into())), "{call:?}");
    assert!(call.body.unwrap().contains("amount=1300&currency=eur"));

    let status = |s: &str| json!({ "id": "pi_1", "status": s });
    let confirm = || order(Step::ConfirmPayment);
    assert_eq!(act(vec![Ok((200, status("succeeded")))], confirm()).await.0, Answer::Happened);
    assert_eq!(act(vec![Ok((200, status("requires_action")))], confirm()).await.0, refused("stripe.requires_action"));
    assert_eq!(act(vec![Ok((200, status("processing")))], confirm()).await.0, unknown("stripe.processing"));
    assert_eq!(act(vec![lost()], confirm()).await.0, unknown("stripe.no_answer"));
    assert_eq!(act(vec![Ok((500, Value::Null))], confirm()).await.0, unknown("stripe.unavailable"));
    let declined = json!({ "error": { "type": "card_error", "code": "card_declined" } });
    assert_eq!(act(vec![Ok((402, declined))], confirm()).await.0, refused("stripe.card_declined"));
    // Somebody paid in the browser meanwhile.
    let elsewhere = || Ok((400, json!({ "error": { "code": "payment_intent_unexpected_state" } })));
    assert_eq!(act(vec![elsewhere(), Ok((200, status("succeeded")))], confirm()).await.0, Answer::Happened);
    let cancel = || order(Step::CancelPayment);
    assert_eq!(act(vec![Ok((200, status("canceled")))], cancel()).await.0, Answer::Happened);
    assert_eq!(
        act(vec![elsewhere(), Ok((200, status("succeeded")))], cancel()).await.0,
        refused("stripe.already_paid")
    );
    assert_eq!(act(vec![elsewhere(), Ok((200, status("canceled")))], cancel()).await.0, Answer::Happened);

    assert_eq!(look(vec![Ok((200, status("succeeded")))], confirm()).await, Answer::Happened);
    assert_eq!(look(vec![Ok((200, status("requires_confirmation")))], confirm()).await, Answer::Absent);
    let failed = json!({ "status": "requires_payment_method", "last_payment_error": { "code": "expired_card" } });
    assert_eq!(look(vec![Ok((200, failed))], confirm()).await, refused("stripe.expired_card"));
    assert_eq!(look(vec![Ok((401, json!({})))], confirm()).await, unknown("stripe.unauthorized"));
}

// req: S0-PAY-1
#[tokio::test]
async fn refunds_carry_their_key_and_only_what_went_back_counts() {
    let refund = || Work { kind: FlowKind::Refund, key: "refund-1-x".into(), ..order(Step::RefundPayment) };
    let one = |status: &str, amount: i64, step: &str| json!({ "id": "re_1", "status": status, "amount": amount, "metadata": { "step": step } });
    let list = |refunds: Value| Ok((200, json!({ "object": "list", "data": refunds })));
    let (done, outside) = act(vec![Ok((200, one("succeeded", 1_300, "refund-1-x")))], refund()).await;
    assert_eq!((done, outside.asked()), (Answer::Happened, vec!["POST https://api.stripe.com/v1/refunds".to_owned()]));
    let call = outside.calls.lock().unwrap()[0].clone();
    assert!(call.headers.contains(&("idempotency-key".into(), "refund-1-x".into())), "{call:?}");
    let body = call.body.unwrap();
    assert!(body.starts_with("payment_intent=pi_1&") && !body.contains("amount"), "all that is left: {body}");
    let said = |status: &str| vec![Ok((200, one(status, 1_300, "refund-1-x")))];
    assert_eq!(act(said("pending"), refund()).await.0, unknown("stripe.refund_pending"));
    assert_eq!(act(said("failed"), refund()).await.0, refused("stripe.refund_failed"));
    assert_eq!(act(vec![lost()], refund()).await.0, unknown("stripe.no_answer"));
    let code = |code: &str| Ok((400, json!({ "error": { "code": code } })));
    assert_eq!(act(vec![code("charge_disputed")], refund()).await.0, refused("stripe.charge_disputed"));
    let others = list(json!([one("succeeded", 1_000, "other"), one("succeeded", 300, "other")]));
    let faster = act(vec![code("charge_already_refunded"), others], refund()).await;
    assert_eq!(faster.0, Answer::Happened, "{:?}", faster.1.asked());
    assert_eq!(faster.1.asked()[1], "GET https://api.stripe.com/v1/refunds?payment_intent=pi_1&limit=100");

    assert_eq!(look(vec![list(json!([one("succeeded", 900, "refund-1-x")]))], refund()).await, Answer::Happened);
    assert_eq!(look(vec![list(json!([one("failed", 1_300, "earlier")]))], refund()).await, Answer::Absent);
    assert_eq!(
        look(vec![list(json!([one("failed", 1_300, "refund-1-x")]))], refund()).await,
        refused("stripe.refund_failed")
    );
    let both = list(json!([one("succeeded", 300, "a"), one("pending", 1_000, "b")]));
    assert_eq!(look(vec![both], refund()).await, unknown("stripe.refund_pending"));
    for nothing in [Ok((401, json!({}))), Ok((200, json!([])))] {
        assert!(matches!(look(vec![nothing], refund()).await, Answer::Unknown { .. }), "no word of what is there");
    }

    let find = || Work { kind: FlowKind::RefundSeen, ..order(Step::FindRefund) };
    for (there, found) in [
        (json!([one("succeeded", 1_300, "a")]), Answer::Happened),
        (json!([one("succeeded", 300, "a")]), refused("stripe.refunded_in_part")),
        (json!([one("failed", 1_300, "a")]), refused("stripe.refund_failed")),
        (json!([]), refused("stripe.not_refunded")),
    ] {
        assert_eq!(look(vec![list(there.clone())], find()).await, found, "{there}");
    }
}

#[tokio::test]
async fn what_is_not_set_up_is_not_called_and_no_setting_leaves_its_place() {
    let (services, outside) = before(Vec::new());
    let nothing = Connections::default();
    assert_eq!(services.act(&nothing, &table(Step::AddToCalendar)).await.answer, Answer::Unneeded);
    assert_eq!(services.act(&nothing, &order(Step::CreatePayment)).await.answer, refused("stripe.not_configured"));
    assert_eq!(services.test(&nothing, Provider::Google).await.unwrap_err().code, "google.not_configured");
    assert!(outside.asked().is_empty());
    let mut odd = connections();
    odd.google.as_mut().unwrap().calendar = Some("../../admin?x#y".into());
    let (services, outside) = before(vec![Ok((404, json!({})))]);
    services.act(&odd, &table(Step::AddToCalendar)).await;
    assert_eq!(
        outside.asked()[1],
        "POST https://www.googleapis.com/calendar/v3/calendars/..%2F..%2Fadmin%3Fx%23y/events"
    );
    let bad = Google { private_key: Secret::new("no key"), ..odd.google.unwrap() };
    let with = Connections { google: Some(bad), ..Connections::default() };
    assert_eq!(services.act(&with, &table(Step::AddToCalendar)).await.answer, refused("google.bad_key"));
}
