//! The core of Colloquy: what a conversation is and what may happen to it.
//!
//! **Purpose.** Ids, time, messages, the conversation and agent state machines, the ports through which they meet
//! the world, and the failure kinds that every crate speaks.
//!
//! **Non-goals.** No IO, no clock, no randomness, no runtime, no storage format: those live behind the ports.
//!
//! **Invariants.**
//! - [`conversation::decide`] and [`conversation::evolve`] are synchronous and deterministic.
//! - Every admitted message ends in exactly one [`message::Outcome`].
//! - What must survive a crash is in [`conversation::Snapshot`]; everything else is rebuilt from the inbox.
//! - A port is a trait here only when at least two things implement it.
//!
//! **Start here:** [`conversation::decide`], then [`ports`].

pub mod access;
pub mod agent;
pub mod analytics;
pub mod approval;
pub mod call;
pub mod channel;
pub mod commerce;
pub mod conversation;
pub mod disclosure;
pub mod egress;
pub mod failure;
pub mod fairness;
pub mod fallback;
pub mod grounding;
pub mod http_tool;
pub mod ids;
pub mod journey;
mod json;
pub mod knowledge;
pub mod language;
pub mod lookahead;
pub mod meaning;
pub mod message;
pub mod model;
mod names;
pub mod outbound;
pub mod outreach;
pub mod pacing;
pub mod phrases;
pub mod placement;
pub mod plan;
pub mod ports;
pub mod proposal;
pub mod rate;
pub mod rich;
pub mod routing;
pub mod specialist;
pub mod standing;
pub mod taint;
pub mod team;
pub mod template;
pub mod time;
pub mod tool;
pub mod tool_limits;
pub mod tool_server;
pub mod unanswered;
pub mod video;
pub mod webhook;
pub mod words;

#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
