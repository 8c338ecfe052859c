//! The Model Context Protocol, both ways: the protocol's own servers (`server-everything` over HTTP, `server-filesystem` as a
//! process) offer tools to agents, and its own client uses this program as a server.

use crate::{
    install,
    judge::Judge,
    support::{
        client::Client,
        server::{Place, Server},
        services::Services,
        wait::until,
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{net::TcpListener, path::Path, process::Stdio};
use tokio::process::{Child, Command};

/// A script of a package.
fn packaged(package: &str) -> String {
    let path = install::node_modules().join("@modelcontextprotocol").join(package).join("dist/index.js");
    path.to_str().unwrap().to_owned()
}

/// `server-everything`, over HTTP.
struct Everything {
    port: u16,
    child: Child,
}

impl Everything {
    async fn start(port: Option<u16>) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port = port.unwrap_or_else(free);
        let mut node = Command::new("node");
        node.args([&packaged("server-everything"), "streamableHttp"]).env("PORT", port.to_string()).kill_on_drop(true);
        let child = node.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("server-everything listens", async || tokio::net::TcpStream::connect(("localhost", port)).await.ok())
            .await;
        Self { port, child }
    }

    fn url(&self) -> String {
        format!("http://localhost:{}/mcp", self.port)
    }
}

/// An agent whose model calls what it is told to.
struct Scene {
    _services: Services,
    server: Server,
    everything: Everything,
    agent: String,
}

impl Scene {
    async fn open() -> Self {
        let (services, everything) = (Services::start().await, Everything::start(None).await);
        let place = Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost");
        let place = place.with("OPENAI_BASE_URL", &format!("{}/v1", services.url)).with("OPENAI_API_KEY", "sk-model");
        let shared = place.path().join("shared");
        std::fs::create_dir(&shared).unwrap();
        std::fs::write(shared.join("hours.txt"), "We open at nine.").unwrap();
        place.file("colloquy.toml", configured(&shared));
        let server = Server::start_on(place.with("OPENAI_MODEL", "stand-in")).await;
        let agent = server.api.agent("Hand", "openai", &[]).await;
        Self { _services: services, server, everything, agent }
    }

    async fn connect(&self, url: &str) -> Value {
        let new = json!({ "name": "everything", "url": url, "trusted": true, "headers": { "x-team": "hush" } });
        let made = self.server.api.post("/api/tool-servers", &new).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.data()
    }

    async fn refresh(&self, server: &Value) -> Value {
        let id = server["id"].as_str().unwrap();
        self.server.api.post(&format!("/api/tool-servers/{id}/refresh"), &json!({})).await.data()
    }

    async fn give(&self, tools: &[&str]) {
        let path = format!("/api/agents/{}", self.agent);
        let given = self.server.api.patch(&path, &json!({ "tools": tools })).await;
        assert_eq!(given.status, 200, "{given:?}");
    }

    /// What the agent says after this call.
    async fn calls(&self, tool: &str, arguments: Value) -> String {
        let message = format!("<<{}>>", json!({ "name": tool, "arguments": arguments }));
        let said = self.server.api.chat(&json!({ "agent": "Hand", "message": message })).await.data();
        said["reply"]["text"].as_str().unwrap_or_default().to_owned()
    }
}

fn configured(shared: &Path) -> String {
    let (script, shared) = (packaged("server-filesystem"), shared.to_str().unwrap());
    let args = toml::Value::from(vec![script, shared.to_owned()]);
    format!("[mcp.files]\ncommand = \"node\"\nargs = {args}\ntenants = [\"default\"]\ntrusted = true\n")
}

async fn names(api: &Client) -> Vec<String> {
    let all = api.get("/api/tools").await.data()["tools"].take();
    all.as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn agents_call_tools_of_other_programs() {
    let mut scene = Scene::open().await;
    let connected = scene.connect(&scene.everything.url()).await;
    assert_eq!((&connected["headers"]["x-team"], connected["tools"].as_array().unwrap().len()), (&json!("***"), 0));
    let asked = scene.refresh(&connected).await;
    let offered = asked["server"]["tools"].as_array().unwrap();
    let echo = offered.iter().find(|t| t["name"] == "echo").unwrap_or_else(|| panic!("{asked}"));
    assert_eq!((&echo["agents_name"], &echo["effect"]), (&json!("everything__echo"), &json!("read")));

    let given = ["everything__get-sum", "everything__echo", "files__read_text_file", "files__write_file"];
    let all = names(&scene.server.api).await;
    assert!(given.iter().all(|name| all.contains(&(*name).to_owned())), "{all:?}");
    scene.give(&given[..3]).await;
    assert!(scene.calls("everything__get-sum", json!({ "a": 2, "b": 40 })).await.contains("42"));
    let hours = scene.server.place.path().join("shared/hours.txt");
    assert!(scene.calls("files__read_text_file", json!({ "path": hours })).await.contains("We open at nine."));

    // Refusals are answers that the model can do something with.
    let wrong = scene.calls("everything__get-sum", json!({ "a": "two" })).await;
    assert!(wrong.contains("tool.invalid_arguments") && wrong.contains("\"b\" is a required property"), "{wrong}");
    let outside = scene.calls("files__read_text_file", json!({ "path": "/etc/passwd" })).await;
    assert!(outside.contains("mcp.tool_failed") && outside.contains("outside allowed directories"), "{outside}");
    let others = scene.calls("files__write_file", json!({ "path": hours, "content": "x" })).await;
    assert!(others.contains("tool.not_allowed"), "{others}");

    // A server that goes away and comes back.
    let port = scene.everything.port;
    scene.everything.child.kill().await.unwrap();
    let away = scene.calls("everything__echo", json!({ "message": "there?" })).await;
    assert!(away.contains("mcp.unreachable"), "{away}");
    scene.everything = Everything::start(Some(port)).await;
    until("it is called again", async || {
        let said = scene.calls("everything__echo", json!({ "message": "back" })).await;
        said.contains("Echo: back").then_some(())
    })
    .await;
}

#[tokio::test]
async fn servers_are_their_tenants_and_stay_outside() {
    let scene = Scene::open().await;
    let connected = scene.connect(&scene.everything.url()).await;
    assert_eq!(scene.refresh(&connected).await["ok"], true);
    let body =
        json!({ "tenantName": "Others", "email": "o@others.example", "password": "SecurePass123!", "name": "O" });
    let others = scene.server.api.bare(Method::POST, "/api/auth/register").json(&body);
    let others = scene.server.api.attempt(others).await.unwrap().data();
    let others = scene.server.api.with_key(others["token"].as_str().unwrap());
    assert!(names(&others).await.iter().all(|name| !name.contains("__")), "neither connected nor configured for them");
    let taken = others.post("/api/agents", &json!({ "name": "A", "tools": ["everything__echo"] })).await;
    assert_eq!((taken.status.as_u16(), taken.fields()), (400, vec!["tools".to_owned()]));

    // Nothing inside is called: the guard stands before this, too.
    let inside = json!({ "name": "inside", "url": format!("http://127.0.0.1:{}/mcp", scene.everything.port) });
    let inside = scene.server.api.post("/api/tool-servers", &inside).await.data();
    let refused = scene.refresh(&inside).await;
    assert_eq!((&refused["ok"], &refused["code"]), (&json!(false), &json!("egress.private")));
    // What is no server of tools.
    let page =
        json!({ "name": "page", "url": format!("{}/health", scene.server.api.url.replace("127.0.0.1", "localhost")) });
    let page = scene.server.api.post("/api/tool-servers", &page).await.data();
    let refused = scene.refresh(&page).await;
    assert_eq!((&refused["ok"], &refused["code"]), (&json!(false), &json!("mcp.refused")), "{refused}");
}

#[tokio::test]
async fn the_protocols_own_client_uses_this_program_as_a_server() {
    let server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    server.api.learn("handbook", "Handbook.md", "# Leave\n\nEverybody has 25 days of leave a year.").await;
    let mut judge =
        Judge::start(Command::new("node").arg(install::script("mcp.cjs")).env("NODE_PATH", install::node_modules()));
    let url = format!("{}/mcp", server.api.url);
    let refused = judge.ask("connect", json!({ "url": url })).await;
    assert_eq!(refused["refused"], 401, "{refused}");

    let key = server.api.key.clone();
    let met = judge.ask("connect", json!({ "url": url, "key": key })).await;
    assert_eq!(met["server"]["name"], "colloquy", "{met}");
    let tools = judge.ask("tools", json!({})).await;
    let names: Vec<&str> = tools.as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert!(
        ["ask_agent", "search_knowledge", "send_message", "run_simulation"].iter().all(|name| names.contains(name)),
        "{names:?}"
    );

    let ask = json!({ "name": "ask_agent", "arguments": { "agent": "Echo", "message": "Good morning" } });
    let answer = said(&judge.ask("call", ask).await);
    assert!(answer["reply"]["text"].as_str().unwrap().contains("Good morning"), "{answer}");
    let search = json!({ "knowledge_base": "handbook", "query": "How many days of leave?" });
    let found = said(&judge.ask("call", json!({ "name": "search_knowledge", "arguments": search })).await);
    assert!(found["passages"][0]["text"].as_str().unwrap().contains("25 days"), "{found}");
    let conversation = &answer["conversation"];
    let words = json!({ "conversation": conversation, "text": "A person speaking." });
    let sent = said(&judge.ask("call", json!({ "name": "send_message", "arguments": words })).await);
    assert!(sent["id"].is_string(), "{sent}");
    let read = json!({ "name": "read_conversation", "arguments": { "conversation": conversation } });
    assert!(said(&judge.ask("call", read).await).to_string().contains("A person speaking."));

    let examples = said(&judge.ask("call", json!({ "name": "list_simulation_examples", "arguments": {} })).await);
    let run = json!({ "scenario": examples["examples"][0]["scenario"], "trials": 2, "seed": 7 });
    let run = said(&judge.ask("call", json!({ "name": "run_simulation", "arguments": run })).await);
    let simulation = json!({ "simulation": run["id"] });
    let state = json!({ "name": "read_simulation", "arguments": simulation });
    let done = until_said(&mut judge, &state, |now| now["state"] != "running").await;
    assert_eq!((&done["state"], &done["ran"], &done["passed"]), (&json!("done"), &json!(2), &json!(2)), "{done}");
    let runs = said(&judge.ask("call", json!({ "name": "read_simulation_runs", "arguments": simulation })).await);
    assert_eq!((&runs["runs"][0]["verdict"], &runs["runs"][1]["seed"]), (&json!("pass"), &json!(8)), "{runs}");
    let wrong = json!({ "name": "run_simulation", "arguments": { "scenario": "format: convsim/1", "trials": 2 } });
    assert_eq!(judge.ask("call", wrong).await["isError"], true);

    // Refusals are the endpoint's own, in words.
    let none = json!({ "name": "ask_agent", "arguments": { "agent": "Nobody", "message": "?" } });
    let none = judge.ask("call", none).await;
    assert_eq!(none["isError"], true);
    assert!(none["content"][0]["text"].as_str().unwrap().starts_with("NOT_FOUND"), "{none}");
    assert_eq!(judge.ask("call", json!({ "name": "drop_tables", "arguments": {} })).await["refused"], -32602);

    // A credential sees and does what it may.
    let few = json!({ "name": "few", "scopes": ["chat:write", "knowledge:read"] });
    let few = server.api.post("/api/api-keys", &few).await.data()["key"].clone();
    judge.ask("connect", json!({ "url": url, "key": few })).await;
    let tools = judge.ask("tools", json!({})).await;
    let names: Vec<&str> = tools.as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ask_agent", "list_knowledge_bases", "search_knowledge"]);
    let words = json!({ "conversation": conversation, "text": "Not allowed." });
    assert_eq!(judge.ask("call", json!({ "name": "send_message", "arguments": words })).await["refused"], -32602);
}

/// The suite carries no credential: this stands before the server and adds one. What else comes and goes stays as it is.
async fn with_credential(api: &Client) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let api = api.clone();
    let pass = move |method: Method, headers: axum::http::HeaderMap, body: axum::body::Bytes| {
        let api = api.clone();
        async move {
            let kept = headers.iter().filter(|(name, _)| !["host", "content-length"].contains(&name.as_str()));
            let request = kept.fold(api.request(method, "/mcp"), |r, (name, value)| r.header(name, value));
            let answer = api.attempt(request.body(body)).await.unwrap();
            let kind = answer.headers.get("content-type").cloned();
            let kind = kind.unwrap_or_else(|| axum::http::HeaderValue::from_static("text/plain"));
            (answer.status, [(axum::http::header::CONTENT_TYPE, kind)], answer.text)
        }
    };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(pass)).await });
    url
}

/// Whether the suite finds nothing wrong.
async fn conforms(url: &str, scenario: &str, folder: &Path) -> bool {
    let suite = install::node_modules().join("@modelcontextprotocol/conformance/dist/index.js");
    let mut node = Command::new("node");
    node.arg(suite).args(["server", "--url", url, "--scenario", scenario]).current_dir(folder).kill_on_drop(true);
    let output = node.stdin(Stdio::null()).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    eprintln!("{scenario}: {}", said.lines().last().unwrap_or_default());
    output.status.success()
}

/// Of the suite's scenarios, those that a server with tools of its own can pass: the others want the suite's own tools,
/// resources and prompts. Rebound names are of no concern: nothing is answered without a credential.
#[tokio::test]
async fn the_protocols_own_suite_finds_nothing_wrong() {
    let server = Server::start().await;
    let url = with_credential(&server.api).await;
    let folder = server.place.path();
    for scenario in ["server-initialize", "ping", "tools-list"] {
        assert!(conforms(&url, scenario, folder).await, "{scenario}");
    }
    assert!(!conforms(&url, "tools-call-simple-text", folder).await, "it does look: there is no such tool");
    let bare = format!("{}/mcp", server.api.url);
    assert!(!conforms(&bare, "ping", folder).await, "nothing without a credential");
}

/// Asks again until the answer is like that.
async fn until_said(judge: &mut Judge, call: &Value, is: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..600 {
        let answer = said(&judge.ask("call", call.clone()).await);
        if is(&answer) {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("it never was so: {call}");
}

/// What a tool answered, as the JSON that it is.
fn said(answer: &Value) -> Value {
    assert_eq!(answer["isError"], false, "{answer}");
    serde_json::from_str(answer["content"][0]["text"].as_str().unwrap()).unwrap()
}
