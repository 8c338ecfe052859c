//! Which messages have got their reply: the other end of what [`super::load`] sends.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{sync::oneshot, time::Instant};

const MARK: &str = "this is message ";
const DIGITS: usize = 12;

/// The words of a message; its reply repeats them.
pub fn words(number: u64) -> String {
    format!("Hello, {MARK}{number:0DIGITS$}. What are your opening hours, please?")
}

fn number_in(sent: &[u8]) -> Option<u64> {
    let place = sent.windows(MARK.len()).position(|w| w == MARK.as_bytes())? + MARK.len();
    std::str::from_utf8(sent.get(place..place + DIGITS)?).ok()?.parse().ok()
}

#[derive(Debug, Default)]
pub struct Replies {
    /// By the message's number; `None` once it was answered.
    expected: Mutex<HashMap<u64, Option<oneshot::Sender<Instant>>>>,
    doubled: AtomicU64,
}

impl Replies {
    fn expected(&self) -> MutexGuard<'_, HashMap<u64, Option<oneshot::Sender<Instant>>>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when the message's reply arrives.
    pub fn expect(&self, number: u64) -> oneshot::Receiver<Instant> {
        let (sender, receiver) = oneshot::channel();
        self.expected().insert(number, Some(sender));
        receiver
    }

    /// What the stand-in was sent: a reply, or something else.
    pub fn heard(&self, sent: &[u8]) {
        let Some(number) = number_in(sent) else { return };
        match self.expected().get_mut(&number).map(Option::take) {
            // Whoever waited may have lost patience.
            Some(Some(sender)) => _ = sender.send(Instant::now()),
            Some(None) => _ = self.doubled.fetch_add(1, Ordering::Relaxed),
            None => {}
        }
    }

    /// Replies beyond the first one to a message, so far.
    pub fn doubled(&self) -> u64 {
        self.doubled.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_reply_is_counted_and_anything_else_ignored() {
        let replies = Replies::default();
        let mut waiting = replies.expect(7);
        replies.heard(b"POST /v1/messages typing_indicator");
        assert!(waiting.try_recv().is_err());
        let sent = format!(r#"{{"text":{{"body":"{}"}}}}"#, words(7));
        replies.heard(sent.as_bytes());
        assert!(waiting.try_recv().is_ok());
        assert_eq!(replies.doubled(), 0);
        replies.heard(sent.as_bytes());
        assert_eq!(replies.doubled(), 1);
    }
}
