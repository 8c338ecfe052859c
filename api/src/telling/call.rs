//! What is told of a telephone call.

use colloquy_store::Call;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallData<'a> {
    call_id: String,
    direction: &'static str,
    from: Option<&'a str>,
    to: Option<&'a str>,
    status: &'static str,
    /// In seconds.
    duration: Option<u64>,
    ai_handled: bool,
    transcript: &'a str,
    outcome: Option<&'static str>,
    provider: Provider<'a>,
}

/// What the provider knows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Provider<'a> {
    name: &'a str,
    call_id: &'a str,
    summary: Option<&'a str>,
    structured_data: Option<Box<RawValue>>,
}

impl<'a> CallData<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        let facts = &call.facts;
        Self {
            call_id: call.id.to_string(),
            direction: call.direction.name(),
            from: call.from.as_deref(),
            to: call.to.as_deref(),
            status: facts.status.name(),
            duration: facts.seconds,
            ai_handled: facts.ai_handled,
            transcript: &facts.transcript,
            outcome: facts.outcome.map(colloquy_domain::call::CallOutcome::name),
            provider: Provider {
                name: &call.provider,
                call_id: &call.external_id,
                summary: facts.summary.as_deref(),
                structured_data: facts.structured.clone().and_then(|json| RawValue::from_string(json).ok()),
            },
        }
    }
}
