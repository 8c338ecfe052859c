//! The API's description: PyPI's `schemathesis` makes requests out of it, good ones and bad ones, and holds every answer
//! against it.

use crate::{
    install,
    support::{
        documents::HANDBOOK_MD,
        server::{Place, Server},
    },
};
use serde_json::json;
use std::{process::Stdio, time::Duration};
use tokio::process::Command;

/// Requests for one operation and phase, at most.
const CASES: &str = "12";
/// The judge ends by itself after this.
const SECONDS: &str = "110";
/// Nothing of ours waits so long.
const PATIENCE: Duration = Duration::from_secs(300);

/// What it looks at. The others guess what an API means to accept: a text that is no e-mail address fits its schema, too.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                      response_headers_conformance,ignored_auth";

// req: S1-API-1
// req: S3-ERR-1
#[tokio::test]
async fn no_request_breaks_the_server_and_every_answer_is_as_described() {
    let limits = ["API", "ANONYMOUS", "UPLOAD", "CHAT", "KEY"].map(|l| format!("COLLOQUY_LIMIT_{l}"));
    let server = Server::start_on(limits.iter().fold(Place::default(), |place, limit| place.with(limit, "0"))).await;
    let api = &server.api;
    api.agent("House", "extractive", &[]).await;
    api.learn("house", "handbook.md", HANDBOOK_MD).await;
    api.chat(&json!({ "agent": "House", "session": "s", "message": "hello" })).await.data();
    api.post("/api/contacts", &json!({ "name": "Ann", "phoneNumber": "+15550001" })).await.data();

    let mut command = Command::new(install::schemathesis());
    command.args(["-m", "schemathesis.cli", "run", &format!("{}/api/openapi.json", api.url)]);
    command.args(["--header", &format!("Authorization: Bearer {}", api.key)]);
    command.args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", CASES]);
    command.args(["--max-time", SECONDS, "--seed", "7", "--request-timeout", "30", "--continue-on-failure"]);
    command.args(["--warnings", "off", "--suppress-health-check", "all"]);
    command.current_dir(server.place.path()).env("NO_COLOR", "1").stdin(Stdio::null()).kill_on_drop(true);
    let ran = tokio::time::timeout(PATIENCE, command.output()).await.expect("the judge does not end").unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    println!("{told}");
    assert!(ran.status.success(), "{told}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(!server.log().contains("panicked"), "no handler fell over");
}
