//! All SQL text, one module for each area. Parameters are `$1`, in statements over many rows `?`; nothing here is built
//! from input.

pub(crate) mod conversation;
pub(crate) mod documents;
pub(crate) mod inbox;
pub(crate) mod log;
pub(crate) mod outbox;
pub(crate) mod platform;
pub(crate) mod reports;

#[cfg(test)]
mod plans;
