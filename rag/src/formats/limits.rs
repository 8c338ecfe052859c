//! How much one document may cost.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bounds of one extraction. Everything beyond them ends as a failure with its own cause, never as a hang.
/// The parent hands them to its child as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtractLimits {
    /// Size of the file, in bytes.
    pub file_bytes: u64,
    /// What a compressed document may unpack to in all, in bytes.
    pub unpacked_bytes: u64,
    /// How many times larger one packed part may unpack; small parts are exempt.
    pub unpacked_ratio: u64,
    /// Pages of a PDF, slides of a presentation.
    pub pages: usize,
    /// Longest time for one page of a PDF, by each of two libraries; a page that takes longer is given up.
    pub page_wall: Duration,
    /// Growth of the child's address space above what it maps at the start, in bytes.
    pub memory_bytes: u64,
    /// Stack of the thread that parses: deeply nested documents recurse.
    pub stack_bytes: usize,
    /// CPU time of the child, in seconds.
    pub cpu_seconds: u64,
    /// JSON that the parent accepts from the child, in bytes.
    pub output_bytes: u64,
    /// Shortest and longest time that the parent waits; between them 0.1 s for each page that the file may hold.
    pub wall_min: Duration,
    pub wall_max: Duration,
}

impl Default for ExtractLimits {
    fn default() -> Self {
        Self {
            file_bytes: 200 << 20,
            unpacked_bytes: 512 << 20,
            unpacked_ratio: 200,
            pages: 20_000,
            page_wall: Duration::from_secs(10),
            memory_bytes: 1 << 30,
            stack_bytes: 64 << 20,
            cpu_seconds: 300,
            output_bytes: 256 << 20,
            wall_min: Duration::from_secs(60),
            wall_max: Duration::from_secs(300),
        }
    }
}
