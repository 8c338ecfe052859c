//! What the connections of one tenant share on this node: one task reads what happened, and knows who is there.

use super::{frame::Told, people::People};
use crate::{error::ApiResult, state::Api};
use colloquy_actors::node::NodeHandle;
use colloquy_domain::{
    ids::{ConversationId, TenantId},
    placement::NodeId,
    ports::{Connected, Notice},
};
use colloquy_store::{Moment, TenantStore};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{
        Notify, OnceCell,
        broadcast::{self, error::RecvError},
        watch,
    },
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// Events that a connection may be behind before it reads from the store by itself.
const BEHIND: usize = 256;
/// Events that are read at once.
pub const PAGE: u32 = 200;
/// How often the store is looked at unasked: a notice may be lost, and some changes have none.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A second look after a notice: on PostgreSQL an older transaction may still have been open at the first.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Notices come in crowds: between two looks at least so much time passes.
const LOOK_GAP: Duration = Duration::from_millis(5);
/// How often other nodes are told who is here, and how long comings and goings are gathered.
const SAY_EVERY: Duration = Duration::from_secs(10);
const SAY_SOON: Duration = Duration::from_millis(100);

/// See the module. It ends with the last connection.
pub struct Lobby {
    shared: Arc<Shared>,
    task: OnceCell<JoinHandle<()>>,
}

struct Shared {
    tenant: TenantId,
    store: TenantStore,
    me: NodeId,
    node: NodeHandle,
    told: broadcast::Sender<Arc<Told>>,
    people: Mutex<People>,
    /// Somebody came, went or opened another conversation.
    changed: Notify,
    here: watch::Sender<Arc<Vec<Connected>>>,
}

/// A person's place in the lobby; dropping it is leaving.
pub struct Seat {
    shared: Arc<Shared>,
    connection: u64,
}

impl Lobby {
    pub fn new(api: &Api, tenant: TenantId, me: NodeId) -> Self {
        let shared = Shared {
            tenant,
            store: api.store.tenant(tenant),
            me,
            node: api.node.clone(),
            told: broadcast::channel(BEHIND).0,
            people: Mutex::default(),
            changed: Notify::new(),
            here: watch::Sender::default(),
        };
        Self { shared: Arc::new(shared), task: OnceCell::new() }
    }

    /// Starts to read, if nobody did. What is read from the store afterwards as "now" comes before what is told.
    pub async fn begin(&self, api: &Arc<Api>) -> ApiResult<()> {
        let started = async || {
            let notices = api.hub.overhear(self.shared.tenant);
            let at = self.shared.store.now_in_events().await?;
            let now = Instant::now();
            let keeper = Keeper {
                api: Arc::clone(api),
                shared: Arc::clone(&self.shared),
                notices,
                at,
                look_at: now + LOOK_EVERY,
                looked_at: now,
                again: false,
                say_at: now,
                ask: true,
            };
            Ok(tokio::spawn(keeper.run()))
        };
        self.task.get_or_try_init(started).await.map(|_| ())
    }

    /// What happens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Told>> {
        self.shared.told.subscribe()
    }

    /// Who is connected to any node, and each change of that.
    pub fn people(&self) -> watch::Receiver<Arc<Vec<Connected>>> {
        self.shared.here.subscribe()
    }

    pub fn seat(&self, person: Connected) -> Seat {
        let connection = self.shared.people().come(person);
        self.shared.changed.notify_one();
        Seat { shared: Arc::clone(&self.shared), connection }
    }
}

impl Seat {
    /// What the person has open now.
    pub fn open(&self, conversations: Vec<ConversationId>) {
        self.shared.people().open(self.connection, conversations);
        self.shared.changed.notify_one();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.people().leave(self.connection);
        self.shared.changed.notify_one();
    }
}

impl Drop for Lobby {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
        self.shared.say(Vec::new(), false);
    }
}

impl Shared {
    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, people: Vec<Connected>, ask: bool) {
        self.node.announce(Notice::Connected { tenant: self.tenant, node: self.me, people, ask });
    }
}

/// The lobby's task.
struct Keeper {
    api: Arc<Api>,
    shared: Arc<Shared>,
    notices: broadcast::Receiver<Arc<Notice>>,
    at: Moment,
    look_at: Instant,
    looked_at: Instant,
    /// The next look is followed by another one soon.
    again: bool,
    say_at: Instant,
    /// Nobody said yet who is at the other nodes.
    ask: bool,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            tokio::select! {
                notice = self.notices.recv() => self.heard(notice),
                () = sleep_until(self.look_at) => self.look().await,
                () = self.shared.changed.notified() => self.say_soon(),
                () = sleep_until(self.say_at) => self.say(),
            }
        }
    }

    fn heard(&mut self, notice: Result<Arc<Notice>, RecvError>) {
        match notice.as_deref() {
            Ok(Notice::Connected { node, people, ask, .. }) => {
                if *node != self.shared.me {
                    self.shared.people().told(*node, people.clone(), Instant::now());
                    self.show();
                    if *ask {
                        self.say_soon();
                    }
                }
            }
            Ok(Notice::Typing { .. } | Notice::Writing { .. } | Notice::Document { .. }) => {}
            Ok(_) | Err(RecvError::Lagged(_)) => {
                self.again = true;
                self.look_at = self.look_at.min(self.looked_at + LOOK_GAP);
            }
            Err(RecvError::Closed) => self.notices = self.api.hub.overhear(self.shared.tenant),
        }
    }

    /// Tells everything that is new.
    async fn look(&mut self) {
        loop {
            let page = match self.shared.store.events_after(self.at, PAGE).await {
                Ok(page) => page,
                Err(e) => {
                    tracing::warn!(tenant.id = %self.shared.tenant, error = %e, "events not read");
                    break;
                }
            };
            let last = page.len() < PAGE as usize;
            for happened in page {
                self.at = happened.moment;
                // An error: nobody listens at this moment.
                let _ = self.shared.told.send(Arc::new(Told::from(happened)));
            }
            if last {
                break;
            }
        }
        self.looked_at = Instant::now();
        let wait = if std::mem::take(&mut self.again) { LOOK_AGAIN } else { LOOK_EVERY };
        self.look_at = self.looked_at + wait;
    }

    fn say_soon(&mut self) {
        self.say_at = self.say_at.min(Instant::now() + SAY_SOON);
    }

    fn say(&mut self) {
        let own = self.shared.people().own();
        self.shared.say(own, std::mem::take(&mut self.ask));
        self.show();
        self.say_at = Instant::now() + SAY_EVERY;
    }

    fn show(&self) {
        let all = self.shared.people().all(Instant::now());
        self.shared.here.send_if_modified(|here| {
            let changed = **here != all;
            if changed {
                *here = Arc::new(all);
            }
            changed
        });
    }
}
