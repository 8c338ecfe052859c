//! Figures of what happened, what it cost, and what a tenant may use and spend.

use crate::support::{
    client::Client,
    documents::BIKES_TXT,
    graph::Graph,
    meta::{self, Text},
    server::{Place, Server},
    wait::{USUAL, until},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const PERSON: &str = "15550009";

async fn say(api: &Client, agent: &str, session: &str, message: &str) -> Value {
    api.chat(&json!({ "agent": agent, "session": session, "message": message })).await.data()
}

/// The totals of a period.
async fn totals(api: &Client) -> Value {
    api.get("/api/analytics/dashboard").await.data()["totals"].take()
}

async fn register(api: &Client, email: &str) -> Client {
    let body = json!({ "tenantName": "Team", "email": email, "password": "SecurePass123!", "name": "Ann" });
    let made = api.attempt(api.bare(Method::POST, "/api/auth/register").json(&body)).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    api.with_key(made.body["token"].as_str().unwrap())
}

/// Where somebody may ask again and again.
async fn patient() -> Server {
    Server::start_on(Place::default().with("COLLOQUY_LIMIT_CHAT", "100000")).await
}

/// Somebody who runs the installation.
async fn platform(server: &Server) -> Client {
    let made = server.place.run(&["create-admin", "--email", "ann@platform.example", "--name", "Ann"]).await;
    let password = made.stdout.split("Password (shown only now): ").nth(1).unwrap().trim();
    let body = json!({ "email": "ann@platform.example", "password": password });
    let api = &server.api;
    let signed = api.attempt(api.bare(Method::POST, "/api/auth/login").json(&body)).await.unwrap();
    api.with_key(signed.body["token"].as_str().unwrap())
}

// req: S1-ANA-1
// req: S1-ENT-1
// req: S2-DSH-1
// req: S3-ANA-1
#[tokio::test]
async fn what_was_said_is_counted_at_once_and_by_whom() {
    let server = Server::start().await;
    let api = &server.api;
    api.learn("house", "bikes.txt", BIKES_TXT).await;
    let house = api.agent("=House", "extractive", &["house"]).await;
    api.agent("Echo", "scripted", &[]).await;
    let cited = say(api, "=House", "a", "How much is a city bicycle?").await;
    assert!(!cited["reply"]["citations"].as_array().unwrap().is_empty(), "{cited}");
    let unknown = say(api, "=House", "a", "Who is the president of Brazil?").await;
    assert_eq!(unknown["reply"]["abstained"], true, "{unknown}");
    let person = say(api, "=House", "b", "I want to talk to a human").await;
    assert_eq!(person["outcome"], "handed_over", "{person}");
    say(api, "Echo", "c", "hello").await;

    let totals = totals(api).await;
    assert_eq!((&totals["conversations"], &totals["handedOver"]), (&json!(3), &json!(1)), "{totals}");
    assert_eq!((&totals["messagesIn"], &totals["messages"]), (&json!(4), &json!(8)), "{totals}");
    let replies = &totals["replies"];
    assert_eq!((&replies["withCitations"], &replies["doNotKnow"]), (&json!(1), &json!(1)), "{totals}");
    let outcomes = &totals["messagesInByOutcome"];
    assert_eq!(
        (&outcomes["answered"], &outcomes["handedOver"], &outcomes["waiting"]),
        (&json!(3), &json!(1), &json!(0))
    );
    assert_eq!((&totals["messagesOutByStatus"]["sent"], &totals["deliveryRate"]), (&json!(4), &json!(1.0)), "{totals}");
    assert_eq!(totals["responseTime"]["answered"], 3);
    let waited = totals["responseTime"]["p95Ms"].as_f64().unwrap();
    assert!(waited > 0.0 && waited >= totals["responseTime"]["p50Ms"].as_f64().unwrap(), "{totals}");

    let agents = api.get("/api/analytics/agents?days=1").await.data();
    let of = |name: &str| agents["agents"].as_array().unwrap().iter().find(|a| a["name"] == name).cloned().unwrap();
    assert_eq!(
        (&of("=House")["agentId"], &of("=House")["messagesIn"], &of("Echo")["messagesIn"]),
        (&json!(house), &json!(3), &json!(1))
    );
    let channels = api.get("/api/analytics/channels").await.data();
    assert!(channels["channels"].as_array().unwrap().iter().all(|c| c["kind"] == "webchat"), "{channels}");
    let conversations = api.get("/api/analytics/conversations?days=7").await.data();
    assert_eq!((&conversations["conversations"], conversations["daily"].as_array().unwrap().len()), (&json!(3), 7));
    let overview = api.get("/api/analytics/overview?days=30").await.data();
    let sent =
        ["totalMessages", "totalConversations", "sentToday", "sentWeek", "sentMonth"].map(|k| overview[k].clone());
    assert_eq!(sent, [8, 3, 4, 4, 4].map(|n| json!(n)), "{overview}");
    assert_eq!(overview["dailyActivity"].as_array().unwrap().len(), 30);
    let daily = api.get("/dashboard/metrics").await.data();
    assert_eq!((daily["metrics"].as_array().unwrap().len(), &daily["metrics"][0]["messagesIn"]), (30, &json!(4)));
    let today = daily["metrics"][0]["date"].as_str().unwrap();
    let whole = api.get(&format!("/dashboard/metrics/aggregated?startDate={today}&endDate={today}")).await.data();
    assert_eq!(whole["metrics"], totals, "all of it was today");

    for (path, field) in [
        ("/api/analytics/overview?days=0", "days"),
        ("/api/analytics/agents?days=many", "days"),
        ("/dashboard/metrics?limit=1000", "limit"),
        ("/dashboard/metrics/aggregated?startDate=2026-02-30", "startDate"),
        ("/dashboard/metrics/aggregated?startDate=2026-02-02&endDate=2026-02-01", "endDate"),
        ("/api/analytics/costs?by=weather", "by"),
    ] {
        let wrong = api.get(path).await;
        assert_eq!((wrong.status, wrong.fields()), (StatusCode::BAD_REQUEST, vec![field.to_owned()]), "{path}");
    }
    let table = api.get("/api/analytics/export?days=1").await;
    assert_eq!(table.headers["content-type"], "text/csv; charset=utf-8");
    let lines: Vec<&str> = table.text.lines().collect();
    assert!(lines[0].starts_with("date,channelId,channel,channelKind,agentId,agent,conversations,"), "{lines:?}");
    assert!(lines.len() == 3 && table.text.contains(",'=House,") && !table.text.contains(",=House"), "{lines:?}");
    let other = register(api, "else@where.example").await;
    assert_eq!(self::totals(&other).await["messages"], 0, "another tenant's");
}

// req: S3-ANA-1
// req: S1-BI-1
#[tokio::test]
async fn a_status_moves_in_the_figures_and_who_is_erased_stays_in_them() {
    let graph = Graph::start().await;
    let mut server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;
    let deliver = async |api: &Client, payload: &Value| {
        assert_eq!(meta::deliver(api, &channel, payload).await.unwrap().status, 200);
    };
    deliver(&server.api, &meta::texts(&[Text::new(PERSON, "wamid.A", "Hello there")])).await;
    until("the reply", async || (graph.texts_to(PERSON) == ["Hello there"]).then_some(())).await;
    server.idle(USUAL).await;
    let sent = graph.sent()[0].clone();
    let by_status = async |api: &Client| {
        let overview = api.get("/api/analytics/overview").await.data();
        let of = |status: &str| overview["messagesByStatus"][status].as_i64().unwrap();
        (overview["totalMessages"].as_i64().unwrap(), ["QUEUED", "SENT", "DELIVERED", "READ"].map(of))
    };
    assert_eq!(by_status(&server.api).await, (2, [0, 1, 0, 0]));
    for (word, want) in [("delivered", [0, 0, 1, 0]), ("read", [0, 0, 0, 1]), ("delivered", [0, 0, 0, 1])] {
        deliver(&server.api, &meta::statuses(word, std::slice::from_ref(&sent))).await;
        let moved = async || (by_status(&server.api).await == (2, want)).then_some(());
        until(&format!("{word} in the figures"), moved).await;
    }

    server.kill().await;
    server.restart().await;
    assert_eq!(by_status(&server.api).await, (2, [0, 0, 0, 1]), "a crash changes nothing");
    let conversation = server.api.conversation(PERSON).await.unwrap();
    let contact = conversation["contact"].as_str().or_else(|| conversation["contact_id"].as_str()).unwrap().to_owned();
    server.api.post(&format!("/api/contacts/{contact}/erase"), &json!({})).await.data();
    assert!(server.api.conversation(PERSON).await.is_none());
    assert_eq!(by_status(&server.api).await, (2, [0, 0, 0, 1]), "nobody is named, and nothing is forgotten");
}

// req: S1-ENT-1
#[tokio::test]
async fn what_a_plan_has_no_room_for_is_refused_and_no_message_is_lost() {
    let server = patient().await;
    let (own, platform) = (&server.api, platform(&server).await);
    own.agent("Echo", "scripted", &[]).await;
    say(own, "Echo", "a", "first").await;
    let free = own.get("/api/subscription").await.data();
    assert_eq!((&free["plan"], &free["limits"]["agents"]), (&json!("unlimited"), &Value::Null), "{free}");
    assert_eq!((&free["usage"]["agents"], &free["usage"]["messagesPerMonth"]), (&json!(2), &json!(1)), "{free}");

    let tenant = own.get("/api/companies").await.data()["companies"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/tenants/{tenant}/subscription");
    let plan =
        json!({ "plan": "small", "agents": 2, "documents": 1, "storageBytes": 1_000_000, "messagesPerMonth": 2 });
    assert_eq!(own.put(&path, &plan).await.status, StatusCode::FORBIDDEN, "nobody gives themselves a plan");
    let wrong = platform.put(&path, &json!({ "plan": "small", "agents": -1 })).await;
    assert_eq!((wrong.status, wrong.fields()), (StatusCode::BAD_REQUEST, vec!["agents".to_owned()]), "{wrong:?}");
    let given = platform.put(&path, &plan).await.data();
    assert_eq!(
        (&given["plan"], &given["limits"]["documents"], &given["limits"]["seats"]),
        (&json!("small"), &json!(1), &Value::Null)
    );
    let audit = platform.list("/api/audit", "audit").await;
    assert!(audit.iter().any(|l| l["action"] == "subscription.changed" && l["target"] == tenant.as_str()), "{audit:?}");

    let agent = json!({ "name": "Third", "model": { "provider": "scripted" } });
    let refused = own.post("/api/agents", &agent).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::PAYMENT_REQUIRED, &json!("PLAN_LIMIT")),
        "{refused:?}"
    );
    assert_eq!(refused.fields(), ["agents"]);
    own.learn("house", "bikes.txt", BIKES_TXT).await;
    let form = reqwest::multipart::Form::new().text("kb", "house");
    let form = form.part("file", reqwest::multipart::Part::bytes(b"more".to_vec()).file_name("more.txt"));
    let refused = own.attempt(own.request(Method::POST, "/api/documents").multipart(form)).await.unwrap();
    assert_eq!((refused.status, refused.fields()), (StatusCode::PAYMENT_REQUIRED, vec!["documents".to_owned()]));

    assert_eq!(say(own, "Echo", "b", "the last one").await["outcome"], "answered");
    let above = until("the end of the plan", async || {
        let session = format!("above-{}", own.get("/api/subscription").await.data()["usage"]["messagesPerMonth"]);
        let answer = say(own, "Echo", &session, "one too many").await;
        (answer["outcome"] == "handed_over").then_some(answer)
    })
    .await;
    let lines = own.transcript(above["conversation"].as_str().unwrap()).await;
    assert_eq!(lines[0]["text"], "one too many", "it is kept");
    assert_eq!(lines[0]["outcome"]["reason"], "the plan's messages of the month are used up");
    platform.put(&path, &json!({ "plan": "large" })).await.data();
    // A conversation that was handed over stays with the team: each try begins another one.
    let more = async || {
        let session = format!("below-{}", own.get("/api/subscription").await.data()["usage"]["messagesPerMonth"]);
        (say(own, "Echo", &session, "again").await["outcome"] == "answered").then_some(())
    };
    until("answers again", more).await;
}

// req: S1-ENT-1
#[tokio::test]
async fn a_budget_that_is_spent_hands_over_instead_of_asking_a_model() {
    let server = patient().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    say(api, "Echo", "a", "three words here").await;
    assert_eq!(api.get("/api/budget").await.data()["monthlyUsd"], Value::Null);
    for wrong in [json!({}), json!({ "monthlyUsd": -1 }), json!({ "monthlyUsd": "much" })] {
        let answer = api.put("/api/budget", &wrong).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert!(answer.body["message"].as_str().unwrap().contains("monthlyUsd"), "{answer:?}");
    }
    let set = api.put("/api/budget", &json!({ "monthlyUsd": 0 })).await.data();
    assert_eq!((&set["monthlyUsd"], &set["spent"]), (&json!(0.0), &json!(true)), "{set}");
    let mut session = 0;
    let stopped = until("the end of the budget", async || {
        session += 1;
        let answer = say(api, "Echo", &format!("s{session}"), "hello").await;
        (answer["outcome"] == "handed_over").then_some(answer)
    })
    .await;
    let lines = api.transcript(stopped["conversation"].as_str().unwrap()).await;
    assert_eq!(lines[0]["outcome"]["reason"], "the budget of the month is spent");
    api.put("/api/budget", &json!({ "monthlyUsd": 12.5 })).await.data();
    assert_eq!(api.get("/api/budget").await.data()["leftUsd"], 12.5);

    let costs = api.get("/api/analytics/costs").await.data();
    assert!(costs["total"]["promptTokens"].as_u64().unwrap() > 0, "{costs}");
    let agents = api.get("/api/analytics/costs?by=agent").await.data();
    assert_eq!((&agents["costs"][0]["agent"], &agents["total"]), (&json!("Echo"), &costs["total"]), "{agents}");
    let conversations = api.get("/api/analytics/costs?by=conversation&limit=1").await.data();
    assert_eq!(conversations["costs"].as_array().unwrap().len(), 1);
    assert!(conversations["pagination"]["total"].as_u64().unwrap() >= 1, "{conversations}");
    assert!(conversations["costs"][0]["conversationId"].is_string(), "{conversations}");
    let operator = api.post("/api/api-keys", &json!({ "name": "desk", "scopes": ["conversations:*"] })).await.data();
    let operator = api.with_key(operator["key"].as_str().unwrap());
    for path in ["/api/analytics/costs", "/api/analytics/overview", "/api/budget"] {
        assert_eq!(operator.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}
