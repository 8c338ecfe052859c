//! Knowledge in memory: the reference that the conformance suite holds the real pipeline and its stores against.
//!
//! Documents are Markdown or plain text, found by their words alone (BM25). What is written is not seen before
//! [`MemoryKnowledge::switch`], as in the real stores.

use crate::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{
        DocumentStatus, IngestFailure, IngestJob, IngestProgress, IngestReport, KnowledgeQuery, PageReport, PageStatus,
        Passage, Scores, Stretch,
    },
    ports::{DocumentPipeline, Knowledge, ProgressSink},
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A passage ends before it gets longer than this, in characters; a paragraph is never cut.
const LONGEST: usize = 800;
/// BM25's usual parameters: how soon a word's repetition counts less, and how much a passage's length does.
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// The BM25 score that is shown as a half.
const HALF: f32 = 2.0;

/// A piece of a text, to become a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Headings above it, outermost first.
    pub headings: Vec<String>,
    /// Where it begins in the text, in characters.
    pub offset: u64,
    pub text: String,
}

/// Files, and passages by their documents.
#[derive(Debug, Default)]
pub struct MemoryKnowledge(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, String>,
    shelves: BTreeMap<Place, Shelf>,
}

type Place = (TenantId, KnowledgeBaseId, DocumentId);

/// What there is of one document.
#[derive(Debug, Default)]
struct Shelf {
    name: String,
    /// The edition that is seen.
    live: Option<PathBuf>,
    /// The edition that was begun last.
    begun: Option<PathBuf>,
    /// By edition and place in it. An edition is named by its file.
    pieces: BTreeMap<(PathBuf, u32), Piece>,
}

const fn place(job: &IngestJob) -> Place {
    (job.tenant, job.base, job.document)
}

impl MemoryKnowledge {
    /// Puts a file where documents can name it; each content needs a path of its own.
    pub fn put_file(&self, path: impl Into<PathBuf>, text: impl Into<String>) {
        self.state().files.insert(path.into(), text.into());
    }

    /// Reads a document's file and cuts it into pieces; from now on this edition alone can become the visible one.
    ///
    /// # Errors
    /// `document.missing` and `document.empty`, which no repetition mends.
    pub fn begin(&self, job: &IngestJob) -> Result<Vec<Piece>, Failure> {
        let mut state = self.state();
        let text = state.files.get(&job.path).ok_or_else(|| Failure::reject("document.missing", "there is no file"))?;
        let pieces = pieces(text);
        if pieces.is_empty() {
            return Err(Failure::reject("document.empty", "the document holds no text"));
        }
        let shelf = state.shelves.entry(place(job)).or_default();
        shelf.name.clone_from(&job.name);
        shelf.begun = Some(job.path.clone());
        Ok(pieces)
    }

    /// Writes a piece that nobody sees yet. Writing it again changes nothing.
    pub fn stage(&self, job: &IngestJob, ordinal: u32, piece: Piece) {
        let mut state = self.state();
        state.shelves.entry(place(job)).or_default().pieces.insert((job.path.clone(), ordinal), piece);
    }

    /// Makes the edition of `count` pieces the visible one and removes every other.
    ///
    /// # Errors
    /// `index.incomplete` if not all of its pieces are there, `index.superseded` if another one was begun meanwhile; both may
    /// be tried again.
    pub fn switch(&self, job: &IngestJob, count: u32) -> Result<(), Failure> {
        let mut state = self.state();
        let shelf = state.shelves.entry(place(job)).or_default();
        if shelf.begun.as_ref().is_some_and(|begun| *begun != job.path) {
            return Err(Failure::retry("index.superseded", "a later upload of the document is being read"));
        }
        if !(0..count).all(|n| shelf.pieces.contains_key(&(job.path.clone(), n))) {
            return Err(Failure::retry("index.incomplete", "passages of the document are missing"));
        }
        shelf.pieces.retain(|(edition, _), _| *edition == job.path);
        shelf.live = Some(job.path.clone());
        Ok(())
    }

    /// What readers can see of a document, in its order.
    #[must_use]
    pub fn visible(&self, tenant: TenantId, base: KnowledgeBaseId, document: DocumentId) -> Vec<Piece> {
        let state = self.state();
        let shelf = state.shelves.get(&(tenant, base, document));
        shelf.into_iter().flat_map(Shelf::visible).cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn visible(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(|((edition, _), _)| Some(edition) == self.live.as_ref()).map(|(_, piece)| piece)
    }
}

#[async_trait]
impl Knowledge for MemoryKnowledge {
    async fn search(&self, query: KnowledgeQuery) -> Result<Vec<Passage>, Failure> {
        let state = self.state();
        let asked = |((tenant, base, document), _): &(&Place, &Shelf)| {
            *tenant == query.tenant && query.bases.contains(base) && !query.without.contains(document)
        };
        let pieces: Vec<(DocumentId, &str, &Piece, Vec<String>)> = state
            .shelves
            .iter()
            .filter(asked)
            .flat_map(|((_, _, document), shelf)| shelf.visible().map(move |p| (*document, shelf.name.as_str(), p)))
            .map(|(document, name, piece)| (document, name, piece, words(&under_headings(piece))))
            .collect();
        let texts: Vec<&[String]> = pieces.iter().map(|(.., words)| words.as_slice()).collect();
        let scores = bm25(&texts, &words(&query.text));
        let mut found: Vec<(f32, Passage)> = pieces
            .into_iter()
            .zip(scores)
            .filter(|(_, score)| *score > 0.0)
            .map(|((document, name, piece, _), score)| (score, passage(document, name, piece, score)))
            .collect();
        // Equals stay in the order of their documents.
        found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        Ok(found.into_iter().take(query.limit).map(|(_, passage)| passage).collect())
    }

    async fn passages(&self, of: Stretch) -> Result<Vec<Passage>, Failure> {
        let state = self.state();
        let Some(shelf) = state.shelves.get(&(of.tenant, of.base, of.document)) else { return Ok(Vec::new()) };
        let pieces = shelf.visible().skip(of.from as usize).take(of.limit as usize);
        Ok(pieces
            .map(|piece| Passage { scores: Scores::default(), ..passage(of.document, &shelf.name, piece, 0.0) })
            .collect())
    }
}

#[async_trait]
impl DocumentPipeline for MemoryKnowledge {
    async fn ingest(&self, job: &IngestJob, sink: &dyn ProgressSink) -> Result<IngestReport, IngestFailure> {
        let failed = |failure| IngestFailure { failure, pages: Vec::new() };
        let pieces = self.begin(job).map_err(failed)?;
        let report = report(&pieces);
        let count = report.chunks;
        (0..).zip(pieces).for_each(|(n, piece)| self.stage(job, n, piece));
        self.switch(job, count).map_err(failed)?;
        let status = DocumentStatus::Ready;
        sink.progress(IngestProgress { status, pages: 1, chunks: count, indexed: count });
        Ok(report)
    }

    async fn forget(&self, tenant: TenantId, base: KnowledgeBaseId, document: DocumentId) -> Result<(), Failure> {
        self.state().shelves.remove(&(tenant, base, document));
        Ok(())
    }
}

/// What an ingestion of these pieces reports.
#[must_use]
pub fn report(pieces: &[Piece]) -> IngestReport {
    IngestReport {
        pages: vec![PageReport { number: 1, status: PageStatus::Ok }],
        chunks: u32::try_from(pieces.len()).unwrap_or(u32::MAX),
        characters: pieces.iter().map(|p| p.text.chars().count() as u64).sum(),
        language: None,
        generation: generation(pieces),
        embedded: false,
    }
}

/// The same for the same pieces (FNV-1a).
fn generation(pieces: &[Piece]) -> String {
    let bytes = pieces.iter().flat_map(|p| p.headings.iter().chain([&p.text])).flat_map(|t| t.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}

/// Paragraphs below their headings (`# …`), put together while they are short.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece> {
    let (mut all, mut headings): (Vec<Piece>, Vec<(usize, String)>) = (Vec::new(), Vec::new());
    let (mut offset, mut may_join) = (0_u64, false);
    for paragraph in text.split("\n\n") {
        let here = offset;
        offset += paragraph.chars().count() as u64 + 2;
        let mut body = Vec::new();
        for line in paragraph.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let level = line.chars().take_while(|c| *c == '#').count();
            if level > 0 && line[level..].starts_with(' ') {
                headings.retain(|(l, _)| *l < level);
                headings.push((level, line[level..].trim().to_owned()));
                may_join = false;
            } else {
                body.push(line);
            }
        }
        if body.is_empty() {
            continue;
        }
        let body = body.join("\n");
        match all.last_mut() {
            Some(last) if may_join && last.text.chars().count() + body.chars().count() < LONGEST => {
                last.text.push('\n');
                last.text.push_str(&body);
            }
            _ => {
                let headings = headings.iter().map(|(_, h)| h.clone()).collect();
                all.push(Piece { headings, offset: here, text: body });
            }
        }
        may_join = true;
    }
    all
}

fn under_headings(piece: &Piece) -> String {
    format!("{}\n{}", piece.headings.join("\n"), piece.text)
}

fn passage(document: DocumentId, name: &str, piece: &Piece, score: f32) -> Passage {
    Passage {
        document,
        version: String::new(),
        name: name.to_owned(),
        headings: piece.headings.clone(),
        page: None,
        offset: piece.offset,
        text: piece.text.clone(),
        scores: Scores { cosine: None, bm25: score, shown: score / (score + HALF) },
    }
}

/// Words that say nothing about what a text is about, in English and French.
const EMPTY: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from", "have", "how", "i", "in",
    "is", "it", "may", "me", "my", "no", "not", "of", "on", "or", "that", "the", "there", "this", "to", "was", "we",
    "what", "when", "where", "which", "who", "will", "with", "would", "you", "your", "au", "aux", "avec", "ce", "ces",
    "de", "des", "du", "en", "est", "et", "il", "je", "la", "le", "les", "mon", "ne", "nous", "où", "par", "pas",
    "pour", "que", "quel", "quels", "qui", "quoi", "sont", "sur", "un", "une", "vos", "votre", "vous",
];

/// Letters and digits in a row, in small letters, without those that say nothing.
fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty() && !EMPTY.contains(w));
    words.map(str::to_owned).collect()
}

/// Okapi BM25 of each text.
#[expect(clippy::cast_precision_loss, reason = "counts of words")]
fn bm25(texts: &[&[String]], query: &[String]) -> Vec<f32> {
    let count = texts.len() as f32;
    let average = texts.iter().map(|t| t.len()).sum::<usize>() as f32 / count.max(1.0);
    let query: BTreeSet<&String> = query.iter().collect();
    let weight = |word: &String| {
        let holding = texts.iter().filter(|t| t.contains(word)).count() as f32;
        (1.0 + (count - holding + 0.5) / (holding + 0.5)).ln()
    };
    let weights: Vec<(&String, f32)> = query.into_iter().map(|w| (w, weight(w))).collect();
    let score = |text: &&[String]| {
        let length = K1 * (1.0 - B + B * text.len() as f32 / average.max(1.0));
        weights
            .iter()
            .map(|(word, weight)| {
                let times = text.iter().filter(|w| w == word).count() as f32;
                weight * times * (K1 + 1.0) / (times + length)
            })
            .sum()
    };
    texts.iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_headings_and_long_paragraphs() {
        let long = "word ".repeat(150);
        let text =
            format!("# House\n\nOpen at nine.\n\nClosed on Sundays.\n\n## Rules\nNo smoking.\n\n{long}\n\n{long}\n");
        let found = pieces(&text);
        let told: Vec<(String, &str)> =
            found.iter().map(|p| (p.headings.join(" > "), p.text.get(..12).unwrap_or(&p.text))).collect();
        let rules = || "House > Rules".to_owned();
        let wanted = [("House".to_owned(), "Open at nine"), (rules(), "No smoking.\n"), (rules(), "word word wo")];
        assert_eq!(told, wanted);
        assert_eq!((found[0].offset, found[1].offset), (9, 44));
        assert_eq!(pieces(" \n\n# Only a heading\n"), []);
    }

    #[test]
    fn rare_words_weigh_more_than_common_ones() {
        let texts = ["pool opens early", "pool closes late", "pool sauna"].map(words);
        let texts: Vec<&[String]> = texts.iter().map(Vec::as_slice).collect();
        let scores = bm25(&texts, &words("When is the sauna by the pool?"));
        assert!(scores[2] > scores[0] && scores[0] > 0.0, "{scores:?}");
        assert_eq!(bm25(&texts, &words("What is the")), [0.0, 0.0, 0.0]);
    }
}
