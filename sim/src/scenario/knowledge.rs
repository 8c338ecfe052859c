//! What a world's agents can look up, and what is expected of it.

use super::LoadError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fs, path::Path, sync::Arc};

/// A knowledge base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaseSpec {
    pub name: String,
    /// Whose it is; only agents of this tenant can have it.
    #[serde(default = "acme")]
    pub tenant: String,
    /// Uploaded when the world begins; each is found once a node has ingested it, which takes some seconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentSpec>,
}

fn acme() -> String {
    super::AgentSpec::default().tenant
}

/// A document in Markdown or plain text: `text`, or a `file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub struct DocumentSpec {
    /// What it is called; citations show it.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its path is relative to the scenario's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The file's content, once it was read.
    #[serde(skip)]
    pub read: Arc<str>,
}

impl DocumentSpec {
    /// What it says.
    #[must_use]
    pub fn content(&self) -> &str {
        self.text.as_deref().unwrap_or(&self.read)
    }

    fn load(&mut self, field: &str, folder: &Path) -> Result<(), LoadError> {
        let Some(file) = &self.file else { return Ok(()) };
        let path = folder.join(file);
        let failed = |e| LoadError::Field(format!("{field}.file"), format!("{}: {e}", path.display()));
        self.read = fs::read_to_string(&path).map_err(failed)?.into();
        Ok(())
    }
}

/// Reads the files that documents name.
///
/// # Errors
/// If one cannot be read.
pub fn load(bases: &mut [BaseSpec], folder: &Path) -> Result<(), LoadError> {
    for (b, base) in bases.iter_mut().enumerate() {
        for (d, document) in base.documents.iter_mut().enumerate() {
            document.load(&format!("world.knowledge[{b}].documents[{d}]"), folder)?;
        }
    }
    Ok(())
}

/// # Errors
/// Where names are missing or do not fit together.
pub fn check(world: &super::WorldSpec) -> Result<(), LoadError> {
    let wrong = |field: String, why: String| Err(LoadError::Field(field, why));
    for (b, base) in world.knowledge.iter().enumerate() {
        let field = format!("world.knowledge[{b}]");
        if world.knowledge[..b].iter().any(|o| o.name == base.name) {
            return wrong(format!("{field}.name"), "taken by an earlier one".into());
        }
        if !world.agents.iter().any(|a| a.tenant == base.tenant) {
            return wrong(format!("{field}.tenant"), format!("no agent belongs to {:?}", base.tenant));
        }
        for (d, document) in base.documents.iter().enumerate() {
            if document.text.is_some() == document.file.is_some() {
                return wrong(format!("{field}.documents[{d}]"), "needs either `text` or `file`".into());
            }
            if base.documents[..d].iter().any(|o| o.name == document.name) {
                return wrong(format!("{field}.documents[{d}].name"), "taken by an earlier one".into());
            }
        }
    }
    for (a, agent) in world.agents.iter().enumerate() {
        for name in &agent.knowledge {
            let why = match world.knowledge.iter().find(|b| b.name == *name) {
                None => format!("there is no knowledge base {name:?}"),
                Some(base) if base.tenant != agent.tenant => format!("{name:?} is another tenant's"),
                Some(_) => continue,
            };
            return wrong(format!("world.agents[{a}].knowledge"), why);
        }
    }
    Ok(())
}

/// Documents by their names, over all answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Citations {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forbidden: Vec<String>,
}

impl Citations {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
