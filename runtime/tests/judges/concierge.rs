//! Reservations and orders: PyPI's `localstripe` is a Stripe that others wrote, `stripe` is Stripe's own client, and
//! `google-api-python-client` is Google's. They judge what the product does, and what stands for both in our tests.

use crate::{
    install,
    judge::Judge,
    support::{
        client::Client,
        server::{Place, Server},
        services::{CALENDAR, PRIVATE_KEY, STRIPE_KEY, Services},
        wait::until,
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

const SECRET: &str = "whsec_judged";

fn judge(script: &str) -> Judge {
    Judge::start(Command::new(install::concierge_python()).arg(install::script(script)))
}

async fn server() -> Server {
    Server::start_on(Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost")).await
}

async fn order(api: &Client) -> Value {
    let wanted = json!({ "items": [{ "item": "Soup", "quantity": 2 }], "name": "Ada", "phone": "+33612345678" });
    let made = api.post("/api/orders/create", &wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.data()
}

async fn status(api: &Client, order: &Value) -> Value {
    api.get(&format!("/api/orders/{}", order["id"].as_str().unwrap())).await.data()["status"].take()
}

// req: S0-PAY-1
// req: S0-ORD-1
// req: S0-ORD-2
// req: S2-WHK-5
#[tokio::test]
async fn a_stripe_that_others_wrote_is_paid_by_the_product_and_tells_it() {
    let (server, mut judge) = (server().await, judge("payments.py"));
    let api = &server.api;
    let hook = format!("{}/webhooks/stripe/default", api.url);
    let folder = server.place.path().to_str().unwrap();
    let url = judge.ask("serve", json!({ "hook": hook, "secret": SECRET, "folder": folder })).await;
    let settings = json!({ "secretKey": "sk_test_judged", "webhookSecret": SECRET, "baseUrl": url });
    api.put("/api/integrations/stripe", &settings).await.data();
    let tried = api.post("/api/integrations/stripe/test", &json!({})).await.data();
    assert_eq!(tried["found"], "test mode", "{tried}");
    api.post("/api/menu", &json!({ "name": "Soup", "priceCents": 650 })).await.data();
    let at = |payment: &Value| json!({ "url": url, "key": "sk_test_judged", "payment": payment });

    let made = order(api).await;
    let payment = judge.ask("payment", at(&made["paymentId"])).await;
    assert_eq!(
        payment,
        json!({ "status": "requires_payment_method", "amount": 1_300, "currency": "eur", "order": made["id"] })
    );
    let mut card = at(&made["paymentId"]);
    card["number"] = json!("4242424242424242");
    assert_eq!(judge.ask("attach", card).await, "requires_confirmation");
    let paid = api.post("/api/orders/confirm", &json!({ "orderId": made["id"] })).await.data();
    assert_eq!(paid["status"], "PAID", "{paid}");
    assert_eq!(judge.ask("payment", at(&made["paymentId"])).await["status"], "succeeded");
    let refund = format!("/api/orders/{}/refund", made["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(api.post(&refund, &json!({})).await.data()["status"], "REFUNDED");
    }
    let back = judge.ask("refunds", at(&made["paymentId"])).await;
    assert_eq!(back, json!([{ "amount": 1_300, "status": "succeeded", "order": made["id"] }]), "once");
    // It signs, and is believed.
    until("the word of the judge", async || {
        let health = api.get("/health/detailed").await;
        health.body["webhooks"]["accepted"].as_u64().filter(|n| *n > 0)
    })
    .await;

    let declined = order(api).await;
    let mut card = at(&declined["paymentId"]);
    card["number"] = json!("4000000000000341");
    judge.ask("attach", card).await;
    let refused = api.post("/api/orders/confirm", &json!({ "orderId": declined["id"] })).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (402, &json!("PAYMENT_DECLINED")), "{refused:?}");
    let cancelled = order(api).await;
    let cancel = format!("/api/orders/{}/cancel", cancelled["id"].as_str().unwrap());
    assert_eq!(api.post(&cancel, &json!({})).await.data()["status"], "CANCELLED");
    assert_eq!(judge.ask("payment", at(&cancelled["paymentId"])).await["status"], "canceled");
}

// req: S0-PAY-1
// req: S2-WHK-5
#[tokio::test]
async fn stripes_own_client_takes_the_stand_in_for_stripe_and_its_signatures_are_believed() {
    let services = Services::start().await;
    let mut judge = judge("payments.py");
    let told = judge.ask("pays", json!({ "url": services.url, "key": STRIPE_KEY })).await;
    let expected = json!({
        "same": true, "made": "requires_payment_method", "declined": [402, "card_declined"],
        "paid": ["succeeded", "succeeded"], "cancel": [400, "payment_intent_unexpected_state"], "seen": "succeeded",
        "stranger": 401,
    });
    assert_eq!((told, services.charges().len()), (expected, 1));
    let told = judge.ask("gives_back", json!({ "url": services.url, "key": STRIPE_KEY })).await;
    let expected = json!({
        "same": true, "status": "succeeded", "amount": 500, "again": [400, "charge_already_refunded"],
        "found": [[true, "s"]],
    });
    assert_eq!(told, expected);

    let server = server().await;
    let api = &server.api;
    let mut settings = services.stripe();
    settings["webhookSecret"] = json!(SECRET);
    api.put("/api/integrations/stripe", &settings).await.data();
    api.post("/api/menu", &json!({ "name": "Soup", "priceCents": 650 })).await.data();
    let made = order(api).await;
    let payment = made["paymentId"].as_str().unwrap();
    services.pay(payment);
    let object = json!({ "id": payment, "object": "payment_intent" });
    let event =
        json!({ "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "data": { "object": object } });
    let body = event.to_string();
    let tell = async |signature: Value, body: &str| {
        let request = api.bare(Method::POST, "/webhooks/stripe/default");
        let request = request.header("stripe-signature", signature.as_str().unwrap()).body(body.to_owned());
        api.attempt(request).await.unwrap().status.as_u16()
    };
    let good = judge.ask("sign", json!({ "body": body, "secret": SECRET })).await;
    let old = judge.ask("sign", json!({ "body": body, "secret": SECRET, "late": -301 })).await;
    let forged = judge.ask("sign", json!({ "body": body, "secret": "whsec_other" })).await;
    assert_eq!((tell(old, &body).await, tell(forged, &body).await), (401, 401));
    assert_eq!(tell(good.clone(), &body.replace("succeeded", "canceled")).await, 401);
    assert_eq!(status(api, &made).await, "REQUIRES_CONFIRMATION");
    assert_eq!((tell(good.clone(), &body).await, tell(good, &body).await), (200, 200));
    until("the payment to be seen", async || (status(api, &made).await == "PAID").then_some(())).await;
}

// req: S0-CAL-1
// req: S0-CRM-1
#[tokio::test]
async fn googles_own_client_takes_the_stand_in_for_google() {
    let services = Services::start().await;
    let mut judge = judge("calendars.py");
    let asked = json!({ "url": services.url, "key": PRIVATE_KEY, "calendar": CALENDAR, "id": "cq0123456789abcdef" });
    let told = judge.ask("calendar", asked.clone()).await;
    let expected = json!({
        "made": "confirmed", "again": 409, "bad": 400, "busy": 1, "seen": "Ada (4)", "free": 0, "gone": 410, "missing": 404,
    });
    assert_eq!(told, expected);
    let told = judge.ask("sheets", asked).await;
    assert_eq!(told, json!({ "missing": 400, "twice": 400, "empty": null, "column": [["Key"], ["k-1"]] }));
}
