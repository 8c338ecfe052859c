//! How commands reach the application: always over its own HTTP API, in another process or in this one.

mod api;
mod connect;
mod events;
mod types;

pub use api::{Api, ApiError};
pub use connect::{in_use_by_server, with_server};
pub use types::*;
