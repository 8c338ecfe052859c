//! How much of a broadcast goes to the outbox at a time. Replies share the outbox and its pacing with it, so a broadcast hands
//! over only what leaves within half a second, and nothing while something waits that is due.

use crate::time::Timestamp;
use std::time::Duration;

/// How often a broadcast is looked after, at most.
const TICK: Duration = Duration::from_secs(1);

/// What is handed over now, and when to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    pub messages: u32,
    pub next: Timestamp,
}

/// `per_minute` is the broadcast's own ceiling, `per_second` what the account may send; `waiting` messages of the account are
/// due and have not left.
#[must_use]
pub fn lot(per_minute: u32, per_second: u32, waiting: u32, now: Timestamp) -> Lot {
    let per_minute = per_minute.max(1);
    let ceiling = (per_minute / 60).max(1);
    // The other half of each second is the replies'.
    let share = (per_second / 2).max(1);
    let messages = ceiling.min(share).saturating_sub(waiting);
    let each = Duration::from_millis(60_000_u64.div_ceil(u64::from(per_minute)));
    Lot { messages, next: now + TICK.max(each.saturating_mul(messages)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slow_broadcast_waits_between_two_messages_and_a_busy_account_has_no_room() {
        let now = Timestamp(1_000);
        assert_eq!(lot(6, 80, 0, now), Lot { messages: 1, next: Timestamp(11_000) });
        assert_eq!(lot(600, 80, 0, now), Lot { messages: 10, next: Timestamp(2_000) });
        assert_eq!(lot(60_000, 80, 0, now), Lot { messages: 40, next: Timestamp(2_000) });
        assert_eq!(lot(600, 80, 10, now), Lot { messages: 0, next: Timestamp(2_000) });
        assert_eq!(lot(600, 1, 0, now).messages, 1, "a slow account sends, too");
    }

    proptest! {
        #[test]
        fn neither_ceiling_is_passed(per_minute in 1_u32..100_000, per_second in 1_u32..200, waiting in 0_u32..300) {
            let now = Timestamp(0);
            let Lot { messages, next } = lot(per_minute, per_second, waiting, now);
            prop_assert!(u64::from(messages) * 60_000 <= u64::from(per_minute) * next.since(now).as_millis() as u64);
            prop_assert!(messages <= (per_second / 2).max(1));
            prop_assert!(messages == 0 || waiting + messages <= (per_second / 2).max(1), "replies find room");
            prop_assert!(next > now);
        }
    }
}
