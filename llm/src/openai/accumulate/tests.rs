use super::*;
use serde_json::{Value, json};

/// Pushes the chunks; gives the words passed on while they came, and the end.
fn play(tools: &[&str], chunks: &[Value], done: bool) -> (String, Result<Answer, Failure>) {
    let mut accumulator = Accumulator::new(tools.iter().map(|t| (*t).to_owned()).collect(), 2);
    let mut heard = String::new();
    for chunk in chunks {
        match accumulator.push(serde_json::from_value(chunk.clone()).unwrap()) {
            Ok(words) => heard.push_str(&words),
            Err(failure) => return (heard, Err(failure)),
        }
    }
    if done {
        accumulator.done();
    }
    let end = accumulator.finish().map(|(answer, rest)| {
        heard.push_str(&rest);
        answer
    });
    (heard, end)
}

fn delta(delta: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn stop(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn calls(answer: &Answer) -> Vec<(&str, &str, &str)> {
    answer.calls.iter().map(|c| (c.id.as_str(), c.name.as_str(), c.arguments.as_str())).collect()
}

#[test]
fn text_null_content_and_a_usage_chunk_without_choices() {
    let chunks = [
        delta(json!({"role": "assistant", "content": null})),
        delta(json!({"content": "Nine "})),
        delta(json!({"content": [{"type": "text", "text": "to five."}]})),
        stop("stop"),
        json!({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 4}}),
        json!({"choices": null, "usage": null}),
    ];
    let (heard, end) = play(&["search"], &chunks, true);
    let want = Answer {
        text: "Nine to five.".into(),
        calls: Vec::new(),
        usage: Some(TokenUsage { prompt_tokens: Some(12), completion_tokens: Some(4) }),
        truncated: false,
    };
    assert_eq!((heard.as_str(), end), ("Nine to five.", Ok(want)));
}

#[test]
fn id_and_name_come_once_and_arguments_in_fragments_of_two_calls_at_once() {
    let chunks = [
        delta(
            json!({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "search", "arguments": ""}}]}),
        ),
        delta(
            json!({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "hand_over", "arguments": "{\"rea"}}]}),
        ),
        delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"q\":"}}]})),
        delta(
            json!({"tool_calls": [{"index": 1, "function": {"arguments": "son\":1}"}}, {"index": 0, "function": {"arguments": "\"x\"}"}}]}),
        ),
        // The reason says "stop" although there are calls.
        stop("stop"),
    ];
    let (heard, end) = play(&["search", "hand_over"], &chunks, true);
    assert_eq!(heard, "");
    assert_eq!(calls(&end.unwrap()), [("a", "search", r#"{"q":"x"}"#), ("b", "hand_over", r#"{"reason":1}"#)]);
}

#[test]
fn a_missing_index_is_made_up_for() {
    let chunks = [
        delta(json!({"tool_calls": [{"id": "a", "function": {"name": "search", "arguments": "{\"q\":"}}]})),
        delta(json!({"tool_calls": [{"function": {"arguments": "1}"}}]})),
        delta(json!({"tool_calls": [{"id": "b", "function": {"name": "search", "arguments": {"q": 2}}}]})),
        delta(json!({"tool_calls": [{"function": {"name": "hand_over", "arguments": null}}]})),
        stop("tool_calls"),
    ];
    let (_, end) = play(&["search"], &chunks, false);
    assert_eq!(
        calls(&end.unwrap()),
        [("a", "search", r#"{"q":1}"#), ("b", "search", r#"{"q":2}"#), ("call_2_2", "hand_over", "{}")]
    );
}

#[test]
fn calls_that_share_the_index_zero_are_told_apart_by_their_ids() {
    let chunks = [
        delta(json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "search", "arguments": "{}"}}]})),
        delta(json!({"tool_calls": [{"index": 0, "id": "b", "function": {"name": "search", "arguments": "{}"}}]})),
        stop("tool_calls"),
    ];
    let (_, end) = play(&["search"], &chunks, true);
    assert_eq!(calls(&end.unwrap()), [("a", "search", "{}"), ("b", "search", "{}")]);
}

#[test]
fn equal_or_missing_ids_become_different_ones() {
    let call = json!({"id": "", "function": {"name": "search", "arguments": "{}"}});
    let plain =
        json!({"choices": [{"message": {"content": null, "tool_calls": [call, call]}, "finish_reason": "tool_calls"}]});
    let (_, end) = play(&["search"], &[plain], false);
    assert_eq!(calls(&end.unwrap()), [("call_2_0", "search", "{}"), ("call_2_1", "search", "{}")]);
}

#[test]
fn a_plain_answer_is_read_like_a_stream() {
    let plain =
        json!({"choices": [{"message": {"role": "assistant", "content": "Hello."}, "finish_reason": "length"}]});
    let (heard, end) = play(&[], &[plain], false);
    let answer = end.unwrap();
    assert_eq!((heard.as_str(), answer.text.as_str(), answer.truncated), ("Hello.", "Hello.", true));
}

#[test]
fn a_printed_call_is_never_passed_on_as_words() {
    let chunks = [
        delta(json!({"content": " {\"name\": \"search\","})),
        delta(json!({"content": " \"arguments\": {\"q\": 1}}"})),
        stop("stop"),
    ];
    let (heard, end) = play(&["search"], &chunks, true);
    let answer = end.unwrap();
    assert_eq!((heard.as_str(), answer.text.as_str()), ("", ""));
    assert_eq!(calls(&answer), [("call_2_0", "search", r#"{"q":1}"#)]);
}

#[test]
fn words_that_only_looked_like_a_call_are_passed_on() {
    let chunks = [delta(json!({"content": "["})), delta(json!({"content": "1] says so."})), stop("stop")];
    let (heard, end) = play(&["search"], &chunks, true);
    assert_eq!((heard.as_str(), end.unwrap().text.as_str()), ("[1] says so.", "[1] says so."));

    let chunks = [delta(json!({"content": "{\"name\": \"Ada\"}"})), stop("stop")];
    let (heard, end) = play(&["search"], &chunks, true);
    assert_eq!((heard.as_str(), end.unwrap().text.as_str()), ("{\"name\": \"Ada\"}", "{\"name\": \"Ada\"}"));
}

#[test]
fn an_error_in_the_middle_is_a_failure_without_its_message() {
    let error = json!({"error": {"message": "slow down, sk-1", "type": "rate_limit_error"}});
    let (heard, end) = play(&[], &[delta(json!({"content": "Ni"})), error], false);
    let failure = end.unwrap_err();
    assert_eq!((heard.as_str(), failure.code.as_str()), ("Ni", "model.rate_limited"));
    assert!(failure.is_retry() && !failure.detail.contains("sk-1"));
}

#[test]
fn an_answer_without_its_end_is_cut_and_one_without_words_is_empty() {
    let (_, end) = play(&[], &[delta(json!({"content": "Ni"}))], false);
    let failure = end.unwrap_err();
    assert!(failure.is_retry());
    assert_eq!(failure.code, "model.stream_cut");
    assert_eq!(play(&[], &[stop("stop")], true).1.unwrap_err().code, "model.empty_answer");
    assert_eq!(play(&[], &[stop("content_filter")], true).1.unwrap_err().code, "model.refused");
    assert_eq!(play(&[], &[delta(json!({"content": "Nine."}))], true).1.unwrap().text, "Nine.");
}

#[test]
fn a_call_cut_for_length_is_left_out() {
    let chunks = [
        delta(json!({"content": "Wait."})),
        delta(json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "search", "arguments": "{\"q\":"}}]})),
        stop("length"),
    ];
    let answer = play(&["search"], &chunks, true).1.unwrap();
    assert!(answer.calls.is_empty() && answer.truncated);
}
