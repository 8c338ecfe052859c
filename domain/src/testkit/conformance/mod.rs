//! What every implementation of the store's ports must do. Each suite panics at the first difference; it runs on a
//! store that holds what its [`Fixture`](super::Fixture) names.

mod beginnings;
mod conversation;
mod documents;
mod held;
mod inbox;
mod knowledge;
mod log;
mod outbox;
mod placement;

pub use conversation::conversation_store_conformance;
pub use documents::document_queue_conformance;
pub use inbox::inbox_store_conformance;
pub use knowledge::knowledge_conformance;
pub use log::ingress_log_conformance;
pub use outbox::outbox_store_conformance;
pub use placement::placement_store_conformance;
