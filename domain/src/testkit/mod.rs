//! Fakes, the manual clock and the conformance suites.

mod clock;
pub mod conformance;
mod fakes;
mod fixtures;
pub mod injections;
pub mod memory_knowledge;
mod memory_placement;
mod memory_store;

pub use clock::{ManualClock, SeqIds};
pub use fakes::{
    FAKE_WRITER, FakeDriver, FakeKnowledge, FakeModel, FakePipeline, FakeTools, Heard, Ingested, MeaningInWords,
    MemoryDirectory,
};
pub use fixtures::{Account, Fixture, answer, empty_commit, held, receive, said, say, take_in_all};
pub use memory_knowledge::{MemoryKnowledge, Piece};
pub use memory_placement::MemoryPlacement;
pub use memory_store::{Approval, Approvals, Line, MemoryStore, Sending, Standing};
