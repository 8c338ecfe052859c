//! Models: who writes the answers.
//!
//! **Purpose.** The providers behind the `Model` port: any OpenAI-compatible endpoint (`openai`), answers cut from the
//! retrieved passages with no model at all (`extractive`), and scripts for tests and simulations (`scripted`).
//!
//! **Non-goals.** No retrieval, no journal, no budget: a provider makes one completion and says what it cost. Settings
//! come as [`ModelOptions`]; nothing here reads the environment.
//!
//! **Invariants.**
//! - A request is repeated only before the first byte of its answer came.
//! - Passages, tool results and messages reach a model as data between marks that they cannot forge.
//! - Citation numbers follow the order of the turn's citable passages, in every provider (`citable`).
//! - Keys, prompts and answers appear in no log and no failure.
//!
//! **Start here:** [`Models`], the registry; then one folder for each provider.

mod citable;
mod extractive;
mod openai;
mod registry;
mod scripted;
#[cfg(test)]
mod tests_support;

pub use extractive::Extractive;
pub use openai::{EmbeddingEndpoint, EmbeddingOptions, OpenAiOptions, Price};
pub use registry::{ModelOptions, Models};
pub use scripted::Scripted;
