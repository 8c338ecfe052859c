//! How fast an account may send, as a state machine without a clock of its own.

use crate::{channel::Pacing, time::Timestamp};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// What the rate is counted over. Providers count a second of messages as they *arrive*, and the network brings some later than
/// others: of messages that left a full second apart more than the rate can arrive within one. The 4 % that are given up are room
/// for ways that differ by 40 ms.
const WINDOW: Duration = Duration::from_millis(1_040);
/// A peer's interval is longer by this part of it, for the same reason.
const SLACK: u64 = 25;
/// Below this many remembered peers none are looked for to forget.
const FEW_PEERS: usize = 64;

/// Keeps one account within its [`Pacing`].
///
/// In no second (of any phase), nor in 4 % more than it, are more than `per_second` messages let through; to one peer, at most
/// `peer_burst` at once and then one every `peer_interval` and 4 % of it, so that a burst is borrowed from later. A peer is forgotten when its burst
/// is paid back, so memory is bounded by what was sent in the last `peer_burst × peer_interval`.
#[derive(Debug, Clone)]
pub struct Pacer {
    pacing: Pacing,
    /// When the last `per_second` messages went, oldest first.
    recent: VecDeque<Timestamp>,
    /// When each peer's burst is paid back in full.
    peers: BTreeMap<String, Timestamp>,
    /// Look for peers to forget when there are more than this.
    forget_above: usize,
}

impl Pacer {
    #[must_use]
    pub fn new(mut pacing: Pacing) -> Self {
        pacing.peer_interval = with_slack(pacing.peer_interval);
        Self { pacing, recent: VecDeque::new(), peers: BTreeMap::new(), forget_above: FEW_PEERS }
    }

    /// Takes the permit to send one message to `peer` now.
    ///
    /// # Errors
    /// The time before which it is not worth asking again; nothing was taken.
    pub fn acquire(&mut self, peer: &str, now: Timestamp) -> Result<(), Timestamp> {
        if self.recent.back().is_some_and(|&last| last > now) {
            // The clock was set back: what is remembered lies in a future that may be hours away.
            self.recent.clear();
            self.peers.clear();
        }
        self.forget_idle(now);
        let paid_back = self.peers.get(peer).copied().unwrap_or(now).max(now);
        let account_free = self.account_free(now);
        let peer_free = Timestamp(paid_back.0.saturating_sub(self.credit()));
        let not_before = account_free.max(peer_free);
        if not_before > now {
            return Err(not_before);
        }
        self.recent.push_back(now);
        if !self.pacing.peer_interval.is_zero() {
            self.peers.insert(peer.to_owned(), paid_back + self.pacing.peer_interval);
        }
        Ok(())
    }

    /// How many peers are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.peers.len()
    }

    fn account_free(&mut self, now: Timestamp) -> Timestamp {
        // A rate of nothing would stop the account for ever.
        let limit = usize::try_from(self.pacing.per_second.max(1)).unwrap_or(usize::MAX);
        while self.recent.len() > limit || self.recent.front().is_some_and(|&t| t + WINDOW <= now) {
            self.recent.pop_front();
        }
        if self.recent.len() < limit { now } else { self.recent.front().map_or(now, |&t| t + WINDOW) }
    }

    /// How far ahead a peer may borrow, in milliseconds.
    fn credit(&self) -> i64 {
        let burst = self.pacing.peer_burst.max(1) - 1;
        i64::try_from(self.pacing.peer_interval.saturating_mul(burst).as_millis()).unwrap_or(i64::MAX)
    }

    fn forget_idle(&mut self, now: Timestamp) {
        if self.peers.len() > self.forget_above {
            self.peers.retain(|_, paid_back| *paid_back > now);
            // Doubling keeps the cost of looking constant per message.
            self.forget_above = FEW_PEERS.max(self.peers.len() * 2);
        }
    }
}

/// In whole milliseconds, never less than it should be: that is how finely times are kept.
fn with_slack(interval: Duration) -> Duration {
    let millis = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis.saturating_add(millis.div_ceil(SLACK)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pacing(per_second: u32, interval_ms: u64, burst: u32) -> Pacing {
        Pacing { per_second, peer_interval: Duration::from_millis(interval_ms), peer_burst: burst }
    }

    #[test]
    fn a_burst_is_borrowed_from_later() {
        let mut p = Pacer::new(pacing(80, 6_000, 3));
        let t = Timestamp(1_000_000);
        assert_eq!([p.acquire("a", t), p.acquire("a", t), p.acquire("a", t)], [Ok(()); 3]);
        let later = |n: u64| t + Duration::from_millis(6_240 * n);
        assert_eq!(p.acquire("a", t), Err(later(1)));
        assert_eq!(p.acquire("b", t), Ok(()), "another peer does not wait");
        assert_eq!(p.acquire("a", later(1)), Ok(()));
        assert_eq!(p.acquire("a", later(1)), Err(later(2)));
    }

    #[test]
    fn the_account_waits_for_its_second_and_a_zero_rate_does_not_stop_it() {
        let mut p = Pacer::new(pacing(2, 0, 1));
        assert_eq!(p.acquire("a", Timestamp(100)), Ok(()));
        assert_eq!(p.acquire("b", Timestamp(600)), Ok(()));
        assert_eq!(p.acquire("c", Timestamp(700)), Err(Timestamp(1_140)));
        assert_eq!(p.acquire("c", Timestamp(1_140)), Ok(()));
        let mut p = Pacer::new(pacing(0, 0, 0));
        assert_eq!(p.acquire("a", Timestamp(0)), Ok(()));
        assert_eq!(p.acquire("a", Timestamp(1)), Err(Timestamp(1_040)));
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nobody() {
        let mut p = Pacer::new(pacing(1, 6_000, 1));
        assert_eq!(p.acquire("a", Timestamp(10_000_000)), Ok(()));
        assert_eq!(p.acquire("a", Timestamp(5_000)), Ok(()));
        assert_eq!(p.acquire("a", Timestamp(5_000)), Err(Timestamp(11_240)));
    }

    #[test]
    fn the_slack_costs_less_than_a_tenth() {
        const MESSAGES: u64 = 10_000;
        let mut p = Pacer::new(pacing(80, 0, 1));
        let mut now = Timestamp(0);
        for _ in 0..MESSAGES {
            while let Err(at) = p.acquire("a", now) {
                now = at;
            }
        }
        let least = Duration::from_millis(MESSAGES * 1_000 / 80);
        assert!(now.since(Timestamp(0)) <= least * 11 / 10, "{now:?}");
    }

    #[test]
    fn idle_peers_are_forgotten() {
        let mut p = Pacer::new(pacing(10_000, 1_000, 1));
        for i in 0..10_000_i64 {
            p.acquire(&format!("peer-{i}"), Timestamp(i * 100)).expect("different peers");
        }
        assert!(p.remembered() <= 2 * FEW_PEERS, "{}", p.remembered());
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_it_may(
            per_second in 1_u32..6, interval in 0_u64..3_000, burst in 1_u32..5,
            asks in proptest::collection::vec((0_usize..3, 0_i64..700), 1..120),
        ) {
            let mut p = Pacer::new(pacing(per_second, interval, burst));
            let (mut now, mut sent) = (Timestamp(0), Vec::new());
            for (peer, step) in asks {
                now = Timestamp(now.0 + step);
                match p.acquire(&peer.to_string(), now) {
                    Ok(()) => sent.push((peer, now)),
                    Err(at) => {
                        prop_assert!(at > now);
                        // Nobody else asks in between, so the promised time holds.
                        prop_assert_eq!(p.acquire(&peer.to_string(), at), Ok(()));
                        now = at;
                        sent.push((peer, at));
                    }
                }
            }
            for (i, &(peer, t)) in sent.iter().enumerate() {
                let in_window = sent[i..].iter().filter(|(_, u)| u.0 < t.0 + 1_040).count();
                prop_assert!(in_window <= per_second as usize);
                let to_peer: Vec<_> = sent[i..].iter().filter(|(q, _)| *q == peer).collect();
                for (n, (_, u)) in to_peer.iter().enumerate().skip(burst as usize) {
                    let owed = (n as u64 + 1 - u64::from(burst)) * interval;
                    // 1.04 times what is owed, in whole numbers.
                    prop_assert!(u.since(t).as_millis() * 100 >= u128::from(owed) * 104);
                }
            }
        }
    }
}
