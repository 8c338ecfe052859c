//! What people agreed to, what messages cost, and messages that somebody planned.

mod broadcasts;
mod consents;
mod planned;

pub use broadcasts::{Broadcast, NewBroadcast, Progress, Recipient};
pub use consents::{ConsentRecord, NewConsent};
pub use planned::{NewPlanned, Planned, PutOut};
