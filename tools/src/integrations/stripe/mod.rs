//! Stripe's `PaymentIntents` (<https://docs.stripe.com/api/payment_intents>). An order has one payment, which can succeed
//! once; every change carries an idempotency key.

mod refunds;

use super::http::{Spoken, address, call, encode, request};
use colloquy_domain::{
    channel::Secret,
    commerce::{
        Order, Subject,
        flow::{Answer, Step},
        settings::Stripe,
    },
    ports::{Outside, Proof, Told, WebCall, Work},
};
use url::Url;

const BASE: &str = "https://api.stripe.com";
/// The version whose answers are read here.
const VERSION: &str = "2024-06-20";

pub struct Account<'a> {
    pub outside: &'a dyn Outside,
    pub settings: &'a Stripe,
}

fn refused(what: &str) -> Answer {
    Answer::Refused { code: format!("stripe.{what}") }
}

fn order(work: &Work) -> Result<&Order, Answer> {
    match &work.subject {
        Subject::Order(o) => Ok(o),
        Subject::Reservation(_) => Err(refused("no_order")),
    }
}

fn payment(work: &Work) -> Result<&str, Answer> {
    order(work)?.payment.as_deref().ok_or_else(|| refused("no_payment"))
}

impl Account<'_> {
    fn at(&self, segments: &[&str]) -> Result<Url, Answer> {
        self.address(&[&["payment_intents"], segments].concat())
    }

    fn address(&self, segments: &[&str]) -> Result<Url, Answer> {
        let base = self.settings.base_url.as_deref().unwrap_or(BASE);
        address("stripe", base, &[&["v1"], segments].concat())
    }

    async fn get(&self, url: &Url) -> Result<Spoken, Answer> {
        self.ask(request("GET", url, self.settings.secret_key.expose(), None, true)).await
    }

    async fn post(&self, url: &Url, fields: &[(&str, &str)], key: &str) -> Result<Spoken, Answer> {
        let mut asked = request("POST", url, self.settings.secret_key.expose(), Some(encode(fields)), true);
        asked.headers.push(("idempotency-key".into(), key.to_owned()));
        self.ask(asked).await
    }

    async fn ask(&self, mut asked: WebCall) -> Result<Spoken, Answer> {
        asked.headers.push(("stripe-version".into(), VERSION.to_owned()));
        call(self.outside, "stripe", asked).await
    }

    pub async fn create(&self, work: &Work) -> Result<Told, Answer> {
        let order = order(work)?;
        let (amount, id) = (order.amount.to_string(), order.id.to_string());
        let fields = [
            ("amount", amount.as_str()),
            ("currency", order.currency.as_str()),
            ("payment_method_types[]", "card"),
            ("metadata[order_id]", id.as_str()),
        ];
        let spoken = self.post(&self.at(&[])?, &fields, &work.key).await?;
        let (true, Some(payment)) = (spoken.is_good(), spoken.text("/id")) else { return Err(trouble(&spoken)) };
        let secret = spoken.text("/client_secret").map(Secret::new);
        Ok(Told { answer: Answer::Happened, proof: Proof { reference: Some(payment.to_owned()), secret } })
    }

    pub async fn confirm(&self, work: &Work) -> Result<Told, Answer> {
        let fields: Vec<_> = work.payment_method.iter().map(|m| ("payment_method", m.as_str())).collect();
        let spoken = self.post(&self.at(&[payment(work)?, "confirm"])?, &fields, &work.key).await?;
        if spoken.is_good() {
            return Ok(asked_to_pay(&spoken).into());
        }
        if is_elsewhere(&spoken) {
            // Paid already, or nothing to pay with: the payment itself says which.
            let now = self.intent(work).await?;
            return Ok(asked_to_pay(&now).into());
        }
        Err(trouble(&spoken))
    }

    pub async fn cancel(&self, work: &Work) -> Result<Told, Answer> {
        let spoken = self.post(&self.at(&[payment(work)?, "cancel"])?, &[], &work.key).await?;
        let now = if is_elsewhere(&spoken) { self.intent(work).await? } else { spoken };
        match now.text("/status") {
            Some("canceled") => Ok(Answer::Happened.into()),
            Some("succeeded") => Err(refused("already_paid")),
            Some(_) => Err(Answer::Unknown { code: "stripe.not_canceled".to_owned() }),
            None => Err(trouble(&now)),
        }
    }

    /// # Errors
    /// It cannot be shown.
    async fn intent(&self, work: &Work) -> Result<Spoken, Answer> {
        let spoken = self.get(&self.at(&[payment(work)?])?).await?;
        if spoken.is_good() { Ok(spoken) } else { Err(unknown(trouble(&spoken))) }
    }

    pub async fn look(&self, work: &Work) -> Result<Told, Answer> {
        let now = self.intent(work).await.map_err(unknown)?;
        let status = now.text("/status").unwrap_or_default();
        Ok(match (work.step, status) {
            (Step::CancelPayment, "canceled") | (Step::ConfirmPayment, "succeeded") => Answer::Happened,
            (Step::CancelPayment, _) => Answer::Absent,
            // Nobody tried to pay yet.
            (_, "requires_confirmation") => Answer::Absent,
            (_, "requires_payment_method") if now.body["last_payment_error"].is_null() => Answer::Absent,
            _ => asked_to_pay(&now),
        }
        .into())
    }

    pub async fn test(&self) -> Result<String, Answer> {
        let mut url = self.at(&[])?;
        url.query_pairs_mut().append_pair("limit", "1");
        let spoken = self.get(&url).await?;
        if !spoken.is_good() {
            return Err(trouble(&spoken));
        }
        let live = self.settings.secret_key.expose().contains("_live_");
        Ok(if live { "live mode" } else { "test mode" }.to_owned())
    }
}

/// What a payment that somebody was asked to make has come to.
fn asked_to_pay(intent: &Spoken) -> Answer {
    match intent.text("/status") {
        Some("succeeded") => Answer::Happened,
        Some("processing") => Answer::Unknown { code: "stripe.processing".to_owned() },
        // In the payer's browser; Stripe tells us when they did.
        Some("requires_action") => refused("requires_action"),
        Some("canceled") => refused("canceled"),
        Some("requires_payment_method" | "requires_confirmation") => {
            let code = intent.text("/last_payment_error/code").unwrap_or("requires_payment_method");
            refused(code)
        }
        _ => Answer::Unknown { code: "stripe.bad_response".to_owned() },
    }
}

/// The payment is in another state than the one that was thought.
fn is_elsewhere(spoken: &Spoken) -> bool {
    spoken.status == 400 && spoken.text("/error/code").is_none_or(|c| c == "payment_intent_unexpected_state")
}

fn trouble(spoken: &Spoken) -> Answer {
    let code = spoken.text("/error/code");
    match (spoken.status, code) {
        // Another request with this key is being answered.
        (409, _) => Answer::Unknown { code: "stripe.busy".to_owned() },
        (402, code) => refused(code.unwrap_or("card_declined")),
        (400, Some(code)) => refused(code),
        _ => spoken.trouble("stripe"),
    }
}

fn unknown(answer: Answer) -> Answer {
    match answer {
        Answer::Refused { code } => Answer::Unknown { code },
        other => other,
    }
}
