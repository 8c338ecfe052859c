//! The OpenAI-compatible endpoint, by OpenAI's own SDK for Python: it checks each answer against its models.

use crate::{
    install,
    judge::Judge,
    support::{
        client::Client,
        server::Server,
        wait::{USUAL, until},
    },
};
use serde_json::{Value, json};
use tokio::process::Command;

fn judge() -> Judge {
    Judge::start(Command::new(install::openai_python()).arg(install::script("completions.py")))
}

async fn echo() -> Server {
    let server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    server
}

/// Asks as `user`; earlier turns are what the caller's own list says, as in all programs for this endpoint.
fn asking(api: &Client, user: Option<&str>, texts: &[&str]) -> Value {
    let role = |n: usize| if n.is_multiple_of(2) { "user" } else { "assistant" };
    let messages: Vec<Value> =
        texts.iter().enumerate().map(|(n, text)| json!({ "role": role(n), "content": text })).collect();
    let mut asked = json!({ "url": api.url, "key": api.key, "model": "Echo", "messages": messages });
    if let Some(user) = user {
        asked["user"] = json!(user);
    }
    asked
}

// req: S1-AI-1
// req: S0-LLM-1
#[tokio::test]
async fn openais_python_sdk_talks_with_an_agent_that_remembers() {
    let (server, mut judge) = (echo().await, judge());
    let api = &server.api;
    let models = judge.ask("models", asking(api, None, &[])).await;
    assert!(models["ids"].as_array().unwrap().contains(&json!("Echo")) && models["one"] == "Echo", "{models}");
    let whole = judge.ask("whole", asking(api, Some("zoé"), &["Où êtes-vous ?"])).await;
    assert_eq!((&whole["text"], &whole["finish"]), (&json!("Où êtes-vous ?"), &json!("stop")), "{whole}");
    assert!(whole["total"].is_u64() && whole["object"] == "chat.completion", "{whole}");

    let next = asking(api, Some("zoé"), &["Où êtes-vous ?", "Où êtes-vous ?", "un deux trois quatre"]);
    let streamed = judge.ask("streamed", next).await;
    let pieces: Vec<&str> = streamed["pieces"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    assert!(pieces.len() > 1 && pieces.concat() == "un deux trois quatre", "{streamed}");
    assert!(streamed["finish"] == "stop" && streamed["total"].is_u64(), "{streamed}");
    let gathered = judge.ask("gathered", asking(api, Some("zoé"), &["cinq six"])).await;
    assert_eq!(gathered["text"], "cinq six");
    assert!(gathered["kinds"].as_array().unwrap().contains(&json!("content.delta")), "{gathered}");

    let conversations = api.list("/api/conversations", "conversations").await;
    assert_eq!(conversations.len(), 1, "one user, one conversation");
    let lines = api.transcript(conversations[0]["id"].as_str().unwrap()).await;
    assert_eq!(lines.len(), 6, "what the caller repeats is not said twice: {lines:?}");
    judge.ask("whole", asking(api, Some("ann"), &["Bonjour"])).await;
    assert_eq!(api.list("/api/conversations", "conversations").await.len(), 2);
}

// req: S1-AI-1
#[tokio::test]
async fn tools_are_the_agents_own_and_an_answer_that_nobody_waits_for_is_kept() {
    let (server, mut judge) = (echo().await, judge());
    let api = &server.api;
    let mut with_tools = asking(api, Some("bob"), &["Quel temps fait-il ?"]);
    with_tools["tools"] = json!([{ "type": "function", "function": {
        "name": "weather", "parameters": { "type": "object", "properties": { "city": { "type": "string" } } },
    } }]);
    with_tools["tool_choice"] = json!("auto");
    let whole = judge.ask("whole", with_tools).await;
    assert_eq!((&whole["text"], &whole["tool_calls"]), (&json!("Quel temps fait-il ?"), &Value::Null), "{whole}");

    let words = "un deux trois quatre cinq six sept huit neuf dix";
    let first = judge.ask("cut", asking(api, Some("cut"), &[words])).await;
    assert!(words.starts_with(first.as_str().unwrap()), "{first}");
    let kept = until("the whole answer", async || {
        let found = api.conversation("cut").await?;
        let lines = api.transcript(found["id"].as_str()?).await;
        (lines.len() == 2).then_some(lines)
    })
    .await;
    assert_eq!(kept[1]["text"], words);
    let after = judge.ask("whole", asking(api, Some("cut"), &[words, words, "et puis ?"])).await;
    assert_eq!(after["text"], "et puis ?", "the conversation goes on");
    server.idle(USUAL).await;
}

// req: S0-ERR-1
#[tokio::test]
async fn refusals_are_the_sdks_own_exceptions() {
    let (server, mut judge) = (echo().await, judge());
    let api = &server.api;
    let scope = json!({ "name": "reader", "scopes": ["knowledge:read"] });
    let reader = api.post("/api/api-keys", &scope).await.data()["key"].clone();
    let nobody = json!("clq_0000000000000000000000000000");
    for (change, name, status, code, param) in [
        (json!({ "model": "gpt-9" }), "NotFoundError", 404, "model_not_found", json!("model")),
        (json!({ "key": nobody }), "AuthenticationError", 401, "unauthorized", Value::Null),
        (json!({ "key": reader }), "PermissionDeniedError", 403, "forbidden", Value::Null),
        (json!({ "messages": [] }), "BadRequestError", 400, "invalid_value", json!("messages")),
        (
            json!({ "messages": [{ "role": "assistant", "content": "x" }, { "role": "user", "content": "y" }] }),
            "BadRequestError",
            400,
            "invalid_value",
            json!("user"),
        ),
    ] {
        let mut asked = asking(api, None, &["x"]);
        asked.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = judge.ask("refused", asked).await;
        assert_eq!(
            (&refused["name"], &refused["status"], &refused["code"], &refused["param"]),
            (&json!(name), &json!(status), &json!(code), &param),
            "{refused}"
        );
    }
}
