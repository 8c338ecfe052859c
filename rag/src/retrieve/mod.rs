//! From a question to passages: words and meaning, fused by score.
//!
//! For each form of the question the best [`DEPTH`] passages by BM25 and the best by cosine are fetched, each with the
//! tenant and the knowledge bases in the query's own filter, and fused in [`fuse`]. A follow-up question is asked in two
//! forms, alone and together with the person's earlier messages; the history is never simply concatenated, which loses
//! more than it gains. There is no threshold here: a caller looks at [`Scores`] and decides.

mod dedupe;
mod fuse;

use crate::{
    embed::{Slot, Vector},
    index::{Ask, Index, Reader, Scope, Stored},
    sparse::{self, Script},
};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    knowledge::{KnowledgeQuery, Passage, Scores},
    language::Language,
    ports::Knowledge,
};
use fuse::{Fused, Lists, Weights};
use std::collections::HashMap;
use uuid::Uuid;

/// Passages that each list contributes.
const DEPTH: usize = 100;
/// Candidates that are read for each passage asked for: some are neighbours that say the same.
const SPARE: usize = 3;
/// Candidates that decide how good the best evidence is.
const EVIDENCE: usize = 10;

/// Finds passages in an index.
#[derive(Clone)]
pub struct Retriever {
    index: Index,
    embedder: Slot,
}

/// Which lists to use; [`Mode::Hybrid`] is what the product uses, the others are for comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Words,
    Meaning,
    Hybrid,
}

/// One form of the question.
struct Form {
    text: String,
    words: sparse::Sparse,
    vector: Option<Vector>,
}

impl Retriever {
    #[must_use]
    pub const fn new(index: Index, embedder: Slot) -> Self {
        Self { index, embedder }
    }

    /// As [`Knowledge::search`], with chosen lists.
    ///
    /// # Errors
    /// The index's or the embedder's.
    pub async fn search_by(&self, query: KnowledgeQuery, mode: Mode) -> Result<Vec<Passage>, Failure> {
        if query.bases.is_empty() || query.limit == 0 || query.text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let embedder = self.embedder.get().filter(|_| mode != Mode::Words);
        let language = query.language.or_else(|| Language::detect(&query.text));
        let texts = forms(&query);
        let vectors = match &embedder {
            Some(embedder) => embedder.embed_questions(texts.clone()).await?.into_iter().map(Some).collect(),
            None => vec![None; texts.len()],
        };
        let words = |text: &str| match mode {
            Mode::Meaning => sparse::Sparse::default(),
            Mode::Words | Mode::Hybrid => sparse::query(text, language),
        };
        let forms: Vec<Form> =
            texts.into_iter().zip(vectors).map(|(text, vector)| Form { words: words(&text), text, vector }).collect();
        let weights = Weights::new(language, embedder.is_none_or(|e| e.spec().english_only));
        let scope = Scope { tenant: query.tenant, bases: query.bases, without: query.without };
        let limit = query.limit;
        self.index.read(scope, move |reader| find(reader, &forms, weights, language, limit)).await
    }
}

#[async_trait]
impl Knowledge for Retriever {
    async fn search(&self, query: KnowledgeQuery) -> Result<Vec<Passage>, Failure> {
        self.search_by(query, Mode::Hybrid).await
    }
}

/// The question alone and, in a conversation, with the earlier messages. The newest come first, because a model reads
/// only so far.
fn forms(query: &KnowledgeQuery) -> Vec<String> {
    let mut forms = vec![query.text.clone()];
    if !query.previous.is_empty() {
        let all: Vec<&str> =
            std::iter::once(&query.text).chain(query.previous.iter().rev()).map(String::as_str).collect();
        forms.push(all.join("\n"));
    }
    forms
}

fn find(
    reader: &Reader<'_>,
    forms: &[Form],
    weights: Weights,
    language: Option<Language>,
    limit: usize,
) -> Result<Vec<Passage>, Failure> {
    let asks: Vec<Ask<'_>> = forms.iter().map(|f| Ask { words: &f.words, vector: f.vector.as_ref() }).collect();
    let lists: Vec<Lists> = reader
        .candidates(&asks, DEPTH)?
        .into_iter()
        .map(|found| Lists { words: found.words, meaning: found.meaning })
        .collect();
    let mut fused = fuse::fuse(&lists, weights);
    fused.truncate((limit * SPARE).max(EVIDENCE));
    fill_cosines(reader, forms, &mut fused)?;

    let ids: Vec<Uuid> = fused.iter().map(|f| f.id).collect();
    let stored: HashMap<Uuid, Stored> = reader.load(&ids)?.into_iter().collect();
    let found: Vec<(Fused, Stored)> = fused.into_iter().filter_map(|f| Some((f, stored.get(&f.id)?.clone()))).collect();
    let best = found.iter().take(EVIDENCE).map(|(f, s)| evidence(f, s, forms, language)).fold(0.0, f32::max);
    let kept = dedupe::without_repetition(found);
    Ok(kept.into_iter().take(limit).map(|(f, s)| passage(f, s, best)).collect())
}

/// Passages that only the words found have a cosine too; callers want to know it.
fn fill_cosines(reader: &Reader<'_>, forms: &[Form], fused: &mut [Fused]) -> Result<(), Failure> {
    let without: Vec<Uuid> = fused.iter().filter(|f| f.cosine.is_none()).map(|f| f.id).collect();
    let vectors: Vec<&Vector> = forms.iter().filter_map(|f| f.vector.as_ref()).collect();
    for hit in reader.cosines(&vectors, &without)? {
        if let Some(f) = fused.iter_mut().find(|f| f.id == hit.id) {
            f.cosine = Some(f.cosine.map_or(hit.score, |c| c.max(hit.score)));
        }
    }
    Ok(())
}

/// How well one passage supports an answer, 0 to 1, on a scale that does not depend on the other passages: its cosine
/// or the share of the question's words that it has, whichever is more.
fn evidence(fused: &Fused, stored: &Stored, forms: &[Form], language: Option<Language>) -> f32 {
    let script = Script::from_code(&stored.script);
    let text = [stored.name.as_str(), &stored.headings.join(" "), &stored.text].join(" ");
    let covered = forms.iter().map(|f| sparse::coverage(&f.text, language, &text, script)).fold(0.0, f32::max);
    covered.max(fused.cosine.unwrap_or(0.0)).clamp(0.0, 1.0)
}

/// `shown` is the fused score (1 for a passage that is first by words and by meaning) times the best evidence: it keeps
/// the order, and a question that nothing answers well has low scores throughout.
fn passage(fused: Fused, stored: Stored, best: f32) -> Passage {
    Passage {
        document: stored.document,
        version: stored.generation,
        name: stored.name,
        headings: stored.headings,
        page: stored.page,
        offset: stored.offset,
        text: stored.text,
        scores: Scores { cosine: fused.cosine, bm25: fused.bm25, shown: (fused.score * best).clamp(0.0, 1.0) },
    }
}
