use crate::{
    config::Config,
    exit::{CommandResult, Outcome},
    out,
};
use clap::Args;
use colloquy_domain::{failure::Failure, knowledge::PageStatus};
use colloquy_rag::{
    document::{ExtractStatus, Extraction},
    extract::{ExtractLimits, Extractor, public_json, run_in_child},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Show the text that Colloquy reads out of a document
///
/// Reads PDF, DOCX, PPTX, XLSX, OpenDocument, EPUB, HTML, e-mail, Markdown, CSV and plain text exactly as ingestion does:
/// in a child process with limits on time and memory, because documents of strangers can break the libraries that read
/// them. A document that cannot be read ends with its cause and exit code 1; pages without text are named.
///
/// Example:
///   colloquy extract contract.pdf
///   colloquy extract contract.pdf --json | jq '.pages[] | select(.status != "ok")'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Extract {
    /// Document to read
    pub file: PathBuf,
    /// Print {status, cause, pages: [{number, status, text}]}
    #[arg(long, conflicts_with = "wire")]
    json: bool,
    /// Be the reading child: read in this process, under limits, and print the internal form
    #[arg(long, hide = true)]
    pub wire: bool,
    /// For the reading child: its limits
    #[arg(long, hide = true, requires = "wire", value_parser = limits)]
    pub limits: Option<ExtractLimits>,
}

/// The child's whole life. Its exit code only says whether the form was printed.
#[must_use]
pub fn be_the_child(file: &Path, limits: &ExtractLimits) -> ExitCode {
    let extraction = run_in_child(file, limits);
    match serde_json::to_string(&extraction) {
        Ok(json) => {
            out::line(json);
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

fn limits(json: &str) -> Result<ExtractLimits, serde_json::Error> {
    serde_json::from_str(json)
}

impl Extract {
    pub async fn run(self, config: &Config) -> CommandResult {
        let extractor = Extractor::new(std::env::current_exe()?, config.extract_limits());
        let extraction = extractor.extract(&self.file).await.unwrap_or_else(|failure| failed(&failure));
        if self.json {
            out::json(&public_json(&extraction))?;
        } else {
            print(&extraction);
        }
        Ok(if extraction.status == ExtractStatus::Failed { Outcome::Failed } else { Outcome::Done })
    }
}

/// A child that did not come back is a failed document too.
fn failed(failure: &Failure) -> Extraction {
    Extraction {
        v: Extraction::VERSION,
        status: ExtractStatus::Failed,
        cause: Some(failure.to_string()),
        title: None,
        pages: Vec::new(),
        paged: false,
    }
}

fn print(extraction: &Extraction) {
    for page in &extraction.pages {
        let status = match page.status {
            PageStatus::Ok => "",
            PageStatus::NoTextLayer => " (no text: probably a scan)",
            PageStatus::Suspect => " (the text looks broken)",
            PageStatus::Failed => " (could not be read)",
        };
        if extraction.paged || !status.is_empty() {
            out::line(format_args!("--- page {}{status} ---", page.number));
        }
        out::line(page.text());
    }
    if let Some(cause) = &extraction.cause {
        out::note(cause);
    }
}
