//! What needs no document: greetings, thanks, and the wish for a person.

use colloquy_domain::words::{fold, raw};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SmallTalk {
    Greeting,
    Thanks,
    /// Wants to talk to a person.
    Person,
}

const GREETINGS: &str =
    "hello hi hey good morning afternoon evening day greetings bonjour bonsoir salut coucou allo start";
const THANKS: &str = "thanks thank thx merci cheers perfect great super parfait genial bye goodbye revoir bientot au";
/// May stand beside them without asking anything.
const FILLERS: &str = "you there all everyone everybody sir madam team very much so many a lot a for your the help that is \
    this was it ok okay oui yes vous tu toi madame monsieur tout le monde a tous toutes beaucoup bien pour votre ton aide \
    de l infiniment et and again encore how are doing ca va comment allez s it nice to meet reponse answer bonne journee \
    soiree have good day see later";

/// The wish for a person, in order of words.
const PERSON: &[&str] = &[
    "talk to a human",
    "talk to a person",
    "talk to someone",
    "talk to an agent",
    "talk to an operator",
    "speak to a human",
    "speak to a person",
    "speak to someone",
    "speak to an agent",
    "speak with a human",
    "speak with someone",
    "speak with a person",
    "speak with an agent",
    "talk with a human",
    "talk with someone",
    "real person",
    "human agent",
    "human please",
    "parler a un humain",
    "parler a quelqu un",
    "parler a un conseiller",
    "parler a une personne",
    "parler avec un humain",
    "parler avec un conseiller",
    "parler avec quelqu un",
    "parler a un agent",
    "un vrai humain",
    "une vraie personne",
    "conseiller humain",
];

/// What a message is, if it is nothing but small talk (or asks for a person).
pub(super) fn recognise(message: &str) -> Option<SmallTalk> {
    let words: Vec<String> = raw(message).map(|w| fold(&w.to_lowercase())).collect();
    let joined = words.join(" ");
    if PERSON.iter().any(|p| format!(" {joined} ").contains(&format!(" {p} "))) {
        return Some(SmallTalk::Person);
    }
    let listed = |list: &str, word: &str| list.split_ascii_whitespace().any(|w| w == word);
    let (greets, thanks) = (|w: &str| listed(GREETINGS, w), |w: &str| listed(THANKS, w));
    if words.is_empty() || words.len() > 10 || !words.iter().all(|w| greets(w) || thanks(w) || listed(FILLERS, w)) {
        return None;
    }
    if words.iter().any(|w| thanks(w)) {
        Some(SmallTalk::Thanks)
    } else {
        words.iter().any(|w| greets(w)).then_some(SmallTalk::Greeting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_talk_is_told_from_questions() {
        use SmallTalk::{Greeting, Person, Thanks};
        for (message, want) in [
            ("Hello!", Some(Greeting)),
            ("Bonjour à tous", Some(Greeting)),
            ("good morning, how are you?", Some(Greeting)),
            ("/start", Some(Greeting)),
            ("Merci beaucoup !", Some(Thanks)),
            ("thanks for your help", Some(Thanks)),
            ("au revoir", Some(Thanks)),
            ("I want to talk to a human", Some(Person)),
            ("Je voudrais parler à quelqu'un", Some(Person)),
            ("Hello, when do you open?", None),
            ("Merci de me donner vos horaires", None),
            ("How are refunds handled?", None),
            ("12", None),
            ("?", None),
        ] {
            assert_eq!(recognise(message), want, "{message}");
        }
    }
}
