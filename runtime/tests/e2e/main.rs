//! The running program, from outside: HTTP, the command line, signals. Nothing of its code is linked in here.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod agent_versions;
mod analytics;
mod approvals;
mod calls;
mod channel_health;
mod channels;
mod chat;
mod cli;
mod commands;
mod concierge;
mod config;
mod control;
mod delivery;
mod disclosure;
mod docs;
mod edges;
mod elsewhere;
mod eval;
mod fallback;
mod grounding;
mod hand_over;
mod http_tools;
mod inbox;
mod ingestion;
mod journeys;
mod keys;
mod kill;
mod knowledge;
mod leaks;
mod listening;
mod moved;
mod openai;
mod outreach;
mod people;
mod realtime;
mod relay;
mod settings;
mod sim;
mod sim_live;
mod simulations;
mod sources;
mod surface;
mod team;
mod telegram;
mod telling;
mod templates;
mod traces;
mod undo;
mod vision;
mod webhooks;
mod widget;
