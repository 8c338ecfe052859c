//! Tool calls that a model printed as text instead of calling: pure.
//!
//! Small models and servers without a parser for a model's dialect answer `{"name": …, "arguments": …}` as text, bare,
//! in a code fence, or between `<tool_call>` marks. Only an answer that is nothing else, and names tools that were
//! offered, counts.

use serde_json::Value;

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";
const FENCE: &str = "```";

/// Whether a text that begins so may turn out to be a printed call.
pub(super) fn may_become(begun: &str) -> bool {
    let begun = begun.trim_start();
    let array =
        begun.strip_prefix('[').is_some_and(|rest| rest.trim_start().is_empty() || rest.trim_start().starts_with('{'));
    begun.starts_with('{')
        || array
        || begun.starts_with(FENCE)
        || FENCE.starts_with(begun)
        || begun.starts_with(OPEN)
        || OPEN.starts_with(begun)
}

/// The calls that a text prints, as (name, arguments); `None` if it is anything else.
pub(super) fn read(text: &str, tools: &[String]) -> Option<Vec<(String, String)>> {
    if !may_become(text) || text.trim().is_empty() {
        return None;
    }
    let mut calls = Vec::new();
    for document in serde_json::Deserializer::from_str(&unwrapped(text)).into_iter::<Value>() {
        collect(&document.ok()?, tools, &mut calls)?;
    }
    (!calls.is_empty()).then_some(calls)
}

fn unwrapped(text: &str) -> String {
    let text = text.trim();
    if let Some(fenced) = text.strip_prefix(FENCE) {
        let inside = fenced.trim_end_matches('`');
        return inside.split_once('\n').map_or(inside, |(_, rest)| rest).to_owned();
    }
    text.replace(OPEN, " ").replace(CLOSE, " ")
}

fn collect(value: &Value, tools: &[String], calls: &mut Vec<(String, String)>) -> Option<()> {
    if let Some(list) = value.as_array().or_else(|| value.get("tool_calls")?.as_array()) {
        return list.iter().try_for_each(|v| collect(v, tools, calls));
    }
    let call = value.get("function").filter(|f| f.is_object()).unwrap_or(value);
    let name = call.get("name")?.as_str()?;
    let arguments = match call.get("arguments").or_else(|| call.get("parameters"))? {
        Value::String(text) => text.clone(),
        object @ Value::Object(_) => object.to_string(),
        _ => return None,
    };
    if !tools.iter().any(|t| t == name) {
        return None;
    }
    calls.push((name.to_owned(), arguments));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> Vec<String> {
        vec!["search".into(), "hand_over".into()]
    }

    #[test]
    fn the_forms_that_models_print_are_read() {
        let one = Some(vec![("search".to_owned(), r#"{"q":"a"}"#.to_owned())]);
        for text in [
            r#"{"name":"search","arguments":{"q":"a"}}"#,
            r#" {"name":"search","parameters":"{\"q\":\"a\"}"} "#,
            "```json\n{\"name\":\"search\",\"arguments\":{\"q\":\"a\"}}\n```",
            "<tool_call>\n{\"name\":\"search\",\"arguments\":{\"q\":\"a\"}}\n</tool_call>",
            r#"[{"type":"function","function":{"name":"search","arguments":"{\"q\":\"a\"}"}}]"#,
            r#"{"tool_calls":[{"function":{"name":"search","arguments":{"q":"a"}}}]}"#,
        ] {
            assert_eq!(read(text, &tools()), one, "{text}");
        }
        let two = "<tool_call>{\"name\":\"search\",\"arguments\":{}}</tool_call>\n<tool_call>{\"name\":\"hand_over\",\"arguments\":{}}</tool_call>";
        assert_eq!(read(two, &tools()).map(|c| c.len()), Some(2));
    }

    #[test]
    fn other_json_and_unknown_tools_stay_text() {
        for text in [
            r#"{"name":"Ada","age":36}"#,
            r#"{"name":"rm","arguments":{}}"#,
            "```rust\nfn main() {}\n```",
            "[1] says so.",
            r#"Call {"name":"search","arguments":{}}"#,
            "{",
            "",
        ] {
            assert_eq!(read(text, &tools()), None, "{text}");
        }
        assert!(!may_become("[1] says"));
        assert!(may_become("") && may_become("``") && may_become("<tool") && may_become("[ {"));
    }
}
