//! Questions that agents could not answer, grouped into topics, so that a team sees what to write next.
//!
//! Each question is put into a topic once, when it is sorted: into the one that is most alike, or into a new one. The
//! measure is on stemmed words; the same questions in the same order make the same topics.

use crate::{language::Language, words::Words};
use std::collections::{BTreeMap, BTreeSet};

/// Likeness from which a question belongs to a topic: 0 to 1, the cosine of their words.
const ALIKE: f32 = 0.5;
/// Words that are kept of a topic: the most frequent ones.
const KEPT: usize = 40;

/// What is known of a topic's questions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topic {
    /// How many of its questions have each word.
    pub words: BTreeMap<String, u32>,
    pub questions: u32,
}

/// The words of a question by which it is compared.
#[must_use]
pub fn words(question: &str, language: Language) -> BTreeSet<String> {
    let language = Language::detect(question).unwrap_or(language);
    Words::of(language).content(question).into_iter().map(|w| w.stem).collect()
}

/// The place of the topic that a question belongs to; the first of equals. A question without words of its own belongs
/// to a topic without words.
#[must_use]
pub fn closest(topics: &[Topic], question: &BTreeSet<String>) -> Option<usize> {
    if question.is_empty() {
        return topics.iter().position(|t| t.words.is_empty());
    }
    let alike = topics.iter().map(|t| t.likeness(question)).enumerate().filter(|(_, l)| *l >= ALIKE);
    alike.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(place, _)| place)
}

impl Topic {
    /// Takes a question in.
    pub fn add(&mut self, question: &BTreeSet<String>) {
        self.questions = self.questions.saturating_add(1);
        for word in question {
            *self.words.entry(word.clone()).or_default() += 1;
        }
        while self.words.len() > KEPT {
            // The rarest goes, of equals the last.
            let rarest = self.words.iter().rev().min_by_key(|(_, n)| **n).map(|(word, _)| word.clone());
            rarest.map(|word| self.words.remove(&word));
        }
    }

    fn likeness(&self, question: &BTreeSet<String>) -> f32 {
        let weight = |n: u32| n as f32 / self.questions.max(1) as f32;
        let common: f32 = question.iter().filter_map(|w| self.words.get(w)).map(|n| weight(*n)).sum();
        let own: f32 = self.words.values().map(|n| weight(*n).powi(2)).sum();
        let length = (own * question.len() as f32).sqrt();
        if length > 0.0 { common / length } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(questions: &[&str]) -> Vec<Vec<usize>> {
        let (mut topics, mut members): (Vec<Topic>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
        for (n, question) in questions.iter().enumerate() {
            let words = words(question, Language::En);
            let place = closest(&topics, &words).unwrap_or_else(|| {
                topics.push(Topic::default());
                members.push(Vec::new());
                topics.len() - 1
            });
            topics[place].add(&words);
            members[place].push(n);
        }
        members
    }

    // req: C-KB-1
    #[test]
    fn questions_about_the_same_share_a_topic() {
        let questions = [
            "Do you have parking for electric cars?",
            "Is there a pool?",
            "Where can I park my electric car?",
            "Avez-vous une borne de recharge ?",
            "Is the pool heated?",
            "Y a-t-il une borne de recharge pour vélos ?",
            "?",
            "Can I charge my electric car in the parking?",
            "!!",
        ];
        assert_eq!(sorted(&questions), [vec![0, 2, 7], vec![1, 4], vec![3, 5], vec![6, 8]]);
    }

    #[test]
    fn a_topic_keeps_its_frequent_words() {
        let mut topic = Topic::default();
        for n in 0..60 {
            topic.add(&["pool".to_owned(), format!("word{n:02}")].into());
        }
        assert_eq!((topic.questions, topic.words.len(), topic.words["pool"]), (60, KEPT, 60));
        assert!(topic.likeness(&["pool".to_owned()].into()) > 0.9);
    }
}
