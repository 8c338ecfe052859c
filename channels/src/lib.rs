//! Channels: everything that one provider of conversations knows, behind
//! [`ChannelDriver`](colloquy_domain::ports::ChannelDriver).
//!
//! **Purpose.** Verify and decode what providers send, mark up and cut replies, deliver them, and say how fast.
//!
//! **Non-goals.** No queue, no retry loop, no storage, no HTTP server: those are the callers'. A driver keeps nothing
//! that a restart would miss.
//!
//! **Invariants.**
//! - A body is verified as the bytes that came, before it is parsed; what is not verified is never read.
//! - A signed payload of any shape is accepted: unknown kinds are events, never rejections.
//! - A request that went out and was not answered is `Uncertain`, never a silent repetition.
//! - Tokens are in no error, no log line and no `Debug` output.
//!
//! **Start here:** [`drivers`]. Adding a channel is one folder beside `telegram` and one line there.

mod gsm;
mod http;
mod instagram;
mod lenient;
mod line;
mod markup;
mod messenger;
mod meta;
mod registry;
mod telegram;
mod timely;
mod twilio;
mod voice;
mod webchat;
mod whatsapp;

pub use http::{Answer, ChannelOptions, Download, Downloaded, NoAnswer, Request, Transport};
pub use registry::{Registry, drivers};
