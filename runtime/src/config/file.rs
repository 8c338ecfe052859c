//! The configuration file: TOML, read into the same texts as the other layers.

use super::{
    Config, fields,
    mcp::{self, MCP},
    problems::Problems,
};
use colloquy_llm::Price;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The table of prices.
const PRICES: &str = "prices";
/// Tables whose entries are settings.
const SECTIONS: &[&str] = &["openai", "embedding", "nats", "qdrant", "jwt", "mail", "limits", "otlp"];

/// One reading of one file.
struct Reading<'a> {
    name: &'a str,
    text: &'a str,
    config: &'a mut Config,
    problems: &'a mut Problems,
}

/// Applies the text of the file called `name`.
pub fn apply(config: &mut Config, name: &str, text: &str, problems: &mut Problems) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reading = Reading { name, text, config, problems };
    for error in &errors {
        let at = reading.line(error.span().map_or(0, |s| s.start));
        reading.problems.add("file", error.message(), at);
    }
    if errors.is_empty() {
        for (key, value) in in_order(table.get_ref()) {
            reading.entry(key, value);
        }
    }
}

type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;

impl Reading<'_> {
    fn line(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or(self.text);
        format!("{} line {}", self.name, before.matches('\n').count() + 1)
    }

    fn entry(&mut self, key: &Key<'_>, value: &Spanned<DeValue<'_>>) {
        let name = key.get_ref().as_ref();
        match value.get_ref() {
            DeValue::Table(models) if name == PRICES => {
                for (model, price) in in_order(models) {
                    self.price(model, price);
                }
            }
            DeValue::Table(programs) if name == MCP => {
                for (program, entries) in in_order(programs) {
                    self.program(program, entries);
                }
            }
            DeValue::Table(entries) if SECTIONS.contains(&name) => {
                for (key, value) in in_order(entries) {
                    self.setting(&format!("{name}.{}", key.get_ref()), key.span().start, value);
                }
            }
            _ => self.setting(name, key.span().start, value),
        }
    }

    fn setting(&mut self, key: &str, offset: usize, value: &Spanned<DeValue<'_>>) {
        let at = self.line(offset);
        let Some(field) = fields::by_key(key) else {
            let sentence = match key {
                PRICES => "must be tables, for example [prices.\"gpt-4o-mini\"]",
                MCP => "must be tables, for example [mcp.files]",
                k if SECTIONS.contains(&k) => "must be a table",
                _ => "there is no such setting",
            };
            return self.problems.add(key, sentence, at);
        };
        match scalar(value.get_ref()) {
            Some(text) => super::load::set(self.config, field, key, &text, &at, self.problems),
            None => self.problems.add(key, "must be a single value", at),
        }
    }

    fn program(&mut self, name: &Key<'_>, entries: &Spanned<DeValue<'_>>) {
        let at = self.line(name.span().start);
        let name = name.get_ref();
        let Some(table) = entries.get_ref().as_table() else {
            return self.problems.add(format!("{MCP}.{name}"), "must be a table with a `command`", at);
        };
        let mut found = Vec::new();
        for (key, value) in in_order(table) {
            found.push((key.get_ref().as_ref(), value.get_ref(), self.line(key.span().start)));
        }
        mcp::read(self.config, name, &found, &at, self.problems);
    }

    fn price(&mut self, model: &Key<'_>, price: &Spanned<DeValue<'_>>) {
        let name = format!("{PRICES}.{}", model.get_ref());
        let at = self.line(model.span().start);
        let Some(table) = price.get_ref().as_table() else {
            return self.problems.add(name, "must be a table with `prompt` and `completion`", at);
        };
        let mut found = Price { prompt_micros: 0, completion_micros: 0 };
        for (key, value) in in_order(table) {
            let at = self.line(key.span().start);
            let place = match key.get_ref().as_ref() {
                "prompt" => &mut found.prompt_micros,
                "completion" => &mut found.completion_micros,
                other => {
                    self.problems.add(format!("{name}.{other}"), "there is no such setting", at);
                    continue;
                }
            };
            match scalar(value.get_ref()).as_deref().and_then(micros) {
                Some(micros) => *place = micros,
                None => {
                    let sentence = "must be a number of dollars per million tokens, from 0 to 10000";
                    self.problems.add(format!("{name}.{}", key.get_ref()), sentence, at);
                }
            }
        }
        for required in ["prompt", "completion"] {
            if !table.keys().any(|k| k.get_ref() == required) {
                self.problems.add(format!("{name}.{required}"), "is missing", at.clone());
            }
        }
        self.config.prices.insert(model.get_ref().to_string(), found);
    }
}

/// As they stand in the file.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Key<'i>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(s) => Some(s.to_string()),
        DeValue::Integer(n) if n.radix() == 10 => Some(n.as_str().replace('_', "")),
        DeValue::Float(n) => Some(n.as_str().replace('_', "")),
        DeValue::Boolean(b) => Some(b.to_string()),
        _ => None,
    }
}

/// Dollars as millionths of a dollar.
fn micros(dollars: &str) -> Option<u64> {
    let dollars: f64 = dollars.parse().ok().filter(|d| (0.0..=10_000.0).contains(d))?;
    // In range by the line above; rounded because 0.15 is not exact in binary.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10^10")]
    Some((dollars * 1e6).round() as u64)
}
