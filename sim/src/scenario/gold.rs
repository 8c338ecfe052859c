//! What is known to be right: gold calls, the data they work on, and the state that they lead to.

use super::{CallSpec, LoadError, Span};
use crate::toolset::{self, Rows, ToolSet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, fs, path::Path, sync::Arc};

/// A set of tools over data that each run has for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolSetSpec {
    /// As the set is registered: `tau2-retail`. An agent whose `tools` hold this name has all of them.
    pub name: String,
    /// A JSON file, `{table: {key: row}}`; the path is relative to the scenario's file.
    pub database: String,
    /// How long each call takes.
    #[serde(default)]
    pub takes: Span,
    /// The file's content, once it was read.
    #[serde(skip)]
    pub base: Arc<Value>,
}

impl ToolSetSpec {
    /// # Errors
    /// If there is no such set; names those that there are.
    pub fn set(&self) -> Result<&'static ToolSet, LoadError> {
        toolset::named(&self.name).ok_or_else(|| {
            let known: Vec<&str> = toolset::SETS.iter().map(|s| s.name).collect();
            let why = format!("{:?} is not known; there are: {}", self.name, known.join(", "));
            LoadError::Field("toolset.name".to_owned(), why)
        })
    }

    /// Reads the database.
    ///
    /// # Errors
    /// If the file cannot be read or is no JSON.
    pub fn load(&mut self, folder: &Path) -> Result<(), LoadError> {
        let path = folder.join(&self.database);
        let failed =
            |e: &dyn fmt::Display| LoadError::Field("toolset.database".to_owned(), format!("{}: {e}", path.display()));
        let bytes = fs::read(&path).map_err(|e| failed(&e))?;
        self.base = Arc::new(serde_json::from_slice(&bytes).map_err(|e| failed(&e))?);
        Ok(())
    }

    /// The data as a run finds it.
    #[must_use]
    pub fn fresh(&self) -> Rows {
        Rows::over(Arc::clone(&self.base))
    }
}

/// What an oracle does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gold {
    /// Each in a completion of its own, in the first turn of the conversation.
    pub calls: Vec<CallSpec>,
    /// Said after them.
    pub say: String,
}

/// How the data of the tool set must be in the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndState {
    /// As it is after these calls on a fresh copy, whoever made them.
    pub replay: Vec<CallSpec>,
}
