//! Scenarios that a team has the server run: seen, gone on with after a restart, held against each other, refused.

use crate::support::{client::Client, server::Server, wait::until};
use serde_json::{Value, json};

const HOURS: &str = "format: convsim/1
name: opening hours
runs: {seed: 5, trials: 3}
model:
  kind: scripted
  rules:
    - {when: [hours], say: Nine to five.}
    - {say: I see.}
conversations:
  - channel: wa
    peer: '33600000001'
    user:
      kind: script
      messages:
        - {at: 1s, text: Hello}
        - {at: 20s, text: Your hours?}
";

async fn started(api: &Client, request: &Value) -> String {
    let made = api.post("/api/simulations", request).await;
    assert_eq!(made.status, 202, "{made:?}");
    format!("/api/simulations/{}", made.data()["id"].as_str().unwrap())
}

async fn ended(api: &Client, path: &str) -> Value {
    until("the end of the simulation", async || {
        let now = api.get(path).await.data();
        (now["state"] != "running").then_some(now)
    })
    .await
}

#[tokio::test]
async fn a_team_has_scenarios_run_and_compares_them() {
    let mut server = Server::start().await;
    let api = server.api.clone();
    let first = started(&api, &json!({ "scenario": HOURS })).await;
    // What is under way goes on after a restart.
    assert!(server.stop().await.success());
    server.restart().await;
    let api = server.api.clone();
    let done = ended(&api, &first).await;
    assert_eq!(
        (&done["state"], &done["name"], &done["passed"]),
        (&json!("done"), &json!("opening hours"), &json!(3)),
        "{done}"
    );
    let runs = api.list(&format!("{first}/runs"), "runs").await;
    let seeds: Vec<_> = runs.iter().map(|r| r["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds, [5, 6, 7]);
    assert_eq!(runs[0]["conversations"][0]["replies"], json!(["I see.", "Nine to five."]), "{runs:?}");
    assert_eq!(runs[0]["problems"], json!([]));

    // The same seed makes the same run, in whatever process.
    let again = started(&api, &json!({ "scenario": HOURS, "seed": 6, "trials": 1 })).await;
    ended(&api, &again).await;
    let same = api.list(&format!("{again}/runs"), "runs").await;
    assert_eq!(same[0]["trace_hash"], runs[1]["trace_hash"]);

    let report = api.get(&format!("{first}/report?run=2")).await;
    assert_eq!(report.headers["content-type"], "text/html; charset=utf-8");
    assert!(report.text.starts_with("<!doctype html>") && report.text.contains("Nine to five."), "{}", report.text);
    assert_eq!(api.get(&format!("{first}/report?run=3")).await.status, 404);

    let other = HOURS.replace("Nine to five.", "Ten to six.");
    let second = started(&api, &json!({ "scenario": other, "trials": 1 })).await;
    let with = second.rsplit('/').next().unwrap();
    let found = api.get(&format!("{first}/compare?with={with}")).await.data();
    assert_eq!(found["changed"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(
        (&found["changed"][0]["a"], &found["changed"][0]["b"]),
        (&json!("Nine to five."), &json!("Ten to six."))
    );

    assert_eq!(api.list("/api/simulations", "simulations").await.len(), 3);
    api.delete(&first).await.data();
    assert_eq!(api.get(&first).await.status, 404);
}

#[tokio::test]
async fn a_scenario_that_fails_says_why_and_one_that_cannot_be_used_is_refused() {
    let server = Server::start().await;
    let api = &server.api;
    let unmet = format!("{HOURS}expect:\n  texts: {{never_say: [Nine to five]}}\n");
    let path = started(api, &json!({ "scenario": unmet, "trials": 1 })).await;
    let done = ended(api, &path).await;
    assert_eq!((&done["state"], &done["ran"], &done["passed"]), (&json!("done"), &json!(1), &json!(0)), "{done}");
    let runs = api.list(&format!("{path}/runs"), "runs").await;
    assert_eq!(runs[0]["verdict"], "fail_agent", "{runs:?}");
    assert!(runs[0]["problems"][0].as_str().unwrap().contains("Nine to five"), "{runs:?}");

    let reads = format!(
        "{HOURS}world:\n  knowledge:\n    - name: house\n      documents:\n        - {{name: a.md, file: /etc/passwd}}\n"
    );
    let asks =
        HOURS.replace("  kind: scripted\n", "  kind: openai\n  base_url: http://169.254.169.254/v1\n  model: m\n");
    let asks = asks.split("  rules:").next().unwrap().to_owned() + "conversations: []\n";
    let wrong = [
        (json!({ "scenario": "format: convsim/9\nname: a\nconversations: []\n" }), "convsim/9"),
        (json!({ "scenario": "name: [" }), "line"),
        (json!({ "scenario": reads }), "world.knowledge[0].documents[0].file"),
        (json!({ "scenario": asks }), "model"),
        (json!({ "scenario": HOURS, "trials": 0 }), "trials"),
        (json!({ "scenario": "x".repeat(200_001) }), "200000"),
    ];
    for (request, word) in wrong {
        let refused = api.post("/api/simulations", &request).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(refused.text.contains(word), "{word}: {refused:?}");
    }
    // A few lines that stand for more people than there is memory for end their own process, not the server's.
    let one = "\n  - {channel: wa, peer: '33600000001', people: 10000, user: {kind: script, messages: [{at: 1s, text: Hello}]}}";
    let crowd = format!("format: convsim/1\nname: crowd\nconversations:{}\n", one.repeat(1_600));
    let refused = api.post("/api/simulations", &json!({ "scenario": crowd })).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.text.contains("simulation.bounds"), "{refused:?}");
    let examples = api.get("/api/simulation-examples").await.data()["examples"].clone();
    let example = examples.as_array().unwrap().iter().find(|e| e["name"] == "crash-after-tool").unwrap();
    let path = started(api, &json!({ "scenario": example["scenario"], "trials": 2 })).await;
    assert_eq!(ended(api, &path).await["passed"], 2);
}
