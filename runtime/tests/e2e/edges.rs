//! What stands between the API and those who call it: limits, headers for browsers, the access log, figures.

use crate::support::{
    client::{Answer, Client},
    server::{Place, Server},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const TOKEN: &str = "figures-0123456789";

async fn asked(api: &Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(api.bare(method, path), |request, (name, value)| request.header(*name, *value));
    api.attempt(request).await.unwrap()
}

/// A new person's own client.
async fn person(api: &Client, email: &str) -> Client {
    let body = json!({ "tenantName": "Team", "email": email, "password": "SecurePass123!", "name": "Ann" });
    let made = api.attempt(api.bare(Method::POST, "/api/auth/register").json(&body)).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    api.with_key(made.body["token"].as_str().unwrap())
}

fn assert_refused(answer: &Answer) {
    let told = (answer.status, &answer.body["code"], &answer.body["success"]);
    assert_eq!(told, (StatusCode::TOO_MANY_REQUESTS, &json!("TOO_MANY_REQUESTS"), &json!(false)), "{answer:?}");
    let after: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=1_800).contains(&after), "{after}");
}

// req: S0-RL-1
// req: S1-RL-1
// req: S2-SEC-1
#[tokio::test]
async fn a_person_and_their_uploads_and_a_key_are_counted_each_by_themselves() {
    let place = Place::default().with("COLLOQUY_LIMIT_API", "3").with("COLLOQUY_LIMIT_UPLOAD", "2");
    let place = place.with("COLLOQUY_LIMIT_PAYMENT", "2");
    let server = Server::start_on(place.with("COLLOQUY_LIMIT_CHAT", "1")).await;
    let ann = person(&server.api, "ann@team.example").await;
    let bob = person(&server.api, "bob@team.example").await;
    for n in 0..3 {
        assert_eq!(ann.get("/api/agents").await.status, StatusCode::OK, "{n}");
    }
    assert_refused(&ann.get("/api/agents").await);
    assert_refused(&ann.get("/api/v1/documents").await);
    assert_eq!(bob.get("/api/agents").await.status, StatusCode::OK, "another person");
    for n in 0..2 {
        ann.upload("default", &format!("{n}.txt"), "Parking costs 12 euros.").await;
    }
    let form = reqwest::multipart::Form::new().text("kb", "default");
    assert_refused(&ann.attempt(ann.request(Method::POST, "/api/documents").multipart(form)).await.unwrap());
    let hello = json!({ "message": "hello" });
    assert_ne!(ann.chat(&hello).await.status, StatusCode::TOO_MANY_REQUESTS, "messages count by themselves");
    assert_refused(&ann.chat(&hello).await);
    let order = json!({ "orderId": uuid::Uuid::from_u128(7).to_string() });
    for n in 0..2 {
        assert_ne!(ann.post("/api/orders/confirm", &order).await.status, StatusCode::TOO_MANY_REQUESTS, "{n}");
    }
    assert_refused(&ann.post("/api/orders/confirm", &order).await);
    for n in 0..20 {
        assert_eq!(server.api.get("/api/agents").await.status, StatusCode::OK, "a key has its own limit: {n}");
    }
}

// req: S4-RL-1
#[tokio::test]
async fn strangers_are_counted_by_their_address_and_monitors_and_providers_are_not() {
    let place = Place::default().with("COLLOQUY_LIMIT_ANONYMOUS", "2").with("COLLOQUY_TRUSTED_PROXIES", "127.0.0.1");
    let server = Server::start_on(place).await;
    let api = &server.api;
    let guess = [("authorization", "Bearer clq_a_key_that_nobody_made"), ("x-forwarded-for", "203.0.113.7")];
    for _ in 0..2 {
        assert_eq!(asked(api, Method::GET, "/api/agents", &guess).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_refused(&asked(api, Method::GET, "/api/agents", &guess).await);
    assert_refused(&asked(api, Method::POST, "/api/auth/login", &guess[1..]).await);
    let elsewhere = [("x-forwarded-for", "203.0.113.8")];
    assert_eq!(asked(api, Method::GET, "/api/agents", &elsewhere).await.status, StatusCode::UNAUTHORIZED);
    for _ in 0..10 {
        assert_eq!(asked(api, Method::GET, "/health/live", &guess[1..]).await.status, StatusCode::OK);
        let webhook = "/webhooks/0190a0a0-0000-7000-8000-000000000000";
        assert_eq!(asked(api, Method::POST, webhook, &guess[1..]).await.status, StatusCode::NOT_FOUND);
    }
}

// req: S0-SEC-1
// req: S2-SEC-1
#[tokio::test]
async fn browsers_are_told_what_they_may_do() {
    let place = Place::default()
        .with("COLLOQUY_PUBLIC_URL", "https://talks.example")
        .with("COLLOQUY_CORS_ORIGINS", "https://www.example")
        .with("COLLOQUY_FRAME_ORIGINS", "https://shop.example");
    let server = Server::start_on(place).await;
    let api = &server.api;
    let health = asked(api, Method::GET, "/health/live", &[]).await;
    assert_eq!(health.headers["strict-transport-security"], "max-age=31536000");
    assert_eq!(health.headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    assert!(!health.headers.contains_key("access-control-allow-origin"));

    let wanted = [("origin", "https://www.example"), ("access-control-request-method", "PATCH")];
    let preflight = asked(api, Method::OPTIONS, "/api/agents", &wanted).await;
    assert_eq!(preflight.status, StatusCode::OK);
    assert_eq!(preflight.headers["access-control-allow-origin"], "https://www.example");
    assert!(preflight.headers["access-control-allow-methods"].to_str().unwrap().contains("PATCH"));
    let refused = asked(api, Method::GET, "/api/agents", &wanted[..1]).await;
    assert_eq!(refused.headers["access-control-allow-origin"], "https://www.example", "errors can be read, too");
    let other = asked(api, Method::GET, "/health/live", &[("origin", "https://evil.example")]).await;
    assert!(!other.headers.contains_key("access-control-allow-origin"));

    let agent = api.agent("Echo", "scripted", &[]).await;
    let body = json!({ "kind": "webchat", "name": "Shop", "agent": agent, "settings": { "public": "true" } });
    let channel = api.post("/api/channels", &body).await.data();
    let page = asked(api, Method::GET, &format!("/chat/{}", channel["id"].as_str().unwrap()), &[]).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.ends_with("frame-ancestors 'self' https://shop.example"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

// req: S0-LOG-1
#[tokio::test]
async fn the_access_log_names_routes_and_nobody() {
    let place = Place::default().with("COLLOQUY_LOG_FORMAT", "json").with("COLLOQUY_TRUSTED_PROXIES", "127.0.0.1");
    let server = Server::start_on(place).await;
    let api = &server.api;
    let mine = [("x-request-id", "from-the-proxy.1"), ("x-forwarded-for", "203.0.113.9")];
    let refused = asked(api, Method::GET, "/api/users/ann@team.example?name=Ann", &mine).await;
    assert_eq!((&refused.body["requestId"], refused.status.as_u16()), (&json!("from-the-proxy.1"), 401));
    let odd = asked(api, Method::GET, "/health/live", &[("x-request-id", "two words")]).await;
    assert_ne!(odd.headers["x-request-id"], "two words");
    let log = server.log();
    let lines = log.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
    let line = lines.into_iter().find(|l| l.to_string().contains("from-the-proxy.1")).expect("a line");
    assert_eq!(line["target"], "access");
    assert_eq!((&line["http.route"], &line["http.status"]), (&json!("/api/users/{id}"), &json!(401)));
    assert!(!log.contains("ann@team") && !log.contains("203.0.113.9"), "{log}");
}

// req: S4-MET-1
// req: S1-OPS-1
#[tokio::test]
async fn figures_are_for_who_may_see_them() {
    let server = Server::start_on(Place::default().with("COLLOQUY_METRICS_TOKEN", TOKEN)).await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let said = api.chat(&json!({ "agent": "Echo", "message": "hello" })).await.data();
    assert_eq!(said["outcome"], "answered");
    assert_eq!(asked(api, Method::GET, "/metrics", &[]).await.status, StatusCode::UNAUTHORIZED);
    let collector = api.with_key(TOKEN);
    assert_eq!(collector.get("/api/agents").await.status, StatusCode::UNAUTHORIZED, "it opens nothing else");
    let limited = api.post("/api/api-keys", &json!({ "name": "agents", "scopes": ["agents:read"] })).await.data();
    let limited = api.with_key(limited["key"].as_str().unwrap());
    assert_eq!(limited.get("/metrics").await.status, StatusCode::FORBIDDEN);
    for reader in [&collector, api] {
        let figures = reader.get("/metrics").await;
        assert_eq!(figures.status, StatusCode::OK);
        assert!(figures.headers["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
        let has = |line: &str| assert!(figures.text.contains(line), "{line} is missing in\n{}", figures.text);
        has(r#"api_requests_total{method="POST",route="/api/chat",status="200"} 1"#);
        has(r#"api_response_time_bucket{le="0.1",method="POST",route="/api/agents""#);
        has(r#"http_server_request_duration_seconds_count{method="POST",route="/api/chat",status="200"} 1"#);
        has(r#"colloquy_messages_total{kind="answered"} 1"#);
        has("colloquy_turns_total 1");
        has(r#"colloquy_queue{kind="outbox_backlog"} 0"#);
    }
}
