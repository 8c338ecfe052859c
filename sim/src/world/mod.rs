//! A world: the production actors of one or more nodes over one simulated store, network and clock, and the people who
//! write to them.

mod build;
mod core;
mod door;
mod heard;
mod library;
mod node;
mod phone;
mod run;
mod team;
mod told;
mod twin;

pub use self::core::{Core, News};
pub use self::library::{Document, Library, status};
pub use door::{Door, Doors, PUBLIC_URL, Payload, deliver, post, webhook_url};
pub use run::{Options, Report, Stats, Verdict, run, run_with};
pub use told::Told;
pub use twin::is_comparable;
