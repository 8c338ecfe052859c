use super::*;
use crate::tests_support::{Heard, request};
use colloquy_domain::model::{HistoryMessage, Speaker, Step};
use std::time::Duration;

const SCRIPT: &str = r#"{"rules": [
    {"when": {"matches": "(?i)refund", "step": 0}, "text": "One moment.", "calls": [{"name": "hand_over", "arguments": {"reason": "refund"}}]},
    {"when": {"step": 1}, "text": "A person comes."},
    {"when": {"contains": "slow"}, "delay_ms": 5000, "text": "Here I am."},
    {"when": {"contains": "busy"}, "fail": {"code": "model.rate_limited", "retry": true, "after_ms": 1000}},
    {"when": {"contains": "broken"}, "fail": {"code": "model.refused"}},
    {"when": {"turn": 3}, "text": "Third time: {message}"}
]}"#;

async fn play(request: CompletionRequest) -> (CompletionResult, String) {
    let heard = Heard::default();
    let result = Scripted::from_json(SCRIPT).unwrap().complete(request, &heard).await;
    (result, heard.text())
}

#[tokio::test(start_paused = true)]
async fn rules_apply_by_words_pattern_turn_and_step() {
    let started = tokio::time::Instant::now();
    let (first, heard) = play(request("I want a REFUND")).await;
    let first = first.unwrap();
    assert_eq!(heard, "One moment.");
    assert_eq!((first.calls[0].id.as_str(), first.calls[0].arguments.as_str()), ("call_0_0", r#"{"reason":"refund"}"#));
    let mut second = request("I want a REFUND");
    second.steps = vec![Step { no: 0, completion: first, results: vec![None] }];
    assert_eq!(play(second).await.0.unwrap().text, "A person comes.");
    let mut third = request("again");
    third.history = vec![HistoryMessage { speaker: Speaker::Person, text: "x".into(), image: None }; 2];
    assert_eq!(play(third).await.0.unwrap().text, "Third time: again");
    assert_eq!(play(request("anything")).await.0.unwrap().text, "anything");
    assert_eq!(started.elapsed(), Duration::ZERO, "instant where no delay is asked for");
}

#[tokio::test(start_paused = true)]
async fn delays_and_failures_come_as_written() {
    let started = tokio::time::Instant::now();
    assert_eq!(play(request("slow")).await.0.unwrap().text, "Here I am.");
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    let hurried = CompletionRequest { timeout: Duration::from_secs(1), ..request("slow") };
    assert_eq!(play(hurried).await.0.unwrap_err().code, "model.timeout");
    let busy = play(request("busy")).await.0.unwrap_err();
    assert_eq!(busy, Failure::retry_after(Duration::from_secs(1), "model.rate_limited", "as the script says"));
    assert!(!play(request("broken")).await.0.unwrap_err().is_retry());
}

#[test]
fn a_wrong_script_names_what_is_wrong() {
    let problem = |json: &str| Scripted::from_json(json).unwrap_err().to_string();
    assert!(problem(r#"{"rules": [{"txt": "a"}]}"#).contains("unknown field `txt`"));
    assert!(problem(r#"{"rules": [{"when": {"matches": "("}}]}"#).contains("rules[0].when.matches"));
}
