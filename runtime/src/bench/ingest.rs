//! One document through the whole pipeline, with a model of the caller's: what `benches/ingestion` compares with others.

use crate::config::Config;
use anyhow::{Context, anyhow};
use colloquy_domain::{
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{IngestJob, IngestProgress},
    ports::{DocumentPipeline, Ids, ProgressSink},
};
use colloquy_rag::{
    embed::{Embedder, Slot},
    extract::Extractor,
    index::{Index, VectorStore},
    models::{ModelFiles, manifest::DEFAULT_MODEL},
    pipeline::Pipeline,
};
use serde::Serialize;
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::time::Instant;

/// Units of `/proc/self/stat`: the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;
/// Points read at once.
const PAGE: usize = 256;

/// What is measured with what.
pub struct Work {
    pub file: PathBuf,
    pub files: ModelFiles,
    /// Where the texts that were embedded are to be written, as JSON lines.
    pub chunks: Option<PathBuf>,
}

/// What `--json` prints. Without starting, loading the model and writing chunks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub chunks: u32,
    pub pages: usize,
    pub seconds: f64,
    /// Of this process and its reading child; only Linux tells.
    pub cpu_seconds: Option<f64>,
    /// That the model was computing.
    pub model_seconds: f64,
}

struct Silent;

impl ProgressSink for Silent {
    fn progress(&self, _: IngestProgress) {}
}

/// # Errors
/// The document, the model or the scratch folder cannot be used.
pub async fn run(config: &Config, work: Work) -> anyhow::Result<Report> {
    let scratch = tempfile::tempdir()?;
    let index = Index::open(VectorStore::Embedded { dir: scratch.path().join("index") }).await?;
    let slot = Slot::default();
    slot.set(Embedder::load(work.files, DEFAULT_MODEL).await?);
    let program = std::env::current_exe().context("the path of this program")?;
    let extractor = Arc::new(Extractor { program, limits: config.extract_limits() });
    let pipeline = Pipeline::new(index.clone(), slot.clone(), extractor);
    let ids = crate::machine::MachineIds;
    let name = work.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let job = IngestJob {
        tenant: TenantId::new(ids.uuid()),
        base: KnowledgeBaseId::new(ids.uuid()),
        document: DocumentId::new(ids.uuid()),
        name,
        path: work.file,
        attempt: 0,
    };
    // Loading tries the model out.
    let in_model = || slot.get().map_or(0.0, |e| e.time_in_model().as_secs_f64());
    let (begun, cpu, model) = (Instant::now(), cpu_seconds(), in_model());
    let report = pipeline.ingest(&job, &Silent).await.map_err(|e| anyhow!(e.failure))?;
    let figures = Report {
        chunks: report.chunks,
        pages: report.pages.len(),
        seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: cpu_seconds().zip(cpu).map(|(now, then)| now - then),
        model_seconds: in_model() - model,
    };
    if let Some(path) = work.chunks {
        write_chunks(&index, &path).await?;
    }
    index.close().await?;
    Ok(figures)
}

async fn write_chunks(index: &Index, path: &Path) -> anyhow::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let mut from = None;
    loop {
        let (points, next) = index.export(from, PAGE).await?;
        for point in points {
            serde_json::to_writer(&mut file, &serde_json::json!({ "text": point.stored.indexed() }))?;
            file.write_all(b"\n")?;
        }
        match next {
            Some(next) => from = Some(next),
            None => return Ok(file.flush()?),
        }
    }
}

/// Of this process and of the children that it has waited for.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11..15)?.iter().filter_map(|f| f.parse::<f64>().ok()).sum();
    Some(ticks / TICKS_PER_SECOND)
}

impl Report {
    pub fn print(&self) {
        let cpu = self.cpu_seconds.map_or_else(String::new, |s| {
            format!(", {s:.2} CPU seconds ({:.1} chunks for each)", f64::from(self.chunks) / s)
        });
        crate::out::line(format_args!(
            "{} pages, {} chunks in {:.2} s{cpu}; {:.0} % of the time in the model",
            self.pages,
            self.chunks,
            self.seconds,
            100.0 * self.model_seconds / self.seconds
        ));
    }
}
