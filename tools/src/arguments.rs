//! From the text that a model wrote to checked arguments: pure.

use colloquy_domain::failure::Failure;
use jsonschema::Validator;
use serde_json::{Map, Value};

/// Longest arguments that are read at all, in bytes.
const LONGEST: usize = 64 * 1024;
/// Problems that are named in one answer.
const NAMED: usize = 5;

/// Reads and checks arguments. Empty text means no arguments; JSON within a JSON string, as some models write it, is
/// unwrapped once.
///
/// # Errors
/// `tool.invalid_arguments`, naming each field that does not fit, without its value.
pub(crate) fn check(text: &str, schema: &Validator) -> Result<Value, Failure> {
    if text.len() > LONGEST {
        return Err(invalid(format!("the arguments are longer than {LONGEST} bytes")));
    }
    let value =
        parse(text).map_err(|e| invalid(format!("not valid JSON at line {} column {}", e.line(), e.column())))?;
    if !value.is_object() {
        return Err(invalid("the arguments must be one JSON object".into()));
    }
    let problems: Vec<String> = schema.iter_errors(&value).take(NAMED).map(|e| describe(&e)).collect();
    if problems.is_empty() { Ok(value) } else { Err(invalid(problems.join("; "))) }
}

fn parse(text: &str) -> Result<Value, serde_json::Error> {
    if text.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_str(text)? {
        Value::String(inner) => serde_json::from_str(&inner),
        value => Ok(value),
    }
}

fn describe(error: &jsonschema::ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    let field = path.trim_start_matches('/').replace('/', ".");
    // Masked: the value is what a model or a person wrote.
    let problem = error.masked().to_string();
    if field.is_empty() { problem } else { format!("{field}: {problem}") }
}

fn invalid(detail: String) -> Failure {
    Failure::reject("tool.invalid_arguments", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn schema() -> Validator {
        jsonschema::validator_for(&json!({
            "type": "object",
            "properties": {"query": {"type": "string", "minLength": 1}, "limit": {"type": "integer", "maximum": 10}},
            "required": ["query"],
            "additionalProperties": false
        }))
        .unwrap()
    }

    fn problem(text: &str) -> String {
        let failure = check(text, &schema()).unwrap_err();
        assert_eq!(failure.code, "tool.invalid_arguments");
        failure.detail
    }

    #[test]
    fn problems_name_the_field_and_never_the_value() {
        insta::assert_snapshot!(problem(r#"{"query": "secret", "limit": 99}"#), @"limit: value is greater than the maximum of 10");
        insta::assert_snapshot!(problem(r#"{"query": 7}"#), @r#"query: value is not of type "string""#);
        insta::assert_snapshot!(problem(""), @r#""query" is a required property"#);
        insta::assert_snapshot!(problem(r#"{"query": "a", "more": 1}"#), @"Additional properties are not allowed ('more' was unexpected)");
        insta::assert_snapshot!(problem("[1]"), @"the arguments must be one JSON object");
        insta::assert_snapshot!(problem("{\"query\": "), @"not valid JSON at line 1 column 10");
    }

    #[test]
    fn arguments_printed_as_a_json_string_are_unwrapped() {
        assert_eq!(check(r#""{\"query\":\"a\"}""#, &schema()).unwrap(), json!({"query": "a"}));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_passes_fits_the_schema(text in ".{0,60}") {
            if let Ok(value) = check(&text, &schema()) {
                prop_assert!(value["query"].is_string());
            }
        }
    }
}
