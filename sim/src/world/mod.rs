//! A world: the production actors of one or more nodes over one simulated store, network and clock, and the people who
//! write to them.

mod build;
mod core;
mod door;
mod heard;
mod node;
mod phone;
mod run;
mod told;

pub use self::core::Core;
pub use door::{Door, Doors, Payload, deliver, post};
pub use run::{Options, Report, Stats, Verdict, run, run_with};
pub use told::Told;
