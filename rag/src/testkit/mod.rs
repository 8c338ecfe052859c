//! What tests of this and other crates need of a Qdrant server.

mod standin;

pub use standin::{Standin, StandinOptions};
pub use tonic::Code;
