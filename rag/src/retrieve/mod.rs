//! From a question to passages: words and meaning, fused by score.
//!
//! For each form of the question the best [`DEPTH`] passages by BM25 and the best by cosine are fetched, each with the
//! tenant and the knowledge bases in the query's own filter, and fused in [`fuse`]. A follow-up question is asked in two
//! forms, alone and as a model wrote it without need of the rest, or together with the person's earlier messages; the
//! history is never simply concatenated, which loses more than it gains. What is found is chosen for being near the question and unlike what was chosen already
//! ([`diverse`]), and the best passage brings its neighbours ([`neighbours`]). There is no threshold here: a caller looks
//! at [`Scores`] and decides.

mod dedupe;
mod diverse;
mod fuse;
mod neighbours;
mod rerank;

pub use rerank::Reranker;

use crate::{
    embed::{Embedder, Slot, Vector},
    index::{Ask, DocumentKey, Index, NO_MODEL, Reader, Scope, Stored},
    sparse::{self, Script},
};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    knowledge::{KnowledgeQuery, Passage, Scores, Stretch},
    language::Language,
    meaning::Space,
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
    reranker: Option<Reranker>,
}

/// Which lists to use; [`Mode::Hybrid`] is what the product uses, the others are for comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Words,
    Meaning,
    Hybrid,
}

/// A question, ready to be looked for.
struct Asked {
    forms: Vec<Form>,
    weights: Weights,
    language: Option<Language>,
    limit: usize,
    /// Of the model that made the vectors.
    space: Option<Space>,
    reranker: Option<Reranker>,
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
        Self { index, embedder, reranker: None }
    }

    /// The same with a cross-encoder that has the last word about the best candidates.
    #[must_use]
    pub fn with(self, reranker: Reranker) -> Self {
        Self { reranker: Some(reranker), ..self }
    }

    /// As [`Knowledge::search`], with chosen lists.
    ///
    /// # Errors
    /// The index's or the embedder's.
    pub async fn search_by(&self, query: KnowledgeQuery, mode: Mode) -> Result<Vec<Passage>, Failure> {
        if query.bases.is_empty() || query.limit == 0 || query.text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let texts = forms(&query);
        loop {
            let embedder = self.embedder.get().filter(|_| mode != Mode::Words);
            let found = self.search_with(embedder.as_deref(), &texts, &query, mode).await?;
            // When the model was exchanged meanwhile, its predecessor's vectors were gone.
            let now = self.embedder.get().filter(|_| mode != Mode::Words);
            if now.as_ref().map(|e| &e.space().id) == embedder.as_ref().map(|e| &e.space().id) {
                return Ok(found);
            }
        }
    }

    async fn search_with(
        &self,
        embedder: Option<&Embedder>,
        texts: &[String],
        query: &KnowledgeQuery,
        mode: Mode,
    ) -> Result<Vec<Passage>, Failure> {
        let by_words = vec![None; texts.len()];
        let Some(embedder) = embedder else { return self.search_for(texts, by_words, None, query, mode).await };
        match embedder.embed_questions(texts.to_vec()).await {
            Ok(vectors) => {
                let vectors = vectors.into_iter().map(Some).collect();
                self.search_for(texts, vectors, Some(embedder.space()), query, mode).await
            }
            // A person waits for an answer: words find most of what they ask for.
            Err(failure) if embedder.is_elsewhere() => {
                tracing::debug!(tenant.id = %query.tenant, error = %failure, "a question is looked for by its words alone");
                self.search_for(texts, by_words, None, query, mode).await
            }
            Err(failure) => Err(failure),
        }
    }

    /// As [`Retriever::search_by`] for one form of the question whose vector is at hand: what the index alone takes.
    ///
    /// # Errors
    /// The index's.
    pub async fn search_vector(
        &self,
        query: KnowledgeQuery,
        vector: Vector,
        space: &Space,
    ) -> Result<Vec<Passage>, Failure> {
        let texts = [query.text.clone()];
        self.search_for(&texts, vec![Some(vector)], Some(space), &query, Mode::Hybrid).await
    }

    async fn search_for(
        &self,
        texts: &[String],
        vectors: Vec<Option<Vector>>,
        space: Option<&Space>,
        query: &KnowledgeQuery,
        mode: Mode,
    ) -> Result<Vec<Passage>, Failure> {
        let language = query.language.or_else(|| Language::detect(&query.text));
        let words = |text: &str| match mode {
            Mode::Meaning => sparse::Sparse::default(),
            Mode::Words | Mode::Hybrid => sparse::query(text, language),
        };
        let form = |(text, vector): (&String, _)| Form { words: words(text), text: text.clone(), vector };
        let forms: Vec<Form> = texts.iter().zip(vectors).map(form).collect();
        let weights = Weights::new(language, space.is_none_or(|s| s.english_only));
        let scope = Scope {
            tenant: query.tenant,
            bases: query.bases.clone(),
            without: query.without.clone(),
            narrow: query.narrow.clone(),
            model: space.map_or(NO_MODEL, |s| s.id.as_str()).to_owned(),
        };
        let reranker = self.reranker.clone().filter(|_| mode == Mode::Hybrid);
        let asked = Asked { forms, weights, language, limit: query.limit, space: space.cloned(), reranker };
        self.index.read(scope, move |reader| find(reader, &asked)).await
    }
}

#[async_trait]
impl Knowledge for Retriever {
    async fn search(&self, query: KnowledgeQuery) -> Result<Vec<Passage>, Failure> {
        self.search_by(query, Mode::Hybrid).await
    }

    async fn passages(&self, of: Stretch) -> Result<Vec<Passage>, Failure> {
        let key = DocumentKey { tenant: of.tenant, base: of.base, document: of.document };
        let stored = self.index.passages(key, of.from..of.from.saturating_add(of.limit)).await?;
        Ok(stored.into_iter().map(|s| with_scores(s, Scores::default())).collect())
    }
}

/// The question alone and, in a conversation, as somebody wrote it without need of the rest, else with the earlier
/// messages. The newest come first, because a model reads only so far.
fn forms(query: &KnowledgeQuery) -> Vec<String> {
    let mut forms = vec![query.text.clone()];
    if let Some(rewritten) = &query.rewritten {
        if *rewritten != query.text {
            forms.push(rewritten.clone());
        }
    } else if !query.previous.is_empty() {
        let all: Vec<&str> =
            std::iter::once(&query.text).chain(query.previous.iter().rev()).map(String::as_str).collect();
        forms.push(all.join("\n"));
    }
    forms
}

fn find(reader: &Reader<'_>, asked: &Asked) -> Result<Vec<Passage>, Failure> {
    let Asked { forms, weights, language, limit, space, reranker } = asked;
    let asks: Vec<Ask<'_>> = forms.iter().map(|f| Ask { words: &f.words, vector: f.vector.as_ref() }).collect();
    let lists: Vec<Lists> = reader
        .candidates(&asks, DEPTH)?
        .into_iter()
        .map(|found| Lists { words: found.words, meaning: found.meaning })
        .collect();
    let mut fused = fuse::fuse(&lists, *weights);
    let read = reranker.as_ref().map_or(0, |_| rerank::READ);
    fused.truncate((limit * SPARE).max(EVIDENCE).max(read));
    fill_cosines(reader, forms, &mut fused)?;
    if let Some(space) = space {
        fused.iter_mut().for_each(|f| f.cosine = f.cosine.map(|c| space.similarity(c)));
    }

    let ids: Vec<Uuid> = fused.iter().map(|f| f.id).collect();
    let stored: HashMap<Uuid, Stored> = reader.load(&ids)?.into_iter().collect();
    let found: Vec<(Fused, Stored)> = fused.into_iter().filter_map(|f| Some((f, stored.get(&f.id)?.clone()))).collect();
    let found = match (reranker, forms.last()) {
        (Some(reranker), Some(form)) => reranked(reranker, &form.text, found)?,
        _ => found,
    };
    let best = found.iter().take(EVIDENCE).map(|(f, s)| evidence(f, s, forms, *language)).fold(0.0, f32::max);
    let mut chosen = diverse::choose(dedupe::without_repetition(found), *limit);
    neighbours::widen(reader, &mut chosen)?;
    Ok(chosen.into_iter().map(|(f, s)| passage(f, s, best)).collect())
}

/// The first candidates by the cross-encoder's score, then the rest as they were.
fn reranked(
    reranker: &Reranker,
    question: &str,
    mut found: Vec<(Fused, Stored)>,
) -> Result<Vec<(Fused, Stored)>, Failure> {
    let rest = found.split_off(found.len().min(rerank::READ));
    let texts: Vec<String> = found.iter().map(|(_, s)| s.indexed()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for ((fused, _), score) in found.iter_mut().zip(reranker.scores(question, &texts)?) {
        fused.score = score;
    }
    found.sort_by(|(a, _), (b, _)| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    // What it did not read ranks below what it read.
    let lowest = found.last().map_or(1.0, |(f, _)| f.score);
    found.extend(rest.into_iter().map(|(f, s)| (Fused { score: f.score.min(lowest), ..f }, s)));
    Ok(found)
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
    let shown = (fused.score * best).clamp(0.0, 1.0);
    with_scores(stored, Scores { cosine: fused.cosine, bm25: fused.bm25, shown })
}

fn with_scores(stored: Stored, scores: Scores) -> Passage {
    Passage {
        document: stored.document,
        version: stored.version().to_owned(),
        name: stored.name,
        headings: stored.headings,
        page: stored.page,
        offset: stored.offset,
        text: stored.text,
        scores,
    }
}
