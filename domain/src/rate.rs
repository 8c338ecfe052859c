//! How often callers may ask. Pure: time is an input, and counts can be added up over nodes.
//!
//! A sliding window of two counts: what came in the window before weighs as much as of it still lies in the last
//! [`Quota::within`]. Two numbers a caller are all that has to be kept, and all that nodes have to tell each other.

use crate::time::Timestamp;
use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};
use uuid::Uuid;

/// What is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Everything that has no count of its own.
    Api,
    /// What brings documents.
    Upload,
    /// Messages to an agent.
    Chat,
    /// What may charge somebody.
    Payment,
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    Person(Uuid),
    Key(Uuid),
    /// Somebody without a credential. See [`Caller::from_address`].
    Address(IpAddr),
}

impl Caller {
    /// One network of IPv6 (64 bits) is one caller: whoever has it has all its addresses.
    #[must_use]
    pub fn from_address(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => IpAddr::V4(v4),
                None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            },
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// One count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject {
    pub rate: Rate,
    pub caller: Caller,
}

/// So often in so long; `most` is at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub most: u32,
    pub within: Duration,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Quota {
    #[must_use]
    pub const fn a_minute(most: u32) -> Self {
        Self { most, within: MINUTE }
    }

    fn millis(self) -> u64 {
        u64::try_from(self.within.as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// The number of the window that `now` lies in, and how much of it has passed.
    fn place(self, now: Timestamp) -> (u64, u64) {
        let now = u64::try_from(now.millis()).unwrap_or(0);
        (now / self.millis(), now % self.millis())
    }
}

/// What holds in an installation; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Of one person.
    pub api: Option<Quota>,
    /// Of one address without a credential.
    pub anonymous: Option<Quota>,
    /// Of one person.
    pub upload: Option<Quota>,
    /// Of one person, or one visitor's address.
    pub chat: Option<Quota>,
    /// Of one person.
    pub payment: Option<Quota>,
    /// Of one API key, for each [`Rate`]: programs speak for many.
    pub key: Option<Quota>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            api: Some(Quota::a_minute(100)),
            anonymous: Some(Quota { most: 100, within: Duration::from_secs(900) }),
            upload: Some(Quota::a_minute(10)),
            chat: Some(Quota::a_minute(60)),
            payment: Some(Quota::a_minute(10)),
            key: Some(Quota::a_minute(60_000)),
        }
    }
}

impl Quotas {
    /// What holds for a subject.
    #[must_use]
    pub const fn of(&self, subject: Subject) -> Option<Quota> {
        match (subject.caller, subject.rate) {
            (Caller::Key(_), _) => self.key,
            (_, Rate::Chat) => self.chat,
            (Caller::Address(_), _) => self.anonymous,
            (Caller::Person(_), Rate::Api) => self.api,
            (Caller::Person(_), Rate::Upload) => self.upload,
            (Caller::Person(_), Rate::Payment) => self.payment,
        }
    }
}

/// What was counted of one subject. All calls are given the same quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    number: u64,
    current: u64,
    before: u64,
}

impl Window {
    /// Counts one more.
    ///
    /// # Errors
    /// Nothing was counted; the time after which one more is allowed, if nothing else is counted meanwhile.
    pub fn take(&mut self, quota: Quota, now: Timestamp) -> Result<(), Duration> {
        let (number, passed) = quota.place(now);
        self.slide(number);
        let wait = self.wait(quota, passed);
        if wait > 0 {
            return Err(Duration::from_millis(wait));
        }
        self.current += 1;
        Ok(())
    }

    /// Adds what another node counted.
    pub fn add(&mut self, quota: Quota, now: Timestamp, count: u32) {
        self.slide(quota.place(now).0);
        self.current += u64::from(count);
    }

    /// Whether it says nothing any more.
    #[must_use]
    pub fn is_over(&self, quota: Quota, now: Timestamp) -> bool {
        quota.place(now).0 > self.number + 1
    }

    fn slide(&mut self, number: u64) {
        // A clock that goes back stays in the window that it had reached.
        if number > self.number {
            self.before = if number == self.number + 1 { self.current } else { 0 };
            self.current = 0;
            self.number = number;
        }
    }

    /// Milliseconds until `before` has lost enough of its weight, in this window or in the next one.
    fn wait(&self, quota: Quota, passed: u64) -> u64 {
        let (whole, most) = (quota.millis(), u64::from(quota.most.max(1)));
        // From when in a window there is room for one more: before × (whole − at) ≤ (most − 1 − current) × whole.
        let room_at = |before: u64, room: u64| match (room * whole).checked_div(before) {
            Some(gone) => whole.saturating_sub(gone),
            None => 0,
        };
        match (most - 1).checked_sub(self.current) {
            Some(room) => room_at(self.before, room).saturating_sub(passed),
            None => whole - passed + room_at(self.current, most - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp(i64::try_from(ms).unwrap())
    }

    // req: S1-RL-1
    #[test]
    fn a_hundred_a_minute_are_let_in_and_the_next_is_told_when_to_come_back() {
        let (quota, mut window) = (Quota::a_minute(100), Window::default());
        for n in 0..100 {
            assert_eq!(window.take(quota, at(120_000 + n)), Ok(()), "{n}");
        }
        let wait = window.take(quota, at(120_100)).unwrap_err();
        assert!(wait > Duration::from_secs(59), "{wait:?}");
        assert_eq!(window.take(quota, at(120_100) + wait), Ok(()), "exactly then");
        assert!(window.take(quota, at(120_100) + wait).is_err(), "one, not all at once");
    }

    // req: S4-RL-1
    #[test]
    fn each_kind_of_caller_has_what_was_agreed() {
        let quotas = Quotas::default();
        let of = |rate, caller| quotas.of(Subject { rate, caller }).map(|q| (q.most, q.within.as_secs()));
        let (person, address) = (Caller::Person(Uuid::nil()), Caller::from_address([1, 2, 3, 4].into()));
        assert_eq!(of(Rate::Api, person), Some((100, 60)));
        assert_eq!(of(Rate::Api, address), Some((100, 900)));
        assert_eq!(of(Rate::Upload, person), Some((10, 60)));
        assert_eq!(of(Rate::Payment, person), Some((10, 60)));
        assert_eq!(of(Rate::Chat, person), of(Rate::Chat, address));
        assert_eq!(of(Rate::Upload, Caller::Key(Uuid::nil())), Some((60_000, 60)));
    }

    #[test]
    fn one_network_is_one_caller() {
        let of = |text: &str| Caller::from_address(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:1.2.3.4"), of("1.2.3.4"));
        assert_ne!(of("1.2.3.4"), of("1.2.3.5"));
    }

    #[test]
    fn what_other_nodes_counted_counts() {
        let (quota, mut window) = (Quota::a_minute(3), Window::default());
        window.add(quota, at(60_000), 2);
        assert_eq!(window.take(quota, at(60_001)), Ok(()));
        assert!(window.take(quota, at(60_002)).is_err());
        assert!(!window.is_over(quota, at(120_000)) && window.is_over(quota, at(180_000)));
    }

    proptest! {
        /// However requests come: no fixed window takes more than `most`, and after the wait one is let in, not sooner.
        #[test]
        fn the_wait_is_exact_and_no_window_takes_more(most in 1u32..20, gaps in prop::collection::vec(0u64..900, 1..200)) {
            let quota = Quota { most, within: Duration::from_millis(1_000) };
            let (mut window, mut now, mut taken) = (Window::default(), 5_000, std::collections::HashMap::new());
            for gap in gaps {
                now += gap;
                match window.take(quota, at(now)) {
                    Ok(()) => *taken.entry(now / 1_000).or_insert(0u32) += 1,
                    Err(wait) => {
                        let wait = u64::try_from(wait.as_millis()).unwrap();
                        prop_assert!(wait > 0 && wait <= 2_000, "{wait}");
                        let mut sooner = window;
                        prop_assert!(wait == 1 || sooner.take(quota, at(now + wait - 1)).is_err());
                        let mut then = window;
                        prop_assert!(then.take(quota, at(now + wait)).is_ok());
                    }
                }
            }
            prop_assert!(taken.values().all(|n| *n <= most));
        }
    }
}
