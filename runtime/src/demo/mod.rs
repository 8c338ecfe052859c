//! The demonstration: Colloquy's own documentation, an agent that knows it, and a web chat for everybody.

mod docs;
mod seed;

pub use seed::seed;
