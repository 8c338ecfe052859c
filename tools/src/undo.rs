//! The call that undoes one that was done, from what is declared of its tool.

use colloquy_domain::tool::{Undo, UndoneBy};
use serde_json::{Map, Value, json};

/// `None` where what it needs is not there: nobody could say what to undo.
pub(crate) fn of(by: &UndoneBy, arguments: &Value, content: &str) -> Option<Undo> {
    let result = serde_json::from_str(content).unwrap_or_else(|_| Value::String(content.to_owned()));
    let done = json!({ "arguments": arguments, "result": result });
    let taken = |(name, pointer): (&String, &String)| Some((name.clone(), done.pointer(pointer)?.clone()));
    let arguments: Option<Map<String, Value>> = by.arguments.iter().map(taken).collect();
    let Some(arguments) = arguments else {
        tracing::warn!(tool.name = %by.tool, "what was done does not say what to undo");
        return None;
    };
    Some(Undo { tool: by.tool.clone(), arguments: Value::Object(arguments).to_string(), automatic: by.automatic })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(arguments: &[(&str, &str)]) -> UndoneBy {
        let arguments = arguments.iter().map(|(name, at)| ((*name).to_owned(), (*at).to_owned())).collect();
        UndoneBy { tool: "shop__cancel".into(), arguments, automatic: true }
    }

    #[test]
    fn arguments_come_from_the_call_and_from_what_it_answered() {
        let declared = by(&[("order", "/result/order/id"), ("item", "/arguments/item"), ("all", "/result")]);
        let undo = of(&declared, &json!({ "item": "tea" }), r#"{"order":{"id":7}}"#).expect("known");
        assert_eq!((undo.tool.as_str(), undo.automatic), ("shop__cancel", true));
        let arguments: Value = serde_json::from_str(&undo.arguments).expect("JSON");
        assert_eq!(arguments, json!({ "order": 7, "item": "tea", "all": { "order": { "id": 7 } } }));
    }

    #[test]
    fn an_answer_that_is_no_json_is_a_text_and_what_is_not_there_undoes_nothing() {
        let undo = of(&by(&[("order", "/result")]), &json!({}), "A-7").expect("known");
        assert_eq!(undo.arguments, r#"{"order":"A-7"}"#);
        assert_eq!(of(&by(&[("order", "/result/id")]), &json!({}), "A-7"), None);
    }
}
