//! Reports that are asked for.

use crate::exit::CommandResult;
use anyhow::Context;
use clap::Args;
use colloquy_sim::report::{self, Run, Summary};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Debug, Args)]
pub struct Reports {
    /// Write a page for people: timelines with faults, coverage, cost and latency; it needs nothing but itself
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write JUnit XML, as CI systems read it
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write everything that the runs showed, with their traces, as JSON
    #[arg(long, value_name = "FILE")]
    report_json: Option<PathBuf>,
}

impl Reports {
    /// Whether somebody wants to read what happened, event by event.
    pub const fn want_traces(&self) -> bool {
        self.html.is_some() || self.report_json.is_some()
    }

    pub const fn are_wanted(&self) -> bool {
        self.want_traces() || self.junit.is_some()
    }

    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, summary: &Summary, runs: &[Run]) -> CommandResult<()> {
        if let Some(file) = &self.html {
            save(file, &report::page(summary, runs))?;
        }
        if let Some(file) = &self.junit {
            save(file, &report::junit(summary, runs)?)?;
        }
        if let Some(file) = &self.report_json {
            save(file, &format!("{:#}\n", report::json(summary, runs)?))?;
        }
        Ok(())
    }
}

fn save(file: &Path, text: &str) -> CommandResult<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(())
}
