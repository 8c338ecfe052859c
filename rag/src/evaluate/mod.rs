//! How good retrieval is: questions with known passages, asked of an index that holds them, and the usual figures.
//!
//! A set is two files of JSON lines: passages `{id, title, text}`, and questions `{text, relevant: [passage ids], history:
//! [{role, text}], answers: [text], answerable}`, of which only `text` and `relevant` are needed.

mod measures;
mod set;

pub use measures::{Measures, Tally};
pub use set::{Question, Source, Turn, read};

use crate::{
    chunk::indexed_text,
    document::Chunk,
    embed::{Embedder, Slot},
    index::{Index, NO_MODEL, NewPassage, Point, Stored},
    retrieve::{Mode, Retriever},
    sparse,
};
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{KnowledgeQuery, Narrow},
};
use std::collections::HashMap;
use uuid::Uuid;

/// Passages written at once.
const WINDOW: usize = 64;
/// Passages that are asked for.
const LIMIT: usize = 10;

/// Passages in an index, each a document of its own, as ingestion would have written them.
pub struct Bed {
    retriever: Retriever,
    /// Places of passages in the set, by their document.
    places: HashMap<DocumentId, usize>,
    ids: Vec<String>,
}

impl Bed {
    const TENANT: u128 = 1;
    const BASE: u128 = 2;

    /// Writes the passages into an index of its own, which must be empty.
    ///
    /// # Errors
    /// The index's or the model's.
    pub async fn fill(index: &Index, slot: &Slot, sources: &[Source]) -> Result<Self, Failure> {
        let embedder = slot.get();
        let mut waiting: Vec<(usize, &Source)> = sources.iter().enumerate().collect();
        // As ingestion has it: similar lengths together, the longest first.
        waiting.sort_by_key(|(_, s)| std::cmp::Reverse(s.text.len()));
        for window in waiting.chunks(WINDOW) {
            index.import(points(window, embedder.as_deref()).await?).await?;
        }
        Ok(Self {
            retriever: Retriever::new(index.clone(), slot.clone()),
            places: (0..sources.len()).map(|place| (document(place), place)).collect(),
            ids: sources.iter().map(|s| s.id.clone()).collect(),
        })
    }

    /// The ids of the passages that answer best, best first.
    ///
    /// # Errors
    /// The index's or the model's.
    pub async fn ask(&self, question: &Question, history: bool, mode: Mode) -> Result<Vec<&str>, Failure> {
        let query = KnowledgeQuery {
            tenant: TenantId::new(Uuid::from_u128(Self::TENANT)),
            bases: vec![KnowledgeBaseId::new(Uuid::from_u128(Self::BASE))],
            text: question.text.clone(),
            previous: if history { question.said_before() } else { Vec::new() },
            rewritten: None,
            language: None,
            limit: LIMIT,
            without: Vec::new(),
            narrow: Narrow::default(),
        };
        let found = self.retriever.search_by(query, mode).await?;
        let id = |document| self.places.get(&document).and_then(|place| self.ids.get(*place));
        Ok(found.iter().filter_map(|p| id(p.document).map(String::as_str)).collect())
    }

    /// Asks every question that has a passage to be found.
    ///
    /// # Errors
    /// The index's or the model's.
    pub async fn measure(&self, questions: &[Question], history: bool, mode: Mode) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        for question in questions.iter().filter(|q| !q.relevant.is_empty()) {
            tally.add(&question.relevant, &self.ask(question, history, mode).await?);
        }
        Ok(tally)
    }
}

fn document(place: usize) -> DocumentId {
    DocumentId::new(Uuid::from_u128(1_000 + place as u128))
}

async fn points(window: &[(usize, &Source)], embedder: Option<&Embedder>) -> Result<Vec<Point>, Failure> {
    let texts: Vec<String> = window.iter().map(|(_, s)| indexed_text(&s.title, &chunk(s))).collect();
    let vectors = match embedder {
        Some(embedder) => embedder.embed_documents(&texts).await?.into_iter().map(Some).collect(),
        None => vec![None; texts.len()],
    };
    let point = |(((place, source), text), dense): (((usize, &Source), &String), _)| {
        let script = sparse::detect_script(&source.text, None);
        let stored = Stored {
            tenant: TenantId::new(Uuid::from_u128(Bed::TENANT)),
            base: KnowledgeBaseId::new(Uuid::from_u128(Bed::BASE)),
            document: document(place),
            generation: "evaluation".to_owned(),
            live: true,
            model: embedder.map_or(NO_MODEL, |e| &e.space().id).to_owned(),
            script: script.code().to_owned(),
            ordinal: 0,
            name: source.title.clone(),
            title: None,
            headings: Vec::new(),
            page: None,
            offset: 0,
            text: source.text.clone(),
        };
        Point::from(NewPassage { words: sparse::document(text, script), stored, dense })
    };
    Ok(window.iter().copied().zip(&texts).zip(vectors).map(point).collect())
}

fn chunk(source: &Source) -> Chunk {
    Chunk { ordinal: 0, headings: Vec::new(), page: None, offset: 0, text: source.text.clone() }
}

#[cfg(test)]
mod banking;
#[cfg(test)]
mod gate;
