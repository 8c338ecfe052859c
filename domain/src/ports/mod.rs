//! The ports: traits that the real adapters and the fakes of the test kit both implement.
//!
//! One conformance suite for each lies in [`crate::testkit`] and runs against all implementations.

mod announce;
mod calls;
mod channel;
mod clock;
mod cluster;
mod commerce;
mod documents;
mod files;
mod knowledge;
mod log;
mod meaning;
mod model;
mod outbox;
mod store;
mod tools;
mod video;
mod web;

pub use announce::{Announcer, Connected, Notice};
pub use calls::CallDriver;
pub use channel::{ChannelDirectory, ChannelDriver, Templates};
pub use clock::{Clock, Ids};
pub use cluster::{PlacementStore, Relay, Signal};
pub use commerce::{Concierge, Proof, Services, Told, Work};
pub use documents::{DocumentPipeline, DocumentQueue, ProgressSink};
pub use files::{FileOf, Missing, SentFiles};
pub use knowledge::Knowledge;
pub use log::{Cursor, IngressLog, LogEntry, NewEntry, Offset};
pub use meaning::{Embeddings, Meaning};
pub use model::{Model, TokenSink};
pub use outbox::{Beginning, OutboxItem, OutboxStore, Settlement};
pub use store::{AgentDirectory, ConversationStore, DueTimer, InboxHint, InboxStore, Loaded, StoreError, TakenIn};
pub use tools::{RemoteTool, RemoteTools, ToolMeter, ToolPlace, Toolbox};
pub use video::{Avatars, Joined, Reserved, Spoken};
pub use web::{Outside, Poster, Unanswered, Web, WebAnswer, WebCall, WebPost, WebRequest, WebResponse};
