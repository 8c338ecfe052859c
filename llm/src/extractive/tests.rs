use super::*;
use crate::tests_support::{Heard, passage, request};
use colloquy_domain::{
    agent::Unsupported,
    grounding::{Evidence, ground},
    knowledge::{Passage, Scores},
    model::{HistoryMessage, Speaker},
    tool::{EffectClass, ToolSpec},
};
use proptest::prelude::*;
use std::time::Duration;

fn ask(question: &str, passages: Vec<Passage>) -> String {
    complete(&CompletionRequest { passages, ..request(question) }).text
}

#[test]
fn small_talk_is_answered_in_its_language_without_a_citation() {
    assert_eq!(ask("Bonjour !", Vec::new()), phrase(Phrase::Welcome, Language::Fr));
    assert_eq!(ask("hello", Vec::new()), phrase(Phrase::Welcome, Language::En));
    assert_eq!(ask("Thanks a lot!", Vec::new()), "You're welcome!");
    assert_eq!(ask("merci beaucoup", Vec::new()), "Avec plaisir !");
}

// req: C-ACT-3
#[test]
fn a_reply_cites_what_it_says_and_nothing_is_said_without_a_passage() {
    let prices = passage(1, "Prices.pdf", "Delivery costs 5 €. Returns are free.");
    let other = passage(2, "About.md", "Lumen was founded in 1987.");
    let text = ask("How much does delivery cost?", vec![other.clone(), prices.clone()]);
    assert_eq!(text, "Delivery costs 5 €. [2]");
    let evidence = Evidence { passages: &[other, prices], results: &[] };
    let usage = colloquy_domain::model::Usage::default();
    let reply = ground(1, &text, &evidence, Unsupported::Withhold, Language::En, usage);
    assert_eq!((reply.citations[0].name.as_str(), reply.abstained), ("Prices.pdf", false));
    assert_eq!(ask("How much does delivery cost?", Vec::new()), ABSTAIN);
}

#[test]
fn two_documents_that_say_the_same_are_both_cited() {
    let a = passage(1, "a.md", "The warranty lasts two years.");
    let b = passage(2, "b.md", "The warranty lasts two years.");
    assert_eq!(ask("How long does the warranty last?", vec![a, b]), "The warranty lasts two years. [1][2]");
}

#[test]
fn a_list_and_a_table_stay_readable() {
    let hours = passage(1, "hours.md", "Opening hours\n\nMonday: 9–18\nTuesday: 9–18\nSunday: closed");
    insta::assert_snapshot!(ask("What are your opening hours?", vec![hours]), @r"
    - Monday: 9–18
    - Tuesday: 9–18
    - Sunday: closed [1]
    ");
    let plans = passage(1, "plans.csv", "Plan | Price | Users\nBasic | 12 € | 3\nPro | 30 € | 15");
    assert_eq!(ask("What is the price of the Pro plan?", vec![plans]), "Plan: Pro, Price: 30 €, Users: 15 [1]");
    let needs = passage(1, "returns.md", "To return an item you need:\n- the invoice\n- the box");
    assert_eq!(
        ask("What do I need to return an item?", vec![needs]),
        "To return an item you need: the invoice; the box [1]"
    );
}

#[test]
fn a_follow_up_is_understood_from_the_question_before() {
    let hours = passage(1, "hours.md", "The shop is open from 9 to 18 on weekdays. On Sunday the shop opens at 11.");
    let garden = passage(2, "garden.md", "Sunday is the best day to water roses.");
    let mut asked = CompletionRequest { passages: vec![garden, hours], ..request("And on Sunday?") };
    asked.history =
        vec![HistoryMessage { speaker: Speaker::Person, text: "When is the shop open?".into(), image: None }];
    assert!(complete(&asked).text.starts_with("On Sunday the shop opens at 11. [2]"), "{}", complete(&asked).text);
}

#[test]
fn what_was_asked_before_does_not_answer_what_is_asked_now() {
    let killed = passage(1, "faq.md", "Aucun message n'est perdu si le processus est tué.");
    let price = passage(2, "faq.md", "L'abonnement coûte 3 euros par mois.");
    let earlier = HistoryMessage {
        speaker: Speaker::Person,
        text: "Un message est perdu si le processus est tué ?".into(),
        image: None,
    };
    let asked =
        |passages| CompletionRequest { passages, history: vec![earlier.clone()], ..request("Combien ça coûte ?") };
    assert_eq!(complete(&asked(vec![killed.clone()])).text, ABSTAIN);
    assert!(complete(&asked(vec![killed, price])).text.starts_with("L'abonnement coûte 3 euros"));
}

#[test]
fn an_answer_speaks_the_language_of_the_question_where_both_are_there() {
    let french = passage(1, "faq.fr.md", "Pour connecter Telegram, demandez un jeton à @BotFather.");
    let english = passage(2, "faq.md", "To connect Telegram, ask @BotFather for a token.");
    let both = vec![french, english];
    assert_eq!(ask("How do I connect Telegram?", both.clone()), "To connect Telegram, ask @BotFather for a token. [2]");
    let answer = ask("Comment connecter Telegram ?", both);
    assert_eq!(answer, "Pour connecter Telegram, demandez un jeton à @BotFather. [1]");
}

#[test]
fn a_document_in_the_other_language_is_used_when_it_is_close_in_meaning() {
    let english = |cosine| Passage {
        scores: Scores { cosine: Some(cosine), bm25: 0.0, shown: 0.6 },
        ..passage(1, "refunds.md", "Refunds are paid within 14 days to the card that you used.")
    };
    let question = "Sous combien de jours suis-je remboursé ?";
    assert!(ask(question, vec![english(0.6)]).starts_with("Refunds are paid within 14 days"));
    assert_eq!(ask(question, vec![english(0.3)]), ABSTAIN);
}

#[test]
fn each_of_two_questions_gets_its_answer() {
    let prices =
        passage(1, "prices.md", "Delivery costs 5 €. The warranty lasts two years. Ada runs the shop in Paris.");
    let text = ask("How much does delivery cost? And how long does the warranty last?", vec![prices]);
    assert_eq!(text, "Delivery costs 5 €. [1]\n\nThe warranty lasts two years. [1]");
}

#[test]
fn who_asks_for_a_person_is_handed_over_once() {
    let spec = ToolSpec {
        name: "hand_over".into(),
        description: String::new(),
        parameters: "{}".into(),
        effect: EffectClass::Idempotent,
        timeout: Duration::from_secs(1),
    };
    let mut asked = CompletionRequest { tools: vec![spec], ..request("I want to talk to a human") };
    let first = complete(&asked);
    assert_eq!(first.calls[0].name, "hand_over");
    asked.steps = vec![colloquy_domain::model::Step { no: 0, completion: first, results: vec![None] }];
    let second = complete(&asked);
    assert_eq!((second.calls.len(), second.text.as_str()), (0, phrase(Phrase::HandedOver, Language::En)));
    assert_eq!(ask("I want to talk to a human", Vec::new()), phrase(Phrase::HandedOver, Language::En));
}

#[tokio::test]
async fn words_are_streamed() {
    let heard = Heard::default();
    let asked = CompletionRequest {
        passages: vec![passage(1, "a.md", "Delivery costs 5 €.")],
        ..request("What does delivery cost?")
    };
    let completion = Extractive.complete(asked, &heard).await.unwrap();
    assert_eq!(heard.text(), completion.text);
    assert!(heard.pieces().len() > 3);
}

proptest! {
    #[test]
    fn no_text_panics_and_marks_name_a_passage(question in ".{0,60}", texts in prop::collection::vec("(?s).{0,120}", 0..4)) {
        let passages: Vec<Passage> = texts.iter().zip(1..).map(|(t, n)| passage(n, "a", t)).collect();
        let known = passages.len();
        let text = ask(&question, passages);
        for mark in text.split('[').skip(1).filter_map(|m| m.split_once(']')?.0.parse::<usize>().ok()) {
            prop_assert!((1..=known).contains(&mark));
        }
    }
}
