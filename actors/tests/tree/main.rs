//! The supervision tree over fakes, on paused time: the same actors as in production.

mod backlog;
mod channels;
mod cluster;
mod conversations;
mod ingestion;
mod world;
