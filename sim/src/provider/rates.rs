//! How fast providers let an account send, and how long they asked it to wait: strictly, as its messages arrive.
//!
//! The figures are what the providers state, written down once more on purpose: a driver that goes by a wrong one must be found.

use colloquy_domain::time::Timestamp;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

const SECOND: Duration = Duration::from_secs(1);
/// Drivers take nobody's word for longer than this.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What one provider allows.
struct Rates {
    /// Messages of an account in any second.
    per_second: usize,
    /// Between two messages to one person…
    interval: Duration,
    /// …beyond so many, which are borrowed from later.
    burst: u32,
}

impl Rates {
    fn of(kind: &str) -> Self {
        match kind {
            "whatsapp" => Self { per_second: 80, interval: Duration::from_secs(6), burst: 45 },
            // "Short bursts" to one chat pass, and Telegram does not say how short.
            "telegram" => Self { per_second: 30, interval: SECOND, burst: 3 },
            "instagram" => Self { per_second: 100, interval: Duration::ZERO, burst: 1 },
            "line" => Self { per_second: 2_000, interval: Duration::ZERO, burst: 1 },
            // A long code; what is faster would wait in a queue of hours that nobody sees.
            "twilio_sms" => Self { per_second: 1, interval: Duration::ZERO, burst: 1 },
            "twilio_whatsapp" => Self { per_second: 80, interval: Duration::ZERO, burst: 1 },
            _ => Self { per_second: 300, interval: Duration::ZERO, burst: 1 },
        }
    }
}

/// Why a message is refused, and how long there is to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooFast {
    Account(Duration),
    Peer(Duration),
}

/// What was let through.
#[derive(Default)]
pub struct Counts {
    /// When the messages of each channel's last second arrived.
    recent: BTreeMap<String, VecDeque<Timestamp>>,
    /// When each person's burst is paid back.
    people: BTreeMap<String, Timestamp>,
    /// Until when there is nothing to be sent to them.
    waits: BTreeMap<String, Timestamp>,
}

impl Counts {
    /// A message was answered with 429.
    pub fn asked_to_wait(&mut self, who: &str, at: Timestamp, wait: Duration) {
        // Some providers say it in whole seconds.
        let wait = Duration::from_secs(wait.as_secs()).min(DAY);
        self.waits.insert(who.to_owned(), at + wait);
    }

    /// Counts a message, unless it is refused.
    pub fn arrived(&mut self, kind: &str, channel: &str, who: &str, at: Timestamp) -> Result<(), TooFast> {
        let wait = self.waits.get(who).copied().unwrap_or(at).since(at);
        if !wait.is_zero() {
            return Err(TooFast::Peer(wait));
        }
        let Rates { per_second, interval, burst } = Rates::of(kind);
        let recent = self.recent.entry(channel.to_owned()).or_default();
        while recent.front().is_some_and(|&t| t + SECOND <= at) {
            recent.pop_front();
        }
        if let Some(&first) = recent.front().filter(|_| recent.len() >= per_second) {
            return Err(TooFast::Account((first + SECOND).since(at)));
        }
        let paid_back = self.people.get(who).copied().unwrap_or(at).max(at);
        let ahead = paid_back.since(at).saturating_sub(interval * (burst - 1));
        if !ahead.is_zero() {
            return Err(TooFast::Peer(ahead));
        }
        recent.push_back(at);
        self.people.insert(who.to_owned(), paid_back + interval);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_too_fast_is_told_how_long_to_wait() {
        let mut counts = Counts::default();
        let mut tg = |who: u32, at| counts.arrived("telegram", "tg", &who.to_string(), Timestamp(at));
        assert_eq!([tg(0, 0), tg(0, 0), tg(0, 0)], [Ok(()); 3]);
        assert_eq!(tg(0, 900), Err(TooFast::Peer(Duration::from_millis(100))));
        assert_eq!(tg(0, 1_000), Ok(()));
        for who in 1..30 {
            assert_eq!(tg(who, 1_100), Ok(()));
        }
        assert_eq!(tg(30, 1_500), Err(TooFast::Account(Duration::from_millis(500))));
        assert_eq!(tg(30, 2_000), Ok(()), "any second, not each");
    }

    #[test]
    fn who_was_asked_to_wait_has_to() {
        let mut counts = Counts::default();
        counts.asked_to_wait("fb/1", Timestamp(0), Duration::from_millis(5_900));
        let mut fb = |who: &str, at| counts.arrived("messenger", "fb", who, Timestamp(at));
        assert_eq!(fb("fb/1", 4_900), Err(TooFast::Peer(Duration::from_millis(100))));
        assert_eq!([fb("fb/2", 4_900), fb("fb/1", 5_000)], [Ok(()); 2]);
    }

    #[test]
    fn each_provider_has_its_own_rates() {
        let most = |kind: &str, same: bool| {
            let mut counts = Counts::default();
            let who = |n: u32| if same { "one".to_owned() } else { n.to_string() };
            (0..).take_while(|n| counts.arrived(kind, "c", &who(*n), Timestamp(0)).is_ok()).count()
        };
        let both = |kind| (most(kind, false), most(kind, true));
        assert_eq!(["whatsapp", "telegram", "messenger"].map(both), [(80, 45), (30, 3), (300, 300)]);
        assert_eq!(["instagram", "line", "twilio_sms"].map(both), [(100, 100), (2_000, 2_000), (1, 1)]);
    }
}
