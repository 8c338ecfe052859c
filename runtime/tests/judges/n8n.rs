//! A real n8n: its workflows are told of events, verify their signatures, call back, and are tools of agents.
//!
//! Not run unless it is asked for: `cargo test -p colloquy --test judges n8n -- --ignored`. The first run installs n8n (more
//! than 2000 packages, 2.3 GB, some ten minutes, and a C++ compiler for its SQLite); `COLLOQUY_N8N` names a folder in which
//! `npm install n8n` was run already. n8n's package takes its spreadsheets (`xlsx`) from a host that is no registry: the
//! registry's own version stands in for it, which no workflow here uses.

use crate::{
    install,
    support::{
        server::{Place, Server},
        services::Services,
        wait::{USUAL, until, within},
    },
};
use serde_json::{Value, json};
use std::{fs::File, net::TcpListener, path::Path, process::Stdio};
use tempfile::TempDir;
use tokio::process::{Child, Command};

const SECRET: &str = "the-n8n-secret";

struct N8n {
    url: String,
    _child: Child,
    folder: TempDir,
}

impl N8n {
    /// With these workflows, which are active when it has started.
    async fn start(workflows: &[Value]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let broker = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for workflow in workflows {
            let (id, file) = (workflow["id"].as_str().unwrap(), folder.path().join("workflow.json"));
            std::fs::write(&file, workflow.to_string()).unwrap();
            let input = format!("--input={}", file.display());
            finished(command(folder.path(), port, broker).args(["import:workflow", &input])).await;
            let id = format!("--id={id}");
            finished(command(folder.path(), port, broker).args(["publish:workflow", &id])).await;
        }
        let log = File::create(folder.path().join("log")).unwrap();
        let mut start = command(folder.path(), port, broker);
        start.arg("start").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
        let n8n = Self { url: format!("http://localhost:{port}"), _child: start.spawn().unwrap(), folder };
        within(6 * USUAL, "n8n to be ready", async || {
            (n8n.log().matches("Activated workflow").count() == workflows.len()).then_some(())
        })
        .await;
        n8n
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

/// n8n with nothing of the outside.
fn command(folder: &Path, port: u16, broker: u16) -> Command {
    let mut n8n = Command::new(install::n8n());
    let (port, broker) = (port.to_string(), broker.to_string());
    n8n.env("N8N_USER_FOLDER", folder).env("N8N_PORT", port).env("N8N_RUNNERS_BROKER_PORT", broker);
    for (name, value) in [
        ("N8N_LISTEN_ADDRESS", "127.0.0.1"),
        ("N8N_ENCRYPTION_KEY", "of this test alone"),
        ("N8N_DIAGNOSTICS_ENABLED", "false"),
        ("N8N_VERSION_NOTIFICATIONS_ENABLED", "false"),
        ("N8N_TEMPLATES_ENABLED", "false"),
        ("N8N_PERSONALIZATION_ENABLED", "false"),
        ("N8N_DISABLE_UI", "true"),
    ] {
        n8n.env(name, value);
    }
    n8n
}

async fn finished(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

fn node(name: &str, kind: &str, version: f64, parameters: Value) -> Value {
    json!({
        "id": name, "name": name, "type": format!("n8n-nodes-base.{kind}"), "typeVersion": version, "position": [0, 0],
        "webhookId": name, "parameters": parameters,
    })
}

/// Each node leads to the next one.
fn workflow(id: &str, nodes: &[Value]) -> Value {
    let mut connections = json!({});
    for pair in nodes.windows(2) {
        let next = json!({ "node": pair[1]["name"], "type": "main", "index": 0 });
        connections[pair[0]["name"].as_str().unwrap()] = json!({ "main": [[next]] });
    }
    json!({ "id": id, "name": id, "nodes": nodes, "connections": connections, "settings": { "executionOrder": "v1" } })
}

/// Answers in the conversation whatever somebody says, if it is signed as Standard Webhooks sign.
fn answering(api: &str, key: &str) -> Value {
    let signed = "={{ $json.headers['webhook-id'] + '.' + $json.headers['webhook-timestamp'] + '.' + JSON.stringify($json.body) }}";
    let hmac = json!({
        "action": "hmac", "type": "SHA256", "value": signed, "dataPropertyName": "signed", "secret": SECRET,
        "encoding": "base64",
    });
    let only = json!({ "conditions": { "string": [
        { "value1": "={{ $json.headers['webhook-signature'] }}", "operation": "contains", "value2": "={{ 'v1,' + $json.signed }}" },
        { "value1": "={{ $json.body.eventType }}", "operation": "equal", "value2": "message.received" },
    ] } });
    let call = json!({
        "method": "POST",
        "url": format!("={api}/api/conversations/{{{{ $json.body.data.conversationId }}}}/messages"),
        "sendHeaders": true,
        "headerParameters": { "parameters": [{ "name": "authorization", "value": format!("Bearer {key}") }] },
        "sendBody": true, "specifyBody": "json",
        "jsonBody": "={{ JSON.stringify({ text: 'n8n heard: ' + $json.body.data.text }) }}",
    });
    workflow(
        "answering0000001",
        &[
            node(
                "hook",
                "webhook",
                2.0,
                json!({ "httpMethod": "POST", "path": "events", "responseMode": "onReceived" }),
            ),
            node("sign", "crypto", 1.0, hmac),
            node("only", "if", 1.0, only),
            node("call", "httpRequest", 4.2, call),
        ],
    )
}

/// A tool: when somebody opens.
fn hours() -> Value {
    let answer =
        json!({ "name": "opens", "value": "={{ 'at nine on ' + $json.query.day }}", "type": "string", "id": "a" });
    workflow(
        "hours0000000001",
        &[
            node("ask", "webhook", 2.0, json!({ "httpMethod": "GET", "path": "hours", "responseMode": "lastNode" })),
            node("say", "set", 3.4, json!({ "assignments": { "assignments": [answer] }, "options": {} })),
        ],
    )
}

// req: S0-WH-1
// req: S2-OUT-1
// req: S2-PROV-1
#[tokio::test]
#[ignore = "installs n8n, which is 2.3 GB: see the top of this file"]
async fn a_real_n8n_is_told_verifies_calls_back_and_is_a_tool() {
    let services = Services::start().await;
    let place = Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost");
    let place = place.with("OPENAI_BASE_URL", &format!("{}/v1", services.url)).with("OPENAI_API_KEY", "sk-model");
    let server = Server::start_on(place.with("OPENAI_MODEL", "stand-in")).await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let n8n = N8n::start(&[answering(&api.url, &api.key), hours()]).await;

    let parameters = json!({ "type": "object", "required": ["day"], "properties": { "day": { "type": "string" } } });
    let operation = json!({
        "name": "hours", "description": "When we open", "method": "GET", "path": "/webhook/hours",
        "parameters": parameters, "query": { "day": "{day}" },
    });
    let tools = json!({ "name": "n8n", "url": n8n.url, "operations": [operation] });
    assert_eq!(api.post("/api/tool-servers", &tools).await.status, 201);
    let clerk = json!({ "name": "Clerk", "model": { "provider": "openai" }, "tools": ["n8n__hours"] });
    assert_eq!(api.post("/api/agents", &clerk).await.status, 201);
    let call = json!({ "name": "n8n__hours", "arguments": { "day": "lundi & mardi" } });
    let said = api.chat(&json!({ "agent": "Clerk", "message": format!("<<{call}>>") })).await.data();
    let said = said["reply"]["text"].as_str().unwrap_or_default();
    assert!(said.contains("at nine on lundi & mardi"), "{said}");

    // A forged event does nothing: what follows shows that a signed one does.
    let hook = format!("{}/webhook/events", n8n.url);
    let said = api.chat(&json!({ "agent": "Echo", "session": "s", "message": "Où êtes-vous ? \"Ici\"" })).await.data();
    let conversation = said["conversation"].as_str().unwrap().to_owned();
    let forged =
        json!({ "eventType": "message.received", "data": { "conversationId": conversation, "text": "forged" } });
    let headers = [("webhook-id", "e1"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,AAAA")];
    let request = headers.iter().fold(reqwest::Client::new().post(&hook), |r, (name, value)| r.header(*name, *value));
    let taken = request.json(&forged).send().await.unwrap();
    assert!(taken.status().is_success(), "{taken:?}\n{}", n8n.log());

    let config = json!({ "webhookUrl": hook, "signatureSecret": SECRET });
    api.put("/dashboard/tenant/config/n8n", &config).await.data();
    api.chat(&json!({ "agent": "Echo", "session": "s", "message": "C'est l'été \"à Nîmes\" & <b>ici</b> ?" }))
        .await
        .data();
    let heard = "n8n heard: C'est l'été \"à Nîmes\" & <b>ici</b> ?";
    let texts = within(2 * USUAL, "the word of n8n", async || {
        let lines = api.transcript(&conversation).await;
        let texts: Vec<String> = lines.iter().map(|l| l["text"].as_str().unwrap().to_owned()).collect();
        texts.iter().any(|t| t == heard).then_some(texts)
    })
    .await;
    assert!(!texts.iter().any(|t| t.contains("forged")), "{texts:?}\n{}", n8n.log());
    until("all deliveries", async || {
        let all = api.list("/dashboard/webhooks/deliveries", "deliveries").await;
        all.iter().all(|d| d["state"] == "delivered").then_some(())
    })
    .await;
}
