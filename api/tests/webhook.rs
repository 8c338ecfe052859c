//! What a webhook is answered when something behind it is away. A provider delivers again whatever is not answered 200.

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header::RETRY_AFTER},
};
use colloquy_actors::{Node, Ports, Pressure, Settings};
use colloquy_api::{
    Api, ApiOptions, Catalogue, Commerce, Hub, Identity, Letter, Limits, Mailer, Passwords, TokenKeys, Videos, Visitor,
    router,
    simulations::{About, Compared, Example, SimulatedRun, Simulator},
};
use colloquy_domain::{
    channel::{
        ChannelAccount, ChannelEvent, ChannelKind, Delivery, DeliveryStatus, Handshake, Pacing, Part, Polled,
        SendError, Sent, SettingField, StatusUpdate, WebhookRejection, WebhookRequest,
    },
    commerce::{
        flow::Answer,
        settings::{self as services, Connections},
    },
    failure::Failure,
    fallback::{Closed, Offered},
    http_tool::{Imported, Operation},
    ids::{ChannelId, ConversationId, MessageId, TenantId, TurnNo},
    meaning::Embedded,
    message::{Content, Inbound, Peer},
    model::{Completion, ModelChoice},
    outbound::Citation,
    placement::{Lane, Ownership},
    ports::{
        Avatars, Beginning, ChannelDirectory, ChannelDriver, Cursor, Embeddings, IngressLog, Joined, LogEntry,
        NewEntry, OutboxItem, OutboxStore, Poster, RemoteTool, RemoteTools, Reserved, Services, Settlement, Spoken,
        StoreError, Told, Web, WebPost, WebRequest, WebResponse, Work,
    },
    rate::Quotas,
    standing::Standing,
    testkit::{
        Account, FakeKnowledge, FakeModel, FakePipeline, FakeTools, ManualClock, MeaningInWords, MemoryDirectory,
        MemoryStore, SeqIds,
    },
    time::Timestamp,
    tool::{ToolInvocation, ToolResult, ToolSpec},
    tool_server::{OfferedTool, ToolServer},
    video::AvatarAccount,
};
use colloquy_store::{Database, SecretKey, Store, StoreOptions};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tower::ServiceExt;

struct NoWeb;

struct NoServices;

#[async_trait]
impl Services for NoServices {
    async fn act(&self, _: &Connections, _: &Work) -> Told {
        unreachable!("nothing is sold here")
    }

    async fn look(&self, _: &Connections, _: &Work) -> Told {
        unreachable!("nothing is sold here")
    }

    async fn busy(&self, _: &Connections, _: Timestamp, _: Timestamp) -> Result<Vec<(Timestamp, Timestamp)>, Failure> {
        unreachable!("nothing is sold here")
    }

    async fn test(&self, _: &Connections, _: services::Provider) -> Result<String, Failure> {
        unreachable!("nothing is sold here")
    }
}

#[async_trait]
impl Avatars for NoServices {
    async fn reserve(&self, _: &services::Avatar) -> Result<Reserved, Answer> {
        unreachable!("nobody is seen here")
    }

    async fn start(&self, _: &AvatarAccount, _: &Reserved) -> Result<Joined, Answer> {
        unreachable!("nobody is seen here")
    }

    async fn stop(&self, _: &AvatarAccount, _: &str) -> Answer {
        unreachable!("nobody is seen here")
    }

    async fn look(&self, _: &AvatarAccount, _: &str) -> Answer {
        unreachable!("nobody is seen here")
    }

    async fn speak(&self, _: &AvatarAccount, _: &str, _: &str) -> Result<Spoken, Answer> {
        unreachable!("nobody is seen here")
    }
}

#[async_trait]
impl Web for NoWeb {
    async fn get(&self, _: WebRequest) -> Result<WebResponse, Failure> {
        Err(Failure::retry("web.unreachable", "there is none"))
    }
}

#[async_trait]
impl Poster for NoWeb {
    async fn post(&self, _: WebPost) -> Result<u16, Failure> {
        Err(Failure::retry("web.unreachable", "there is none"))
    }
}

struct NoMail;

#[async_trait]
impl Mailer for NoMail {
    async fn send(&self, _: Letter) -> Result<(), Failure> {
        Ok(())
    }
}

const AWAY: fn() -> StoreError = || StoreError::Unavailable("away".to_owned());

/// The store in memory, parts of which can be away.
struct Moody {
    store: MemoryStore,
    log: Mutex<Option<StoreError>>,
    accounts: Mutex<Option<StoreError>>,
    statuses: Mutex<Option<StoreError>>,
}

fn mood(of: &Mutex<Option<StoreError>>) -> Result<(), StoreError> {
    of.lock().expect("fine").clone().map_or(Ok(()), Err)
}

#[async_trait]
impl IngressLog for Moody {
    fn lanes(&self) -> u8 {
        1
    }

    async fn append(&self, entries: Vec<NewEntry>) -> Result<(), StoreError> {
        mood(&self.log)?;
        self.store.append(entries).await
    }

    async fn read(&self, lane: Lane, cursor: Cursor, max: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.store.read(lane, cursor, max).await
    }

    async fn behind(&self, lane: Lane, cursor: Cursor) -> Result<u64, StoreError> {
        self.store.behind(lane, cursor).await
    }

    async fn wait(&self, lane: Lane, cursor: Cursor) {
        self.store.wait(lane, cursor).await;
    }

    async fn trim(&self, lane: Lane, cursor: Cursor, before: Timestamp) -> Result<u64, StoreError> {
        self.store.trim(lane, cursor, before).await
    }
}

#[async_trait]
impl OutboxStore for Moody {
    async fn claim(&self, t: TenantId, c: ChannelId, at: Timestamp, n: usize) -> Result<Vec<OutboxItem>, StoreError> {
        self.store.claim(t, c, at, n).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        self.store.settle(settlements).await
    }

    async fn next_due(&self, t: TenantId, c: ChannelId) -> Result<Option<Timestamp>, StoreError> {
        self.store.next_due(t, c).await
    }

    async fn stands(&self, t: TenantId, c: ChannelId, how: Standing, at: Timestamp) -> Result<(), StoreError> {
        self.store.stands(t, c, how, at).await
    }

    async fn waits(&self, t: TenantId, c: ConversationId) -> Result<bool, StoreError> {
        self.store.waits(t, c).await
    }

    async fn closed(&self, t: TenantId, c: ConversationId) -> Result<Closed, StoreError> {
        self.store.closed(t, c).await
    }

    async fn offered(&self, t: TenantId, c: ChannelId, name: &str) -> Result<Vec<Offered>, StoreError> {
        self.store.offered(t, c, name).await
    }

    async fn recover(&self, t: TenantId, c: ChannelId, at: Timestamp) -> Result<u64, StoreError> {
        OutboxStore::recover(&self.store, t, c, at).await
    }

    async fn advance(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        updates: Vec<StatusUpdate>,
    ) -> Result<Vec<(ConversationId, MessageId, DeliveryStatus)>, StoreError> {
        mood(&self.statuses)?;
        self.store.advance(tenant, channel, updates).await
    }

    async fn begin(
        &self,
        t: TenantId,
        c: ConversationId,
        turn: TurnNo,
        at: Timestamp,
    ) -> Result<Option<Beginning>, StoreError> {
        self.store.begin(t, c, turn, at).await
    }

    async fn amend(&self, t: TenantId, c: ConversationId, turn: TurnNo, at: Timestamp) -> Result<bool, StoreError> {
        self.store.amend(t, c, turn, at).await
    }

    async fn amended(
        &self,
        t: TenantId,
        c: ConversationId,
        turn: TurnNo,
        message: Option<String>,
    ) -> Result<(), StoreError> {
        self.store.amended(t, c, turn, message).await
    }

    async fn beginning(
        &self,
        t: TenantId,
        c: ConversationId,
        reply: Option<MessageId>,
    ) -> Result<Option<Beginning>, StoreError> {
        self.store.beginning(t, c, reply).await
    }
}

#[async_trait]
impl ChannelDirectory for Moody {
    async fn account(&self, channel: ChannelId) -> Result<Option<Arc<ChannelAccount>>, StoreError> {
        mood(&self.accounts)?;
        Ok(self.store.account(channel).map(Arc::new))
    }

    async fn enabled(&self) -> Result<Vec<Arc<ChannelAccount>>, StoreError> {
        Ok(Vec::new())
    }

    fn driver(&self, _: &ChannelKind) -> Option<Arc<dyn ChannelDriver>> {
        Some(Arc::new(Provider))
    }

    fn changed(&self, _: ChannelId) {}
}

/// Delivers what the body names, one word for each event.
struct Provider;

#[async_trait]
impl ChannelDriver for Provider {
    fn kind(&self) -> ChannelKind {
        ChannelKind::of("fake")
    }

    fn fields(&self) -> &'static [SettingField] {
        &[]
    }

    fn pacing(&self, _: &ChannelAccount) -> Pacing {
        Pacing { per_second: 1, peer_interval: Duration::ZERO, peer_burst: 1 }
    }

    fn handshake(&self, _: &ChannelAccount, _: &WebhookRequest<'_>) -> Handshake {
        Handshake::Unsupported
    }

    fn receive(&self, _: &ChannelAccount, r: &WebhookRequest<'_>) -> Result<Vec<ChannelEvent>, WebhookRejection> {
        let text = std::str::from_utf8(r.body).map_err(|_| WebhookRejection::Unauthenticated)?;
        let event = |word: &str| match word {
            "status" => ChannelEvent::Status(StatusUpdate {
                provider_message_id: Some("sent".into()),
                outbox: None,
                peer: None,
                status: DeliveryStatus::Read,
                at: Timestamp(0),
                failure: None,
            }),
            id => ChannelEvent::Message(Inbound {
                provider_message_id: id.to_owned(),
                peer: Peer { address: "ann".into(), name: None },
                sent_at: Timestamp(0),
                content: Content::text("hello"),
                reply_to: None,
                raw: None,
            }),
        };
        Ok(text.split_whitespace().map(event).collect())
    }

    fn render(&self, _: &str, _: &[Citation]) -> Vec<Part> {
        Vec::new()
    }

    async fn send(&self, _: Delivery<'_>) -> Result<Sent, SendError> {
        Ok(Sent { provider_message_id: None })
    }

    async fn typing(&self, _: &ChannelAccount, _: &Peer, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn poll(&self, _: &ChannelAccount, _: Option<String>) -> Result<Polled, Failure> {
        std::future::pending().await
    }

    async fn check(&self, _: &ChannelAccount) -> Result<String, Failure> {
        Ok(String::new())
    }
}

struct Nothing;

#[async_trait]
impl Simulator for Nothing {
    fn examples(&self) -> Vec<Example> {
        Vec::new()
    }
    async fn check(&self, _: &str) -> Result<About, Failure> {
        Err(nothing())
    }
    async fn run(&self, _: &str, _: u64) -> Result<SimulatedRun, Failure> {
        Err(nothing())
    }
    async fn page(&self, _: &str, _: u64) -> Result<String, Failure> {
        Err(nothing())
    }
    async fn compare(&self, _: &str, _: &str, _: u64) -> Result<Compared, Failure> {
        Err(nothing())
    }
}

fn nothing() -> Failure {
    Failure::reject("nothing", "there is nothing")
}

#[async_trait]
impl Catalogue for Nothing {
    fn check_model(&self, _: &ModelChoice) -> Result<(), Failure> {
        Ok(())
    }

    async fn check_tools(&self, _: TenantId, _: &[String]) -> Result<(), Failure> {
        Ok(())
    }

    async fn tools(&self, _: TenantId, _: &[String]) -> Result<Vec<ToolSpec>, Failure> {
        Ok(Vec::new())
    }

    async fn all_tools(&self, _: TenantId) -> Result<Vec<ToolSpec>, Failure> {
        Ok(Vec::new())
    }

    fn tells_amount(&self, _: &str) -> bool {
        false
    }

    async fn try_tool(&self, _: ToolInvocation) -> ToolResult {
        ToolResult::done("")
    }

    fn check_operations(&self, _: &[Operation]) -> Vec<(String, String)> {
        Vec::new()
    }

    fn read_openapi(&self, _: &str) -> Result<Imported, Failure> {
        Err(Failure::reject("openapi.empty", ""))
    }

    fn channel_kinds(&self) -> Vec<ChannelKind> {
        Vec::new()
    }

    fn retrieval(&self) -> (&'static str, Option<String>) {
        ("hybrid", None)
    }
}

#[async_trait]
impl Embeddings for Nothing {
    async fn embed(&self, _: Vec<String>, _: Duration) -> Result<Embedded, Failure> {
        panic!("nobody asked for vectors")
    }
}

#[async_trait]
impl RemoteTools for Nothing {
    async fn given(&self, _: TenantId, _: Option<&str>) -> Result<Vec<RemoteTool>, Failure> {
        Ok(Vec::new())
    }

    async fn look(&self, _: &ToolServer) -> Result<Vec<OfferedTool>, Failure> {
        Ok(Vec::new())
    }

    async fn call(&self, _: &RemoteTool, _: &str, _: &ToolInvocation) -> ToolResult {
        ToolResult::done("")
    }

    async fn look_up(&self, _: &RemoteTool, _: &str, _: &ToolInvocation) -> Option<ToolResult> {
        None
    }
}

struct World {
    router: Router,
    moody: Arc<Moody>,
    account: Account,
    pressure: Arc<Pressure>,
    _node: Node,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let (ids, clock) = (Arc::new(SeqIds::default()), Arc::new(ManualClock::default()));
        let store = MemoryStore::with_ids(ids.clone());
        let account = Account::new(TenantId::new(colloquy_domain::ports::Ids::uuid(ids.as_ref())), ids.as_ref());
        store.register_channel(account.account(), false);
        store.register_agent(account.profile());
        let rows = Arc::new(store.clone());
        let moody =
            Arc::new(Moody { store, log: Mutex::default(), accounts: Mutex::default(), statuses: Mutex::default() });
        let folder = tempfile::tempdir().expect("a folder");
        let secret_key = SecretKey::from_bytes([7; 32]);
        let options = StoreOptions { clock: clock.clone(), ids: ids.clone(), secret_key, placement: None };
        let file = Database::Sqlite(folder.path().join("colloquy.db"));
        let opened = Store::open(file, options).await.expect("opens");
        let (hub, knowledge) = (Arc::new(Hub::default()), Arc::new(FakeKnowledge(|_| Ok(Vec::new()))));
        let model = Arc::new(FakeModel(|_| Box::pin(async { Ok(Completion::default()) }) as _));
        let pipeline = Arc::new(FakePipeline(|_| panic!("no document was expected")));
        let directory = MemoryDirectory { store: rows.clone(), driver: Arc::new(Provider) };
        let ports = Ports {
            clock: clock.clone(),
            ids: ids.clone(),
            log: moody.clone(),
            inbox: rows.clone(),
            conversations: rows.clone(),
            outbox: moody.clone(),
            documents: rows.clone(),
            agents: Arc::new(directory),
            channels: moody.clone(),
            pipeline: pipeline.clone(),
            knowledge: knowledge.clone(),
            meaning: Arc::new(MeaningInWords),
            model: model.clone(),
            tools: Arc::new(FakeTools::default()),
            announcer: hub.clone(),
            ownership: Arc::new(Ownership::everything()),
            cluster: None,
        };
        let pressure = Arc::new(Pressure::new(Some(1)));
        let settings = Settings { pressure: pressure.clone(), ..Settings::default() };
        let node = Node::start(ports, settings).await.expect("starts");
        let default_model = account.profile().model;
        let api = Api {
            sources: Visitor::new(Arc::new(NoWeb), clock.clone()),
            commerce: Arc::new(Commerce::new(opened.clone(), Arc::new(NoServices), clock.clone())),
            videos: Arc::new(Videos::new(opened.clone(), Arc::new(NoServices), clock.clone())),
            store: opened,
            node: node.handle(),
            hub,
            clock,
            ids,
            log: moody.clone(),
            channels: moody.clone(),
            pipeline,
            knowledge,
            model,
            embeddings: Arc::new(Nothing),
            poster: Arc::new(NoWeb),
            simulator: Arc::new(Nothing),
            catalogue: Arc::new(Nothing),
            remote: Arc::new(Nothing),
            options: ApiOptions {
                files: folder.path().into(),
                max_upload: 1,
                public_url: String::new(),
                default_model,
                version: "0",
                trusted_proxies: Vec::new(),
                cors_origins: Vec::new(),
                frame_origins: Vec::new(),
                approval_patience: Duration::from_secs(900),
                metrics_token: None,
            },
            identity: Identity {
                keys: TokenKeys::shared(&[b"secret"], Duration::from_secs(60)).expect("a key"),
                passwords: Passwords::default(),
                mailer: Arc::new(NoMail),
                open_registration: false,
                entropy: || Ok([7; 32]),
            },
            counters: Default::default(),
            turned_away: Default::default(),
            aliases: Default::default(),
            limits: Arc::new(Limits::new(Quotas::default(), false)),
            metrics: Default::default(),
            realtime: Default::default(),
            draining: Default::default(),
            making_webchat: Default::default(),
        };
        Self { router: router(Arc::new(api)), moody, account, pressure, _node: node, _folder: folder }
    }

    /// The status, and the seconds after which it is worth trying again.
    async fn deliver(&self, body: &str) -> (StatusCode, Option<u64>) {
        let request = Request::post(format!("/webhooks/{}", self.account.channel)).body(Body::from(body.to_owned()));
        let answer = self.router.clone().oneshot(request.expect("a request")).await.expect("an answer");
        let after = answer.headers().get(RETRY_AFTER).map(|v| v.to_str().expect("text").parse().expect("seconds"));
        (answer.status(), after)
    }

    async fn logged(&self) -> usize {
        self.moody.store.read(Lane(0), 0, 1_000).await.expect("read").len()
    }
}

const OK: (StatusCode, Option<u64>) = (StatusCode::OK, None);

// req: S1-WHK-1
#[tokio::test]
async fn a_log_that_cannot_take_it_is_503_with_a_time_to_come_back() {
    let w = World::new().await;
    assert_eq!(w.deliver("m1").await, OK);
    let full = || StoreError::Full("full".to_owned());
    let broken = || StoreError::Broken("lost what it had".to_owned());
    for error in [AWAY(), full(), broken(), StoreError::Stale] {
        *w.moody.log.lock().expect("fine") = Some(error.clone());
        let (status, after) = w.deliver("m2").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{error}");
        assert!(after.is_some_and(|seconds| (1..=60).contains(&seconds)), "{error}: {after:?}");
    }
    assert_eq!(w.logged().await, 1);
    *w.moody.log.lock().expect("fine") = None;
    assert_eq!(w.deliver("m2").await, OK);
    assert_eq!(w.logged().await, 2);
}

#[tokio::test]
async fn a_database_that_is_away_is_503_too_where_nothing_can_be_verified_or_a_status_cannot_be_kept() {
    let w = World::new().await;
    *w.moody.accounts.lock().expect("fine") = Some(AWAY());
    let (status, after) = w.deliver("m1").await;
    assert_eq!((status, after), (StatusCode::SERVICE_UNAVAILABLE, Some(1)));
    assert_eq!(w.logged().await, 0, "who sent it is not known");
    *w.moody.accounts.lock().expect("fine") = None;
    *w.moody.statuses.lock().expect("fine") = Some(AWAY());
    assert_eq!(w.deliver("m1").await, OK, "a message needs the log alone");
    assert_eq!(w.deliver("m1 status").await, (StatusCode::SERVICE_UNAVAILABLE, Some(1)));
    *w.moody.statuses.lock().expect("fine") = None;
    assert_eq!(w.deliver("m1 status").await, OK);
}

/// However much waits, and however little memory there is: the log is on the disk.
#[tokio::test]
async fn a_node_that_has_too_much_to_do_accepts_webhooks() {
    let w = World::new().await;
    w.pressure.sample(1_000);
    for n in 0..300 {
        assert_eq!(w.deliver(&format!("m{n} status")).await, OK);
    }
    assert_eq!(w.logged().await, 300);
}
