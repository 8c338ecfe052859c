//! Several nodes of the running program over real engines: PostgreSQL, NATS, and Qdrant's protocol. Nothing of the program's
//! code is linked in here, except into `storm.rs`, which must set the clock.
//!
//! `COLLOQUY_TEST_KILLS` is how often each fault comes (3 unless set), `COLLOQUY_TEST_SEED` repeats a run; `suite.rs` is the
//! long form. A fault that was none fails: the checker alone would be content with it.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

#[macro_use]
#[path = "../../../store/tests/common/mod.rs"]
mod common;
#[path = "../support/mod.rs"]
mod support;

mod cuts;
mod deployed;
mod doctor;
mod faults;
mod full;
mod gate;
mod listening;
mod measure;
mod moving;
mod net;
mod planned;
mod sharing;
mod storm;
mod suite;
mod town;
