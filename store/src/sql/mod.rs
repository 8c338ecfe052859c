//! All SQL text, one module for each area. Parameters are `$1`, in SQLite's statements over many rows `?`; nothing here is
//! built from input. What is a `&str` or [`Rows::new`](crate::db::Rows::new) alone is understood by both databases.

/// A statement of two texts: `{"SQLite's words" | "PostgreSQL's"}` stands where they differ.
macro_rules! both {
    ($($part:tt),*) => {
        crate::db::Sql { sqlite: concat!($(side!(sqlite $part)),*), postgres: concat!($(side!(postgres $part)),*) }
    };
}

macro_rules! side {
    (sqlite { $sqlite:literal | $postgres:literal }) => {
        $sqlite
    };
    (postgres { $sqlite:literal | $postgres:literal }) => {
        $postgres
    };
    ($side:ident $same:literal) => {
        $same
    };
}

pub(crate) mod agents;
pub(crate) mod approvals;
pub(crate) mod attachments;
pub(crate) mod beginnings;
pub(crate) mod calls;
pub(crate) mod commerce;
pub(crate) mod contacts;
pub(crate) mod conversation;
pub(crate) mod desk;
pub(crate) mod documents;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod health;
pub(crate) mod held;
pub(crate) mod inbox;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod knowledge;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod outbox;
pub(crate) mod outreach;
pub(crate) mod people;
pub(crate) mod placement;
pub(crate) mod platform;
pub(crate) mod proposals;
pub(crate) mod reports;
pub(crate) mod retention;
pub(crate) mod settings;
pub(crate) mod simulations;
pub(crate) mod sizes;
pub(crate) mod subscriptions;
pub(crate) mod templates;
pub(crate) mod tool_servers;
pub(crate) mod tool_uses;
pub(crate) mod trail;
pub(crate) mod transfer;
pub(crate) mod video;
pub(crate) mod webhooks;

#[cfg(test)]
pub(crate) mod plans;
