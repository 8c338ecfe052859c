//! Answers that rest on passages.

use super::{Mind, saying};
use colloquy_domain::{
    grounding::ABSTAIN,
    knowledge::Passage,
    model::{Completion, CompletionRequest},
};

/// Quotes the sentence that shares most words with the last message, and cites its passage.
pub struct Quotes;

impl Mind for Quotes {
    fn answer(&self, _: &str, request: &CompletionRequest) -> Completion {
        let asked = words(request.messages.last().map(String::as_str).unwrap_or_default());
        let shared = |sentence: &str| words(sentence).iter().filter(|w| asked.contains(w)).count();
        let sentences = (1..)
            .zip(&request.passages)
            .flat_map(|(n, p)| p.text.split_inclusive(['.', '!', '?', '\n']).map(move |s| (n, s.trim())));
        // The first of equals: the best passage comes first.
        let mut best: Option<(usize, usize, &str)> = None;
        for (n, sentence) in sentences.filter(|(_, s)| !s.is_empty()) {
            let fits = shared(sentence);
            if best.is_none_or(|(most, ..)| fits > most) {
                best = Some((fits, n, sentence));
            }
        }
        saying(best.map_or_else(|| ABSTAIN.to_owned(), |(_, n, sentence)| format!("{sentence} [{n}]")))
    }
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|w| w.chars().count() > 2).map(str::to_owned).collect()
}

/// The turn's passages, then those that its tools found, each once: the order that citations number.
fn citable(request: &CompletionRequest) -> Vec<&Passage> {
    let found = request.steps.iter().flat_map(|s| s.results.iter().flatten()).flat_map(|r| &r.passages);
    let mut all: Vec<&Passage> = Vec::new();
    for p in request.passages.iter().chain(found) {
        if !all.iter().any(|q| q.document == p.document && q.offset == p.offset) {
            all.push(p);
        }
    }
    all
}

/// `say` with a mark for each document that it rests on; without a passage of each, nothing is known.
pub fn resting_on(cites: &[String], say: &str, request: &CompletionRequest) -> String {
    let all = citable(request);
    let number = |name: &String| all.iter().position(|p| p.name == *name).map(|n| n + 1);
    let marks: Option<Vec<String>> = cites.iter().map(|name| number(name).map(|n| format!(" [{n}]"))).collect();
    marks.map_or_else(|| ABSTAIN.to_owned(), |marks| format!("{say}{}", marks.concat()))
}
