//! The simulator before a running server: scenarios that are played to it, and conversations that are recorded from it.

use crate::support::{
    client::Client,
    server::{Place, Ran, Server},
    wait::USUAL,
};
use serde_json::{Value, json};

const SCENARIO: &str = "
format: convsim/1
name: three ways to the desk
world:
  agents: [{name: Desk, tools: [look]}]
  channels:
    - {name: wa, agent: Desk, kind: whatsapp}
    - {name: ms, agent: Desk, kind: messenger}
    - {name: tg, agent: Desk, kind: telegram}
    - {name: web, agent: Desk, kind: webchat}
tools: [{name: look}]
conversations:
  - channel: wa
    peer: '33600000001'
    user: {kind: automaton, says: [Is the room free?, I take it], typing: 1000}
  - {channel: ms, peer: '70001', user: {kind: script, messages: [{at: 10ms, text: Hello page}]}}
  - {channel: tg, peer: '80001', user: {kind: script, messages: [{at: 10ms, text: Hello bot}]}}
  - channel: web
    peer: zoé
    user: {kind: automaton, says: [Bonjour, Merci], typing: 1000, until_told: [never]}
faults: [{site: send, kind: throttled, chance: 0.1}]
expect:
  tools: {required: [look]}
  texts: {must_say: [I take it, Hello page, Hello bot, Merci], never_say: [goodbye]}
  outcomes: {answered: 6}
  times: {slowest: 30s}
";

async fn play(server: &Server, file: &std::path::Path, more: &[&str]) -> Ran {
    let (url, key) = (server.api.url.clone(), server.api.key.clone());
    let args = ["sim", "run", file.to_str().unwrap(), "--against", &url, "--key", &key];
    server.place.run(&[&args[..], more].concat()).await
}

// req: C-SIM-1
#[tokio::test]
async fn a_scenario_is_played_to_a_running_server_over_its_channels() {
    let server = Server::start().await;
    server.api.agent("Desk", "scripted", &[]).await;
    let file = server.place.file("desk.yaml", SCENARIO);
    let json = server.place.path().join("report.json");
    let ran = play(&server, &file, &["--json", "--report-json", json.to_str().unwrap()]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let summary = ran.json();
    assert_eq!((&summary["passed"], &summary["failed"]), (&json!(1), &json!(0)));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let run = &report["runs"][0];
    assert_eq!(run["stats"]["outcomes"], json!({ "answered": 6 }));
    assert_eq!(run["answer_millis"].as_array().unwrap().len(), 6, "{run}");
    let unchecked: Vec<&str> = run["unchecked"].as_array().unwrap().iter().map(|u| u.as_str().unwrap()).collect();
    assert_eq!(unchecked, ["expect.tools cannot be seen from outside", "faults do not happen to a running server"]);
    let whatsapp = server.api.conversation("33600000001").await.unwrap();
    let lines = server.api.transcript(whatsapp["id"].as_str().unwrap()).await;
    let statuses: Vec<&Value> = lines.iter().filter(|l| l["speaker"] == "agent").map(|l| &l["status"]).collect();
    assert_eq!(statuses, ["delivered", "delivered"], "the command told that they arrived");
    let channels = server.api.list("/api/channels", "channels").await;
    assert!(channels.iter().all(|c| c["kind"] == "webchat"), "what was made for the run is removed: {channels:?}");
    // The same again is another run with other people: nothing is taken for a repetition.
    let again = play(&server, &file, &[]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.contains("not checked: expect.tools cannot be seen from outside"), "{again:?}");
}

#[tokio::test]
async fn what_a_running_server_does_otherwise_fails_the_scenario() {
    let server = Server::start().await;
    server.api.agent("Other", "scripted", &[]).await;
    let file = server.place.file("desk.yaml", SCENARIO.replace("never_say: [goodbye]", "never_say: [hello bot]"));
    let unknown = play(&server, &file, &[]).await;
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("no agent \"Desk\""), "{unknown:?}");
    let ran = play(&server, &file, &["--agent", "Other", "--json"]).await;
    assert_eq!((ran.code, &ran.json()["verdicts"]["fail_agent"]), (Some(1), &json!(1)), "{ran:?}");
    assert!(ran.stderr.contains("texts.never_say: \"hello bot\" was said"), "{ran:?}");
    let nobody = server.place.run(&["sim", "run", file.to_str().unwrap(), "--against", &server.api.url]).await;
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(nobody.stderr.contains("--key"), "{nobody:?}");
}

async fn say(api: &Client, message: &str) -> Value {
    api.chat(&json!({ "agent": "Desk", "session": "zoe", "message": message })).await.data()
}

/// The details of the events of this kind, in order.
fn events<'a>(replayed: &'a Ran, what: &str) -> Vec<&'a str> {
    let of = |line: &'a str| {
        let (_, rest) = line.split_once(&format!(" {what} "))?;
        Some(rest.trim_start().split_once("web/33600000000")?.1.trim())
    };
    replayed.stdout.lines().filter_map(of).collect()
}

// req: C-SIM-1
#[tokio::test]
async fn a_live_conversation_is_recorded_and_takes_place_again_in_a_world() {
    let server = Server::start().await;
    server.api.agent("Desk", "scripted", &[]).await;
    let said = ["Is the blue room free?", "My number is +33 6 12 34 56 78", "Thank you"];
    let mut conversation = String::new();
    for message in said {
        let answer = say(&server.api, message).await;
        assert_eq!(answer["reply"]["text"], message);
        conversation = answer["conversation"].as_str().unwrap().to_owned();
    }
    server.idle(USUAL).await;
    let recorded = server.place.run(&["sim", "record", &conversation]).await;
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    assert!(!recorded.stdout.contains("12 34 56"), "numbers are masked: {recorded:?}");
    let masked = ["Is the blue room free?", "My number is +00 0 00 00 00 00", "Thank you"];
    // The channel of a world has a name of its own.
    let yaml = recorded.stdout.replace("name: wa", "name: web").replace("channel: wa", "channel: web");
    let file = server.place.file("recorded.yaml", &yaml);
    let replayed = server.place.run(&["sim", "replay", file.to_str().unwrap()]).await;
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    // What came fast is answered together where the model takes longer than it did live.
    assert_eq!((events(&replayed, "wrote"), events(&replayed, "replied").last()), (masked.into(), masked.last()));
    // The person alone, before another agent.
    let other = "
format: convsim/1
name: again
world: {channels: [{name: web, agent: desk, kind: webchat}]}
conversations:
  - {channel: web, peer: '33600000000', user: {kind: replay, file: recorded.yaml, waits: true, starts: 5s}}
";
    let file = server.place.file("again.yaml", other);
    let replayed = server.place.run(&["sim", "replay", file.to_str().unwrap()]).await;
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    assert_eq!(events(&replayed, "wrote"), masked);
    assert_eq!(events(&replayed, "replied"), masked.map(|m| format!("re: {m}")));
    let nothing = server.place.run(&["sim", "record", "0190a0a0-0000-7000-8000-000000000000"]).await;
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    let wrong = Place::default().run(&["sim", "record", "zoe"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}
