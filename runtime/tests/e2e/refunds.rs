//! What was paid goes back: once, whatever breaks, and seen when it goes back elsewhere.

use super::concierge::{Desk, pay, stripe};
use crate::support::{
    services::Fault,
    wait::{USUAL, until, within},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn paid(desk: &Desk) -> Value {
    let made = desk.order().await;
    let paid = desk.server.api.post("/api/orders/confirm", &pay(&made, "pm_card_visa")).await.data();
    assert_eq!(paid["status"], "PAID");
    paid
}

fn refund(order: &Value) -> String {
    format!("/api/orders/{}/refund", order["id"].as_str().unwrap())
}

// req: S0-PAY-1
// req: S0-FLOW-3
// req: S0-EVT-1
#[tokio::test]
async fn what_was_paid_goes_back_once_and_is_told() {
    let desk = Desk::open().await;
    let api = &desk.server.api;
    let unpaid = desk.order().await;
    let refused = api.post(&refund(&unpaid), &json!({})).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (409, &json!("ORDER_NOT_REFUNDABLE")), "{refused:?}");
    let order = paid(&desk).await;
    let back = api.post(&refund(&order), &json!({})).await;
    assert_eq!((back.status.as_u16(), &back.body["data"]["status"]), (200, &json!("REFUNDED")), "{back:?}");
    let again = api.post(&refund(&order), &json!({})).await.data();
    assert_eq!((&again["status"], &again["paymentId"]), (&json!("REFUNDED"), &order["paymentId"]));
    let refunds = desk.services.refunds();
    assert_eq!((refunds.len(), &refunds[0]["amount"]), (1, &json!(1_300)), "{refunds:?}");
    assert_eq!(refunds[0]["metadata"]["order_id"], order["id"]);
    let told = desk.hears("order.refunded").await;
    assert_eq!((&told["order"]["id"], &told["order"]["status"]), (&order["id"], &json!("REFUNDED")));
    let rows = desk.services.rows("Orders");
    assert_eq!((rows.len(), &rows[2][1]), (3, &json!("refund")), "a header, the payment, and what went back");
    let few = json!({ "name": "few", "scopes": ["orders:read"] });
    let few = api.post("/api/api-keys", &few).await.data()["key"].as_str().unwrap().to_owned();
    assert_eq!(api.with_key(&few).post(&refund(&order), &json!({})).await.status, 403);
    for later in ["cancel", "refund"] {
        let path = format!("/api/orders/{}/{later}", order["id"].as_str().unwrap());
        api.post(&path, &json!({})).await;
    }
    assert_eq!((desk.services.refunds().len(), desk.told("order.refunded").len()), (1, 1));
}

// req: S0-FLOW-3
#[tokio::test]
async fn a_program_that_is_killed_while_it_refunds_refunds_once() {
    let mut desk = Desk::open().await;
    let order = paid(&desk).await;
    desk.services.next("refund", Fault::Hang);
    let asked = tokio::spawn(desk.server.api.request(Method::POST, &refund(&order)).json(&json!({})).send());
    until("the refund", async || (desk.services.refunds().len() == 1).then_some(())).await;
    desk.server.kill().await;
    assert!(asked.await.unwrap().is_err(), "nobody was answered");
    desk.server.restart().await;
    within(2 * USUAL, "the refund to be found", async || (desk.status(&order["id"]).await == "REFUNDED").then_some(()))
        .await;
    desk.hears("order.refunded").await;
    assert_eq!((desk.services.refunds().len(), desk.told("order.refunded").len()), (1, 1));
}

// req: S0-FLOW-3
// req: S0-EVT-1
#[tokio::test]
async fn a_refund_that_nobody_can_tell_of_is_uncertain_until_it_is_seen() {
    let desk = Desk::open().await;
    let api = &desk.server.api;
    let order = paid(&desk).await;
    desk.services.next("refund", Fault::Cut);
    desk.services.blind(true);
    let asked = api.post(&refund(&order), &json!({})).await;
    assert_eq!((asked.status.as_u16(), &asked.body["data"]["status"]), (202, &json!("UNCERTAIN")), "{asked:?}");
    let told = desk.hears("error.occurred").await;
    assert_eq!(told["order"]["id"], order["id"]);
    assert_eq!(api.post(&refund(&order), &json!({})).await.status, 202, "not a second refund");
    desk.services.blind(false);
    let again = format!("/api/orders/{}/reconcile", order["id"].as_str().unwrap());
    assert_eq!(api.post(&again, &json!({})).await.status, 202);
    until("the refund to be seen", async || (desk.status(&order["id"]).await == "REFUNDED").then_some(())).await;
    desk.hears("order.refunded").await;
    assert_eq!(desk.services.refunds().len(), 1);
}

// req: S0-PAY-1
// req: S2-WHK-4
#[tokio::test]
async fn what_goes_back_on_stripes_own_pages_is_seen_and_what_bounces_is_told() {
    let desk = Desk::open().await;
    let api = &desk.server.api;
    let order = paid(&desk).await;
    let payment = order["paymentId"].as_str().unwrap();
    let tell = async |id: &str, kind: &str, status: &str| {
        let object = json!({ "id": "re_1", "object": "refund", "payment_intent": payment, "status": status });
        let event = json!({ "id": id, "type": kind, "data": { "object": object } });
        stripe(api, &event, "whsec_stand_in").await.data()["event"].take()
    };
    desk.services.give_back(payment, 300);
    assert_eq!(tell("evt_1", "charge.refunded", "succeeded").await, "accepted");
    let shown = format!("/api/orders/{}", order["id"].as_str().unwrap());
    let cause = |order: &Value| (order["cause"] == "stripe.refunded_in_part").then_some(());
    until("the part", async || cause(&api.get(&shown).await.data())).await;
    assert_eq!(desk.status(&order["id"]).await, "PAID");
    desk.services.give_back(payment, 1_000);
    tell("evt_2", "refund.updated", "succeeded").await;
    until("the rest", async || (desk.status(&order["id"]).await == "REFUNDED").then_some(())).await;
    desk.hears("order.refunded").await;
    assert_eq!(tell("evt_2", "refund.updated", "succeeded").await, "repeated");
    assert!(desk.told("error.occurred").is_empty(), "nothing of this is a failure");
    desk.services.bounce();
    tell("evt_3", "refund.failed", "failed").await;
    until("the failure", async || (desk.status(&order["id"]).await == "PAID").then_some(())).await;
    assert_eq!(desk.hears("error.occurred").await["order"]["id"], order["id"]);
    // Asked for here, what is left goes back: not what went back already.
    assert_eq!(api.post(&refund(&order), &json!({})).await.data()["status"], "REFUNDED");
    let amounts: Vec<_> = desk.services.refunds().iter().map(|r| r["amount"].clone()).collect();
    assert_eq!(amounts, [300, 1_000, 1_000]);
}

// req: S0-TOOL-1
#[tokio::test]
async fn an_agents_charge_is_undone_by_a_person_and_its_own_refund_waits_for_one() {
    let desk = Desk::open().await;
    let api = &desk.server.api;
    let tools = ["create_order", "confirm_order", "refund_order"];
    let agent = json!({
        "name": "Till", "model": { "provider": "openai" }, "tools": tools, "gather_quiet_ms": 0, "approvals": "unsafe",
    });
    assert_eq!(api.post("/api/agents", &agent).await.status, 201);
    let say = async |tool: &str, arguments: Value| {
        let message = format!("Please <<{}>>", json!({ "name": tool, "arguments": arguments }));
        api.chat(&json!({ "agent": "Till", "session": "s", "message": message })).await.data()
    };
    let soup = json!({ "items": [{ "name": "Soup", "quantity": 2 }], "name": "Ada", "phone": "+33612345678" });
    say("create_order", soup).await;
    let order = api.list("/api/orders", "orders").await.remove(0);
    desk.services.pay(order["paymentId"].as_str().unwrap());
    say("confirm_order", json!({})).await;
    assert_eq!(desk.status(&order["id"]).await, "PAID");
    say("refund_order", json!({})).await;
    let waiting = api.list("/api/approvals?status=pending", "approvals").await;
    assert_eq!((waiting.len(), &waiting[0]["tool"]), (1, &json!("refund_order")), "{waiting:?}");
    assert!(desk.services.refunds().is_empty(), "nobody said so yet");

    let conversation = api.conversation("s").await.unwrap()["id"].as_str().unwrap().to_owned();
    let trail = api.list(&format!("/api/conversations/{conversation}/trail"), "turns").await;
    let calls: Vec<&Value> = trail
        .iter()
        .flat_map(|turn| turn["steps"].as_array().unwrap())
        .flat_map(|step| step["calls"].as_array().unwrap())
        .collect();
    let charge = calls.iter().find(|c| c["tool"] == "confirm_order").unwrap();
    let undo = format!("/api/conversations/{conversation}/trail/{}/undo", charge["id"].as_str().unwrap());
    let ordered = api.post(&undo, &json!({ "reason": "cold soup" })).await;
    assert!(ordered.status.is_success(), "{ordered:?}");
    until("the refund", async || (desk.status(&order["id"]).await == "REFUNDED").then_some(())).await;
    desk.hears("order.refunded").await;
    assert_eq!(desk.services.refunds().len(), 1);
}
