//! What a call did is undone: by the team, or because its turn failed; at a shop that counts orders and cancellations.

use crate::support::{
    server::{Place, Server},
    services::Services,
    shop::Shop,
    wait::until,
};
use reqwest::Method;
use serde_json::{Value, json};

struct Scene {
    services: Services,
    shop: Shop,
    server: Server,
}

impl Scene {
    async fn open() -> Self {
        let (services, shop) = (Services::start().await, Shop::start().await);
        let place = Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost");
        let place = place.with("OPENAI_BASE_URL", &format!("{}/v1", services.url)).with("OPENAI_API_KEY", "sk-model");
        let server = Server::start_on(place.with("OPENAI_MODEL", "stand-in")).await;
        let made = server.api.post("/api/tool-servers", &connected(&shop.url)).await;
        assert_eq!(made.status, 201, "{made:?}");
        let agent = server.api.agent("Clerk", "openai", &[]).await;
        let fields = json!({ "tools": ["shop__order"], "approvals": "never" });
        let changed = server.api.patch(&format!("/api/agents/{agent}"), &fields).await;
        assert!(changed.status.is_success(), "{changed:?}");
        Self { services, shop, server }
    }

    /// Somebody orders tea; the conversation.
    async fn orders(&self, session: &str) -> String {
        let call = json!({ "name": "shop__order", "arguments": { "item": "tea" } });
        let body = json!({ "agent": "Clerk", "session": session, "message": format!("<<{call}>>") });
        let said = self.server.api.chat(&body).await.data();
        said["conversation"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
    }

    /// The call of the first turn.
    async fn call(&self, conversation: &str) -> Value {
        let path = format!("/api/conversations/{conversation}/trail?turn=1");
        self.server.api.list(&path, "turns").await[0]["steps"][0]["calls"][0].clone()
    }

    async fn undone(&self, conversation: &str) -> Value {
        let over = async || {
            let undo = self.call(conversation).await["undo"].clone();
            undo["carried_out_in"].is_u64().then_some(undo).filter(|undo| undo["status"] != "ordered")
        };
        until("the end of the undo", over).await
    }

    async fn hears(&self, conversation: &str, words: &str) {
        let path = format!("/api/conversations/{conversation}/messages");
        until(words, async || self.server.api.get(&path).await.text.contains(words).then_some(())).await;
    }
}

fn connected(url: &str) -> Value {
    let order = json!({ "name": "order", "description": "Orders an item", "method": "POST", "path": "/orders",
        "parameters": { "type": "object", "required": ["item"], "properties": { "item": { "type": "string" } } },
        "body": { "item": "{item}" }, "key_header": "idempotency-key" });
    let cancel = json!({ "name": "cancel", "description": "Cancels an order", "method": "DELETE", "path": "/orders/{id}",
        "parameters": { "type": "object", "required": ["id"], "properties": { "id": { "type": "string" } } },
        "effect": "unsafe", "key_header": "idempotency-key" });
    let rules = json!({ "order": { "undo": { "tool": "cancel", "arguments": { "id": "/result/id" } } } });
    json!({ "name": "shop", "url": format!("{url}/v1"), "operations": [order, cancel], "rules": rules })
}

fn path(conversation: &str, call: &Value) -> String {
    format!("/api/conversations/{conversation}/trail/{}/undo", call["id"].as_str().unwrap())
}

#[tokio::test]
async fn the_team_has_an_order_cancelled_once_and_the_customer_hears_of_it() {
    let scene = Scene::open().await;
    let api = &scene.server.api;
    let conversation = scene.orders("one").await;
    let call = scene.call(&conversation).await;
    let undo = &call["undo"];
    assert_eq!((&call["id"], &undo["tool"], &undo["status"]), (&json!("1.0.0"), &json!("shop__cancel"), &Value::Null));
    assert_eq!(scene.shop.orders().len(), 1);

    let ordered = api.post(&path(&conversation, &call), &json!({ "reason": "By mistake" })).await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    let ordered = ordered.data();
    assert_eq!((&ordered["undoes"], &ordered["status"]), (&json!("1.0.0"), &json!("approved")));
    let undo = scene.undone(&conversation).await;
    assert_eq!(
        (&undo["status"], &undo["reason"], &undo["by"]["kind"]),
        (&json!("done"), &json!("By mistake"), &json!("key"))
    );
    let cancelled = scene.shop.cancelled();
    assert_eq!((scene.shop.orders().len(), cancelled.len()), (0, 1));
    assert_eq!(cancelled[0].0, ordered["idempotency_key"].as_str().unwrap(), "under a key of its own");
    scene.hears(&conversation, r#"So it is: {\"cancelled\":true}"#).await;
    let prompts = scene.services.prompts();
    assert!(prompts.last().unwrap()["messages"].to_string().contains("undoes something that was done"));

    let again = api.post(&path(&conversation, &call), &json!({})).await;
    assert_eq!((again.status.as_u16(), &again.body["code"]), (409, &json!("CONFLICT")));
    assert_eq!(scene.shop.cancelled().len(), 1);
    let audit = api.list("/api/audit", "audit").await;
    let noted = |line: &&Value| line["action"] == "call.undo_ordered" && line["target"] == ordered["id"];
    assert_eq!(audit.iter().filter(noted).count(), 1, "{audit:?}");
    assert_eq!(api.list("/api/approvals?status=pending", "approvals").await, Vec::<Value>::new(), "nobody is asked");
}

#[tokio::test]
async fn what_a_turn_did_is_undone_when_it_fails() {
    let scene = Scene::open().await;
    scene.services.refuses(1);
    let conversation = scene.orders("one").await;
    let undo = scene.undone(&conversation).await;
    assert_eq!((&undo["status"], &undo["by"]["kind"]), (&json!("done"), &json!("system")), "{undo}");
    assert!(undo["reason"].as_str().unwrap().starts_with("model."), "{undo}");
    assert_eq!((scene.shop.orders().len(), scene.shop.cancelled().len()), (0, 1));
    scene.hears(&conversation, "cancelled").await;
}

#[tokio::test]
async fn an_undo_that_was_refused_is_told_and_may_be_tried_again() {
    let scene = Scene::open().await;
    let api = &scene.server.api;
    let conversation = scene.orders("one").await;
    let call = scene.call(&conversation).await;
    let order = call["result"].as_str().and_then(|r| serde_json::from_str::<Value>(r).ok()).unwrap();
    scene.shop.forgets(order["id"].as_str().unwrap());
    assert_eq!(api.post(&path(&conversation, &call), &json!({})).await.status, 202);
    let undo = scene.undone(&conversation).await;
    assert_eq!((&undo["status"], &undo["code"]), (&json!("failed"), &json!("http.refused")));
    let conversation_of = scene.server.api.get(&format!("/api/conversations/{conversation}")).await.data();
    assert_eq!(conversation_of["mode"], "agent", "nothing is in doubt");
    scene.shop.remembers(order["id"].as_str().unwrap());
    assert_eq!(api.post(&path(&conversation, &call), &json!({})).await.status, 202, "again");
    until("it is done", async || (scene.call(&conversation).await["undo"]["status"] == "done").then_some(())).await;
    assert_eq!(scene.shop.cancelled().len(), 1);
}

#[tokio::test]
async fn only_what_was_done_is_undone_and_only_by_its_tenant() {
    let scene = Scene::open().await;
    let api = &scene.server.api;
    let conversation = scene.orders("one").await;
    let call = scene.call(&conversation).await;
    for wrong in ["1.0.1", "9.0.0", "1.0", "1.0.2147483648", "one"] {
        let refused = api.post(&path(&conversation, &json!({ "id": wrong })), &json!({})).await;
        assert_eq!(refused.status, 404, "{wrong}: {refused:?}");
    }
    let wrong = api.post(&path(&conversation, &call), &json!({ "reason": "x".repeat(501) })).await;
    assert_eq!(wrong.fields(), ["reason"]);
    let body =
        json!({ "tenantName": "Others", "email": "o@others.example", "password": "SecurePass123!", "name": "O" });
    let others = api.bare(Method::POST, "/api/auth/register").json(&body);
    let others = api.attempt(others).await.unwrap().data();
    let others = api.with_key(others["token"].as_str().unwrap());
    assert_eq!(others.post(&path(&conversation, &call), &json!({})).await.status, 404);
    // A call that failed did nothing.
    let failed = json!({ "name": "shop__order", "arguments": { "whom": "tea" } });
    let body = json!({ "agent": "Clerk", "session": "two", "message": format!("<<{failed}>>") });
    let two = api.chat(&body).await.data()["conversation"].as_str().unwrap().to_owned();
    let call = scene.call(&two).await;
    assert_eq!((&call["status"], &call["undo"]), (&json!("failed"), &Value::Null));
    assert_eq!(api.post(&path(&two, &call), &json!({})).await.status, 409);
    assert_eq!((scene.shop.orders().len(), scene.shop.cancelled().len()), (1, 0));
}

#[tokio::test]
async fn a_killed_program_undoes_it_once() {
    let mut scene = Scene::open().await;
    let conversation = scene.orders("one").await;
    let call = scene.call(&conversation).await;
    scene.server.api.post(&path(&conversation, &call), &json!({})).await;
    scene.server.kill().await;
    scene.server.restart().await;
    let undo = scene.undone(&conversation).await;
    // Between its intent and its result nobody can know: it is not begun again then.
    let cancelled = scene.shop.cancelled().len();
    match undo["status"].as_str().unwrap() {
        "done" => assert_eq!(cancelled, 1),
        "uncertain" => assert!(cancelled <= 1, "{undo}"),
        other => panic!("{other}: {undo}"),
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_declared_undo_is_named() {
    let scene = Scene::open().await;
    let mut body = connected(&scene.shop.url);
    body["name"] = json!("other");
    body["rules"] = json!({ "order": { "undo": { "tool": "gone", "arguments": { "id": "/answer/id" } } } });
    let refused = scene.server.api.post("/api/tool-servers", &body).await;
    assert_eq!(refused.fields(), ["rules.order.undo.tool", "rules.order.undo.arguments.id"]);
    body["rules"] = json!({ "order": { "undo": { "tool": "order", "arguments": {} } } });
    assert_eq!(scene.server.api.post("/api/tool-servers", &body).await.fields(), ["rules.order.undo.tool"]);
}
