//! What is shown of runs: JUnit XML and JSON for machines, one page of HTML for people. Values in, text out.

mod coverage;
mod html;
mod json;
mod junit;
mod reliability;
mod story;
mod summary;
mod words;

pub use html::page;
pub use json::json;
pub use junit::junit;
pub use reliability::{Reliability, Trials};
pub use summary::{Summary, Totals};

use crate::{Report, scenario::Scenario, trace::Entry};
use std::{sync::Arc, time::Duration};

/// One run with what it was made from.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where the scenario comes from: a file's name, or the words that make it.
    pub source: String,
    pub scenario: Arc<Scenario>,
    /// Made with its trace; without one a page has no timeline, no histograms and less coverage.
    pub report: Report,
    /// What it took on the machine.
    pub wall: Duration,
}

/// From each message as it was written until its answer was taken by the provider, or shown in the web chat.
#[must_use]
pub fn answers(scenario: &Scenario, trace: &[Entry]) -> Vec<Duration> {
    story::Story::read(scenario, trace).answers
}

#[cfg(test)]
mod tests;
