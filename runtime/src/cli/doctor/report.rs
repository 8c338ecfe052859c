//! What was found.

use crate::out;
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    status: State,
    message: String,
    hint: Option<String>,
}

#[derive(Debug, Default)]
pub struct Report(Vec<Check>);

impl Report {
    pub fn ok(&mut self, name: &'static str, message: impl Into<String>) {
        self.0.push(Check { name, status: State::Ok, message: message.into(), hint: None });
    }

    /// Nothing is wrong, and there is something to know.
    pub fn noted(&mut self, name: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Check { name, status: State::Ok, message: message.into(), hint: Some(hint.into()) });
    }

    pub fn warn(&mut self, name: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Check { name, status: State::Warn, message: message.into(), hint: Some(hint.into()) });
    }

    pub fn fail(&mut self, name: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.0.push(Check { name, status: State::Fail, message: message.into(), hint: Some(hint.into()) });
    }

    pub fn worst(&self) -> State {
        self.0.iter().map(|c| c.status).max().unwrap_or(State::Ok)
    }

    pub fn summary(&self) -> Value {
        json!({ "status": self.worst(), "checks": self.0 })
    }

    pub fn print(&self) {
        for check in &self.0 {
            let state = match check.status {
                State::Ok => "ok  ",
                State::Warn => "warn",
                State::Fail => "FAIL",
            };
            out::line(format_args!("{state}  {:<12}  {}", check.name, check.message));
            if let Some(hint) = &check.hint {
                out::line(format_args!("{:20}→ {hint}", ""));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides() {
        let mut report = Report::default();
        report.ok("config", "fine");
        report.warn("model", "missing", "install it");
        assert_eq!(report.worst(), State::Warn);
        report.fail("disk", "full", "make room");
        insta::assert_json_snapshot!(report.summary(), @r#"
        {
          "status": "fail",
          "checks": [
            {
              "name": "config",
              "status": "ok",
              "message": "fine",
              "hint": null
            },
            {
              "name": "model",
              "status": "warn",
              "message": "missing",
              "hint": "install it"
            },
            {
              "name": "disk",
              "status": "fail",
              "message": "full",
              "hint": "make room"
            }
          ]
        }
        "#);
    }
}
