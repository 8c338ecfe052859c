//! The HTTP face of Colloquy.
//!
//! **Purpose.** Webhooks, the REST API, web chat with streaming, health: verify, validate, call, answer in one envelope.
//!
//! **Non-goals.** No decisions about conversations, no SQL, no providers: those are reached through `store`'s
//! repositories, the node's handle and the ports.
//!
//! **Invariants.**
//! - A webhook or a chat message is answered with success only after the log acknowledged it.
//! - Every handler under `/api` gets its tenant from the credential, and its repository is bound to that tenant.
//! - What an endpoint lets its caller do is said where it is registered, and checked in one place ([`auth`]); an endpoint
//!   without an action opens for nobody.
//! - Every error is [`error::ApiError`]: one envelope, a stable code, nothing internal.
//!
//! **Start here:** [`routes::router`], the registry of endpoints; one file per resource in `endpoints`.

mod aliases;
mod answer;
mod ask;
mod attachments;
mod auth;
mod body;
mod calls;
mod catalogue;
mod commerce;
mod conditional;
mod desk;
mod edge;
mod endpoints;
pub mod error;
mod exchange;
mod files;
pub mod hub;
mod idempotent;
mod identity;
mod jobs;
mod limits;
mod mcp;
mod metrics;
mod openapi;
mod outreach;
mod page;
mod peer;
mod period;
mod realtime;
mod registry;
mod routes;
mod saying;
mod sent_files;
mod sentences;
mod serve;
pub mod simulations;
mod sources;
mod speech;
mod state;
mod telling;
mod time;
mod turned_away;
mod uploads;
mod video;
mod visitor;
mod websocket;

pub use attachments::run as run_attachments;
pub use calls::run as run_calls;
pub use commerce::{AtService, Commerce, run as run_commerce};
pub use hub::Hub;
pub use identity::{Identity, InvalidKeys, Letter, Mailer, Passwords, TokenKeys, new_user};
pub use jobs::run as run_jobs;
pub use limits::Limits;
pub use metrics::{Counting, CountingTools, Metrics};
pub use openapi::document;
pub use outreach::run as run_outreach;
pub use realtime::Realtime;
pub use registry::{Access, Endpoint};
pub use routes::{endpoints, router};
pub use sent_files::KeptFiles;
pub use serve::serve;
pub use sources::Visitor;
pub use state::{Api, ApiOptions, Catalogue};
pub use telling::run as run_webhooks;
pub use video::{Videos, run as run_videos};
