//! What a person who is played must not do. A run in which they did says nothing about the agent.

use crate::scenario::{Fact, Honesty, Played};
use regex::Regex;

/// What they write alone when they have what they want, or do not expect it any more.
pub const DONE: &str = "[[done]]";
/// Characters that a person types in one message, at most.
const LONGEST: usize = 1_500;
/// How often the same is said before it counts as going round in circles.
const CIRCLES: usize = 3;
/// How people do not begin: as lines of a script do.
const ROLES: [&str; 4] = ["assistant:", "agent:", "user:", "person:"];
/// How people do not speak: as what plays them. In words, between single spaces.
const MACHINES: [&str; 3] = [" as an ai ", " as a language model ", " as an assistant "];

/// What the model wants to say.
#[derive(Debug, PartialEq, Eq)]
pub struct Turn {
    /// Empty when they leave without a word.
    pub text: String,
    pub done: bool,
}

/// What the person says next.
///
/// # Errors
/// The rule that it breaks, in words.
pub fn turn(person: &Played, wrote: &[String], told: &[String], said: &str) -> Result<Turn, String> {
    let (text, done) = match said.split_once(DONE) {
        Some((_, after)) if !after.trim().is_empty() => return Err(format!("goes on after {DONE}")),
        Some((before, _)) => (before.trim(), true),
        None => (said.trim(), false),
    };
    if text.is_empty() && !done {
        return Err("writes nothing".to_owned());
    }
    if text.chars().count() > LONGEST {
        return Err(format!("writes {} characters at once", text.chars().count()));
    }
    if let Some(words) = not_a_person(text) {
        return Err(format!("does not speak as a person: {words:?}"));
    }
    let again = wrote.iter().rev().take_while(|w| *w == text).count();
    if !done && again + 1 >= CIRCLES {
        return Err(format!("says the same {CIRCLES} times"));
    }
    facts(person, wrote, told, text)?;
    Ok(Turn { text: text.to_owned(), done })
}

fn not_a_person(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let words = format!(" {} ", words.join(" "));
    let role = ROLES.into_iter().find(|r| lower.starts_with(r));
    role.or_else(|| MACHINES.into_iter().find(|m| words.contains(m)))
}

fn facts(person: &Played, wrote: &[String], told: &[String], text: &str) -> Result<(), String> {
    if person.honesty == Honesty::Liar {
        return Ok(());
    }
    let asked = |name: &str| told.iter().any(|t| t.to_lowercase().contains(&name.to_lowercase()));
    for (name, fact) in &person.facts {
        if let Some(other) = contradiction(fact, told, text) {
            return Err(format!("contradicts what they know: {name} is {:?}, not {other:?}", fact.is));
        }
        let tells = plain(text).contains(&plain(&fact.is)) && !plain(&fact.is).is_empty();
        let told_before = wrote.iter().any(|w| plain(w).contains(&plain(&fact.is)));
        if person.honesty == Honesty::Reserved && tells && !told_before && !asked(name) {
            return Err(format!("tells {name} before anybody asks"));
        }
    }
    Ok(())
}

/// What looks like the fact and is something else, unless it only repeats what the agent said.
fn contradiction(fact: &Fact, told: &[String], text: &str) -> Option<String> {
    // Patterns were checked when the scenario was read.
    let like = Regex::new(fact.like.as_ref()?).ok()?;
    let mut others = like.find_iter(text).map(|m| m.as_str()).filter(|m| plain(m) != plain(&fact.is));
    others.find(|other| !told.iter().any(|t| t.contains(*other))).map(str::to_owned)
}

/// Letters and digits in lower case: `+33 6 12` and `+33612` are the same.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn person(honesty: &str) -> Played {
        serde_json::from_value(json!({
            "model": {"kind": "echo"}, "persona": "", "goal": "", "honesty": honesty,
            "facts": {"order number": {"is": "#W-4711", "like": "#W-?[0-9]+"}},
        }))
        .expect("a person")
    }

    fn said(honesty: &str, told: &[&str], text: &str) -> Result<Turn, String> {
        let told: Vec<String> = told.iter().map(|t| (*t).to_owned()).collect();
        turn(&person(honesty), &["Hello".to_owned(), "Hello".to_owned()], &told, text)
    }

    #[test]
    fn what_a_person_says_is_sent_and_leaving_is_understood() {
        let plain = |text: &str, done| Ok(Turn { text: text.to_owned(), done });
        assert_eq!(said("honest", &[], " It is #w4711.\n"), plain("It is #w4711.", false));
        assert_eq!(said("honest", &[], "Thank you! [[done]] "), plain("Thank you!", true));
        assert_eq!(said("honest", &[], "[[done]]"), plain("", true));
        assert_eq!(said("reserved", &["Your order number?"], "#W-4711"), plain("#W-4711", false));
        assert_eq!(said("liar", &[], "#W-4712"), plain("#W-4712", false));
        assert_eq!(said("honest", &[], "It has an aisle seat"), plain("It has an aisle seat", false));
        assert_eq!(said("honest", &["Do you mean #W-4712?"], "No, not #W-4712"), plain("No, not #W-4712", false));
    }

    #[test]
    fn every_broken_rule_is_named() {
        for (honesty, text, why) in [
            ("honest", "", "writes nothing"),
            ("honest", "[[done]] One more thing", "goes on after"),
            ("honest", "Agent: how can I help?", "does not speak as a person"),
            ("honest", "Sorry, as an AI I cannot", "does not speak as a person"),
            ("honest", "Hello", "says the same 3 times"),
            ("honest", "It is #W-4712", "contradicts what they know: order number is \"#W-4711\", not \"#W-4712\""),
            ("reserved", "Cancel #W-4711", "tells order number before anybody asks"),
        ] {
            let error = said(honesty, &[], text).expect_err(text);
            assert!(error.starts_with(why), "{text}: {error}");
        }
        let long = said("honest", &[], &"a".repeat(2_000)).expect_err("long");
        assert_eq!(long, "writes 2000 characters at once");
    }
}
