//! Refunds (<https://docs.stripe.com/api/refunds>): all that is left of a payment goes back, whoever gives it back. Ours carry
//! the key of their step in their metadata, which is found when the idempotency key is long forgotten.

use super::{Account, order, payment, refused, trouble, unknown};
use colloquy_domain::{
    commerce::flow::{Answer, Step},
    ports::{Told, Work},
};
use serde_json::Value;

/// Of one payment; Stripe gives no longer list at once.
const MOST: &str = "100";

impl Account<'_> {
    pub async fn refund(&self, work: &Work) -> Result<Told, Answer> {
        let id = order(work)?.id.to_string();
        let fields = [
            ("payment_intent", payment(work)?),
            ("metadata[order_id]", id.as_str()),
            ("metadata[step]", work.key.as_str()),
        ];
        let spoken = self.post(&self.address(&["refunds"])?, &fields, &work.key).await?;
        if spoken.is_good() {
            return Ok(state(&spoken.body).into());
        }
        if spoken.text("/error/code") == Some("charge_already_refunded") {
            // Somebody else was faster.
            return self.find_refund(work).await;
        }
        Err(trouble(&spoken))
    }

    /// What went back of the payment, whoever gave it back.
    pub async fn find_refund(&self, work: &Work) -> Result<Told, Answer> {
        let refunds = self.refunds(work).await?;
        let is = |status: &'static str| move |r: &&Value| r["status"] == status;
        Ok(match back(&refunds, order(work)?.amount) {
            Some(answer) => answer,
            None if refunds.iter().any(|r| is("succeeded")(&r)) => refused("refunded_in_part"),
            None if refunds.iter().any(|r| is("failed")(&r) || is("canceled")(&r)) => refused("refund_failed"),
            None => refused("not_refunded"),
        }
        .into())
    }

    /// Whether the refund of this step happened, or needs to no more.
    pub async fn look_for_refund(&self, work: &Work) -> Result<Told, Answer> {
        if work.step == Step::FindRefund {
            return self.find_refund(work).await;
        }
        let refunds = self.refunds(work).await?;
        let ours = refunds.iter().find(|r| r["metadata"]["step"] == work.key.as_str());
        let whole = back(&refunds, order(work)?.amount);
        Ok(ours.map(state).or(whole).unwrap_or(Answer::Absent).into())
    }

    /// # Errors
    /// They cannot be shown.
    async fn refunds(&self, work: &Work) -> Result<Vec<Value>, Answer> {
        let mut url = self.address(&["refunds"])?;
        url.query_pairs_mut().append_pair("payment_intent", payment(work)?).append_pair("limit", MOST);
        let mut spoken = self.get(&url).await?;
        match spoken.body.get_mut("data").map(Value::take) {
            Some(Value::Array(refunds)) if spoken.is_good() => Ok(refunds),
            _ => Err(unknown(trouble(&spoken))),
        }
    }
}

/// What one refund has come to.
fn state(refund: &Value) -> Answer {
    match refund["status"].as_str() {
        Some("succeeded") => Answer::Happened,
        Some("failed" | "canceled") => refused("refund_failed"),
        // The bank, or the payer, has still to do something: Stripe tells us.
        Some(_) => Answer::Unknown { code: "stripe.refund_pending".to_owned() },
        None => Answer::Unknown { code: "stripe.bad_response".to_owned() },
    }
}

/// Whether all of an amount went back, or is on its way.
fn back(refunds: &[Value], amount: i64) -> Option<Answer> {
    let sum = |statuses: &[&str]| {
        let counted = refunds.iter().filter(|r| r["status"].as_str().is_some_and(|s| statuses.contains(&s)));
        counted.filter_map(|r| r["amount"].as_i64()).fold(0_i64, i64::saturating_add)
    };
    let done = sum(&["succeeded"]);
    let coming = sum(&["pending", "requires_action"]);
    if done >= amount {
        Some(Answer::Happened)
    } else if coming > 0 && done.saturating_add(coming) >= amount {
        Some(Answer::Unknown { code: "stripe.refund_pending".to_owned() })
    } else {
        None
    }
}
