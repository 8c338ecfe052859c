//! Real models in simulated worlds: npm's `@copilotkit/aimock` is the agent's model and the person's.

use crate::{
    model::{Judge, KEY, says},
    support::server::{Place, Ran},
};
use serde_json::json;

fn scenario(url: &str) -> String {
    let model = format!(
        "{{kind: openai, base_url: '{url}/v1', model: judged, key_env: JUDGE_KEY, temperature: 0, cassette: answers.jsonl}}"
    );
    format!(
        "
format: convsim/1
name: refund
world: {{agents: [{{name: desk, tools: [refund]}}]}}
tools: [{{name: refund, effect: unsafe, result: refunded}}]
model: {model}
conversations:
  - channel: wa
    peer: '33600000001'
    user:
      kind: model
      model: {model}
      persona: A retired teacher.
      goal: Get order 4711 refunded.
      facts: {{order number: {{is: '4711', like: '[0-9]{{4}}'}}}}
expect:
  tools: {{required: [refund]}}
  texts: {{must_say: [on its way]}}
  times: {{slowest: 60s}}
"
    )
}

async fn run(place: &Place, more: &[&str]) -> Ran {
    let file = place.path().join("refund.yaml");
    place.run(&[&["sim", "run", file.to_str().unwrap(), "--json"], more].concat()).await
}

// req: C-SIM-1
// req: S0-LLM-1
#[tokio::test]
async fn a_real_model_plays_agent_and_person_and_the_run_is_made_again_without_it() {
    let call = json!({ "id": "call_refund", "name": "refund", "arguments": { "order": "4711" } });
    let calls = json!({ "match": { "userMessage": "It is 4711", "hasToolResult": false }, "response": { "toolCalls": [call] } });
    let done = json!({
        "match": { "toolCallId": "call_refund", "toolResultContains": "refunded" },
        "response": { "content": "Your money is on its way." },
    });
    let fixtures = [
        calls,
        done,
        says("You open the chat", "Good morning, I would like my money back."),
        says("money back", "May I have the order number?"),
        says("order number", "It is 4711"),
        says("on its way", "Thank you. [[done]]"),
        says("Thank you", "Goodbye!"),
    ];
    let judge = Judge::start(&fixtures).await;
    let place = Place::default();
    place.file("refund.yaml", scenario(&judge.url));
    let unset = run(&place, &["--record"]).await;
    assert_eq!(unset.code, Some(2), "{unset:?}");
    assert!(unset.stderr.contains("model.key_env: the environment variable JUDGE_KEY is not set"), "{unset:?}");

    let place = place.with("JUDGE_KEY", KEY);
    let recorded = run(&place, &["--record"]).await;
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    let asked = judge.asked("").await;
    let cassette = std::fs::read_to_string(place.path().join("answers.jsonl")).unwrap();
    assert_eq!((asked.len(), cassette.lines().count()), (7, 7), "{cassette}");
    assert!(!cassette.contains(KEY), "the key is in nobody's answer");

    // Without the server, and without its key.
    drop(judge);
    let place = place.with("JUDGE_KEY", "");
    for _ in 0..2 {
        let played = run(&place, &[]).await;
        assert_eq!(
            (played.code, &played.json()["trace_hash"]),
            (Some(0), &recorded.json()["trace_hash"]),
            "{played:?}"
        );
    }
    let other = run(&place, &["--seed", "2"]).await;
    assert_eq!((other.code, &other.json()["verdicts"]["inconclusive"]), (Some(1), &json!(1)), "{other:?}");
    assert!(other.stderr.contains("answers.jsonl has no answer for"), "{other:?}");
}

#[tokio::test]
async fn a_server_that_is_away_leaves_the_run_open() {
    let place = Place::default().with("JUDGE_KEY", KEY);
    place.file("refund.yaml", scenario("http://127.0.0.1:1"));
    let ran = run(&place, &["--record"]).await;
    assert_eq!((ran.code, &ran.json()["verdicts"]["inconclusive"]), (Some(1), &json!(1)), "{ran:?}");
    assert!(ran.stderr.contains("the model does not answer"), "{ran:?}");
}
