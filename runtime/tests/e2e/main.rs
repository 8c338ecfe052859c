//! The running program, from outside: HTTP, the command line, signals. Nothing of its code is linked in here.

#[path = "../support/mod.rs"]
mod support;

mod chat;
mod cli;
mod config;
mod delivery;
mod hand_over;
mod ingestion;
mod kill;
mod knowledge;
mod webhooks;
