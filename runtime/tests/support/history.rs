//! What must be true of every history, whatever happened: held against the transcripts and what was delivered.

use super::{
    client::Client,
    graph::Graph,
    traffic::{Accepted, address},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the transcripts say, over all conversations.
#[derive(Debug, Default)]
pub struct Found {
    pub conversations: usize,
    /// Every received text, with how often.
    pub received: BTreeMap<String, usize>,
    pub outcomes: BTreeMap<String, usize>,
    /// Every reply's text with its status.
    pub replies: Vec<(String, String)>,
}

/// Reads one transcript and holds it against what must be true of it.
fn examine(conversation: &Value, lines: &[Value], found: &mut Found) {
    let name = conversation["peer"].as_str().unwrap();
    let received: Vec<&Value> = lines.iter().filter(|l| l["speaker"] == "person").collect();
    let numbers: Vec<u64> = received.iter().map(|l| l["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=received.len() as u64).collect::<Vec<_>>(), "{name}: transcript and numbers differ");
    let mut answers: BTreeMap<u64, &str> = BTreeMap::new();
    let mut last_turn = 0;
    for line in received {
        let text = line["text"].as_str().unwrap();
        *found.received.entry(text.to_owned()).or_default() += 1;
        let outcome = line["outcome"]["outcome"].as_str().unwrap_or_else(|| panic!("{name}: no outcome: {line}"));
        *found.outcomes.entry(outcome.to_owned()).or_default() += 1;
        if matches!(outcome, "answered" | "merged") {
            let turn = line["outcome"]["turn"].as_u64().unwrap();
            assert!(turn >= last_turn, "{name}: answered out of order: {line}");
            last_turn = turn;
            if outcome == "answered" {
                assert_eq!(answers.insert(turn, text), None, "{name}: turn {turn} answers twice");
            }
        }
    }
    let mut answered = BTreeSet::new();
    for line in lines.iter().filter(|l| l["speaker"] == "agent") {
        let turn = line["turn"].as_u64().unwrap();
        assert!(answered.insert(turn), "{name}: turn {turn} was answered twice");
        assert_eq!(answers.get(&turn).copied(), line["text"].as_str(), "{name}: the reply of turn {turn}");
        let status = line["status"].as_str().unwrap_or("read by its client");
        found.replies.push((line["text"].as_str().unwrap().to_owned(), status.to_owned()));
    }
    assert_eq!(answered, answers.keys().copied().collect(), "{name}: answered messages without a reply");
}

/// All transcripts.
pub async fn read_all(api: &Client) -> Found {
    let conversations = api.list("/api/conversations", "conversations").await;
    let mut found = Found { conversations: conversations.len(), ..Found::default() };
    for conversation in &conversations {
        let lines = api.transcript(conversation["id"].as_str().unwrap()).await;
        examine(conversation, &lines, &mut found);
    }
    found
}

/// What became of the replies that a provider is to deliver.
#[derive(Debug, Default)]
pub struct Delivered {
    pub twice: usize,
    /// Not repeated, because nobody can tell whether the provider took them.
    pub uncertain: usize,
    /// Of those, what it did take.
    pub uncertain_taken: usize,
}

/// What was delivered, against what the transcripts say of it.
pub fn compare(found: &Found, graph: &Graph) -> Delivered {
    let mut delivered: BTreeMap<String, usize> = BTreeMap::new();
    for sent in graph.sent() {
        *delivered.entry(sent.text).or_default() += 1;
    }
    let mut result = Delivered { twice: delivered.values().filter(|n| **n > 1).count(), ..Delivered::default() };
    for (text, status) in &found.replies {
        match (status.as_str(), delivered.get(text)) {
            ("read by its client", None) | ("sent", Some(_)) => {}
            ("uncertain", taken) => {
                result.uncertain += 1;
                result.uncertain_taken += usize::from(taken.is_some());
            }
            (status, delivered) => panic!("{text:?} is {status}, delivered {delivered:?} times"),
        }
    }
    result
}

/// Reads everything and asserts that of what was accepted nothing was lost, doubled, reordered or left without an outcome;
/// tells the figures under `name`.
///
/// # Panics
/// If anything was.
pub async fn check(name: &str, api: &Client, graph: &Graph, accepted: &Accepted, people: u64) -> (Found, Delivered) {
    let found = read_all(api).await;
    let delivered = compare(&found, graph);
    let lost: Vec<_> = accepted.texts.iter().filter(|t| !found.received.contains_key(*t)).collect();
    let repeated: Vec<_> = found.received.iter().filter(|(_, n)| **n > 1).collect();
    eprintln!(
        "{name}: messages={} duplicates={} outcomes={:?} replies={} delivered={} lost={} taken_in_twice={} \
         delivered_twice={} uncertain={} (of these taken by the provider: {})",
        accepted.texts.len(),
        accepted.duplicates,
        found.outcomes,
        found.replies.len(),
        graph.sent().len(),
        lost.len(),
        repeated.len(),
        delivered.twice,
        delivered.uncertain,
        delivered.uncertain_taken,
    );
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(repeated.is_empty(), "taken in twice: {repeated:?}");
    assert_eq!(found.received.len(), accepted.texts.len(), "what nobody wrote was received");
    assert_eq!(delivered.twice, 0, "replies were delivered twice");
    let unanswered = found.outcomes.keys().any(|o| !matches!(o.as_str(), "answered" | "merged"));
    assert!(!unanswered, "{:?}", found.outcomes);
    for person in 0..people {
        let texts = graph.texts_to(&address(person));
        let replies: Vec<_> = found.replies.iter().map(|(text, _)| text).filter(|t| texts.contains(t)).collect();
        assert_eq!(texts.iter().collect::<Vec<_>>(), replies, "replies overtook each other");
    }
    assert!(graph.complaints().is_empty(), "{:?}", graph.complaints());
    (found, delivered)
}
