//! One connection's way through the events: from where it was, in order, each once.

use super::{
    frame::{Frame, Told},
    lobby::PAGE,
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
    /// From a moment on, or from now. `live` begins before this looks where "now" is, so that nothing falls between.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin(
        live: broadcast::Receiver<Arc<Told>>,
        store: TenantStore,
        from: Option<Moment>,
    ) -> Result<Self, StoreError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_domain::{
        ids::EventId,
        testkit::{Account, ManualClock, SeqIds, receive},
        time::Timestamp,
    };
    use colloquy_store::{SecretKey, Store, StoreOptions};

    const NOW: Timestamp = Timestamp(1_757_000_000_000);

    struct Scene {
        store: Store,
        account: Account,
        said: usize,
        _folder: tempfile::TempDir,
    }

    impl Scene {
        async fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let options = StoreOptions {
                clock: Arc::new(ManualClock::at(NOW)),
                ids: Arc::new(SeqIds::new(1)),
                secret_key: SecretKey::from_bytes([0; 32]),
                placement: None,
            };
            let store = Store::open(folder.path().join("events.db"), options).await.unwrap();
            let tenant = store.installation().create_tenant("here", "here").await.unwrap().id;
            let account = Account::new(tenant, &SeqIds::new(2));
            store.tenant(tenant).create_agent(account.profile(), colloquy_store::Actor::System).await.unwrap();
            store.tenant(tenant).create_channel(account.account(), true).await.unwrap();
            Self { store, account, said: 0, _folder: folder }
        }

        fn rows(&self) -> TenantStore {
            self.store.tenant(self.account.tenant)
        }

        /// Messages that come in, each of them an event.
        async fn says(&mut self, count: usize) {
            let ids: Vec<String> = (self.said..self.said + count).map(|n| format!("m{n}")).collect();
            self.said += count;
            let messages: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "hello")).collect();
            receive(&self.store, &self.account, "peer", &messages, NOW).await;
        }

        async fn ids(&self, from: Moment) -> Vec<EventId> {
            let all = self.rows().events_after(from, u32::MAX).await.unwrap();
            all.into_iter().map(|h| h.event.id).collect()
        }
    }

    /// What comes until the event that is known to be the last.
    async fn heard(subscription: &mut Subscription, last: EventId) -> Vec<EventId> {
        let mut heard = Vec::new();
        while heard.last() != Some(&last) {
            match subscription.next().await {
                News::Told(told) => heard.extend(told.frame.as_ref().and_then(|f| f.id)),
                News::Lost => panic!("lost"),
            }
        }
        heard
    }

    // req: S1-RT-1
    #[tokio::test]
    async fn who_falls_behind_the_others_hears_everything_once_and_in_order() {
        let mut scene = Scene::start().await;
        scene.says(3).await;
        let (tell, live) = broadcast::channel(4);
        let begun = scene.rows().now_in_events().await.unwrap();
        let mut now = Subscription::begin(live, scene.rows(), None).await.unwrap();
        let mut from = Subscription::begin(tell.subscribe(), scene.rows(), Some(Moment::default())).await.unwrap();
        scene.says(PAGE as usize + 7).await;
        // The ring has room for the last four only; what is in it was partly read from the store.
        for happened in scene.rows().events_after(begun, u32::MAX).await.unwrap() {
            tell.send(Arc::new(Told::from(happened))).unwrap();
        }
        let all = scene.ids(Moment::default()).await;
        let last = *all.last().unwrap();
        assert_eq!(heard(&mut from, last).await, all);
        assert_eq!(heard(&mut now, last).await, scene.ids(begun).await);
        assert!(tokio::time::timeout(Duration::from_millis(50), now.next()).await.is_err(), "and nothing twice");
    }

    // req: S1-RT-1
    #[tokio::test]
    async fn who_was_away_for_too_long_is_told_so_and_goes_on_from_now() {
        let mut scene = Scene::start().await;
        scene.says(MOST_MISSED + 10).await;
        let (tell, live) = broadcast::channel(4);
        let mut subscription = Subscription::begin(live, scene.rows(), Some(Moment::default())).await.unwrap();
        let between = subscription.between(Moment::default(), |_| true).await.unwrap();
        assert_eq!(between, Some(Vec::new()), "nothing lies before where it is");
        let mut told = 0;
        while let News::Told(_) = subscription.next().await {
            told += 1;
        }
        assert!(told <= MOST_MISSED, "{told}");
        let now = scene.rows().now_in_events().await.unwrap();
        scene.says(1).await;
        for happened in scene.rows().events_after(now, PAGE).await.unwrap() {
            tell.send(Arc::new(Told::from(happened))).unwrap();
        }
        assert_eq!(heard(&mut subscription, scene.ids(now).await[0]).await.len(), 1);
        assert_eq!(subscription.between(Moment::default(), |_| true).await, Ok(None), "too much for one joining, too");
    }
}
