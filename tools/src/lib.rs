//! Tools: what an agent may do besides talking.
//!
//! **Purpose.** One engine that checks a call (is the tool known, may this agent use it, do the arguments fit its JSON
//! Schema), runs it within its timeout, and always comes back with a result; the built-in tools; and the services of
//! others that flows are carried out with (`integrations`).
//!
//! **Non-goals.** No journal and no idempotency keys of its own: the intent of a call is committed, and its key made,
//! before it comes here. No decision about what a result means for the conversation.
//!
//! **Invariants.**
//! - Nothing of a tool runs before its arguments were validated and the agent's permission was checked.
//! - A call that may have been started before is started again only if its effect class allows it.
//! - A panic or a timeout ends as a result: `Failed` when nothing can have changed, `Uncertain` otherwise.
//!
//! **Start here:** [`Tools`], then `builtin::all`, the registry; one file for each tool.

mod arguments;
mod builtin;
mod engine;
pub mod http;
mod integrations;
mod limits;
mod remote;
mod tool;
mod undo;

pub use engine::Tools;
pub use integrations::Integrations;
pub use tool::Tool;
