//! Knowledge: from files to passages, and from questions back to them.
//!
//! **Purpose.** Extraction of documents in a killable child process, structure-aware chunks, embeddings and BM25 in a vector
//! store (embedded or a Qdrant server), hybrid retrieval for one tenant, and the installation of the models that this needs.
//!
//! **Non-goals.** No decisions about conversations, no SQL, no HTTP server.
//!
//! **Invariants.**
//! - Every point and every query carries the tenant and the knowledge base.
//! - A file is only ever parsed in a child process with limits; the parent parses the child's JSON.
//! - A missing model or library is an error value or the stated BM25-only mode, never a panic.
//! - The cosine, BM25 and shown scores of a passage are three fields.
//!
//! **Start here:** `pipeline`, then `retrieve`.

pub mod chunk;
pub mod document;
pub mod embed;
pub mod evaluate;
pub mod extract;
pub mod formats;
pub mod index;
pub mod models;
pub mod pipeline;
pub mod retrieve;
pub mod sparse;

#[cfg(test)]
mod testing;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
