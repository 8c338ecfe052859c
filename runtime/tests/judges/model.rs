//! The model: npm's `@copilotkit/aimock` is an OpenAI-compatible server, with faults on demand.

use crate::{
    install,
    support::{
        client::Client,
        server::{Place, Server},
        wait::{USUAL, until},
    },
};
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use std::{process::Stdio, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    time::Instant,
};

/// The only key that the judge accepts.
pub const KEY: &str = "sk-the-right-key";
/// Time between two pieces of an answer, where it matters that they come one by one.
const PACE_MS: u64 = 40;
const APOLOGY: &str = "I'm sorry, something went wrong and I can't answer right now. Your message has been kept.";

/// The running judge.
pub struct Judge {
    pub url: String,
    http: reqwest::Client,
    _child: Child,
    _dir: TempDir,
}

impl Judge {
    pub async fn start(fixtures: &[Value]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fixtures.json");
        std::fs::write(&file, json!({ "fixtures": fixtures }).to_string()).unwrap();
        let mut command = Command::new("node");
        command.arg(install::node_modules().join("@copilotkit/aimock/dist/cli.js"));
        command.args(["--port", "0", "--strict", "--validate-on-load", "--fixtures"]).arg(file);
        command.env("AIMOCK_API_KEYS", KEY).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next_line().await.unwrap().expect("the judge did not start");
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.trim().to_owned();
            }
        };
        tokio::spawn(async move { lines.into_inner().read_to_end(&mut Vec::new()).await });
        // Also installs what TLS needs before any client is made.
        let _ = Place::default();
        Self { url, http: reqwest::Client::new(), _child: child, _dir: dir }
    }

    async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.http.request(method, format!("{}/__aimock/{path}", self.url)).bearer_auth(KEY);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        answer.json().await.unwrap()
    }

    /// The fault that every request meets, until [`Judge::calm`].
    async fn chaos(&self, fault: &str) {
        self.control(Method::POST, "chaos", Some(json!({ fault: 1 }))).await;
    }

    async fn calm(&self) {
        self.control(Method::DELETE, "chaos", None).await;
    }

    /// The requests whose last message holds these words, oldest first.
    pub async fn asked(&self, words: &str) -> Vec<Value> {
        let Value::Array(all) = self.control(Method::GET, "journal", None).await else { panic!("no journal") };
        let about = |entry: &Value| entry["body"]["messages"].to_string().contains(words);
        all.into_iter().filter(|e| e["path"] == "/v1/chat/completions" && about(e)).collect()
    }

    /// A product that uses this model with this key, and its agent.
    async fn product(&self, key: &str) -> Server {
        let place = Place::default().with("OPENAI_BASE_URL", &format!("{}/v1", self.url));
        let server = Server::start_on(place.with("OPENAI_API_KEY", key).with("OPENAI_MODEL", "judged")).await;
        let hangar = "# The hangar\n\nThe hangar opens at six in the morning and closes at midnight.\n";
        server.api.learn("default", "hangar.md", hangar).await;
        server.api.agent("Model", "openai", &["default"]).await;
        server
    }
}

pub fn says(words: &str, answer: &str) -> Value {
    json!({ "match": { "userMessage": words }, "response": { "content": answer } })
}

/// One event of a streamed answer, and when it came.
#[derive(Debug)]
struct Event {
    name: String,
    data: Value,
    at: Instant,
}

/// Everything that a streamed answer brings.
async fn stream(api: &Client, message: &str) -> Vec<Event> {
    let body = json!({ "agent": "Model", "message": message, "stream": true });
    let response = api.request(Method::POST, "/api/chat").json(&body).send().await.unwrap();
    let mut pieces = response.bytes_stream();
    let (mut read, mut events) = (Vec::new(), Vec::new());
    while let Some(piece) = pieces.next().await {
        read.extend_from_slice(&piece.unwrap());
        while let Some(end) = read.windows(2).position(|w| w == b"\n\n") {
            let block = String::from_utf8(read.drain(..end + 2).collect()).unwrap();
            let field = |name: &str| block.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().to_owned());
            if let (Some(name), Some(data)) = (field("event:"), field("data:")) {
                events.push(Event { name, data: serde_json::from_str(&data).unwrap(), at: Instant::now() });
            }
        }
    }
    events
}

fn texts<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<&'a str> {
    events.into_iter().filter(|e| e.name == "delta").map(|e| e.data["text"].as_str().unwrap()).collect()
}

/// What a client shows of the stream before the reply: the words since the last reset.
fn shown(events: &[Event]) -> String {
    let begin = events.iter().rposition(|e| e.name == "reset").map_or(0, |at| at + 1);
    texts(&events[begin..]).concat()
}

fn reply(events: &[Event]) -> &Value {
    let last = events.last().unwrap();
    assert_eq!(last.name, "reply", "{last:?}");
    &last.data
}

/// The only dead letter that has this cause.
async fn dead_letter(api: &Client, code: &str) -> Value {
    let all = api.list("/api/dead-letters", "dead_letters").await;
    let mut found = all.iter().filter(|d| d["cause"]["code"] == code);
    let one = found.next().unwrap_or_else(|| panic!("no dead letter with {code}: {all:?}"));
    assert!(found.next().is_none() && one["what"] == "message", "{all:?}");
    one.clone()
}

/// Replays it, which must bring this answer.
async fn replayed(api: &Client, letter: &Value, conversation: &Value, answer: &str) {
    let id = letter["id"].as_str().unwrap();
    api.post(&format!("/api/dead-letters/{id}/replay"), &json!({})).await.data();
    let conversation = conversation.as_str().unwrap().to_owned();
    until(answer, async || {
        let lines = api.transcript(&conversation).await;
        lines.iter().any(|l| l["speaker"] == "agent" && l["text"] == answer).then_some(())
    })
    .await;
}

// req: S0-CHAT-1
// req: S0-LLM-1
// req: S1-AI-1
#[tokio::test]
async fn an_answer_reaches_the_visitor_while_the_model_writes_it() {
    let whole = "Good morning to you, dear visitor, from the judge of all models.";
    let mut slow = says("good morning", whole);
    slow["chunkSize"] = json!(8);
    slow["latency"] = json!(PACE_MS);
    let judge = Judge::start(&[slow]).await;
    let server = judge.product(KEY).await;
    let events = stream(&server.api, "And a good morning to you!").await;
    let deltas: Vec<&Event> = events.iter().filter(|e| e.name == "delta").collect();
    assert_eq!(texts(&events).concat(), whole);
    assert!(deltas.len() >= 5, "{events:?}");
    let spread = events.last().unwrap().at - deltas[0].at;
    assert!(spread >= Duration::from_millis(3 * PACE_MS), "the first words came {spread:?} before the end");
    let reply = reply(&events);
    assert_eq!((&reply["outcome"], &reply["reply"]["text"]), (&json!("answered"), &json!(whole)));
    let asked = judge.asked("good morning").await;
    assert_eq!(asked.len(), 1);
    assert_eq!((&asked[0]["body"]["model"], &asked[0]["body"]["stream"]), (&json!("judged"), &json!(true)));
    assert!(reply["reply"]["usage"]["completion_tokens"].as_u64().unwrap() > 0, "{reply}");
}

// req: S0-FLOW-1
// req: S0-LLM-1
// req: S1-AI-1
// req: C-ACT-3
#[tokio::test]
async fn a_tool_is_called_and_its_result_goes_back_to_the_model() {
    let call =
        json!({ "id": "call_judge", "name": "search_knowledge", "arguments": { "query": "hangar opening hours" } });
    let first = json!({
        "match": { "userMessage": "spaceship", "hasToolResult": false }, "response": { "toolCalls": [call] },
    });
    let second = json!({
        "match": { "toolCallId": "call_judge", "toolResultContains": "opens at six" },
        "response": { "content": "From six in the morning [1]." },
    });
    let judge = Judge::start(&[first, second]).await;
    let server = judge.product(KEY).await;
    let events = stream(&server.api, "When can somebody collect spaceship 9?").await;
    let data = reply(&events);
    assert_eq!(
        (&data["outcome"], &data["reply"]["text"]),
        (&json!("answered"), &json!("From six in the morning [1]."))
    );
    assert_eq!(shown(&events), "From six in the morning [1].");
    let citations = data["reply"]["citations"].as_array().unwrap();
    assert_eq!((citations.len(), &citations[0]["document"]), (1, &json!("hangar.md")), "{data}");

    let asked = judge.asked("spaceship").await;
    assert_eq!(asked.len(), 2, "one round for the call, one for the answer");
    let tools = asked[0]["body"]["tools"].as_array().unwrap();
    assert!(tools.iter().any(|t| t["type"] == "function" && t["function"]["name"] == "search_knowledge"), "{tools:?}");
    let Value::Array(messages) = &asked[1]["body"]["messages"] else { panic!("no messages") };
    let roles: Vec<&str> = messages.iter().map(|m| m["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool"]);
    let made = &messages[2]["tool_calls"][0];
    assert_eq!((&made["id"], &messages[3]["tool_call_id"]), (&json!("call_judge"), &json!("call_judge")));
    assert_eq!(made["function"]["name"], "search_knowledge");
    let arguments: Value = serde_json::from_str(made["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments, json!({ "query": "hangar opening hours" }));
}

// req: S1-AGT-1
#[tokio::test]
async fn a_test_of_an_agent_shows_the_calls_and_makes_none() {
    let call = json!({ "id": "call_judge", "name": "search_knowledge", "arguments": { "query": "hangar" } });
    let fixture = json!({ "match": { "userMessage": "spaceship" }, "response": { "toolCalls": [call] } });
    let judge = Judge::start(&[fixture]).await;
    let server = judge.product(KEY).await;
    let found = server.api.post("/api/agents/Model/test", &json!({ "message": "Where is spaceship 9?" })).await.data();
    let calls = json!([{ "tool": "search_knowledge", "arguments": "{\"query\":\"hangar\"}" }]);
    assert_eq!(found["calls"], calls, "{found}");
    assert_eq!(judge.asked("spaceship").await.len(), 1, "the model is asked once");
}

// req: S1-RAG-1
#[tokio::test]
async fn a_follow_up_is_looked_for_as_the_model_writes_it_in_full() {
    let rewriting = "Write the person's last message again";
    let full = "Where does the zeppelin of the museum land?";
    let fixtures = [
        json!({ "match": { "systemMessage": rewriting }, "response": { "content": full } }),
        says("hangar", "At six [1]."),
        says("the other one", "On the meadow [1]."),
    ];
    let judge = Judge::start(&fixtures).await;
    let server = judge.product(KEY).await;
    let zeppelin = "# The zeppelin\n\nThe zeppelin of the museum lands on the meadow behind the lake.\n";
    server.api.learn("default", "zeppelin.md", zeppelin).await;
    let agent = server.api.agent("Brief", "openai", &["default"]).await;
    server.api.patch(&format!("/api/agents/{agent}"), &json!({ "passages": 1 })).await.data();
    let first = server.api.chat(&json!({ "agent": "Brief", "message": "When does the hangar open?" })).await.data();
    let second = json!({ "agent": "Brief", "session": first["session"], "message": "And what about the other one?" });
    let second = server.api.chat(&second).await.data();
    assert_eq!(second["reply"]["text"], "On the meadow [1].", "{second}");
    assert_eq!(second["reply"]["citations"][0]["document"], "zeppelin.md", "{second}");

    let asked = judge.asked("the other one").await;
    assert_eq!(asked.len(), 2, "once for the question, once for the answer");
    let (question, answer) = (asked[0]["body"]["messages"].to_string(), asked[1]["body"]["messages"].to_string());
    assert!(question.contains(rewriting) && question.contains("When does the hangar open?"), "{question}");
    assert!(
        answer.contains("behind the lake") && !answer.contains(full),
        "the answer is to what was written: {answer}"
    );
}

// req: S0-LLM-1
#[tokio::test]
async fn a_busy_model_is_asked_again_when_it_said() {
    let busy = json!({
        "match": { "userMessage": "busy", "sequenceIndex": 0 },
        "response": {
            "error": { "message": "Slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded" },
            "status": 429, "retryAfter": 2,
        },
    });
    let judge = Judge::start(&[busy, says("busy", "Now I have time.")]).await;
    let server = judge.product(KEY).await;
    let answer = server.api.chat(&json!({ "agent": "Model", "message": "Are you busy?" })).await.data();
    assert_eq!((&answer["outcome"], &answer["reply"]["text"]), (&json!("answered"), &json!("Now I have time.")));
    let asked = judge.asked("busy").await;
    let statuses: Vec<_> = asked.iter().map(|e| e["response"]["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [429, 200]);
    let at = |n: usize| asked[n]["timestamp"].as_u64().unwrap();
    assert!(at(1) - at(0) >= 2_000, "asked again after {} ms", at(1) - at(0));
}

// req: S0-LLM-1
// req: S1-AI-1
#[tokio::test]
async fn half_an_answer_is_never_taken_for_a_whole_one() {
    let half = "Half of this answer was written when the line went dead, and nobody knows the rest.";
    let cut = |words: &str, time: u32| {
        json!({
            "match": { "userMessage": words, "sequenceIndex": time }, "response": { "content": half },
            "latency": PACE_MS, "chunkSize": 8, "truncateAfterChunks": 5,
        })
    };
    let fixtures = [
        cut("once", 0),
        says("once", "This one is whole."),
        cut("twice", 0),
        cut("twice", 1),
        says("twice", "At last it is whole."),
    ];
    let judge = Judge::start(&fixtures).await;
    let server = judge.product(KEY).await;

    let events = stream(&server.api, "Break off once, please").await;
    let began = events.iter().position(|e| e.name == "delta" && half.starts_with(e.data["text"].as_str().unwrap()));
    let reset = events.iter().position(|e| e.name == "reset").expect("the half answer is taken back");
    assert!(began.is_some_and(|began| began < reset), "{events:?}");
    assert_eq!(shown(&events), "This one is whole.");
    let data = reply(&events);
    assert_eq!((&data["outcome"], &data["reply"]["text"]), (&json!("answered"), &json!("This one is whole.")));

    let events = stream(&server.api, "Break off twice, please").await;
    let data = reply(&events);
    assert_eq!((&data["outcome"], &data["reply"]["text"]), (&json!("dead_lettered"), &json!(APOLOGY)));
    assert_eq!(shown(&events), "", "what was cut is taken back");
    assert_eq!(judge.asked("twice").await.len(), 2);
    let letter = dead_letter(&server.api, "model.stream_cut").await;
    replayed(&server.api, &letter, &data["conversation"], "At last it is whole.").await;
    let lines = server.api.transcript(data["conversation"].as_str().unwrap()).await;
    assert!(lines.iter().all(|l| !l["text"].as_str().unwrap().starts_with("Half")), "{lines:?}");
}

// req: S0-LLM-1
// req: S0-SEC-1
#[tokio::test]
async fn a_refused_key_is_told_as_the_cause_and_the_message_waits_for_the_right_one() {
    let judge = Judge::start(&[says("anybody", "Yes, with the right key.")]).await;
    let mut server = judge.product("sk-a-wrong-key").await;
    let answer = server.api.chat(&json!({ "agent": "Model", "message": "Is anybody there?" })).await.data();
    assert_eq!((&answer["outcome"], &answer["reply"]["text"]), (&json!("dead_lettered"), &json!(APOLOGY)));
    let letter = dead_letter(&server.api, "model.unauthorized").await;
    assert!(letter["cause"]["message"].as_str().unwrap().contains("401"), "{letter}");
    server.stop().await;
    server.place = std::mem::take(&mut server.place).with("OPENAI_API_KEY", KEY);
    server.restart().await;
    replayed(&server.api, &letter, &answer["conversation"], "Yes, with the right key.").await;
    for key in ["sk-a-wrong-key", KEY] {
        assert!(!server.log().contains(key) && !letter.to_string().contains(key), "a key was shown");
    }
}

// req: S0-LLM-1
#[tokio::test]
async fn through_chaos_each_message_has_an_outcome_with_its_cause() {
    let judge = Judge::start(&[says("hello", "Hello again.")]).await;
    let server = judge.product(KEY).await;
    let faults = [
        ("dropRate", "model.unavailable"),
        ("rateLimitRate", "model.rate_limited"),
        ("malformedRate", "model.bad_response"),
        ("disconnectRate", "model.unavailable"),
    ];
    for (n, (fault, cause)) in faults.iter().enumerate() {
        judge.chaos(fault).await;
        let body = json!({ "agent": "Model", "session": fault, "message": format!("hello number {n}") });
        let answer = server.api.chat(&body).await.data();
        assert_eq!(
            (&answer["outcome"], &answer["reply"]["text"]),
            (&json!("dead_lettered"), &json!(APOLOGY)),
            "{fault}"
        );
        let letters = server.api.list("/api/dead-letters", "dead_letters").await;
        let letter = letters.iter().find(|l| l["conversation"] == answer["conversation"]).expect("a dead letter");
        assert_eq!(letter["cause"]["code"], *cause, "{fault}");
        judge.calm().await;
        replayed(&server.api, letter, &answer["conversation"], "Hello again.").await;
    }
    server.idle(USUAL).await;
}
