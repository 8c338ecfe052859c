//! How alike what people say is to what somebody wrote down: by the embedding model in use, else by words.

use crate::embed::{Embedder, Slot, Vector};
use colloquy_domain::{
    failure::Failure,
    language::Language,
    meaning::{cosine, in_words},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Texts whose vectors are kept. They are few and the same each time (the routes of agents), but anybody can write some.
const KEPT: usize = 20_000;

pub(super) struct Likeness {
    embedder: Slot,
    /// Vectors of what was written down, by the space and the text.
    known: Mutex<HashMap<(String, String), Vector>>,
}

impl Likeness {
    pub(super) fn new(embedder: Slot) -> Self {
        Self { embedder, known: Mutex::default() }
    }

    /// See [`colloquy_domain::ports::Meaning::likeness`].
    pub(super) async fn of(&self, text: &str, others: &[String], language: Language) -> Result<Vec<f32>, Failure> {
        let knows = |e: &Embedder| !e.space().english_only || language == Language::En;
        let Some(embedder) = self.embedder.answering().filter(|e| knows(e)) else {
            return Ok(in_words(text, others, language));
        };
        match self.by_vectors(&embedder, text, others).await {
            // Whoever wrote waits: words are better than nothing.
            Err(failure) if embedder.is_elsewhere() && failure.is_retry() => Ok(in_words(text, others, language)),
            done => done,
        }
    }

    async fn by_vectors(&self, embedder: &Embedder, text: &str, others: &[String]) -> Result<Vec<f32>, Failure> {
        let space = embedder.space();
        let mut asked = vec![text.to_owned()];
        asked.extend(self.unknown(&space.id, others));
        let mut made = embedder.embed_questions(asked.clone()).await?.into_iter();
        let said = made.next().ok_or_else(|| Failure::retry("embed.failed", "the model returned too few vectors"))?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > KEPT {
            known.clear();
        }
        let fresh: HashMap<String, Vector> = asked.into_iter().skip(1).zip(made).collect();
        let alike = |other: &String| {
            let vector = fresh.get(other).or_else(|| known.get(&(space.id.clone(), other.clone())));
            vector.map_or(-1.0, |v| space.similarity(cosine(&said, v)))
        };
        let likeness = others.iter().map(alike).collect();
        known.extend(fresh.into_iter().map(|(text, vector)| ((space.id.clone(), text), vector)));
        Ok(likeness)
    }

    fn unknown(&self, space: &str, others: &[String]) -> Vec<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unknown: Vec<String> =
            others.iter().filter(|o| !known.contains_key(&(space.to_owned(), (*o).clone()))).cloned().collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{EndpointWords, at, real_embedder};
    use std::sync::Arc;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|t| (*t).to_owned()).collect()
    }

    const DOOR: [&str; 4] =
        ["invoices and payments", "my bill is wrong", "something is broken", "the heating stays cold"];

    #[tokio::test]
    async fn without_a_model_words_decide_in_both_languages() {
        let likeness = Likeness::new(Slot::default());
        let found = likeness.of("My bills are wrong", &texts(&DOOR), Language::En).await.expect("compared");
        assert_eq!(found, [0.0, 1.0, 0.0, 0.0]);
        let french = texts(&["ma facture est fausse", "quelque chose est cassé"]);
        let found = likeness.of("Mes factures sont fausses", &french, Language::Fr).await.expect("compared");
        assert_eq!(found, [1.0, 0.0]);
    }

    // req: S1-ADV-1
    #[tokio::test]
    async fn with_the_real_model_meaning_decides_where_no_word_is_shared() {
        let slot = Slot::default();
        slot.set(real_embedder().await);
        let likeness = Likeness::new(slot);
        let found = likeness.of("You charged me twice", &texts(&DOOR), Language::En).await.expect("compared");
        let (bills, repairs) = (found[0].max(found[1]), found[2].max(found[3]));
        assert!(bills > repairs + 0.1, "{found:?}");
        let french = likeness.of("La facture est fausse", &texts(&["la facture est fausse"]), Language::Fr).await;
        assert_eq!(french.expect("compared"), [1.0], "by words: the model knows English only");
    }

    #[tokio::test]
    async fn what_is_written_down_is_embedded_once_and_a_silent_model_is_no_obstacle() {
        let (server, slot) = (Arc::new(EndpointWords::new(64)), Slot::default());
        slot.set(Embedder::begin(at(&server, "words")).await.expect("answers"));
        let likeness = Likeness::new(slot);
        let first = likeness.of("my bill is wrong", &texts(&DOOR), Language::En).await.expect("compared");
        assert!((first[1] - 1.0).abs() < 1e-5 && first[2] < 0.9, "{first:?}");
        assert_eq!(likeness.unknown("words@64", &texts(&DOOR)), Vec::<String>::new());
        server.fail(true);
        let by_words = likeness.of("my bill is wrong", &texts(&DOOR), Language::En).await.expect("compared");
        assert_eq!(by_words, [0.0, 1.0, 0.0, 0.0]);
    }
}
