//! What people were told, so that they can answer.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

#[derive(Default)]
pub struct Heard {
    texts: Mutex<BTreeMap<String, Vec<String>>>,
    news: Notify,
}

impl Heard {
    pub fn tell(&self, who: &str, text: &str) {
        self.texts().entry(who.to_owned()).or_default().push(text.to_owned());
        self.news.notify_waiters();
    }

    pub fn count(&self, who: &str) -> usize {
        self.texts().get(who).map_or(0, Vec::len)
    }

    /// Returns when they were told more often than this.
    pub async fn more_than(&self, who: &str, count: usize) {
        loop {
            let news = self.news.notified();
            if self.count(who) > count {
                return;
            }
            news.await;
        }
    }

    /// Whether they were told one of these, whatever its case.
    pub fn said(&self, who: &str, words: &[String]) -> bool {
        let texts = self.texts();
        let said = texts.get(who).map_or(&[][..], Vec::as_slice);
        words.iter().any(|w| said.iter().any(|t| t.to_lowercase().contains(&w.to_lowercase())))
    }

    fn texts(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
