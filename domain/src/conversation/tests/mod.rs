//! The machine by examples (`stories`) and under random inputs, crashes and answers (`invariants`).

mod approvals;
mod elsewhere;
mod hand_off;
mod invariants;
mod journeys;
mod listening;
mod spoken;
mod stories;
mod undo;
mod world;
