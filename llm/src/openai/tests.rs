//! Against servers: wiremock for whole bodies, a bare TCP server where the cuts of a stream matter.

use super::*;
use crate::tests_support::{Heard, install_tls, request};
use colloquy_domain::{
    model::{HistoryMessage, Speaker, Step},
    tool::{EffectClass, ToolCall, ToolResult, ToolSpec},
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wiremock::{
    Mock, MockServer, Request, Respond, ResponseTemplate,
    matchers::{header, method, path},
};

fn provider(base_url: &str) -> OpenAi {
    seeing(base_url, None)
}

fn seeing(base_url: &str, files: Option<Arc<dyn SentFiles>>) -> OpenAi {
    install_tls();
    let mut options = OpenAiOptions::new(base_url);
    options.api_key = Some(Secret::new("sk-test"));
    options.idle_timeout = Duration::from_millis(400);
    options.prices.insert("m".into(), Price { prompt_micros: 1_000_000, completion_micros: 2_000_000 });
    OpenAi::new(Some(options), files)
}

fn sse(events: &[Value]) -> String {
    events.iter().map(|e| format!("data: {e}\n\n")).collect::<String>() + "data: [DONE]\n\n"
}

fn words(text: &str) -> Value {
    json!({"choices": [{"delta": {"content": text}}]})
}

fn end() -> Value {
    json!({"choices": [{"delta": {}, "finish_reason": "stop"}]})
}

/// Answers one after the other; the last one again and again. Remembers the requests' bodies.
struct Answers(Vec<ResponseTemplate>, AtomicUsize);

impl Respond for Answers {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let turn = self.1.fetch_add(1, Ordering::SeqCst);
        self.0[turn.min(self.0.len() - 1)].clone()
    }
}

async fn server(answers: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(header("authorization", "Bearer sk-test"))
        .respond_with(Answers(answers, AtomicUsize::new(0)))
        .mount(&server)
        .await;
    server
}

fn ok(body: String) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")
}

async fn ask(server: &MockServer, request: CompletionRequest) -> (CompletionResult, String, Vec<Value>) {
    let heard = Heard::default();
    let result = provider(&format!("{}/v1/", server.uri())).complete(request, &heard).await;
    let bodies = server.received_requests().await.unwrap().iter().map(|r| r.body_json().unwrap()).collect();
    (result, heard.text(), bodies)
}

fn search() -> ToolSpec {
    ToolSpec {
        name: "search".into(),
        description: "Looks up.".into(),
        parameters: r#"{"type":"object"}"#.into(),
        effect: EffectClass::Read,
        timeout: Duration::from_secs(1),
    }
}

// req: S0-LLM-1
#[tokio::test]
async fn words_stream_and_usage_is_priced() {
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 3}});
    let server = server(vec![ok(sse(&[words("Nine "), words("to five."), end(), usage]))]).await;
    let mut asked = request("When?");
    asked.choice.max_tokens = Some(99);
    asked.choice.temperature = Some(0.5);
    let (result, heard, bodies) = ask(&server, asked).await;
    let completion = result.unwrap();
    assert_eq!((completion.text.as_str(), heard.as_str()), ("Nine to five.", "Nine to five."));
    assert_eq!(completion.usage, Usage { prompt_tokens: 10, completion_tokens: 3, cost_micros: 16 });
    let want = json!({
        "model": "m", "max_tokens": 99, "temperature": 0.5, "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "system", "content": "You are Ada."}, {"role": "user", "content": "When?"}]
    });
    assert_eq!(bodies[0], want);
}

// req: S0-FLOW-1
#[tokio::test]
async fn tool_calls_come_back_whole() {
    let first = json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "search", "arguments": "{\"q\":"}}]}}]});
    let second = json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}, "finish_reason": "tool_calls"}]});
    let server = server(vec![ok(sse(&[first, second]))]).await;
    let asked = CompletionRequest { tools: vec![search()], ..request("Look it up") };
    let (result, heard, bodies) = ask(&server, asked).await;
    let completion = result.unwrap();
    assert_eq!((completion.calls[0].id.as_str(), completion.calls[0].arguments.as_str()), ("x", "{\"q\":1}"));
    assert!(heard.is_empty());
    assert_eq!(bodies[0]["tools"][0]["function"]["name"], "search");
    assert!(completion.usage.prompt_tokens > 5 && completion.usage.completion_tokens > 0, "estimated");
}

#[tokio::test]
async fn where_the_team_decided_and_nobody_wrote_the_sides_still_take_turns() {
    let server = server(vec![ok(sse(&[words("Done."), end()]))]).await;
    let said = |speaker, text: &str| HistoryMessage { speaker, text: text.into(), image: None };
    let history = vec![said(Speaker::Person, "Pay"), said(Speaker::Agent, "A colleague looks at it")];
    let call = ToolCall { id: "c".into(), name: "pay".into(), arguments: "{}".into() };
    let completion = Completion { calls: vec![call], ..Completion::default() };
    let steps = vec![Step { no: 0, completion, results: vec![Some(ToolResult::done("paid"))] }];
    let asked = CompletionRequest { history, messages: Vec::new(), steps, ..request("") };
    let (_, _, bodies) = ask(&server, asked).await;
    let roles: Vec<&str> =
        bodies[0]["messages"].as_array().unwrap().iter().map(|m| m["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user", "assistant", "tool"]);
}

#[tokio::test]
async fn bodies_of_other_servers_are_read() {
    let comments = format!(": OPENROUTER PROCESSING\r\n\r\ndata: {}\r\n\r\ndata: {}\r\n", words("Hi."), end());
    let no_blank_lines = format!("data: {}\ndata: {}\ndata: [DONE]\n", words("Hi."), end());
    let plain = json!({"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
    for (name, body) in [
        ("comments, CRLF, no end mark", ok(comments)),
        ("plain JSON", ResponseTemplate::new(200).set_body_json(plain)),
        ("end mark without reason", ok(sse(&[words("Hi.")]))),
        ("no blank lines", ok(no_blank_lines)),
    ] {
        let (result, heard, _) = ask(&server(vec![body]).await, request("Hello")).await;
        assert_eq!((result.map(|c| c.text), heard), (Ok("Hi.".into()), "Hi.".into()), "{name}");
    }
}

#[tokio::test]
async fn too_many_requests_are_repeated_when_the_server_says() {
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "0.2");
    let server = server(vec![busy, ResponseTemplate::new(503), ok(sse(&[words("Hi."), end()]))]).await;
    let started = Instant::now();
    let (result, _, bodies) = ask(&server, request("Hello")).await;
    assert_eq!((result.unwrap().text.as_str(), bodies.len()), ("Hi.", 3));
    assert!(started.elapsed() >= Duration::from_millis(200 + 600));
}

#[tokio::test]
async fn a_busy_server_is_left_after_three_requests_with_its_wish() {
    let server = server(vec![ResponseTemplate::new(429).insert_header("retry-after", "0.01")]).await;
    let (result, _, bodies) = ask(&server, request("Hello")).await;
    let failure = result.unwrap_err();
    assert_eq!(bodies.len(), 3);
    assert_eq!(failure.code, "model.rate_limited");
    assert_eq!(failure.verdict, colloquy_domain::failure::Verdict::Retry { after: Some(Duration::from_millis(10)) });
}

#[tokio::test]
async fn what_will_not_change_is_asked_once() {
    for (status, code) in
        [(400, "model.refused"), (401, "model.unauthorized"), (403, "model.unauthorized"), (404, "model.not_found")]
    {
        let body = json!({"error": {"message": "key sk-test is wrong", "type": "some_error"}});
        let server = server(vec![ResponseTemplate::new(status).set_body_json(body)]).await;
        let (result, _, bodies) = ask(&server, request("Hello")).await;
        let failure = result.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.is_retry(), bodies.len()), (code, false, 1), "{status}");
        assert!(failure.detail.contains("some_error") && !failure.detail.contains("sk-test"), "{failure}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_to_count_is_asked_without_and_remembered() {
    let refusal = ResponseTemplate::new(400).set_body_string("unknown field: stream_options");
    let server = server(vec![refusal, ok(sse(&[words("Hi."), end()]))]).await;
    let provider = provider(&format!("{}/v1", server.uri()));
    for _ in 0..2 {
        assert_eq!(provider.complete(request("Hello"), &Heard::default()).await.unwrap().text, "Hi.");
    }
    let bodies: Vec<Value> = server.received_requests().await.unwrap().iter().map(|r| r.body_json().unwrap()).collect();
    let counted: Vec<bool> = bodies.iter().map(|b| b.get("stream_options").is_some()).collect();
    assert_eq!(counted, [true, false, false]);
}

#[tokio::test]
async fn an_error_in_the_middle_is_not_repeated() {
    let error = json!({"error": {"message": "boom", "type": "server_error"}});
    let server = server(vec![ok(sse(&[words("Ni"), error]))]).await;
    let (result, heard, bodies) = ask(&server, request("When?")).await;
    assert_eq!((result.unwrap_err().code.as_str(), heard.as_str(), bodies.len()), ("model.stream_error", "Ni", 1));
}

#[tokio::test]
async fn a_body_that_is_no_answer_is_a_bad_response() {
    let server = server(vec![ok("<html>gateway</html>".into())]).await;
    let (result, _, _) = ask(&server, request("Hello")).await;
    assert_eq!(result.unwrap_err().code, "model.bad_response");
}

/// What the bare server does after the pieces.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Close,
    Stay,
}

/// Serves these pieces, each in its own chunk of a chunked body, to every connection.
async fn bare_server(pieces: Vec<Vec<u8>>, then: Then) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let served = Arc::new(AtomicUsize::new(0));
    let count = served.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            socket.set_nodelay(true).unwrap();
            let mut buffer = [0_u8; 4096];
            let _ = socket.read(&mut buffer).await.unwrap();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            socket.write_all(head.as_bytes()).await.unwrap();
            for piece in &pieces {
                let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
                socket.write_all(&chunk).await.unwrap();
                socket.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
            if then == Then::Stay {
                tokio::spawn(async move {
                    let mut buffer = [0_u8; 1];
                    let _ = socket.read(&mut buffer).await;
                });
            }
        }
    });
    (url, served)
}

#[tokio::test]
async fn pieces_cut_anywhere_even_inside_a_letter_make_the_same_words() {
    let body = sse(&[words("Été à 9 €. "), words("日本"), end()]);
    let (url, _) = bare_server(body.bytes().map(|b| vec![b]).collect(), Then::Close).await;
    let heard = Heard::default();
    let completion = provider(&url).complete(request("When?"), &heard).await.unwrap();
    assert_eq!((completion.text.as_str(), heard.text().as_str()), ("Été à 9 €. 日本", "Été à 9 €. 日本"));
}

#[tokio::test]
async fn a_stream_cut_in_the_middle_is_the_callers_to_repeat() {
    let (url, served) = bare_server(vec![format!("data: {}\n\n", words("Ni")).into_bytes()], Then::Close).await;
    let heard = Heard::default();
    let failure = provider(&url).complete(request("When?"), &heard).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.is_retry(), heard.text().as_str()), ("model.stream_cut", true, "Ni"));
    assert_eq!(served.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_cut_before_the_first_byte_is_repeated_here() {
    let (url, served) = bare_server(Vec::new(), Then::Close).await;
    let failure = provider(&url).complete(request("When?"), &Heard::default()).await.unwrap_err();
    assert_eq!((failure.code.as_str(), served.load(Ordering::SeqCst)), ("model.stream_cut", 3));
}

#[tokio::test]
async fn a_cut_after_the_end_of_the_answer_does_no_harm() {
    let whole = format!("data: {}\n\ndata: {}\n\n", words("Nine."), end()).into_bytes();
    for then in [Then::Close, Then::Stay] {
        let (url, _) = bare_server(vec![whole.clone()], then).await;
        let completion = provider(&url).complete(request("When?"), &Heard::default()).await.unwrap();
        assert_eq!(completion.text, "Nine.");
    }
}

#[tokio::test]
async fn silence_and_the_end_of_the_time_are_timeouts() {
    let (url, served) = bare_server(vec![format!("data: {}\n\n", words("Ni")).into_bytes()], Then::Stay).await;
    let failure = provider(&url).complete(request("When?"), &Heard::default()).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.is_retry()), ("model.timeout", true));
    let hurried = CompletionRequest { timeout: Duration::from_millis(50), ..request("When?") };
    let started = Instant::now();
    let failure = provider(&url).complete(hurried, &Heard::default()).await.unwrap_err();
    assert_eq!((failure.code.as_str(), served.load(Ordering::SeqCst)), ("model.timeout", 2));
    assert!(started.elapsed() < Duration::from_millis(350));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let failure = provider("http://127.0.0.1:1/v1").complete(request("When?"), &Heard::default()).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.is_retry()), ("model.unavailable", true));
}

mod images;
