//! Reservations and orders: what may be asked for, and the flows that carry it out.
//!
//! A request writes its reservation or order together with a flow, and the flow is carried out while the request waits
//! ([`run`]). What is not finished then, or was cut by a crash, is found by the loop that runs on each node.

mod ask;
mod concierge;
mod refusal;
mod run;
#[cfg(test)]
mod tests;
pub mod when;

pub use ask::Asked;
pub use concierge::AtService;
pub use refusal::Refusal;
pub use run::run;

use colloquy_domain::ports::{Clock, Services};
use colloquy_store::Store;
use std::sync::Arc;

/// What reservations and orders need.
pub struct Commerce {
    pub(crate) store: Store,
    pub(crate) services: Arc<dyn Services>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Commerce {
    #[must_use]
    pub fn new(store: Store, services: Arc<dyn Services>, clock: Arc<dyn Clock>) -> Self {
        Self { store, services, clock }
    }
}
