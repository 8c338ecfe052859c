//! One connection's way through the events: from where it was, in order, each once.

use super::{
    frame::{Frame, Told},
    lobby::{Lobby, PAGE},
};
use colloquy_domain::ports::StoreError;
use colloquy_store::{Moment, TenantStore};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::sync::broadcast::{self, error::RecvError};

/// Events that are read again for somebody who was away, or is slow; beyond that they are told to read everything anew.
pub const MOST_MISSED: usize = 5_000;
/// Before a store in trouble is asked again.
const PATIENCE: Duration = Duration::from_secs(1);

/// See the module. What is read live and what is read from the store stand in one order, so where it is decides alone.
pub struct Subscription {
    store: TenantStore,
    live: broadcast::Receiver<Arc<Told>>,
    at: Moment,
    /// The store may have what `live` does not.
    behind: bool,
    /// Read from the store, not told yet.
    page: VecDeque<Arc<Told>>,
    missed: usize,
}

/// What comes next.
#[derive(Debug)]
pub enum News {
    Told(Arc<Told>),
    /// Too much was missed: it goes on from now.
    Lost,
}

impl Subscription {
    /// From a moment on, or from now.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin(lobby: &Lobby, store: TenantStore, from: Option<Moment>) -> Result<Self, StoreError> {
        // Before the look at where "now" is, so that nothing falls between.
        let live = lobby.listen();
        let at = match from {
            Some(moment) => moment,
            None => store.now_in_events().await?,
        };
        Ok(Self { store, live, at, behind: from.is_some(), page: VecDeque::new(), missed: 0 })
    }

    /// The next event, or the news that some were left out. Nothing is lost if this is dropped before it is done.
    pub async fn next(&mut self) -> News {
        loop {
            if let Some(told) = self.page.pop_front() {
                self.at = told.moment;
                return News::Told(told);
            }
            if self.behind {
                if self.missed >= MOST_MISSED {
                    if let Some(now) = self.asked(self.store.now_in_events().await).await {
                        (self.at, self.behind, self.missed) = (now, false, 0);
                        return News::Lost;
                    }
                } else if let Some(page) = self.asked(self.store.events_after(self.at, PAGE).await).await {
                    self.behind = page.len() == PAGE as usize;
                    self.missed = if self.behind { self.missed + page.len() } else { 0 };
                    self.page = page.into_iter().map(|h| Arc::new(Told::from(h))).collect();
                }
                continue;
            }
            match self.live.recv().await {
                Ok(told) if told.moment > self.at => {
                    self.at = told.moment;
                    return News::Told(told);
                }
                // Read from the store already.
                Ok(_) => {}
                Err(RecvError::Lagged(_) | RecvError::Closed) => self.behind = true,
            }
        }
    }

    /// What the store answered, if it did.
    async fn asked<T>(&self, answer: Result<T, StoreError>) -> Option<T> {
        match answer {
            Ok(found) => Some(found),
            Err(e) => {
                tracing::warn!(tenant.id = %self.store.id(), error = %e, "events not read");
                tokio::time::sleep(PATIENCE).await;
                None
            }
        }
    }

    /// What happened between a moment and where this is, of what `wanted` says; `None` if it is too much.
    ///
    /// # Errors
    /// The store's.
    pub async fn between(
        &self,
        from: Moment,
        wanted: impl Fn(&Frame) -> bool,
    ) -> Result<Option<Vec<Frame>>, StoreError> {
        let (mut at, mut found, mut read) = (from, Vec::new(), 0);
        while at < self.at {
            if read >= MOST_MISSED {
                return Ok(None);
            }
            let page = self.store.events_after(at, PAGE).await?;
            read += page.len();
            let last = page.len() < PAGE as usize;
            for happened in page {
                at = happened.moment;
                if at <= self.at {
                    found.extend(Told::from(happened).frame.filter(&wanted));
                }
            }
            if last {
                break;
            }
        }
        Ok(Some(found))
    }
}
