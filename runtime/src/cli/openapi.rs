use crate::{
    exit::{CommandResult, Outcome},
    out,
};
use clap::Args;

/// Print the description of the HTTP API (OpenAPI 3.1, JSON)
///
/// The same as a server answers at /api/openapi.json; /api/docs is a page to read and try it. Nothing has to run.
///
/// Example:
///   colloquy openapi > openapi.json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Openapi {}

impl Openapi {
    pub fn run(self) -> CommandResult {
        out::line(format_args!("{:#}", colloquy_api::document()));
        Ok(Outcome::Done)
    }
}
