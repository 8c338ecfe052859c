//! Tools that are requests to somebody's HTTP interface, read from the document that describes it.

use crate::support::{
    server::{Place, Server},
    services::Services,
    shop::Shop,
};
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
        Self { services, shop, server }
    }

    /// What the shop's document offers.
    async fn imported(&self) -> Value {
        let source = json!({ "url": format!("{}/openapi.json", self.shop.url) });
        let read = self.server.api.post("/api/tool-servers/openapi", &source).await;
        assert_eq!(read.status, 200, "{read:?}");
        read.data()
    }

    /// Connects the shop with all that it offers, changed so.
    async fn connected(&self, change: impl Fn(&mut Value)) -> Value {
        let mut body = json!({ "name": "shop", "headers": { "X-Key": "hush" }, "query": { "token": "h&sh" } });
        let read = self.imported().await;
        (body["url"], body["operations"]) = (read["url"].clone(), read["operations"].clone());
        body["operations"].as_array_mut().unwrap().iter_mut().for_each(change);
        let made = self.server.api.post("/api/tool-servers", &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.data()
    }

    async fn says(&self, tools: &[&str], call: Value) -> Value {
        let agent = self.server.api.agent("Clerk", "openai", &[]).await;
        let changed = self.server.api.patch(&format!("/api/agents/{agent}"), &json!({ "tools": tools })).await;
        assert!(changed.status.is_success(), "{changed:?}");
        let message = format!("<<{call}>>");
        let body = json!({ "agent": "Clerk", "session": "one", "message": message });
        self.server.api.chat(&body).await.data()
    }

    async fn tries(&self, server: &Value, tool: &str, arguments: Value) -> Value {
        let path = format!("/api/tool-servers/{}/try", server["id"].as_str().unwrap());
        let told = self.server.api.post(&path, &json!({ "tool": tool, "arguments": arguments })).await;
        assert_eq!(told.status, 200, "{told:?}");
        told.data()
    }
}

#[tokio::test]
async fn a_document_becomes_tools_that_an_agent_calls_with_secrets_that_nobody_sees() {
    let scene = Scene::open().await;
    let server = scene
        .connected(|o| {
            if o["name"] == "getItem" {
                o["pick"] = json!("/item/stock");
            }
        })
        .await;
    let effects: Vec<_> =
        server["tools"].as_array().unwrap().iter().map(|t| (&t["agents_name"], &t["effect"])).collect();
    let all = [("shop__away", "read"), ("shop__getItem", "read"), ("shop__order", "unsafe")];
    let mut told: Vec<(&str, &str)> = effects.iter().map(|(n, e)| (n.as_str().unwrap(), e.as_str().unwrap())).collect();
    told.sort_unstable();
    assert_eq!(told, all);
    assert_eq!((&server["headers"], &server["query"]), (&json!({ "x-key": "***" }), &json!({ "token": "***" })));

    let call = json!({ "name": "shop__getItem", "arguments": { "id": "a/7 é", "lang": "fr&x=1" } });
    let said = scene.says(&["shop__getItem"], call).await;
    assert_eq!(said["reply"]["text"], "So it is: 3");
    assert_eq!(scene.shop.seen(), [("lang=fr%26x%3D1&token=h%26sh".to_owned(), "hush".to_owned())]);
    let offered = scene.services.prompts()[0]["tools"].to_string();
    assert!(offered.contains("shop__getItem") && !offered.contains("hush"), "{offered}");
    let shown = scene.server.api.get("/api/tool-servers").await.text;
    assert!(!shown.contains("hush") && !shown.contains("h&sh"), "{shown}");
}

#[tokio::test]
async fn a_document_in_yaml_becomes_the_same_tools() {
    let scene = Scene::open().await;
    let url = format!("{}/openapi.yaml", scene.shop.url);
    let read = scene.server.api.post("/api/tool-servers/openapi", &json!({ "url": url })).await;
    assert_eq!(read.status, 200, "{read:?}");
    assert_eq!(read.data(), scene.imported().await);
}

#[tokio::test]
async fn a_call_is_tried_out_and_leads_nowhere_else() {
    let scene = Scene::open().await;
    let server = scene.connected(|_| ()).await;
    let done = scene.tries(&server, "getItem", json!({ "id": "7" })).await;
    assert_eq!((&done["status"], &done["content"]), (&json!("done"), &json!(r#"{"item":{"id":"7","stock":3}}"#)));
    let refused = scene.tries(&server, "getItem", json!({ "id": "none" })).await;
    assert_eq!((&refused["status"], &refused["code"]), (&json!("failed"), &json!("http.refused")));
    assert!(refused["content"].as_str().unwrap().contains("there is no such item"), "{refused}");
    let wrong = scene.tries(&server, "getItem", json!({})).await;
    assert_eq!(wrong["code"], "tool.invalid_arguments");
    let up = scene.tries(&server, "getItem", json!({ "id": ".." })).await;
    assert_eq!(up["code"], "tool.invalid_arguments");
    let away = scene.tries(&server, "away", json!({})).await;
    assert_eq!((&away["status"], &away["code"]), (&json!("failed"), &json!("http.redirected")));
    assert_eq!(scene.shop.elsewhere(), 0, "nobody else hears our secrets");
    let path = format!("/api/tool-servers/{}/try", server["id"].as_str().unwrap());
    assert_eq!(scene.server.api.post(&path, &json!({ "tool": "gone" })).await.fields(), ["tool"]);
}

#[tokio::test]
async fn secrets_stay_with_the_host_that_they_were_entered_for() {
    let scene = Scene::open().await;
    let server = scene.connected(|_| ()).await;
    let path = format!("/api/tool-servers/{}", server["id"].as_str().unwrap());
    let said = |url: &str| {
        json!({ "name": "shop", "url": url, "headers": server["headers"], "query": server["query"],
            "operations": server["operations"] })
    };
    let moved = scene.server.api.put(&path, &said("http://127.0.0.1:9/v1")).await;
    assert_eq!(
        (moved.status.as_u16(), moved.fields()),
        (400, vec!["headers.x-key".to_owned(), "query.token".to_owned()])
    );
    let same = scene.server.api.put(&path, &said(&format!("{}/v1/", scene.shop.url))).await;
    assert_eq!(same.status, 200, "{same:?}");
    assert_eq!(scene.tries(&server, "getItem", json!({ "id": "7" })).await["status"], "done");
    // The same program under an address that nobody allowed.
    let inside = scene.shop.url.replace("localhost", "127.0.0.1");
    let mut body = said(&format!("{inside}/v1"));
    (body["name"], body["headers"], body["query"]) = (json!("inside"), json!({ "x-key": "hush" }), json!({}));
    let made = scene.server.api.post("/api/tool-servers", &body).await.data();
    let calls = scene.shop.seen().len();
    assert_eq!(scene.tries(&made, "getItem", json!({ "id": "7" })).await["code"], "egress.private");
    assert_eq!(scene.shop.seen().len(), calls);
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_looked_up_or_left_to_a_person() {
    let scene = Scene::open().await;
    let lookup = json!({ "path": "/orders/{idempotency_key}", "absent": [404] });
    let server = scene
        .connected(|o| {
            if o["name"] == "order" {
                o["lookup"] = lookup.clone();
            }
        })
        .await;
    scene.shop.lose_the_next_answer();
    let call = json!({ "name": "shop__order", "arguments": { "body": { "item": "tea" } } });
    let said = scene.says(&["shop__order"], call.clone()).await;
    assert_eq!(said["reply"]["text"], r#"So it is: {"found":"tea"}"#);
    assert_eq!(scene.shop.orders(), [json!({ "item": "tea" })], "ordered once");

    let mut operations = server["operations"].clone();
    operations.as_array_mut().unwrap().iter_mut().for_each(|o| drop(o.as_object_mut().unwrap().remove("lookup")));
    let body = json!({ "name": "shop", "url": server["url"], "headers": server["headers"], "query": server["query"],
        "operations": operations });
    let path = format!("/api/tool-servers/{}", server["id"].as_str().unwrap());
    assert_eq!(scene.server.api.put(&path, &body).await.status, 200);
    scene.shop.lose_the_next_answer();
    let chat = json!({ "agent": "Clerk", "session": "two", "message": format!("<<{call}>>") });
    let said = scene.server.api.chat(&chat).await.data();
    assert_eq!(scene.shop.orders().len(), 2, "and not a third time");
    assert!(!said.to_string().contains("So it is"), "a person tells what came of it: {said}");
}

#[tokio::test]
async fn a_tool_is_used_only_so_often_and_the_model_hears_it() {
    let mut scene = Scene::open().await;
    let server = scene.connected(|_| ()).await;
    let path = format!("/api/tool-servers/{}", server["id"].as_str().unwrap());
    let said = |rule: Value| {
        json!({ "name": "shop", "url": server["url"], "headers": server["headers"], "query": server["query"],
            "operations": server["operations"], "rules": { "getItem": rule } })
    };
    let refused = scene.server.api.put(&path, &said(json!({ "per_minute": 0, "timeout_seconds": 301 }))).await;
    assert_eq!(refused.fields(), ["rules.getItem.timeout_seconds", "rules.getItem.per_minute"]);
    let kept = scene.server.api.put(&path, &said(json!({ "per_day": 1, "timeout_seconds": 5 }))).await.data();
    let rule = json!({ "enabled": true, "effect": null, "timeout_seconds": 5, "per_day": 1 });
    assert_eq!(kept["rules"]["getItem"], rule);
    let call = json!({ "name": "shop__getItem", "arguments": { "id": "7" } });
    let first = scene.says(&["shop__getItem"], call.clone()).await;
    assert!(first["reply"]["text"].as_str().unwrap().contains("stock"), "{first}");
    scene.server.kill().await;
    scene.server.restart().await;
    let chat = json!({ "agent": "Clerk", "session": "two", "message": format!("<<{call}>>") });
    let second = scene.server.api.chat(&chat).await.data();
    assert!(second["reply"]["text"].as_str().unwrap().contains("tool.budget"), "{second}");
    assert_eq!(scene.shop.seen().len(), 1, "it was not called again");
}

#[tokio::test]
async fn an_agent_may_use_a_tool_only_so_often_and_move_only_so_much() {
    let scene = Scene::open().await;
    let api = &scene.server.api;
    scene
        .connected(|o| {
            if o["name"] == "getItem" {
                o["parameters"]["properties"]["price"] = json!({ "type": "number" });
            }
        })
        .await;
    let limits = json!({ "shop__getItem": { "per_day": 2, "money_per_day": 10.0, "amount": "/price" } });
    let mut paths = Vec::new();
    for name in ["Clerk", "Other"] {
        let path = format!("/api/agents/{}", api.agent(name, "openai", &[]).await);
        let changed = api.patch(&path, &json!({ "tools": ["shop__getItem"], "tool_limits": limits })).await;
        assert_eq!(changed.data()["tool_limits"], limits);
        paths.push(path);
    }
    let wrong = json!({ "tool_limits": { "shop__getItem": { "per_day": 0, "money_per_day": 5.0 } } });
    let refused = api.patch(&paths[0], &wrong).await;
    assert_eq!(refused.fields(), ["tool_limits.shop__getItem.per_day", "tool_limits.shop__getItem.amount"]);

    let asks = async |agent: &str, price: f64| {
        let call = json!({ "name": "shop__getItem", "arguments": { "id": "7", "price": price } });
        let body = json!({ "agent": agent, "session": agent, "message": format!("<<{call}>>") });
        let said = api.chat(&body).await.data();
        (said["reply"]["text"].as_str().unwrap().to_owned(), said["conversation"].as_str().unwrap().to_owned())
    };
    assert!(asks("Clerk", 7.5).await.0.contains("stock"));
    let (said, conversation) = asks("Clerk", 3.0).await;
    assert!(said.contains("tool.money: with this tool 10.00 may be moved a day, of which 2.50 is left"), "{said}");
    let trail = api.list(&format!("/api/conversations/{conversation}/trail"), "turns").await;
    let call = &trail[0]["steps"][0]["calls"][0];
    assert_eq!(call["status"], "failed");
    assert!(call["cause"].as_str().unwrap().starts_with("tool.money"), "{call}");
    assert!(asks("Clerk", 2.5).await.0.contains("stock"));
    assert!(asks("Clerk", 0.0).await.0.contains("tool.budget"));
    assert!(asks("Other", 10.0).await.0.contains("stock"), "which has limits of its own");
    assert_eq!(scene.shop.seen().len(), 3);
    let figures = api.get("/metrics").await.text;
    for line in [r#"colloquy_tool_calls_total{kind="done"} 3"#, r#"colloquy_tool_calls_total{kind="limited"} 2"#] {
        assert!(figures.lines().any(|l| l == line), "{line} is missing in\n{figures}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let scene = Scene::open().await;
    let request = json!({ "name": "a b", "description": "", "method": "GET", "path": "x/{gone}" });
    let body = json!({ "name": "shop", "url": "https://shop.example/?a=1", "operations": [request] });
    let refused = scene.server.api.post("/api/tool-servers", &body).await;
    let fields = ["url", "operations.0.name", "operations.0.description", "operations.0.path", "operations.0.path"];
    assert_eq!((refused.status.as_u16(), refused.fields()), (400, fields.map(str::to_owned).to_vec()));
    let mcp = json!({ "name": "shop", "url": "https://shop.example/", "query": { "a": "b" } });
    assert_eq!(scene.server.api.post("/api/tool-servers", &mcp).await.fields(), ["query"]);
    for (source, field) in [
        (json!({ "document": { "swagger": "2.0" } }), "document"),
        (json!({ "document": "openapi: 3.0.0" }), "document"),
        (json!({ "document": "openapi: [3.0.0" }), "document"),
        (json!({ "url": "http://169.254.169.254/openapi.json" }), "url"),
        (json!({ "url": format!("{}/nothing", scene.shop.url) }), "url"),
        (json!({}), "document"),
    ] {
        let refused = scene.server.api.post("/api/tool-servers/openapi", &source).await;
        assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec![field.to_owned()]), "{source}");
    }
}
