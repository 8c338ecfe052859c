//! Calls against a service that answers what it is told to.

use super::*;
use async_trait::async_trait;
use colloquy_domain::{
    channel::Secret,
    http_tool::Method,
    ids::{TenantId, ToolServerId},
    time::Timestamp,
    tool::ToolStatus,
    tool_server::{Speaks, ToolServerSettings},
};
use serde_json::json;
use std::{collections::VecDeque, sync::Mutex};
use uuid::Uuid;

pub(super) fn operation(method: Method, path: &str) -> Operation {
    Operation {
        name: "ask".into(),
        description: "Asks".into(),
        parameters: json!({ "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] })
            .to_string(),
        method,
        path: path.into(),
        query: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: None,
        effect: method.effect(),
        pick: None,
        success: Vec::new(),
        key_header: None,
        lookup: None,
    }
}

fn server(operation: &Operation) -> ToolServer {
    ToolServer {
        tenant: TenantId::new(Uuid::from_u128(1)),
        id: ToolServerId::new(Uuid::from_u128(2)),
        settings: ToolServerSettings {
            name: "shop".into(),
            url: "https://shop.example/v1/".into(),
            speaks: Speaks::Http(vec![operation.clone()]),
            headers: [("authorization".to_owned(), Secret::new("Bearer hush"))].into(),
            query: [("api_key".to_owned(), Secret::new("h&sh"))].into(),
            enabled: true,
            trusted: false,
            rules: BTreeMap::new(),
        },
        tools: vec![operation.offered()],
        asked_at: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

/// Answers in order, and remembers what it was asked.
struct Service {
    answers: Mutex<VecDeque<Result<WebAnswer, Unanswered>>>,
    asked: Mutex<Vec<WebCall>>,
}

#[async_trait]
impl Outside for Service {
    async fn call(&self, call: WebCall) -> Result<WebAnswer, Unanswered> {
        self.asked.lock().unwrap().push(call);
        self.answers.lock().unwrap().pop_front().expect("an answer")
    }
}

type Answer = Result<WebAnswer, Unanswered>;

fn says(status: u16, body: &str) -> Answer {
    Ok(WebAnswer { status, retry_after: None, body: body.into() })
}

fn lost() -> Answer {
    Err(Unanswered::Lost(Failure::retry("web.unreachable", "cut off")))
}

async fn told(operation: &Operation, answers: Vec<Answer>) -> (ToolResult, Vec<WebCall>) {
    let service = Service { answers: Mutex::new(answers.into()), asked: Mutex::default() };
    let (server, arguments) = (server(operation), json!({ "id": "a b" }));
    let asked = Asked { server: &server, operation, effect: operation.effect, arguments: &arguments, key: "k1" };
    let result = asked.call(&service).await;
    assert_eq!(service.answers.lock().unwrap().len(), 0, "all answers were asked for");
    (result, service.asked.into_inner().unwrap())
}

fn outcome(result: &ToolResult) -> (&'static str, &str) {
    match &result.status {
        ToolStatus::Done => ("done", ""),
        ToolStatus::Failed { failure } => ("failed", &failure.code),
        ToolStatus::Uncertain { failure } => ("uncertain", &failure.code),
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_what_was_declared_with_the_servers_secrets() {
    let post = Operation {
        query: [("q".to_owned(), "{id}".to_owned()), ("api_key".to_owned(), "mine".to_owned())].into(),
        headers: [("x-note".to_owned(), "n {id}".to_owned()), ("authorization".to_owned(), "{id}".to_owned())].into(),
        body: Some(BodyTemplate { json: r#"{"id": "{id}", "gone": "{gone}"}"#.into(), form: false }),
        key_header: Some("idempotency-key".into()),
        pick: Some("/data/name".into()),
        ..operation(Method::Post, "/items/{id}")
    };
    let (result, asked) = told(&post, vec![says(201, r#"{"data": {"name": "Rex", "more": 1}}"#)]).await;
    assert_eq!((outcome(&result), result.content.as_str()), (("done", ""), "Rex"));
    let call = &asked[0];
    assert_eq!((call.method, call.url.as_str()), ("POST", "https://shop.example/v1/items/a%20b?q=a+b&api_key=h%26sh"));
    assert_eq!(call.body.as_deref(), Some(r#"{"id":"a b"}"#));
    let of = |name: &str| call.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>();
    assert_eq!(
        (of("authorization"), of("x-note")),
        (vec!["Bearer hush"], vec!["n a b"]),
        "no argument is a credential"
    );
    assert_eq!((of("idempotency-key"), of("content-type")), (vec!["k1"], vec!["application/json"]));
}

#[tokio::test(start_paused = true)]
async fn what_may_be_repeated_is_and_nothing_else() {
    let (get, put, post) = (operation(Method::Get, "/x"), operation(Method::Put, "/x"), operation(Method::Post, "/x"));
    for (operation, answers, ended) in [
        (&get, vec![says(503, ""), says(200, "1")], ("done", "")),
        (&get, vec![lost(), lost()], ("failed", "web.unreachable")),
        (&put, vec![lost(), says(200, "1")], ("done", "")),
        (&put, vec![says(500, ""), says(500, "")], ("uncertain", "http.unavailable")),
        (&post, vec![lost()], ("uncertain", "web.unreachable")),
        (&post, vec![says(500, "")], ("uncertain", "http.unavailable")),
        (&post, vec![says(302, "")], ("uncertain", "http.redirected")),
        (&get, vec![says(302, "")], ("failed", "http.redirected")),
        (&post, vec![says(422, "no such thing")], ("failed", "http.refused")),
        (&post, vec![says(401, "")], ("failed", "http.unauthorized")),
        (&post, vec![Err(Unanswered::NotSent(Failure::retry("web.unreachable", ""))), says(200, "")], ("done", "")),
        (&post, vec![Err(Unanswered::NotSent(Failure::reject("egress.private", "")))], ("failed", "egress.private")),
        (&get, vec![says(429, ""), says(200, "")], ("done", "")),
    ] {
        let (result, _) = told(operation, answers).await;
        assert_eq!(outcome(&result), ended, "{operation:?}");
    }
    let busy = WebAnswer { status: 429, retry_after: Some(Duration::from_secs(3600)), body: Vec::new() };
    let (result, _) = told(&get, vec![Ok(busy)]).await;
    assert_eq!(outcome(&result), ("failed", "http.rate_limited"), "nobody waits for an hour");
    let (result, _) = told(&post, vec![says(422, "no such thing")]).await;
    assert_eq!(result.content, "error: the service answers 422: no such thing");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_up_where_that_is_declared() {
    let lookup = Lookup { path: "/by-key/{idempotency_key}".into(), query: BTreeMap::new(), absent: vec![404] };
    let post = Operation { lookup: Some(lookup), ..operation(Method::Post, "/x") };
    let (result, asked) = told(&post, vec![lost(), says(404, ""), says(200, "7")]).await;
    assert_eq!((outcome(&result), result.content.as_str()), (("done", ""), "7"));
    assert_eq!((asked[2].method, asked[2].url.as_str()), ("GET", "https://shop.example/v1/by-key/k1?api_key=h%26sh"));
    let (result, _) = told(&post, vec![lost(), says(404, ""), says(404, ""), says(404, "")]).await;
    assert_eq!(outcome(&result), ("failed", "http.not_done"));
    let (result, _) = told(&post, vec![says(502, ""), says(404, ""), says(404, ""), says(500, "")]).await;
    assert_eq!(outcome(&result), ("uncertain", "http.no_answer"));
}

#[tokio::test(start_paused = true)]
async fn a_form_has_the_fields_of_its_body_and_a_long_answer_is_cut() {
    let form = Operation {
        body: Some(BodyTemplate { json: r#"{"fixed": "1&2", "name": "{id}"}"#.into(), form: true }),
        ..operation(Method::Put, "/x")
    };
    let (result, asked) = told(&form, vec![says(200, &"é".repeat(40_000))]).await;
    assert_eq!(asked[0].body.as_deref(), Some("fixed=1%262&name=a+b"));
    assert!(result.content.len() < 33_000 && result.content.ends_with("[cut: it was longer]"));
    let (result, _) = told(&form, vec![says(204, "")]).await;
    assert_eq!(result.content, "done (204)");
}
