//! `POST /webhooks/stripe/{tenantSlug}`: what Stripe tells of payments and refunds. It is a reason to look, not the truth: the flow asks
//! Stripe itself.

use crate::{
    answer::Of,
    error::{ApiError, ApiResult, ok},
    state::Api,
};
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use colloquy_domain::{channel::Secret, commerce::flow::FlowKind, ports::StoreError, time::Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;
use std::sync::{Arc, atomic::Ordering};
use subtle::ConstantTimeEq;

/// How old (or early) a signature may be, in seconds: Stripe's own libraries say five minutes.
const TOLERANCE: i64 = 300;

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    /// Some objects have none.
    id: Option<String>,
    /// Whose refund it is. Anything but an id is left aside.
    #[serde(default)]
    payment_intent: Value,
    #[serde(default)]
    status: Value,
}

/// What an event is about.
enum About {
    /// A payment, and how it ended.
    Payment(FlowKind),
    /// Money that went back, or was to.
    Refund,
}

impl About {
    fn of(kind: &str) -> Option<Self> {
        match kind {
            "payment_intent.succeeded" => Some(Self::Payment(FlowKind::Pay)),
            "payment_intent.canceled" => Some(Self::Payment(FlowKind::CancelOrder)),
            "charge.refunded" | "charge.refund.updated" | "refund.created" | "refund.updated" | "refund.failed" => {
                Some(Self::Refund)
            }
            _ => None,
        }
    }
}

pub async fn receive(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Of<Received>> {
    let missing = || ApiError::not_found("webhook");
    let tenant = api.store.installation().tenant_by_slug(&slug).await?;
    let tenant = tenant.filter(|t| t.suspended_at.is_none()).ok_or_else(missing)?;
    let rows = api.store.tenant(tenant.id);
    let secret = rows.connections().await?.stripe.and_then(|s| s.webhook_secret).ok_or_else(missing)?;
    let signature = headers.get("stripe-signature").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !is_signed(signature, &body, &secret, api.clock.now()) {
        api.counters.webhooks_rejected.fetch_add(1, Ordering::Relaxed);
        return Err(ApiError::unauthorized("the signature is missing, wrong or too old"));
    }
    let malformed = |_| ApiError::new(StatusCode::BAD_REQUEST, "MALFORMED", "this is no event of Stripe's");
    let event: Event = serde_json::from_slice(&body).map_err(malformed)?;
    let Some(about) = About::of(&event.kind) else { return answered(&api, "ignored") };
    let object = event.data.object;
    let payment = match about {
        About::Payment(_) => object.id.as_deref(),
        About::Refund => object.payment_intent.as_str(),
    };
    let order = match rows.order_by_payment(payment.unwrap_or_default()).await {
        Ok(order) => order,
        // The account is used for other things, too.
        Err(StoreError::NotFound(_)) => return answered(&api, "unknown"),
        Err(e) => return Err(e.into()),
    };
    match about {
        About::Payment(kind) => api.commerce.payment_ended(tenant.id, &order, kind).await?,
        About::Refund => {
            let failed = matches!(object.status.as_str(), Some("failed" | "canceled"));
            api.commerce.refund_ended(tenant.id, &order, failed).await?;
        }
    }
    // Afterwards: what was cut before is told again. It is safe to repeat.
    let first = rows.note_payment_event(&event.id).await?;
    answered(&api, if first { "accepted" } else { "repeated" })
}

#[derive(Serialize, JsonSchema)]
pub struct Received {
    received: bool,
    event: &'static str,
}

fn answered(api: &Api, event: &'static str) -> ApiResult<Of<Received>> {
    api.counters.webhooks_accepted.fetch_add(1, Ordering::Relaxed);
    ok(Received { received: true, event })
}

/// `t=<seconds>,v1=<hex>[,v1=…]` over `<seconds>.<body>`, in constant time.
fn is_signed(header: &str, body: &[u8], secret: &Secret, now: Timestamp) -> bool {
    let parts = || header.split(',').filter_map(|p| p.trim().split_once('='));
    let Some(at) = parts().find(|(name, _)| *name == "t").map(|(_, v)| v) else { return false };
    let fresh = at.parse::<i64>().is_ok_and(|t| (now.millis() / 1_000).abs_diff(t) <= TOLERANCE.unsigned_abs());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    let ours = mac.finalize().into_bytes().to_vec();
    let same = |hex: &str| hex::decode(hex).is_ok_and(|theirs| bool::from(theirs.as_slice().ct_eq(ours.as_slice())));
    fresh && parts().any(|(name, value)| name == "v1" && same(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const NOW: Timestamp = Timestamp(1_767_225_600_000);

    fn header(at: i64, secret: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{at}.").as_bytes());
        mac.update(body);
        format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
    }

    // req: S0-PAY-1
    // req: S2-WHK-5
    #[test]
    fn only_stripes_own_fresh_words_are_believed() {
        let (secret, at) = (Secret::new("whsec_1"), NOW.millis() / 1_000);
        let signed = |header: &str| is_signed(header, BODY, &secret, NOW);
        let good = header(at, "whsec_1", BODY);
        assert!(signed(&good) && signed(&format!("{good},v1=00,v0=11")));
        assert!(signed(&format!("t={at},v1=00,{}", good.split_once(',').unwrap().1)), "one of several");
        assert!(signed(&header(at - TOLERANCE, "whsec_1", BODY)));
        assert!(!signed(&header(at - TOLERANCE - 1, "whsec_1", BODY)), "too old");
        assert!(!signed(&header(at + TOLERANCE + 1, "whsec_1", BODY)), "too early");
        assert!(!signed(&header(at, "whsec_2", BODY)) && !signed(&header(at, "whsec_1", b"{}")));
        assert!(!signed(&good.replace(&at.to_string(), &(at + 1).to_string())), "the time is signed, too");
        for none in ["", "t=", "v1=00", "t=x,v1=00", "nonsense"] {
            assert!(!signed(none), "{none}");
        }
    }
}
