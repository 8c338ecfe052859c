//! Several nodes of the running program over real engines: PostgreSQL, NATS, and Qdrant's protocol. Nothing of the program's
//! code is linked in here.
//!
//! `COLLOQUY_TEST_KILLS` is how often each fault comes (3 unless set), `COLLOQUY_TEST_SEED` repeats a run.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

#[path = "../../../store/tests/common/postgres.rs"]
mod postgres;
#[path = "../support/mod.rs"]
mod support;

mod doctor;
mod faults;
mod moving;
mod sharing;
mod town;
