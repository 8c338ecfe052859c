//! What a provider would refuse, found before it is asked.

use super::{
    Button, Category, Component, Format, Template,
    gaps::{self, Piece},
};

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub field: String,
    pub message: String,
}

/// Problems as they are found.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { field: field.into(), message: message.into() });
    }

    fn unless(&mut self, right: bool, field: &str, message: impl Into<String>) {
        if !right {
            self.add(field, message);
        }
    }

    /// Its number of gaps, if they are right.
    fn gaps(&mut self, field: &str, text: &str) -> usize {
        gaps::count(text).map_err(|message| self.add(field, message)).unwrap_or(0)
    }
}

const LONGEST_NAME: usize = 512;
const LONGEST_BODY: usize = 1_024;
const LONGEST_HEADER: usize = 60;
const LONGEST_FOOTER: usize = 60;
const LONGEST_BUTTON: usize = 25;
const LONGEST_URL: usize = 2_000;
const LONGEST_PHONE: usize = 20;
const MOST_BUTTONS: usize = 10;
const MOST_URLS: usize = 2;
const MOST_PHONES: usize = 1;

/// All that is wrong with a template that is to be made; nothing if it can be.
#[must_use]
pub fn check(template: &Template) -> Vec<Problem> {
    let mut found = Problems::default();
    let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let fits = (1..=LONGEST_NAME).contains(&template.name.len()) && template.name.chars().all(named);
    found.unless(fits, "name", "must have 1 to 512 lower-case letters, digits and underscores");
    found.unless(is_language(&template.language), "language", "must be a code such as en or en_US");
    if template.category == Category::Authentication {
        found.add(
            "category",
            "must be MARKETING or UTILITY: codes to sign in are set up at the provider, then synchronised",
        );
    }
    components(&template.components, &mut found);
    found.0
}

fn is_language(code: &str) -> bool {
    let (language, region) = code.split_once('_').map_or((code, None), |(l, r)| (l, Some(r)));
    let letters =
        |text: &str, most: usize| (2..=most).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphabetic());
    letters(language, 3) && language.chars().all(|c| c.is_ascii_lowercase()) && region.is_none_or(|r| letters(r, 4))
}

fn components(components: &[Component], found: &mut Problems) {
    let mut seen = Vec::new();
    for (n, component) in components.iter().enumerate() {
        let at = |field: &str| format!("components[{n}].{field}");
        let kind = std::mem::discriminant(component);
        if seen.contains(&kind) {
            found.add(at("type"), "there can be only one of each kind");
        }
        seen.push(kind);
        match component {
            Component::Header { format, text, example } => {
                let example = example.clone().unwrap_or_default();
                match format {
                    Format::Text => header(text.as_deref().unwrap_or_default(), &example.header_text, &at, found),
                    Format::Image | Format::Video | Format::Document => found.unless(
                        example.header_handle.len() == 1,
                        &at("example.header_handle"),
                        "one is needed: the provider's handle of an uploaded example",
                    ),
                    Format::Unknown => found.add(at("format"), "must be TEXT, IMAGE, VIDEO or DOCUMENT"),
                }
            }
            Component::Body { text, example } => {
                body(text, example.as_ref().and_then(|e| e.body_text.first()).map_or(&[], Vec::as_slice), &at, found);
            }
            Component::Footer { text } => {
                length(text, LONGEST_FOOTER, &at("text"), found);
                found.unless(found_gaps(text) == 0, &at("text"), "takes no parameters");
            }
            Component::Buttons { buttons: all } => buttons(all, &at("buttons"), found),
            Component::Unknown => found.add(at("type"), "must be HEADER, BODY, FOOTER or BUTTONS"),
        }
    }
    let has_body = components.iter().any(|c| matches!(c, Component::Body { .. }));
    found.unless(has_body, "components", "a BODY is needed");
}

fn length(text: &str, most: usize, field: &str, found: &mut Problems) {
    let fits = (1..=most).contains(&text.chars().count()) && !text.trim().is_empty();
    found.unless(fits, field, format!("must have 1 to {most} characters"));
}

fn found_gaps(text: &str) -> usize {
    gaps::pieces(text).iter().filter(|p| matches!(p, Piece::Gap(_))).count()
}

fn examples(given: &[String], wanted: usize, field: &str, found: &mut Problems) {
    let fits = given.len() == wanted && given.iter().all(|e| !e.trim().is_empty());
    found.unless(fits, field, format!("{wanted} are needed, one for each parameter"));
}

fn header(text: &str, given: &[String], at: &dyn Fn(&str) -> String, found: &mut Problems) {
    length(text, LONGEST_HEADER, &at("text"), found);
    let plain = !text.contains(['\n', '\r', '*', '`', '~']);
    found.unless(plain, &at("text"), "takes neither line breaks nor markup");
    let gaps = found.gaps(&at("text"), text);
    found.unless(gaps <= 1, &at("text"), "takes one parameter at most");
    examples(given, gaps, &at("example.header_text"), found);
}

fn body(text: &str, given: &[String], at: &dyn Fn(&str) -> String, found: &mut Problems) {
    length(text, LONGEST_BODY, &at("text"), found);
    let gaps = found.gaps(&at("text"), text);
    let pieces = gaps::pieces(text.trim());
    let is_gap = |p: Option<&Piece<'_>>| matches!(p, Some(Piece::Gap(_)));
    let inside = !is_gap(pieces.first()) && !is_gap(pieces.last());
    found.unless(inside, &at("text"), "cannot begin or end with a parameter");
    let touching = pieces.windows(2).any(|pair| is_gap(pair.first()) && is_gap(pair.last()));
    found.unless(!touching, &at("text"), "needs words between parameters");
    examples(given, gaps, &at("example.body_text"), found);
}

fn buttons(buttons: &[Button], at: &str, found: &mut Problems) {
    let fits = (1..=MOST_BUTTONS).contains(&buttons.len());
    found.unless(fits, at, format!("must be 1 to {MOST_BUTTONS}"));
    let of = |kind: fn(&Button) -> bool| buttons.iter().filter(|b| kind(b)).count();
    let urls = of(|b| matches!(b, Button::Url { .. }));
    found.unless(urls <= MOST_URLS, at, format!("{MOST_URLS} URL buttons at most"));
    let phones = of(|b| matches!(b, Button::PhoneNumber { .. }));
    found.unless(phones <= MOST_PHONES, at, format!("{MOST_PHONES} PHONE_NUMBER button at most"));
    let replies: Vec<bool> = buttons.iter().map(|b| matches!(b, Button::QuickReply { .. })).collect();
    let changes = replies.windows(2).filter(|pair| pair.first() != pair.last()).count();
    found.unless(changes <= 1, at, "quick replies stand together");
    for (n, button) in buttons.iter().enumerate() {
        one_button(button, &|field| format!("{at}[{n}].{field}"), found);
    }
}

fn one_button(button: &Button, at: &dyn Fn(&str) -> String, found: &mut Problems) {
    match button {
        Button::QuickReply { text } | Button::PhoneNumber { text, .. } | Button::Url { text, .. } => {
            length(text, LONGEST_BUTTON, &at("text"), found);
            found.unless(found_gaps(text) == 0, &at("text"), "takes no parameters");
        }
        Button::Unknown => found.add(at("type"), "must be QUICK_REPLY, URL or PHONE_NUMBER"),
    }
    match button {
        Button::PhoneNumber { phone_number, .. } => length(phone_number, LONGEST_PHONE, &at("phone_number"), found),
        Button::Url { url, example, .. } => {
            length(url, LONGEST_URL, &at("url"), found);
            let web = url.starts_with("https://") || url.starts_with("http://");
            found.unless(web, &at("url"), "must be an http or https address");
            let gaps = found.gaps(&at("url"), url);
            let at_end = gaps == 0 || (found_gaps(url) == 1 && url.trim_end().ends_with("}}"));
            found.unless(at_end, &at("url"), "takes one parameter, at its end");
            examples(example, gaps.min(1), &at("example"), found);
        }
        Button::QuickReply { .. } | Button::Unknown => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::BodyExample;

    fn with(components: Vec<Component>) -> Template {
        Template { name: "order_ready".into(), category: Category::Utility, language: "en_US".into(), components }
    }

    fn body_of(text: &str, examples: &[&str]) -> Component {
        let body_text = vec![examples.iter().map(|e| (*e).to_owned()).collect()];
        Component::Body { text: text.into(), example: Some(BodyExample { body_text }) }
    }

    fn fields(template: &Template) -> Vec<String> {
        check(template).into_iter().map(|p| p.field).collect()
    }

    // req: S3-TPL-1
    #[test]
    fn a_good_one_has_no_problems_and_a_bad_one_names_each() {
        let url = Button::Url {
            text: "Track".into(),
            url: "https://x.example/{{1}}".into(),
            example: vec!["https://x.example/7".into()],
        };
        let good = with(vec![
            body_of("Hello {{1}}, {{2}} is ready.", &["Ada", "tea"]),
            Component::Footer { text: "The tea house".into() },
            Component::Buttons { buttons: vec![url, Button::QuickReply { text: "Thanks".into() }] },
        ]);
        assert_eq!(check(&good), []);
        let bad = Template { name: "Order ready".into(), language: "english".into(), ..good.clone() };
        assert_eq!(fields(&bad), ["name", "language"]);
        assert_eq!(fields(&Template { category: Category::Authentication, ..good }), ["category"]);
        assert_eq!(fields(&with(Vec::new())), ["components"]);
    }

    // req: S3-TPL-1
    #[test]
    fn parameters_stand_between_words_and_have_examples() {
        for (text, examples, wrong) in [
            ("{{1}} is ready.", vec!["tea"], "components[0].text"),
            ("Ready: {{1}}", vec!["tea"], "components[0].text"),
            ("For {{1}}{{2}} now.", vec!["Ada", "tea"], "components[0].text"),
            ("For {{1}} and {{3}} now.", vec![], "components[0].text"),
            ("For {{1}} and {{2}} now.", vec!["Ada"], "components[0].example.body_text"),
        ] {
            assert_eq!(fields(&with(vec![body_of(text, &examples)])), [wrong], "{text}");
        }
        let long = body_of(&"x".repeat(1_025), &[]);
        assert_eq!(fields(&with(vec![long])), ["components[0].text"]);
    }

    // req: S3-TPL-1
    #[test]
    fn buttons_keep_to_what_the_provider_shows() {
        let reply = |text: &str| Button::QuickReply { text: text.into() };
        let phone = || Button::PhoneNumber { text: "Call".into(), phone_number: "+15550001".into() };
        let of = |buttons| fields(&with(vec![body_of("Hello.", &[]), Component::Buttons { buttons }]));
        assert_eq!(of(vec![reply("a"), phone(), reply("b")]), ["components[1].buttons"], "mixed");
        assert_eq!(of(vec![phone(), phone()]), ["components[1].buttons"]);
        assert_eq!(of(vec![reply(&"x".repeat(26))]), ["components[1].buttons[0].text"]);
        assert_eq!(of(vec![Button::Unknown]), ["components[1].buttons[0].type"]);
        let inside = Button::Url { text: "Go".into(), url: "https://{{1}}.example/".into(), example: vec!["x".into()] };
        assert_eq!(of(vec![inside]), ["components[1].buttons[0].url"]);
    }
}
