//! The field `journeys` of an agent: what is wrong with it is told before anybody walks into it. And what needs a model that
//! can do it.

use super::Detail;
use crate::{error::ApiResult, state::Api};
use colloquy_domain::{
    agent::AgentProfile,
    journey::{self, StepTool},
    routing::RoutedBy,
    tool::ToolSpec,
};
use serde_json::Value;

/// What is wrong, with its field.
///
/// # Errors
/// The tools cannot be read now.
pub(super) async fn check(api: &Api, p: &AgentProfile, wrong: &mut Vec<Detail>) -> ApiResult<()> {
    let needs = [
        ("journeys", p.journeys.is_empty()),
        ("specialists", p.specialists.is_empty()),
        ("route_by", p.routes.is_empty() || p.routing.by != RoutedBy::Model),
    ];
    if !api.model.writes(&p.model) {
        let message = "need a language model, which the agent's own is not: see `model`";
        wrong.extend(needs.iter().filter(|(_, none)| !none).map(|(field, _)| Detail::new(*field, message)));
    }
    if p.journeys.is_empty() {
        return Ok(());
    }
    wrong.extend(journey::check(&p.journeys, &p.tools).into_iter().map(|(field, what)| Detail::new(field, what)));
    let tools = api.catalogue.tools(p.tenant, &p.tools).await?;
    for (j, journey) in p.journeys.iter().enumerate() {
        for (s, step) in journey.steps.iter().enumerate() {
            let called = step.tool.as_ref().and_then(|call| Some((call, tools.iter().find(|t| t.name == call.name)?)));
            let Some((call, spec)) = called else { continue };
            let at = format!("journeys[{j}].steps[{s}].tool.arguments");
            wrong.extend(misfits(call, spec).into_iter().map(|what| Detail::new(at.clone(), what)));
        }
    }
    Ok(())
}

/// Arguments that the tool needs and does not get, and such as it does not know.
fn misfits(call: &StepTool, spec: &ToolSpec) -> Vec<String> {
    let schema: Value = serde_json::from_str(&spec.parameters).unwrap_or_default();
    let needed = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing =
        needed.filter(|name| !call.arguments.contains_key(*name)).map(|name| format!("the tool needs `{name}`"));
    let closed = schema["additionalProperties"] == Value::Bool(false);
    let unknown = |name: &&String| closed && schema["properties"].get(name.as_str()).is_none();
    let unknown = call.arguments.keys().filter(unknown).map(|name| format!("the tool has no argument `{name}`"));
    missing.chain(unknown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_domain::{journey::Argument, tool::EffectClass};
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn a_tool_gets_what_it_needs_and_nothing_that_it_does_not_know() {
        let parameters =
            json!({ "required": ["date"], "properties": { "date": {}, "notes": {} }, "additionalProperties": false });
        let spec = |parameters: &Value| ToolSpec {
            name: "book".into(),
            description: String::new(),
            parameters: parameters.to_string(),
            effect: EffectClass::Read,
            timeout: Duration::from_secs(1),
        };
        let call = |names: &[&str]| StepTool {
            name: "book".into(),
            arguments: names.iter().map(|n| ((*n).to_owned(), Argument::Slot("s".into()))).collect(),
        };
        assert_eq!(misfits(&call(&["date", "notes"]), &spec(&parameters)), Vec::<String>::new());
        let both = ["the tool needs `date`", "the tool has no argument `day`"];
        assert_eq!(misfits(&call(&["day"]), &spec(&parameters)), both);
        assert_eq!(misfits(&call(&["day"]), &spec(&json!({ "type": "object" }))), Vec::<String>::new());
    }
}
