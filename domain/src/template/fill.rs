//! A template with its gaps filled: what the provider gets, and what people read.

use super::{Button, Component, Format, Problem, Template, gaps};
use serde::{Deserialize, Serialize};

/// What fills the gaps, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// The text's parameter, or the address of the picture, video or document.
    pub header: Vec<String>,
    pub body: Vec<String>,
    /// One for each button with a gap.
    pub buttons: Vec<String>,
}

/// A template that goes out by its name: the provider has its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateCall {
    pub name: String,
    pub language: String,
    pub header: Option<HeaderValue>,
    pub body: Vec<String>,
    pub buttons: Vec<ButtonValue>,
}

/// What fills a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderValue {
    Text(String),
    /// These three are addresses.
    Image(String),
    Video(String),
    Document(String),
}

/// What ends a button's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ButtonValue {
    /// The button's place, from 0.
    pub place: u8,
    pub text: String,
}

/// A template with its gaps filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// Markdown, for people who read the conversation, and for channels that know no templates.
    pub text: String,
    pub call: TemplateCall,
}

const LONGEST_BODY: usize = 1_024;

/// # Errors
/// All that is wrong with the parameters, or that the template cannot be sent by us.
pub fn fill(template: &Template, with: &Parameters) -> Result<Filled, Vec<Problem>> {
    let mut filling =
        Filling { with, wrong: Vec::new(), parts: Vec::new(), links: Vec::new(), header: None, buttons: Vec::new() };
    let mut wanted = (0, 0);
    for component in &template.components {
        match component {
            Component::Header { format, text, .. } => wanted.0 = filling.header(*format, text.as_deref()),
            Component::Body { text, .. } => wanted.1 = filling.body(text),
            Component::Footer { text } => filling.parts.push((2, text.clone())),
            Component::Buttons { buttons } => filling.buttons(buttons),
            Component::Unknown => filling.unsendable(),
        }
    }
    filling.count("header", with.header.len(), wanted.0);
    filling.count("body", with.body.len(), wanted.1);
    let needed = filling.buttons.len();
    filling.count("buttons", with.buttons.len(), needed);
    filling.values();
    filling.done(template)
}

struct Filling<'a> {
    with: &'a Parameters,
    wrong: Vec<Problem>,
    /// With their place in the message.
    parts: Vec<(u8, String)>,
    links: Vec<String>,
    header: Option<HeaderValue>,
    buttons: Vec<ButtonValue>,
}

impl Filling<'_> {
    fn add(&mut self, field: &str, message: impl Into<String>) {
        self.wrong.push(Problem { field: field.to_owned(), message: message.into() });
    }

    fn unsendable(&mut self) {
        self.add("template", "holds a part that cannot be filled here");
    }

    fn gaps(&mut self, text: &str) -> usize {
        gaps::count(text).unwrap_or_else(|_| {
            self.unsendable();
            0
        })
    }

    fn count(&mut self, field: &str, given: usize, wanted: usize) {
        if given != wanted {
            self.add(&format!("parameters.{field}"), format!("{wanted} are needed, {given} are given"));
        }
    }

    fn header(&mut self, format: Format, text: Option<&str>) -> usize {
        let value = self.with.header.first().cloned().unwrap_or_default();
        let media = match format {
            Format::Text => {
                let text = text.unwrap_or_default();
                let gaps = self.gaps(text);
                self.parts.push((0, format!("**{}**", gaps::filled(text, &self.with.header))));
                self.header = (gaps > 0).then_some(HeaderValue::Text(value));
                return gaps;
            }
            Format::Image => HeaderValue::Image(value.clone()),
            Format::Video => HeaderValue::Video(value.clone()),
            Format::Document => HeaderValue::Document(value.clone()),
            Format::Unknown => {
                self.unsendable();
                return 0;
            }
        };
        if !value.starts_with("https://") && !self.with.header.is_empty() {
            self.add("parameters.header[0]", "must be an https address");
        }
        self.parts.push((0, value));
        self.header = Some(media);
        1
    }

    fn body(&mut self, text: &str) -> usize {
        let words = gaps::filled(text, &self.with.body);
        if words.chars().count() > LONGEST_BODY {
            self.add("parameters.body", format!("the message would have more than {LONGEST_BODY} characters"));
        }
        self.parts.push((1, words));
        self.gaps(text)
    }

    fn buttons(&mut self, buttons: &[Button]) {
        for (place, button) in (0..).zip(buttons) {
            match button {
                Button::Url { text, url, .. } => {
                    let value = self.with.buttons.get(self.buttons.len()).cloned();
                    let filled = gaps::filled(url, value.as_slice());
                    self.links.push(format!("[{text}]({filled})"));
                    if self.gaps(url) > 0 {
                        self.buttons.push(ButtonValue { place, text: value.unwrap_or_default() });
                    }
                }
                Button::PhoneNumber { text, phone_number } => self.links.push(format!("{text}: {phone_number}")),
                Button::QuickReply { .. } => {}
                Button::Unknown => self.unsendable(),
            }
        }
    }

    /// Providers refuse parameters that bring their own layout.
    fn values(&mut self) {
        let all = [("header", &self.with.header), ("body", &self.with.body), ("buttons", &self.with.buttons)];
        for (field, values) in all {
            for (n, value) in values.iter().enumerate() {
                if value.trim().is_empty() || value.contains(['\n', '\r', '\t']) || value.contains("     ") {
                    let message = "must not be empty, nor have line breaks, tabs or more than four spaces in a row";
                    self.add(&format!("parameters.{field}[{n}]"), message);
                }
            }
        }
    }

    fn done(mut self, template: &Template) -> Result<Filled, Vec<Problem>> {
        if !self.wrong.is_empty() {
            return Err(self.wrong);
        }
        self.parts.sort_by_key(|(place, _)| *place);
        let parts = self.parts.into_iter().map(|(_, text)| text).chain(self.links);
        let text = parts.collect::<Vec<_>>().join("\n\n");
        let (name, language) = (template.name.clone(), template.language.clone());
        let call =
            TemplateCall { name, language, header: self.header, body: self.with.body.clone(), buttons: self.buttons };
        Ok(Filled { text, call })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Category;

    fn template() -> Template {
        let components = vec![
            Component::Body { text: "Hello {{1}}, {{2}} is ready.".into(), example: None },
            Component::Header { format: Format::Text, text: Some("Order {{1}}".into()), example: None },
            Component::Footer { text: "The tea house".into() },
            Component::Buttons {
                buttons: vec![
                    Button::QuickReply { text: "Thanks".into() },
                    Button::Url { text: "Track".into(), url: "https://x.example/{{1}}".into(), example: Vec::new() },
                ],
            },
        ];
        Template { name: "order_ready".into(), category: Category::Utility, language: "en".into(), components }
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|v| (*v).to_owned()).collect()
    }

    // req: S3-TPL-1
    #[test]
    fn the_provider_gets_values_and_people_read_words() {
        let with = Parameters { header: texts(&["7"]), body: texts(&["Ada", "tea"]), buttons: texts(&["o/7"]) };
        let filled = fill(&template(), &with).unwrap();
        let words = "**Order 7**\n\nHello Ada, tea is ready.\n\nThe tea house\n\n[Track](https://x.example/o/7)";
        assert_eq!(filled.text, words);
        assert_eq!(filled.call.header, Some(HeaderValue::Text("7".into())));
        assert_eq!(
            (filled.call.body, filled.call.buttons),
            (texts(&["Ada", "tea"]), vec![ButtonValue { place: 1, text: "o/7".into() }])
        );
    }

    // req: S3-TPL-1
    #[test]
    fn what_is_missing_or_too_much_is_named() {
        let fields =
            |with: &Parameters| fill(&template(), with).unwrap_err().into_iter().map(|p| p.field).collect::<Vec<_>>();
        let none = Parameters::default();
        assert_eq!(fields(&none), ["parameters.header", "parameters.body", "parameters.buttons"]);
        let lines =
            Parameters { header: texts(&["7"]), body: texts(&["Ada\nLovelace", "tea"]), buttons: texts(&["7"]) };
        assert_eq!(fields(&lines), ["parameters.body[0]"]);
    }
}
