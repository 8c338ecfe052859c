//! Reservations and orders, by programs and by an agent, before stand-ins of Google and Stripe that count.

use crate::support::{
    client::{Answer, Client},
    server::{Place, Server},
    services::{Fault, Services},
    wait::{USUAL, until, within},
};
use axum::{Router, extract::State};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::net::TcpListener;

type Heard = Arc<Mutex<Vec<Value>>>;

/// The program with both services set up, and somebody who is told of events, as n8n would be.
pub(crate) struct Desk {
    pub(crate) services: Services,
    pub(crate) server: Server,
    heard: Heard,
}

async fn hear(State(heard): State<Heard>, body: String) {
    heard.lock().unwrap().push(serde_json::from_str(&body).unwrap());
}

impl Desk {
    pub(crate) async fn open() -> Self {
        let services = Services::start().await;
        let place = Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost");
        let place = place.with("OPENAI_BASE_URL", &format!("{}/v1", services.url)).with("OPENAI_API_KEY", "sk-model");
        let server = Server::start_on(place.with("OPENAI_MODEL", "stand-in")).await;
        let api = &server.api;
        for (provider, settings) in [("google", services.google()), ("stripe", services.stripe())] {
            api.put(&format!("/api/integrations/{provider}"), &settings).await.data();
        }
        for (name, price) in [("Soup", 650), ("Steak", 2_400)] {
            assert_eq!(api.post("/api/menu", &json!({ "name": name, "priceCents": price })).await.status, 201);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let heard = Heard::default();
        let site = Router::new().fallback(hear).with_state(Arc::clone(&heard));
        tokio::spawn(async move { axum::serve(listener, site).await });
        let events = [
            "reservation.created",
            "reservation.cancelled",
            "order.paid",
            "order.refunded",
            "whatsapp.fallback",
            "error.occurred",
        ];
        let asked = json!({ "url": url, "events": events });
        assert_eq!(api.post("/api/webhook-endpoints", &asked).await.status, 201);
        Self { services, server, heard }
    }

    pub(crate) fn told(&self, kind: &str) -> Vec<Value> {
        self.heard.lock().unwrap().iter().filter(|e| e["eventType"] == kind).map(|e| e["data"].clone()).collect()
    }

    pub(crate) async fn hears(&self, kind: &str) -> Value {
        until(kind, async || self.told(kind).into_iter().next()).await
    }

    /// Ready to be paid.
    pub(crate) async fn order(&self) -> Value {
        let made = self.server.api.post("/api/orders/create", &two_soups()).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.data()
    }

    pub(crate) async fn status(&self, id: &Value) -> Value {
        self.server.api.get(&format!("/api/orders/{}", id.as_str().unwrap())).await.data()["status"].take()
    }
}

fn table() -> Value {
    json!({ "name": "Ada", "phone": "+33 6 12 34 56 78", "partySize": 4, "date": "2099-05-01", "time": "19:30" })
}

fn two_soups() -> Value {
    json!({ "items": [{ "item": "soup", "quantity": 2 }], "name": "Ada", "phone": "+33612345678" })
}

pub(crate) fn pay(order: &Value, method: &str) -> Value {
    json!({ "orderId": order["id"], "paymentMethod": method })
}

async fn post_once(api: &Client, path: &str, body: &Value, key: &str) -> Answer {
    api.attempt(api.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await.unwrap()
}

// req: S0-RES-1
// req: S0-CAL-1
// req: S0-CRM-1
// req: S0-FLOW-2
// req: S0-WH-1
// req: S0-EVT-1
#[tokio::test]
async fn a_reservation_goes_into_the_calendar_the_sheet_and_to_whoever_is_told() {
    let desk = Desk::open().await;
    let api = &desk.server.api;
    let made = post_once(api, "/api/reservations", &table(), "click-1").await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.data();
    assert_eq!((&made["status"], &made["timeZone"]), (&json!("CONFIRMED"), &json!("Europe/Paris")));
    assert_eq!(made["startsAt"], "2099-05-01T17:30:00.000Z", "in the zone of the place");
    let again = post_once(api, "/api/reservations", &table(), "click-1").await.data();
    assert_eq!(again["id"], made["id"], "asked twice is asked once");
    let events = desk.services.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["start"], json!({ "dateTime": "2099-05-01T17:30:00Z", "timeZone": "Europe/Paris" }));
    assert_eq!(made["calendarLink"], events[0]["htmlLink"]);
    let rows = desk.services.rows("Reservations");
    assert_eq!((rows.len(), &rows[0][0], &rows[1][3]), (2, &json!("Key"), &json!("Ada")));
    let told = desk.hears("reservation.created").await;
    assert_eq!((&told["reservation"]["id"], &told["reservation"]["partySize"]), (&made["id"], &json!(4)));

    let free = async |time: &str| {
        api.get(&format!("/api/reservations/availability?date=2099-05-01&time={time}")).await.data()["available"].take()
    };
    assert_eq!((free("20:00").await, free("22:00").await), (json!(false), json!(true)));
    let listed = api.get("/api/reservations?date=2099-05-01").await.data();
    assert_eq!(listed["reservations"].as_array().map(Vec::len), Some(1));
    let id = made["id"].as_str().unwrap();
    let cancelled = api.post(&format!("/api/reservations/{id}/cancel"), &json!({})).await.data();
    assert_eq!((&cancelled["status"], desk.services.events().len()), (&json!("CANCELLED"), 0));
    desk.hears("reservation.cancelled").await;
    assert_eq!(desk.told("reservation.created").len(), 1, "told once");

    let wrong = json!({ "name": "", "phone": "none", "partySize": 0, "date": "2099-02-30", "time": "7pm" });
    let refused = api.post("/api/reservations", &wrong).await;
    assert_eq!(
        (refused.status.as_u16(), refused.fields()),
        (400, ["name", "phone", "partySize", "date", "time"].map(str::to_owned).to_vec())
    );
}

// req: S0-SEC-1
#[tokio::test]
async fn settings_of_services_are_checked_shown_without_secrets_and_tried() {
    let desk = Desk::open().await;
    let api = &desk.server.api;
    let shown = api.get("/api/integrations/stripe").await;
    assert!(!shown.text.contains("sk_test") && !shown.text.contains("whsec_stand_in"), "{}", shown.text);
    let shown = shown.data();
    assert_eq!((&shown["settings"]["secretKey"], &shown["settings"]["currency"]), (&json!("***"), &Value::Null));
    assert!(shown["webhookUrl"].as_str().unwrap().ends_with("/webhooks/stripe/default"), "{shown}");
    let kept = json!({ "secretKey": "***", "baseUrl": desk.services.url, "currency": "usd" });
    api.put("/api/integrations/stripe", &kept).await.data();
    let tried = api.post("/api/integrations/stripe/test", &json!({})).await.data();
    assert_eq!((&tried["ok"], &tried["found"]), (&json!(true), &json!("test mode")), "the secret stayed");
    let tried = api.post("/api/integrations/google/test", &json!({})).await.data();
    assert_eq!(tried["found"], "signed in; calendar The tables; spreadsheet The book");
    let wrong =
        json!({ "clientEmail": "x", "privateKey": "none", "timeZone": "Mars", "baseUrl": "ftp://x", "colour": "red" });
    let refused = api.put("/api/integrations/google", &wrong).await;
    let mut fields = refused.fields();
    fields.sort();
    assert_eq!(fields, ["baseUrl", "colour", "privateKey", "timeZone"]);
    // Nobody makes the program call what only it can reach.
    let inside = desk.services.url.replace("localhost", "127.0.0.1");
    api.put("/api/integrations/stripe", &json!({ "secretKey": "sk_test_1", "baseUrl": inside })).await.data();
    let tried = api.post("/api/integrations/stripe/test", &json!({})).await.data();
    assert_eq!((&tried["ok"], &tried["code"]), (&json!(false), &json!("egress.private")));
    assert_eq!(api.get("/api/integrations/fax").await.status, 404);
}

// req: S0-ORD-1
// req: S0-ORD-2
// req: S0-PAY-1
// req: S0-FLOW-3
// req: S0-EVT-1
#[tokio::test]
async fn an_order_is_charged_once_when_it_is_confirmed_and_not_before() {
    let desk = Desk::open().await;
    let api = &desk.server.api;
    let made = desk.order().await;
    assert_eq!((&made["status"], &made["amountCents"]), (&json!("REQUIRES_CONFIRMATION"), &json!(1_300)));
    assert_eq!(made["payment"]["clientSecret"], "pi_1_secret_1");
    let shown = api.get(&format!("/api/orders/{}", made["id"].as_str().unwrap())).await;
    assert!(!shown.text.contains("_secret_"), "only the answer to whoever ordered shows it");
    let declined = api.post("/api/orders/confirm", &pay(&made, "pm_card_chargeDeclined")).await;
    assert_eq!((declined.status.as_u16(), &declined.body["code"]), (402, &json!("PAYMENT_DECLINED")), "{declined:?}");
    assert!(desk.services.charges().is_empty() && desk.told("order.paid").is_empty());
    let paid = api.post("/api/orders/confirm", &pay(&made, "pm_card_visa")).await.data();
    assert_eq!((&paid["status"], &paid["cause"]), (&json!("PAID"), &Value::Null));
    let again = api.post("/api/orders/confirm", &pay(&made, "pm_card_visa")).await.data();
    assert_eq!((&again["status"], desk.services.charges()), (&json!("PAID"), vec!["pi_1".to_owned()]));
    let told = desk.hears("order.paid").await;
    assert_eq!((&told["order"]["amountCents"], &told["order"]["items"][0]["name"]), (&json!(1_300), &json!("Soup")));
    assert_eq!(desk.services.rows("Orders").len(), 2, "a header and a row");
    let cancel = format!("/api/orders/{}/cancel", made["id"].as_str().unwrap());
    let refused = api.post(&cancel, &json!({})).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("ORDER_NOT_CANCELLABLE")));

    let other = desk.order().await;
    let cancel = format!("/api/orders/{}/cancel", other["id"].as_str().unwrap());
    assert_eq!(api.post(&cancel, &json!({})).await.data()["status"], "CANCELLED");
    let refused = api.post("/api/orders/confirm", &pay(&other, "pm_card_visa")).await;
    assert_eq!((refused.status.as_u16(), desk.services.charges().len()), (409, 1));
    let nothing = json!({ "items": [{ "item": "caviar" }], "name": "Ada", "phone": "+33612345678" });
    assert_eq!(api.post("/api/orders/create", &nothing).await.fields(), ["items"]);
}

// req: S0-FLOW-3
// req: S0-ORD-2
#[tokio::test]
async fn a_program_that_is_killed_while_it_charges_charges_once() {
    let mut desk = Desk::open().await;
    let made = desk.order().await;
    desk.services.next("confirm", Fault::Hang);
    let request = desk.server.api.request(Method::POST, "/api/orders/confirm").json(&pay(&made, "pm_card_visa"));
    let asked = tokio::spawn(request.send());
    until("the charge", async || (desk.services.charges().len() == 1).then_some(())).await;
    desk.server.kill().await;
    assert!(asked.await.unwrap().is_err(), "nobody was answered");
    desk.server.restart().await;
    within(2 * USUAL, "the payment to be found", async || (desk.status(&made["id"]).await == "PAID").then_some(()))
        .await;
    desk.hears("order.paid").await;
    let (charges, rows) = (desk.services.charges().len(), desk.services.rows("Orders").len());
    assert_eq!((charges, rows, desk.told("order.paid").len()), (1, 2, 1));
}

// req: S0-FLOW-3
// req: S0-EVT-1
// req: S0-PAY-1
#[tokio::test]
async fn a_payment_that_nobody_can_tell_of_is_told_as_uncertain_and_settled_when_it_is_seen() {
    let desk = Desk::open().await;
    let api = &desk.server.api;
    let made = desk.order().await;
    desk.services.next("confirm", Fault::Cut);
    desk.services.blind(true);
    let asked = api.post("/api/orders/confirm", &pay(&made, "pm_card_visa")).await;
    assert_eq!((asked.status.as_u16(), &asked.body["data"]["status"]), (202, &json!("UNCERTAIN")), "{asked:?}");
    let told = desk.hears("error.occurred").await;
    assert_eq!((&told["order"]["id"], &told["code"]), (&made["id"], &json!("stripe.unavailable")));
    assert_eq!(api.post("/api/orders/confirm", &pay(&made, "pm_card_visa")).await.status, 202, "not a second charge");
    desk.services.blind(false);
    let again = format!("/api/orders/{}/reconcile", made["id"].as_str().unwrap());
    assert_eq!(api.post(&again, &json!({})).await.status, 202);
    until("the payment to be seen", async || (desk.status(&made["id"]).await == "PAID").then_some(())).await;
    desk.hears("order.paid").await;
    assert_eq!((desk.services.charges().len(), desk.told("order.paid").len()), (1, 1));
}

/// As Stripe signs.
#[expect(clippy::disallowed_methods, reason = "Stripe has a clock of its own")]
pub(crate) async fn stripe(api: &Client, event: &Value, secret: &str) -> Answer {
    let (body, at) = (event.to_string(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    let signature = format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()));
    let request = api.bare(Method::POST, "/webhooks/stripe/default").header("stripe-signature", signature);
    api.attempt(request.body(body)).await.unwrap()
}

// req: S0-PAY-1
// req: S2-WHK-4
// req: S2-WHK-5
#[tokio::test]
async fn stripe_tells_of_a_payment_in_the_browser_and_only_stripe_is_believed() {
    let desk = Desk::open().await;
    let api = &desk.server.api;
    let made = desk.order().await;
    let object = json!({ "id": "pi_1", "object": "payment_intent" });
    let event = json!({ "id": "evt_1", "type": "payment_intent.succeeded", "data": { "object": object } });
    assert_eq!(stripe(api, &event, "whsec_forged").await.status, 401);
    let words = stripe(api, &json!({ "id": "evt_2" }), "whsec_stand_in").await;
    assert_eq!((words.status.as_u16(), &words.body["code"]), (400, &json!("MALFORMED")));
    assert_eq!(
        stripe(api, &json!({ "id": "evt_3", "type": "invoice.paid", "data": { "object": {} } }), "whsec_stand_in")
            .await
            .data()["event"],
        "ignored"
    );
    assert_eq!(desk.status(&made["id"]).await, "REQUIRES_CONFIRMATION");
    desk.services.pay("pi_1");
    assert_eq!(stripe(api, &event, "whsec_stand_in").await.data()["event"], "accepted");
    until("the payment to be seen", async || (desk.status(&made["id"]).await == "PAID").then_some(())).await;
    desk.hears("order.paid").await;
    assert_eq!(stripe(api, &event, "whsec_stand_in").await.data()["event"], "repeated");
    assert_eq!((desk.services.charges().len(), desk.services.rows("Orders").len()), (1, 2));
    assert_eq!(desk.told("order.paid").len(), 1);
    let elsewhere = api.bare(Method::POST, "/webhooks/stripe/nobody").body("{}");
    assert_eq!(api.attempt(elsewhere).await.unwrap().status, 404);
}

async fn agent(api: &Client) {
    let tools = [
        "check_availability",
        "make_reservation",
        "cancel_reservation",
        "show_menu",
        "create_order",
        "confirm_order",
        "continue_on_whatsapp",
    ];
    let agent = json!({ "name": "Desk", "model": { "provider": "openai" }, "tools": tools, "gather_quiet_ms": 0 });
    assert_eq!(api.post("/api/agents", &agent).await.status, 201);
}

/// Says it in one conversation, with a call that the model is to make; what it says of the outcome.
async fn say(api: &Client, tool: &str, arguments: Value) -> String {
    let message = format!("Please <<{}>>", json!({ "name": tool, "arguments": arguments }));
    let answer = api.chat(&json!({ "agent": "Desk", "session": "s", "message": message })).await.data();
    answer["reply"]["text"].as_str().unwrap_or_default().to_owned()
}

// req: S0-FLOW-1
// req: S0-TOOL-1
// req: S0-CHAT-1
// req: S0-EVT-1
#[tokio::test]
async fn an_agent_reserves_takes_orders_and_charges_only_when_the_person_agreed() {
    let desk = Desk::open().await;
    let api = &desk.server.api;
    agent(api).await;
    let at = json!({ "date": "2099-05-01", "time": "19:30" });
    assert!(say(api, "check_availability", at.clone()).await.contains("\"available\":true"));
    let mut wanted = table();
    wanted["party_size"] = wanted["partySize"].take();
    wanted.as_object_mut().unwrap().remove("partySize");
    let said = say(api, "make_reservation", wanted).await;
    assert!(said.contains("CONFIRMED"), "{said}");
    assert_eq!((desk.services.events().len(), desk.services.rows("Reservations").len()), (1, 2));
    let told = desk.hears("reservation.created").await;
    assert_eq!(told["channel"], "webchat", "{told}");
    assert!(say(api, "check_availability", at).await.contains("\"available\":false"));

    assert!(say(api, "show_menu", json!({})).await.contains("6.50 EUR"));
    let order = json!({ "items": [{ "name": "Soup", "quantity": 2 }], "name": "Ada", "phone": "+33612345678" });
    let said = say(api, "create_order", order).await;
    assert!(said.contains("13.00 EUR") && said.contains("REQUIRES_CONFIRMATION"), "{said}");
    assert!(desk.services.charges().is_empty(), "nothing is charged unasked");
    // The payer entered their card in the browser, and it is charged when they say so.
    let orders = api.list("/api/orders", "orders").await;
    let payment = orders[0]["paymentId"].as_str().unwrap().to_owned();
    let said = say(api, "confirm_order", json!({})).await;
    assert!(said.contains("payment.declined") && said.contains("requires_payment_method"), "{said}");
    desk.services.pay(&payment);
    let said = say(api, "confirm_order", json!({})).await;
    assert!(said.contains("PAID"), "{said}");
    assert_eq!((desk.services.charges().len(), desk.services.rows("Orders").len()), (1, 2));
    let said = say(api, "cancel_reservation", json!({})).await;
    assert!(said.contains("CANCELLED") && desk.services.events().is_empty(), "{said}");
    let conversation = api.conversation("s").await.unwrap()["id"].as_str().unwrap().to_owned();
    let trail = api.list(&format!("/api/conversations/{conversation}/trail?turn=2"), "turns").await;
    let [first, last] = trail[0]["steps"].as_array().unwrap().as_slice() else { panic!("two completions: {trail:?}") };
    let call = &first["calls"][0];
    assert_eq!((&call["tool"], &call["status"]), (&json!("make_reservation"), &json!("done")), "{trail:?}");
    assert!(call["arguments"].as_str().unwrap().contains("party_size"), "{call}");
    assert!(call["result"].as_str().unwrap().contains("CONFIRMED") && last["calls"] == json!([]), "{trail:?}");
    let tokens = |step: &Value| step["prompt_tokens"].as_u64().unwrap();
    assert!(tokens(first) > 0 && trail[0]["prompt_tokens"] == json!(tokens(first) + tokens(last)), "{trail:?}");
    let strange = json!({ "order_id": "01970000-0000-7000-8000-000000000000" });
    assert!(say(api, "confirm_order", strange).await.contains("commerce.not_found"));
    say(api, "continue_on_whatsapp", json!({ "phone": "+33612345678", "reason": "wants a person" })).await;
    let told = desk.hears("whatsapp.fallback").await;
    assert_eq!((&told["reason"], &told["phone"]), (&json!("wants a person"), &json!("+33612345678")));
    let prompts = desk.services.prompts();
    assert!(
        prompts.iter().any(|p| p["messages"].as_array().unwrap().iter().any(|m| m["role"] == "tool")),
        "asked again"
    );
}

// req: S0-FLOW-1
#[tokio::test]
async fn what_is_made_and_confirmed_in_one_breath_is_not_charged() {
    let desk = Desk::open().await;
    let api = &desk.server.api;
    agent(api).await;
    let order = json!({ "items": [{ "name": "Steak", "quantity": 1 }], "name": "Ada", "phone": "+33612345678" });
    let text = format!(
        "<<{}>> and then <<{}>>",
        json!({ "name": "create_order", "arguments": order }),
        json!({ "name": "confirm_order", "arguments": {} })
    );
    let answer = api.chat(&json!({ "agent": "Desk", "session": "s", "message": text })).await.data();
    let said = answer["reply"]["text"].as_str().unwrap_or_default();
    assert!(said.contains("commerce.not_agreed"), "{answer}");
    assert!(desk.services.charges().is_empty());
    within(Duration::from_secs(5), "the order", async || {
        (api.list("/api/orders", "orders").await.len() == 1).then_some(())
    })
    .await;
}
