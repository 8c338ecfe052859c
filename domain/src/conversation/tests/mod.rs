//! The machine by examples (`stories`) and under random inputs, crashes and answers (`invariants`).

mod invariants;
mod stories;
mod world;
