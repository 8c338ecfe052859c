//! The simulator: the production actors under another clock.
//!
//! **Purpose.** Runs thousands of conversations against the actors of `actors`, the drivers of `channels` and the engine of
//! `tools`, in virtual time, with faults at every seam; holds every run against the promises of the product, and makes
//! the same run again from its seed.
//!
//! **Non-goals.** No second implementation of any decision: what is simulated is the world around the actors, never they.
//!
//! **Invariants.**
//! - Everything of a run happens on one thread, on a runtime whose time stands still until everybody waits.
//! - Chance is hash(seed, site, entity, occurrence): taking one event away moves no other.
//! - Names, never ids, are in a trace, and never the order of a hash map: two processes make the same trace.
//! - The stores of a world are the reference ones that the conformance suites hold the real stores against.
//!
//! **Start here:** [`run`], then [`scenario`], then [`seam`]: what is between a node and its world.

pub mod against;
pub mod bare;
pub mod check;
mod clock;
pub mod compare;
pub mod fault;
pub mod fuzz;
mod gate;
pub mod load;
pub mod minimise;
mod model;
pub mod people;
pub mod planted;
mod provider;
pub mod record;
pub mod report;
pub mod saved;
pub mod scenario;
pub mod seam;
mod seed;
pub mod tau2;
pub mod toolset;
mod trace;
mod world;

pub use model::{Answered, Garbling, Mutation, Outside, Recorded, Servers, Take, Tape};
pub use provider::{Connected, Delivered};
pub use seed::{Dice, Seed};
pub use trace::Entry;
pub use world::{Options, Payload, Report, Stats, Told, Verdict, run, run_with};
