//! The running program before judges that others wrote: packages that are a Telegram server, a WhatsApp client, a verifier
//! of webhooks and a model server, and know nothing of this project.
//!
//! They come from the registries of npm and PyPI, pinned by the manifests beside this file, at the first run; node with
//! npm and python3 are all that they need.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod install;
mod judge;
mod model;
mod schemathesis;
mod simulation;
mod telegram;
mod telling;
mod whatsapp;
