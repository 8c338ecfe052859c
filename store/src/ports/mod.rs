//! The domain's ports.

mod approvals;
mod beginnings;
mod commit;
mod conversation;
mod documents;
mod held;
mod inbox;
mod log;
mod outbox;
mod placement;
mod sent;
mod settle;
mod statuses;

pub(crate) use approvals::{order, read_call, read_place};
pub(crate) use commit::{Prepared, write_all};
pub(crate) use conversation::{read_heard, read_snapshot, read_speaker};
pub(crate) use inbox::TakeIn;
pub(crate) use outbox::{Claim, Claimed, lock};
pub(crate) use placement::{Meeting, SessionRow, session};
pub(crate) use sent::Sent;
pub(crate) use statuses::read_status;

/// Counters and offsets: SQL's integers are signed.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Small counters (attempts, parts, pages).
pub(crate) fn small(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(0)
}
