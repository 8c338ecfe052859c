//! Sessions over the real store, before a provider that counts what runs, with the node killed at every place.

use super::{LEASE, Said, Videos};
use crate::commerce::Refusal;
use async_trait::async_trait;
use colloquy_domain::{
    channel::Secret,
    commerce::{
        flow::Answer,
        settings::{Avatar, Entered, Provider},
    },
    ids::{ChannelId, TenantId},
    ports::{Avatars, Joined, Reserved, Spoken, StoreError},
    testkit::{ManualClock, SeqIds},
    time::Timestamp,
    video::{AvatarAccount, AvatarProvider, EndReason, Join, VideoSession, VideoStatus},
};
use colloquy_store::{SecretKey, Store, StoreOptions};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::sync::Notify;
use uuid::Uuid;

/// 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Good,
    /// The node dies before the call reaches anybody, or after it was done.
    DiesBefore,
    DiesAfter,
    /// The answer is lost; the work was done, or not.
    LostDone,
    LostUndone,
    Refused,
}

impl Fate {
    const ALL: [Self; 5] = [Self::DiesBefore, Self::DiesAfter, Self::LostDone, Self::LostUndone, Self::Refused];
}

/// A provider: which sessions run, and what it was asked.
#[derive(Default)]
struct Stand {
    /// Of the calls to come, the last one first.
    fates: Mutex<Vec<Fate>>,
    running: Mutex<BTreeSet<String>>,
    made: Mutex<u32>,
    calls: Mutex<Vec<String>>,
    dies: Notify,
    /// Held while nothing can be started.
    gate: tokio::sync::Mutex<()>,
}

impl Stand {
    fn note(&self, call: impl Into<String>) {
        self.calls.lock().unwrap().push(call.into());
    }

    fn count(&self, call: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|c| c.starts_with(call)).count()
    }

    /// Does `work` unless its fate is another.
    async fn call<T>(&self, work: impl FnOnce() -> T) -> Result<T, Answer> {
        let fate = self.fates.lock().unwrap().pop().unwrap_or(Fate::Good);
        let unknown = || Answer::Unknown { code: "x.no_answer".into() };
        match fate {
            Fate::Good => Ok(work()),
            Fate::Refused => Err(Answer::Refused { code: "x.refused".into() }),
            Fate::LostUndone => Err(unknown()),
            Fate::LostDone => {
                work();
                Err(unknown())
            }
            Fate::DiesBefore => self.die().await,
            Fate::DiesAfter => {
                work();
                self.die().await
            }
        }
    }

    async fn die(&self) -> ! {
        self.dies.notify_one();
        loop {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Avatars for Stand {
    async fn reserve(&self, avatar: &Avatar) -> Result<Reserved, Answer> {
        self.note("reserve");
        self.call(|| {
            let mut made = self.made.lock().unwrap();
            *made += 1;
            let external = format!("s-{made}");
            if avatar.account.provider.opens_at_once() {
                self.running.lock().unwrap().insert(external.clone());
            }
            Reserved { external, grant: None, join: None, longest: None }
        })
        .await
    }

    async fn start(&self, _: &AvatarAccount, reserved: &Reserved) -> Result<Joined, Answer> {
        self.note("start");
        // Passed, not kept: who dies in the call would keep it.
        drop(self.gate.lock().await);
        self.call(|| {
            self.running.lock().unwrap().insert(reserved.external.clone());
            let join = Join { url: "wss://room".into(), token: Secret::new("token") };
            Joined { join, longest: None }
        })
        .await
    }

    async fn stop(&self, account: &AvatarAccount, external: &str) -> Answer {
        self.note(format!("stop {} {external}", account.key.expose()));
        let stopped = self.call(|| self.running.lock().unwrap().remove(external)).await;
        stopped.map_or_else(|e| e, |was| if was { Answer::Happened } else { Answer::Absent })
    }

    async fn look(&self, _: &AvatarAccount, external: &str) -> Answer {
        self.note("look");
        if self.running.lock().unwrap().contains(external) { Answer::Happened } else { Answer::Absent }
    }

    async fn speak(&self, _: &AvatarAccount, _: &str, words: &str) -> Result<Spoken, Answer> {
        self.note(format!("speak {words}"));
        self.call(|| Spoken::ByProvider).await
    }
}

struct World {
    videos: Arc<Videos>,
    stand: Arc<Stand>,
    clock: Arc<ManualClock>,
    tenant: TenantId,
    _folder: TempDir,
}

fn web_chat() -> ChannelId {
    ChannelId::new(Uuid::from_u128(77))
}

fn entered(provider: AvatarProvider, key: &str) -> Entered {
    let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let settings = [("provider", provider.name()), ("avatarId", "Anna"), ("maxSessions", "2")].map(text).into();
    Entered { settings, secrets: BTreeMap::from([("apiKey".to_owned(), Secret::new(key))]) }
}

impl World {
    async fn new(provider: AvatarProvider) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let options = StoreOptions {
            clock: clock.clone(),
            ids: Arc::new(SeqIds::default()),
            secret_key: SecretKey::from_bytes([7; 32]),
            placement: None,
        };
        let store = Store::open(folder.path().join("colloquy.db"), options).await.unwrap();
        let stand = Arc::new(Stand::default());
        let videos = Arc::new(Videos::new(store, stand.clone(), clock.clone()));
        let tenant = TenantId::new(Uuid::nil());
        let mut world = Self { videos, stand, clock, tenant, _folder: folder };
        world.another("here", provider, Vec::new()).await;
        world
    }

    /// Goes on with another tenant, and what becomes of its calls.
    async fn another(&mut self, slug: &str, provider: AvatarProvider, mut fates: Vec<Fate>) {
        let store = &self.videos.store;
        self.tenant = store.installation().create_tenant(slug, slug).await.unwrap().id;
        let rows = store.tenant(self.tenant);
        rows.set_commerce_settings(Provider::Avatar, &entered(provider, "key-1")).await.unwrap();
        let secret = Secret::new("whsec_c2VjcmV0");
        rows.create_webhook_endpoint("https://example.com", &["*".to_owned()], true, secret).await.unwrap();
        fates.reverse();
        *self.stand.fates.lock().unwrap() = fates;
        self.stand.running.lock().unwrap().clear();
    }

    /// Asks, and is killed with the node if the fates say so.
    async fn open(&self, chat: &str) -> Option<VideoSession> {
        let asked = self.videos.open(self.tenant, web_chat(), chat, None);
        tokio::select! {
            opened = asked => Some(opened.unwrap().0),
            () = self.stand.dies.notified() => None,
        }
    }

    /// Time goes by, and nodes come, take up what is due and die where the fates say, until nothing is.
    async fn live(&self, time: Duration) {
        self.clock.set(self.videos.clock.now() + time);
        for _ in 0..100 {
            let Some(due) = self.videos.store.installation().lease_video(LEASE).await.unwrap() else {
                // What somebody who died has, and what is to be tried later.
                let all = self.all().await;
                if all.iter().all(|s| s.video.status.is_over() || s.video.status == VideoStatus::Live) {
                    return;
                }
                self.clock.set(self.videos.clock.now() + LEASE);
                continue;
            };
            tokio::select! {
                done = self.videos.carry_on(due) => done.unwrap(),
                () = self.stand.dies.notified() => {}
            }
        }
        panic!("it never ends: {:?}", self.all().await);
    }

    async fn all(&self) -> Vec<VideoSession> {
        self.videos.store.tenant(self.tenant).videos(Default::default()).await.unwrap().items
    }

    fn running(&self) -> usize {
        self.stand.running.lock().unwrap().len()
    }

    async fn told(&self) -> Vec<String> {
        let rows = self.videos.store.tenant(self.tenant);
        let endpoint = rows.webhook_endpoints(Default::default()).await.unwrap().items.remove(0);
        rows.due_deliveries(endpoint.id, 100).await.unwrap().into_iter().map(|d| d.event.kind).collect()
    }
}

// req: S0-VID-1
#[tokio::test]
async fn wherever_the_node_dies_no_session_is_forgotten_that_its_provider_counts() {
    let mut world = World::new(AvatarProvider::HeyGen).await;
    for provider in AvatarProvider::ALL {
        for place in 0..3 {
            for first in Fate::ALL {
                for second in [Fate::Good, Fate::DiesAfter] {
                    let mut fates = vec![Fate::Good; place];
                    fates.extend([first, second]);
                    let told = format!("{provider:?} {fates:?}");
                    let slug = format!("t-{}-{place}-{first:?}-{second:?}", provider.name()).to_lowercase();
                    world.another(&slug, provider, fates).await;
                    world.open("a").await;
                    // Nobody writes.
                    world.live(Duration::from_secs(180)).await;
                    world.live(Duration::from_secs(180)).await;
                    let session = world.all().await.remove(0);
                    let uncertain = session.video.status == VideoStatus::Uncertain;
                    assert!(session.video.status.is_over(), "{told}: {session:?}");
                    assert!(world.running() == 0 || uncertain, "{told}: {session:?}");
                    assert!(!uncertain || session.video.external.is_none(), "{told}: it has a name: {session:?}");
                    let errors = world.told().await.iter().filter(|k| *k == "error.occurred").count();
                    let live = session.video.started_at.is_some();
                    assert_eq!((errors, live), (usize::from(!live), live), "{told}: told once");
                    assert_eq!((session.access.account, session.access.join), (None, None), "{told}");
                    world.stand.fates.lock().unwrap().clear();
                    // There is room again.
                    assert_eq!(world.open("a").await.unwrap().video.status, VideoStatus::Live, "{told}");
                    world.live(Duration::from_secs(180)).await;
                }
            }
        }
    }
}

// req: S0-VID-1
// req: S0-VID-2
// req: S0-EVT-1
#[tokio::test]
async fn a_session_is_joined_ended_once_and_told_of() {
    let world = World::new(AvatarProvider::HeyGen).await;
    let (videos, tenant) = (&world.videos, world.tenant);
    let opened = world.open("a").await.unwrap();
    assert_eq!(opened.access.join.as_ref().map(|j| (j.url.as_str(), j.token.expose())), Some(("wss://room", "token")));
    assert_eq!(world.open("a").await.unwrap().id, opened.id, "a visitor has one at a time");
    let keyed = async |chat| videos.open(tenant, web_chat(), chat, Some("call-1".into())).await.unwrap();
    let (other, new) = keyed("b").await;
    assert!(new && other.id != opened.id);
    assert_eq!(keyed("b").await, (other.clone(), false), "the same call asks for one");
    let full = videos.open(tenant, web_chat(), "c", None).await.unwrap_err();
    assert!(matches!(full, Refusal::NotNow("VIDEO_LIMIT", _)), "{full:?}");

    // Another key was entered meanwhile: it is stopped with its own.
    let rows = videos.store.tenant(tenant);
    rows.set_commerce_settings(Provider::Avatar, &entered(AvatarProvider::LiveAvatar, "key-2")).await.unwrap();
    for _ in 0..2 {
        let ended = videos.end(tenant, opened.id, EndReason::Asked).await.unwrap();
        assert_eq!((ended.video.status, ended.video.reason), (VideoStatus::Ended, Some(EndReason::Asked)));
    }
    assert_eq!((world.stand.count("stop key-1 s-1"), world.stand.count("stop")), (1, 1));
    let refused = videos.used(opened).await.unwrap_err();
    assert!(matches!(refused, Refusal::NotNow("VIDEO_NOT_LIVE", _)), "{refused:?}");
    assert_eq!(world.told().await, ["video.started", "video.started", "video.ended"]);
    // Asked again by the same call after it is over: it is the same one, and it stays over.
    videos.end(tenant, other.id, EndReason::Asked).await.unwrap();
    assert_eq!(keyed("b").await.0.video.status, VideoStatus::Ended);
    assert_eq!(world.running(), 0);
}

// req: S0-VID-2
#[tokio::test]
async fn what_is_ended_while_it_is_being_started_does_not_run_on() {
    let world = World::new(AvatarProvider::LiveAvatar).await;
    let closed = world.stand.gate.lock().await;
    let (videos, tenant) = (Arc::clone(&world.videos), world.tenant);
    let opening = tokio::spawn(async move { videos.open(tenant, web_chat(), "a", None).await });
    while world.stand.count("start") == 0 {
        tokio::task::yield_now().await;
    }
    let id = world.all().await.remove(0).id;
    let ended = world.videos.end(world.tenant, id, EndReason::Asked).await.unwrap();
    assert_eq!((ended.video.status, ended.access.account), (VideoStatus::Ended, None));
    drop(closed);
    let (opened, _) = opening.await.unwrap().unwrap();
    assert_eq!((opened.video.status, opened.video.reason), (VideoStatus::Ended, Some(EndReason::Asked)));
    assert_eq!((world.running(), world.stand.count("stop key-1 s-1")), (0, 2));
}

// req: S0-VID-1
#[tokio::test]
async fn who_writes_keeps_it_alive_until_it_has_lasted_long_enough() {
    let world = World::new(AvatarProvider::LiveAvatar).await;
    let opened = world.open("a").await.unwrap();
    let mut session = opened.clone();
    for _ in 0..4 {
        world.live(Duration::from_secs(140)).await;
        session = world.videos.used(session).await.unwrap();
    }
    assert_eq!(world.running(), 1);
    world.live(Duration::from_secs(40)).await;
    let ended = world.all().await.remove(0);
    assert_eq!((ended.video.reason, world.running()), (Some(EndReason::Expired), 0));
}

// req: S0-AV-1
#[tokio::test]
async fn a_turn_is_said_once_and_what_the_provider_does_not_have_ends() {
    let world = World::new(AvatarProvider::HeyGen).await;
    let session = world.open("a").await.unwrap();
    let say = async |turn| world.videos.say(&session, turn, "Bonjour").await.unwrap();
    assert_eq!(say(1).await, Said::Now(Spoken::ByProvider));
    assert_eq!((say(1).await, world.stand.count("speak")), (Said::Before, 1));
    world.stand.fates.lock().unwrap().push(Fate::Refused);
    assert_eq!(say(2).await, Said::Failed { code: "x.refused".into() });

    world.stand.running.lock().unwrap().clear();
    assert_eq!(world.videos.look(session.clone()).await.unwrap().video.status, VideoStatus::Live, "too early to say");
    world.clock.set(NOW + Duration::from_secs(60));
    let gone = world.videos.look(session).await.unwrap();
    assert_eq!((gone.video.status, gone.video.reason), (VideoStatus::Ended, Some(EndReason::Gone)));
}

// req: S1-AUTH-3
#[tokio::test]
async fn nobody_else_reaches_a_session_and_without_an_avatar_there_is_none() {
    let world = World::new(AvatarProvider::HeyGen).await;
    let session = world.open("a").await.unwrap();
    let there = world.videos.store.installation().create_tenant("there", "There").await.unwrap().id;
    let missing = Refusal::Store(StoreError::NotFound("video session"));
    assert_eq!(world.videos.end(there, session.id, EndReason::Asked).await, Err(missing));
    let none = world.videos.open(there, web_chat(), "a", None).await.unwrap_err();
    assert!(matches!(none, Refusal::NotNow("AVATAR_NOT_CONFIGURED", _)), "{none:?}");
    assert_eq!(world.running(), 1);
}
