//! Who listens to which conversation: the announcer behind streaming answers.

use colloquy_domain::{
    ids::{ConversationId, DocumentId, TenantId},
    ports::{Announcer, Notice},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{
    Notify, broadcast,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

type Sender = UnboundedSender<Arc<Notice>>;
type Awaited = (TenantId, String);

/// Notices that somebody who overhears a tenant may be behind.
const OVERHEARD: usize = 256;

/// Passes notices on to those who wait for a message's outcome. A listener lives as long as one request, so what is
/// queued for it is bounded by one turn.
#[derive(Default)]
pub struct Hub(Mutex<Listeners>);

#[derive(Default)]
struct Listeners {
    next: u64,
    /// Waiting for their message to be taken in by a conversation that they do not know yet.
    awaiting: HashMap<Awaited, (u64, Sender)>,
    by_conversation: HashMap<ConversationId, Vec<(u64, Sender)>>,
    /// Waiting for news of a document.
    by_document: HashMap<(TenantId, DocumentId), Arc<Notify>>,
    /// Listening to everything of a tenant.
    by_tenant: HashMap<TenantId, broadcast::Sender<Arc<Notice>>>,
}

/// Waits for news of a document; dropping it ends that.
pub struct Watcher {
    hub: Arc<Hub>,
    document: (TenantId, DocumentId),
    news: Arc<Notify>,
}

impl Watcher {
    /// Resolves when something was announced since the last time.
    pub async fn changed(&self) {
        self.news.notified().await;
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut listeners = self.hub.lock();
        // The map's own and this one.
        if Arc::strong_count(&self.news) <= 2 {
            listeners.by_document.remove(&self.document);
        }
    }
}

/// A listener; dropping it ends it.
pub struct Listener {
    hub: Arc<Hub>,
    id: u64,
    awaited: Awaited,
    conversation: Mutex<Option<ConversationId>>,
    receiver: UnboundedReceiver<Arc<Notice>>,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Listeners> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens for the conversation that takes in the message with this provider's id, from then on to everything that
    /// is announced of it. To be called before the message is logged.
    #[must_use]
    pub fn listen(self: &Arc<Self>, tenant: TenantId, provider_message_id: &str) -> Listener {
        let (sender, receiver) = unbounded_channel();
        let awaited = (tenant, provider_message_id.to_owned());
        let mut listeners = self.lock();
        listeners.next += 1;
        let id = listeners.next;
        listeners.awaiting.insert(awaited.clone(), (id, sender));
        Listener { hub: Arc::clone(self), id, awaited, conversation: Mutex::new(None), receiver }
    }
}

impl Hub {
    /// Waits for news of a document, from now on.
    #[must_use]
    pub fn watch(self: &Arc<Self>, tenant: TenantId, document: DocumentId) -> Watcher {
        let document = (tenant, document);
        let news = Arc::clone(self.lock().by_document.entry(document).or_default());
        Watcher { hub: Arc::clone(self), document, news }
    }

    /// Everything of a tenant but the pieces of answers in the making, from now on. Whoever is too slow misses some.
    #[must_use]
    pub fn overhear(&self, tenant: TenantId) -> broadcast::Receiver<Arc<Notice>> {
        let mut listeners = self.lock();
        listeners.by_tenant.entry(tenant).or_insert_with(|| broadcast::channel(OVERHEARD).0).subscribe()
    }
}

impl Listener {
    /// The next notice; never ends by itself.
    pub async fn next(&mut self) -> Option<Arc<Notice>> {
        let notice = self.receiver.recv().await;
        if let Some(Notice::Admitted { conversation, .. }) = notice.as_deref() {
            *self.conversation.lock().unwrap_or_else(PoisonError::into_inner) = Some(*conversation);
        }
        notice
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut listeners = self.hub.lock();
        if listeners.awaiting.get(&self.awaited).is_some_and(|(id, _)| *id == self.id) {
            listeners.awaiting.remove(&self.awaited);
            return;
        }
        // Not read yet, or read and remembered: without the conversation all have to be looked through.
        let known = *self.conversation.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(conversation) = known {
            listeners.leave(conversation, self.id);
        } else {
            let all: Vec<ConversationId> = listeners.by_conversation.keys().copied().collect();
            all.into_iter().for_each(|c| listeners.leave(c, self.id));
        }
    }
}

impl Listeners {
    fn leave(&mut self, conversation: ConversationId, id: u64) {
        if let Some(list) = self.by_conversation.get_mut(&conversation) {
            list.retain(|(i, _)| *i != id);
            if list.is_empty() {
                self.by_conversation.remove(&conversation);
            }
        }
    }
}

impl Listeners {
    fn overheard(&mut self, notice: &Arc<Notice>) {
        if matches!(**notice, Notice::Delta { .. } | Notice::DeltaReset { .. }) {
            return;
        }
        let tenant = notice.tenant();
        let heard = self.by_tenant.get(&tenant).map(|told| told.send(Arc::clone(notice)));
        if heard.is_some_and(|sent| sent.is_err()) {
            // The last one is gone.
            self.by_tenant.remove(&tenant);
        }
    }
}

impl Announcer for Hub {
    fn announce(&self, notice: Notice) {
        let mut listeners = self.lock();
        if let Notice::Admitted { tenant, conversation, messages } = &notice {
            for message in messages {
                if let Some(listener) = listeners.awaiting.remove(&(*tenant, message.clone())) {
                    listeners.by_conversation.entry(*conversation).or_default().push(listener);
                }
            }
        }
        if let Notice::Document { tenant, document, .. } = &notice
            && let Some(news) = listeners.by_document.get(&(*tenant, *document))
        {
            news.notify_waiters();
        }
        let notice = Arc::new(notice);
        listeners.overheard(&notice);
        let Some(list) = conversation_of(&notice).and_then(|c| listeners.by_conversation.get(&c)) else { return };
        for (_, sender) in list {
            // A listener that is just going away.
            let _ = sender.send(Arc::clone(&notice));
        }
    }
}

const fn conversation_of(notice: &Notice) -> Option<ConversationId> {
    match notice {
        Notice::Admitted { conversation, .. }
        | Notice::Typing { conversation, .. }
        | Notice::Delta { conversation, .. }
        | Notice::DeltaReset { conversation, .. }
        | Notice::Replied { conversation, .. }
        | Notice::Settled { conversation, .. }
        | Notice::Delivery { conversation, .. } => Some(*conversation),
        Notice::Document { .. } | Notice::Writing { .. } | Notice::Connected { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn ids() -> (TenantId, ConversationId) {
        (TenantId::new(Uuid::from_u128(1)), ConversationId::new(Uuid::from_u128(2)))
    }

    #[tokio::test]
    async fn a_listener_hears_its_conversation_from_the_admission_on_and_leaves_nothing_behind() {
        let hub = Arc::new(Hub::default());
        let (tenant, conversation) = ids();
        let mut listener = hub.listen(tenant, "m1");
        hub.announce(Notice::Typing { tenant, conversation });
        hub.announce(Notice::Admitted { tenant, conversation, messages: vec!["m0".into(), "m1".into()] });
        hub.announce(Notice::Typing { tenant, conversation });
        assert!(matches!(listener.next().await.as_deref(), Some(Notice::Admitted { .. })));
        assert!(matches!(listener.next().await.as_deref(), Some(Notice::Typing { .. })));
        drop(listener);
        let listeners = hub.lock();
        assert!(listeners.awaiting.is_empty() && listeners.by_conversation.is_empty());
    }

    #[tokio::test]
    async fn another_tenants_message_of_the_same_id_is_not_heard() {
        let hub = Arc::new(Hub::default());
        let (tenant, conversation) = ids();
        let mut listener = hub.listen(tenant, "m1");
        let other = TenantId::new(Uuid::from_u128(9));
        hub.announce(Notice::Admitted { tenant: other, conversation, messages: vec!["m1".into()] });
        assert!(listener.receiver.try_recv().is_err());
    }
}
