//! What the tests of the running program share: the program itself, a client, Meta's side of a conversation.
//!
//! Included by path into each test program that needs it; none uses all of it.
#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

pub mod avatars;
pub mod calls;
pub mod client;
pub mod disk;
pub mod documents;
pub mod embeddings;
pub mod graph;
pub mod graph_control;
pub mod graph_templates;
pub mod guardian;
pub mod history;
pub mod mcp;
pub mod meta;
pub mod nats;
pub mod providers;
pub mod relay;
pub mod server;
pub mod services;
pub mod shop;
pub mod speaker;
pub mod stream;
pub mod telegram;
pub mod traffic;
pub mod twilio;
pub mod wait;
