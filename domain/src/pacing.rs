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
/// What is shown of answers in the making has at most this part of the account's rate: the rest is for replies that come meanwhile.
const SHARE: usize = 3;
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
    /// When the last [`Pacer::spare`] permits were given, oldest first.
    spared: VecDeque<Timestamp>,
    /// Until then a reply waits for the account's rate, as far as is known.
    wanted: Timestamp,
}

impl Pacer {
    #[must_use]
    pub fn new(mut pacing: Pacing) -> Self {
        pacing.peer_interval = with_slack(pacing.peer_interval);
        Self {
            pacing,
            recent: VecDeque::new(),
            peers: BTreeMap::new(),
            forget_above: FEW_PEERS,
            spared: VecDeque::new(),
            wanted: Timestamp::default(),
        }
    }

    /// Takes the permit to send one message to `peer` now.
    ///
    /// # Errors
    /// The time before which it is not worth asking again; nothing was taken.
    pub fn acquire(&mut self, peer: &str, now: Timestamp) -> Result<(), Timestamp> {
        self.acquire_all(peer, 1, now)
    }

    /// As [`Pacer::acquire`], for what goes at once and is counted as so many messages.
    ///
    /// # Errors
    /// As [`Pacer::acquire`].
    pub fn acquire_all(&mut self, peer: &str, messages: u32, now: Timestamp) -> Result<(), Timestamp> {
        self.begin_anew_if_set_back(now);
        self.forget_idle(now);
        let paid_back = self.peers.get(peer).copied().unwrap_or(now).max(now);
        let account_free = self.account_free(messages, now);
        let peer_free = Timestamp(paid_back.0.saturating_sub(self.credit()));
        if account_free > now {
            self.wanted = account_free + WINDOW;
        }
        let not_before = account_free.max(peer_free);
        if not_before > now {
            return Err(not_before);
        }
        self.take(peer, messages, paid_back, now);
        Ok(())
    }

    /// Takes the permit for what no reply may wait for: something to show of an answer in the making. Given only while no reply
    /// waits for the account's rate, for a part of that rate, and to a peer whose burst is not borrowed from by more than one
    /// message; not given, it is not worth waiting for.
    pub fn spare(&mut self, peer: &str, now: Timestamp) -> bool {
        self.begin_anew_if_set_back(now);
        let paid_back = self.peers.get(peer).copied().unwrap_or(now).max(now);
        let ahead = if self.pacing.peer_burst > 1 { self.pacing.peer_interval } else { Duration::ZERO };
        while self.spared.front().is_some_and(|&t| t + WINDOW <= now) {
            self.spared.pop_front();
        }
        let most = usize::try_from(self.pacing.per_second).unwrap_or(usize::MAX) / SHARE;
        let free = self.account_free(1, now) <= now && self.wanted <= now && self.spared.len() < most.max(1);
        if !free || paid_back > now + ahead {
            return false;
        }
        self.spared.push_back(now);
        self.take(peer, 1, paid_back, now);
        true
    }

    fn take(&mut self, peer: &str, messages: u32, paid_back: Timestamp, now: Timestamp) {
        self.recent.extend(std::iter::repeat_n(now, messages as usize));
        if !self.pacing.peer_interval.is_zero() {
            self.peers.insert(peer.to_owned(), paid_back + self.pacing.peer_interval.saturating_mul(messages));
        }
    }

    /// Where the clock was set back, what is remembered lies in a future that may be hours away.
    fn begin_anew_if_set_back(&mut self, now: Timestamp) {
        if self.recent.back().is_some_and(|&last| last > now) {
            self.recent.clear();
            self.peers.clear();
            self.spared.clear();
            self.wanted = Timestamp::default();
        }
    }

    /// How many peers are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.peers.len()
    }

    /// When there is room for so many; more than the rate itself have room once nothing else was sent for a moment.
    fn account_free(&mut self, messages: u32, now: Timestamp) -> Timestamp {
        // A rate of nothing would stop the account for ever.
        let limit = usize::try_from(self.pacing.per_second.max(1)).unwrap_or(usize::MAX);
        while self.recent.front().is_some_and(|&t| t + WINDOW <= now) {
            self.recent.pop_front();
        }
        let wanted = usize::try_from(messages.max(1)).unwrap_or(usize::MAX).min(limit);
        let too_many = (self.recent.len() + wanted).saturating_sub(limit);
        too_many.checked_sub(1).and_then(|last| self.recent.get(last)).map_or(now, |&t| t + WINDOW)
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

    #[test]
    fn an_album_counts_as_its_files() {
        let mut p = Pacer::new(pacing(10, 1_000, 3));
        let t = Timestamp(1_000_000);
        assert_eq!(p.acquire_all("a", 7, t), Ok(()));
        assert_eq!(p.acquire_all("b", 4, t), Err(t + WINDOW), "three are left of the second");
        assert_eq!(p.acquire_all("b", 3, t), Ok(()));
        let owed = t + Duration::from_millis(5 * 1_040);
        assert_eq!(p.acquire("a", t + WINDOW), Err(owed), "seven were sent, a burst of three is borrowed");
        assert_eq!(p.acquire_all("c", 50, t + WINDOW), Ok(()), "more than the rate goes alone");
        assert_eq!(p.acquire("d", t + WINDOW), Err(t + WINDOW * 2));
    }

    #[test]
    fn what_is_shown_of_answers_never_keeps_a_reply_waiting() {
        let mut p = Pacer::new(pacing(9, 1_000, 3));
        let t = Timestamp(1_000_000);
        let shown = (0..20).filter(|n| p.spare(&n.to_string(), t)).count();
        assert_eq!(shown, 3, "a third of the rate");
        let mut p = Pacer::new(pacing(9, 1_000, 3));
        assert_eq!([p.spare("a", t), p.spare("a", t), p.spare("a", t)], [true, true, false], "one ahead of its time");
        assert_eq!(p.acquire("a", t), Ok(()), "what is left of the burst is the reply's");
        let sent = (0..20).filter(|n| p.acquire(&format!("b{n}"), t).is_ok()).count();
        assert_eq!(sent, 6, "all the rest of the second");
        // Room again, and taken at once by whoever waits.
        let next = t + WINDOW;
        assert!(!p.spare("c", next), "while replies wait nothing is shown");
        assert_eq!(p.acquire("d", next), Ok(()));
        assert!(p.spare("c", next + WINDOW), "nobody waits any more");
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
