//! A model behind a server, and the file that keeps its answers.

use super::LoadError;
use crate::model::Tape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fs, path::Path, sync::Arc};

/// A model behind any OpenAI-compatible server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerSpec {
    /// Up to and including the version: `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    pub model: String,
    /// The environment variable that holds the key; none for servers that need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_env: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Tokens that one answer may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// A file for its answers, relative to the scenario's. `sim run --record` asks the server and writes it; every other
    /// run answers from it and asks nobody. Without one the server is always asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cassette: Option<String>,
    /// The cassette's content, once it was read.
    #[serde(skip)]
    pub tape: Option<Arc<Tape>>,
}

impl ServerSpec {
    /// Reads the cassette. One that was not recorded yet is empty.
    ///
    /// # Errors
    /// Where the file cannot be read or is no cassette.
    pub fn load(&mut self, folder: &Path, field: &str) -> Result<(), LoadError> {
        let Some(name) = &self.cassette else { return Ok(()) };
        let path = folder.join(name);
        let failed = |e: &dyn std::fmt::Display| {
            LoadError::Field(format!("{field}.cassette"), format!("{}: {e}", path.display()))
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(failed(&e)),
        };
        self.tape = Some(Arc::new(text.parse::<Tape>().map_err(|e| failed(&e))?));
        Ok(())
    }
}
