//! The actor shells: thin, supervised, and the only place where decisions meet the world.
//!
//! **Purpose.** Runs every conversation, agent and channel as a supervised actor over the ports of `domain`: intake moves
//! the log into inboxes, the router activates conversations, one interpreter runs their effects, channel actors drain
//! the outbox, the ingestion actor turns documents into passages.
//!
//! **Non-goals.** No decisions (those are `domain::conversation::decide` and its siblings), no SQL, no HTTP, no providers.
//!
//! **Invariants.**
//! - Everything an actor holds is durable or rebuilt from what is: any of them may die at any time.
//! - Mailboxes carry hints and results of own work only, never the messages of people.
//! - A handler never waits for a model, a tool or a provider: slow work is spawned and comes back as a message.
//! - The only match on `Effect` is in [`effects`]; the only list of what runs is [`supervision::TABLE`].
//!
//! **Start here:** [`node::Node::start`], then [`supervision::TABLE`], then the conversation's shell.

mod accept;
mod agents;
mod beginning;
mod channel;
mod channels;
mod cluster;
mod control;
mod conversation;
mod delivery;
mod draft;
pub mod effects;
mod elsewhere;
mod fallback;
mod ingestion;
mod intake;
mod listen;
mod lookup;
pub mod node;
mod paces;
mod placement;
mod poll;
mod ports;
mod pressure;
mod root;
mod router;
mod slot;
mod spans;
pub mod supervision;
mod timers;
mod turnstile;
mod work;

pub use accept::Accepted;
pub use cluster::Cluster;
pub use node::Node;
pub use ports::{Ports, Settings};
pub use pressure::Pressure;
