//! The script's form and which of its rules applies: pure.

use colloquy_domain::{
    failure::Failure,
    model::{CompletionRequest, Speaker},
};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    #[serde(default)]
    when: When,
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) calls: Vec<Call>,
    fail: Option<Fail>,
    delay_ms: Option<u64>,
}

/// All conditions that are given must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    contains: Option<String>,
    matches: Option<String>,
    turn: Option<usize>,
    step: Option<usize>,
    /// `matches`, compiled.
    #[serde(skip)]
    pattern: Option<Regex>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) name: String,
    /// An object, or text for arguments that are wrong on purpose.
    #[serde(default)]
    arguments: Value,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fail {
    code: String,
    #[serde(default)]
    retry: bool,
    after_ms: Option<u64>,
}

/// What a rule looks at.
pub(super) struct Asked<'a> {
    pub(super) message: &'a str,
    turn: usize,
    step: usize,
}

impl<'a> Asked<'a> {
    pub(super) fn of(request: &'a CompletionRequest) -> Self {
        let earlier = request.history.iter().filter(|m| m.speaker == Speaker::Person).count();
        let message = request.messages.last().map_or("", String::as_str);
        Self { message, turn: earlier + 1, step: request.steps.len() }
    }
}

impl Script {
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        let mut script: Self = serde_json::from_str(json).map_err(|e| e.to_string())?;
        for (number, rule) in script.rules.iter_mut().enumerate() {
            if let Some(pattern) = &rule.when.matches {
                let compiled = Regex::new(pattern).map_err(|e| format!("rules[{number}].when.matches: {e}"))?;
                rule.when.pattern = Some(compiled);
            }
        }
        Ok(script)
    }

    pub(super) fn rule(&self, asked: &Asked<'_>) -> Option<&Rule> {
        self.rules.iter().find(|r| r.when.holds(asked))
    }
}

impl When {
    fn holds(&self, asked: &Asked<'_>) -> bool {
        self.contains.as_ref().is_none_or(|c| asked.message.contains(c.as_str()))
            && self.pattern.as_ref().is_none_or(|p| p.is_match(asked.message))
            && self.turn.is_none_or(|t| t == asked.turn)
            && self.step.is_none_or(|s| s == asked.step)
    }
}

impl Rule {
    pub(super) fn delay(&self) -> Option<Duration> {
        self.delay_ms.filter(|ms| *ms > 0).map(Duration::from_millis)
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        let Fail { code, retry, after_ms } = self.fail.as_ref()?;
        let detail = "as the script says";
        Some(match (retry, after_ms) {
            (true, Some(ms)) => Failure::retry_after(Duration::from_millis(*ms), code, detail),
            (true, None) => Failure::retry(code, detail),
            (false, _) => Failure::reject(code, detail),
        })
    }
}

impl Call {
    pub(super) fn arguments(&self) -> String {
        match &self.arguments {
            Value::Null => "{}".into(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }
    }
}
