//! What other systems are told of, and how stubbornly. Pure: the store writes events down, the API delivers them.

use std::time::Duration;

/// The kinds of events that happen; the store's triggers write them down.
pub const EVENTS: [&str; 29] = [
    "conversation.started",
    "conversation.handed_over",
    "conversation.handed_off",
    "conversation.returned",
    "conversation.closed",
    "contact.moved",
    "message.received",
    "message.sent",
    "message.status",
    "document.ready",
    "document.failed",
    "reservation.created",
    "reservation.cancelled",
    "order.paid",
    "order.refunded",
    "whatsapp.fallback",
    "call.started",
    "call.ended",
    "video.started",
    "video.ended",
    "tool.approval_requested",
    "tool.approval_overdue",
    "tool.approval_decided",
    "tool.undo_ordered",
    "scheduled_message.failed",
    "broadcast.ended",
    "error.occurred",
    "budget.warning",
    "budget.spent",
];

/// All kinds, those of later versions, too.
pub const EVERY_EVENT: &str = "*";

/// Attempts at one delivery; after the last one it is a dead letter.
pub const ATTEMPTS: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3_600);
/// Failures in a row after which an endpoint is left alone for a while.
const PATIENCE: u32 = 5;
const FIRST_REST: Duration = Duration::from_secs(30);
const LONGEST_REST: Duration = Duration::from_secs(3_600);

/// The time until the next attempt after so many failed ones, four times as long each time; `None` when it was the last
/// one. `chance` makes it up to a half longer, so that what failed together does not come back together.
#[must_use]
pub fn wait_after(failed: u32, chance: u64) -> Option<Duration> {
    if failed >= ATTEMPTS {
        return None;
    }
    let wait = FIRST_WAIT.saturating_mul(4_u32.saturating_pow(failed.saturating_sub(1))).min(LONGEST_WAIT);
    let more = u32::try_from(chance % 1_000).unwrap_or_default();
    Some(wait + wait / 2 * more / 1_000)
}

/// How long an endpoint is left alone after so many failures in a row: its neighbours get the time, and it can recover.
#[must_use]
pub fn rest_after(failures: u32) -> Duration {
    match failures.checked_sub(PATIENCE) {
        None => Duration::ZERO,
        Some(more) => FIRST_REST.saturating_mul(2_u32.saturating_pow(more)).min(LONGEST_REST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // req: S2-OUT-1
    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<u64> = (1..ATTEMPTS).map(|n| wait_after(n, 0).expect("not the last").as_secs()).collect();
        assert_eq!(waits, [2, 8, 32, 128, 512, 2_048, 8_192, 21_600, 21_600]);
        assert_eq!(wait_after(ATTEMPTS, 0), None);
        assert_eq!(wait_after(1, 500), Some(Duration::from_millis(2_500)));
    }

    #[test]
    fn an_endpoint_that_fails_and_fails_is_left_alone_longer_and_longer() {
        let rests: Vec<u64> = (3..=7).map(|n| rest_after(n).as_secs()).collect();
        assert_eq!(rests, [0, 0, 30, 60, 120]);
        assert_eq!(rest_after(u32::MAX), LONGEST_REST);
    }

    proptest! {
        #[test]
        fn chance_never_shortens_a_wait_nor_lengthens_it_by_more_than_half(failed in 1..ATTEMPTS, chance: u64) {
            let (least, wait) = (wait_after(failed, 0).unwrap(), wait_after(failed, chance).unwrap());
            prop_assert!(least <= wait && wait <= least + least / 2);
        }
    }
}
