use crate::{
    exit::{CommandResult, Outcome},
    out,
};
use clap::Args;

/// Print the JSON Schema of scenario files
///
/// For editors that check and complete YAML; docs/convsim.schema.json is the same.
///
/// Example:
///   colloquy sim schema > convsim.schema.json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Schema {}

impl Schema {
    pub fn run(self) -> CommandResult {
        out::json(&colloquy_sim::scenario::schema())?;
        Ok(Outcome::Done)
    }
}
