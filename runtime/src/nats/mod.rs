//! NATS: the log of a cluster, and what its nodes tell each other.
//!
//! **Purpose.** [`JetStreamLog`] is the durable ingress log on JetStream; [`NatsRelay`] carries signals between nodes;
//! [`Connection`] is what both stand on; [`inspect`] says what `doctor` prints.
//!
//! **Non-goals.** No cursors and no ownership: they lie in SQL. Nothing that has to arrive goes through the relay.
//!
//! **Invariants.**
//! - An entry is acknowledged only after the server acknowledged it.
//! - What a lane has acknowledged or handed out is never silently missing: a log that ends earlier is broken, and says so.
//! - No secret reaches a log line, an error or a `Debug`.
//!
//! **Start here:** [`Connection::connect`], then [`JetStreamLog::open`] and [`NatsRelay::start`].

mod account;
mod connection;
mod doctor;
mod error;
mod limited;
mod limits;
mod log;
mod options;
mod relay;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub use account::Usage;
pub use connection::Connection;
pub use doctor::{Inspection, LaneReport, inspect};
pub use error::NatsError;
pub use limits::{NatsLimits, remove_streams};
pub use log::{JetStreamLog, LogOptions};
pub use options::{NatsAuth, NatsOptions, NatsTls};
pub use relay::{NatsRelay, RelayInbox};
