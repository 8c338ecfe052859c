//! From an extraction to passages that lack only their vectors.

use super::generation::generation;
use crate::{
    chunk::{ChunkOptions, chunk, indexed_text},
    document::Extraction,
    index::{NO_MODEL, Stored},
    sparse::{self, Script, Sparse, detect_script},
};
use colloquy_domain::{failure::Failure, knowledge::IngestJob, language::Language};

/// Characters of a document that decide its language.
const SAMPLE: usize = 20_000;

pub(super) struct Document {
    pub passages: Vec<Prepared>,
    pub characters: u64,
    pub language: Option<Language>,
}

pub(super) struct Prepared {
    pub stored: Stored,
    pub words: Sparse,
    /// What is embedded: the passage under its title and headings.
    pub indexed: String,
}

/// On a blocking thread: a large document takes seconds.
pub(super) async fn prepare(
    extraction: Extraction,
    job: IngestJob,
    content: [u8; 32],
    model: Option<String>,
) -> Result<Document, Failure> {
    tokio::task::spawn_blocking(move || prepare_now(&extraction, &job, &content, model.as_deref().unwrap_or(NO_MODEL)))
        .await
        .map_err(|e| Failure::reject("document.chunking", format!("cutting the document into passages stopped: {e}")))
}

fn prepare_now(extraction: &Extraction, job: &IngestJob, content: &[u8; 32], model: &str) -> Document {
    let text = extraction.text();
    let sample: String = text.chars().take(SAMPLE).collect();
    let script = detect_script(&sample, None);
    let generation = generation(content, &job.name, model);
    let title = extraction.title.clone().unwrap_or_else(|| job.name.clone());
    let passages = chunk(extraction, ChunkOptions::default())
        .into_iter()
        .map(|chunk| {
            let indexed = indexed_text(&title, &chunk);
            // A bilingual document is analysed passage by passage.
            let script: Script = detect_script(&chunk.text, Some(script));
            let stored = Stored {
                tenant: job.tenant,
                base: job.base,
                document: job.document,
                generation: generation.clone(),
                live: false,
                model: model.to_owned(),
                script: script.code().to_owned(),
                ordinal: chunk.ordinal,
                name: job.name.clone(),
                title: Some(&title).filter(|t| **t != job.name).cloned(),
                headings: chunk.headings,
                page: chunk.page,
                offset: chunk.offset,
                text: chunk.text,
            };
            Prepared { words: sparse::document(&indexed, script), stored, indexed }
        })
        .collect();
    Document { passages, characters: text.chars().count() as u64, language: script.language() }
}
