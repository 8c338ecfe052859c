//! The supervision tree over fakes, on paused time: the same actors as in production.

mod channels;
mod conversations;
mod ingestion;
mod world;
