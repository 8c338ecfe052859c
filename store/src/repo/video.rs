//! Sessions with an avatar: each change is conditional on the version.

use super::{Installation, Page, PageRequest, TenantStore};
use crate::{
    cipher::Cipher,
    db::{self, Conn},
    error::{store_error, unreadable},
    records,
    repo::IntegrationKind,
    sql::video as sql,
};
use colloquy_domain::{
    channel::Secret,
    ids::{ChannelId, TenantId, TurnNo, VideoSessionId},
    ports::StoreError,
    time::Timestamp,
    video::{AvatarAccount, AvatarProvider, EndReason, Join, Video, VideoAccess, VideoSession, VideoStatus},
};
use futures::FutureExt;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// A session that is about to be opened.
#[derive(Debug, Clone)]
pub struct NewVideo {
    /// Asking again with it is asking once.
    pub key: Option<String>,
    pub channel: ChannelId,
    pub chat: String,
    pub account: AvatarAccount,
    pub video: Video,
    /// Sessions of the tenant at once.
    pub most: u32,
}

impl NewVideo {
    /// What the same was asked for before, or the visitor has. Whoever opens another one waits until this transaction ends.
    async fn known(&self, conn: &mut Conn, tenant: Uuid) -> Result<Option<Row>, StoreError> {
        let hold = db::query_scalar(sql::HOLD).bind(tenant).bind(IntegrationKind::Avatar.name());
        let _: Option<String> = hold.fetch_optional(&mut *conn).await.map_err(store_error)?;
        if let Some(key) = &self.key {
            let query = db::query_as(sql::BY_KEY).bind(tenant).bind(key);
            let known: Option<Row> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
            if known.is_some() {
                return Ok(known);
            }
        }
        let query = db::query_as(sql::OPEN).bind(tenant).bind(self.channel.uuid()).bind(&self.chat);
        query.fetch_optional(conn).await.map_err(store_error)
    }

    fn session(self, id: VideoSessionId, tenant: TenantId, now: Timestamp) -> VideoSession {
        VideoSession {
            id,
            tenant,
            channel: self.channel,
            chat: self.chat,
            video: self.video,
            access: VideoAccess { account: Some(self.account), join: None },
            version: 1,
            created_at: now,
        }
    }
}

/// What came of asking for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenedVideo {
    /// It is the caller's to open, for a lease.
    New(VideoSession),
    /// The same was asked for before, or the visitor has one already.
    Known(VideoSession),
    /// So many run already.
    TooMany,
}

/// What is sealed of a session.
#[derive(Serialize, Deserialize)]
struct Sealed {
    key: String,
    base_url: Option<String>,
    join: Option<(String, String)>,
}

impl Sealed {
    fn of(access: &VideoAccess) -> Option<Self> {
        let account = access.account.as_ref()?;
        let join = access.join.as_ref().map(|j| (j.url.clone(), j.token.expose().to_owned()));
        Some(Self { key: account.key.expose().to_owned(), base_url: account.base_url.clone(), join })
    }

    fn access(self, provider: AvatarProvider) -> VideoAccess {
        let account = AvatarAccount { provider, key: Secret::new(self.key), base_url: self.base_url };
        let join = self.join.map(|(url, token)| Join { url, token: Secret::new(token) });
        VideoAccess { account: Some(account), join }
    }
}

fn seal(cipher: &Cipher, id: Uuid, access: &VideoAccess) -> Result<Vec<u8>, StoreError> {
    match Sealed::of(access) {
        Some(sealed) => cipher.seal(id.as_bytes(), records::write(&sealed)?.as_bytes()),
        None => Ok(Vec::new()),
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant_id: Uuid,
    id: Uuid,
    channel_id: Uuid,
    chat: String,
    provider: String,
    state: String,
    external_id: Option<String>,
    secrets: Vec<u8>,
    idle: i64,
    used_at: i64,
    expires_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    reason: Option<String>,
    code: Option<String>,
    tries: i64,
    version: i64,
    due_at: i64,
    created_at: i64,
}

impl Row {
    fn session(self, cipher: &Cipher) -> Result<VideoSession, StoreError> {
        let wrong = || unreadable("video session");
        let provider = AvatarProvider::named(&self.provider).ok_or_else(wrong)?;
        let access = if self.secrets.is_empty() {
            VideoAccess::default()
        } else {
            let plain = cipher.open(self.id.as_bytes(), &self.secrets)?;
            serde_json::from_slice::<Sealed>(&plain).map_err(|_| unreadable("secrets"))?.access(provider)
        };
        let reason = self.reason.as_deref().map(|r| EndReason::named(r).ok_or_else(wrong)).transpose()?;
        Ok(VideoSession {
            id: VideoSessionId::new(self.id),
            tenant: TenantId::new(self.tenant_id),
            channel: ChannelId::new(self.channel_id),
            chat: self.chat,
            video: Video {
                provider,
                status: VideoStatus::named(&self.state).ok_or_else(wrong)?,
                external: self.external_id,
                idle: Duration::from_millis(u64::try_from(self.idle).map_err(|_| wrong())?),
                expires_at: Timestamp(self.expires_at),
                used_at: Timestamp(self.used_at),
                started_at: self.started_at.map(Timestamp),
                ended_at: self.ended_at.map(Timestamp),
                reason,
                code: self.code,
                tries: u32::try_from(self.tries).map_err(|_| wrong())?,
                due_at: Timestamp(self.due_at),
            },
            access,
            version: self.version,
            created_at: Timestamp(self.created_at),
        })
    }
}

impl TenantStore {
    /// A session that is the caller's to open for `lease`, unless the same was asked for before, the visitor has one, or as
    /// many as may run do.
    ///
    /// # Errors
    /// The store's.
    pub async fn open_video(&self, new: NewVideo, lease: Duration) -> Result<OpenedVideo, StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now());
        let access = VideoAccess { account: Some(new.account.clone()), join: None };
        let sealed = seal(self.store.cipher(), id, &access)?;
        let cipher = self.store.cipher().clone();
        let idle = i64::try_from(new.video.idle.as_millis()).unwrap_or(i64::MAX);
        self.tell(move |conn| {
            let (new, sealed, cipher) = (new.clone(), sealed.clone(), cipher.clone());
            async move {
                if let Some(known) = new.known(conn, tenant).await? {
                    return known.session(&cipher).map(OpenedVideo::Known);
                }
                let running: i64 =
                    db::query_scalar(sql::RUNNING).bind(tenant).fetch_one(&mut *conn).await.map_err(store_error)?;
                if running >= i64::from(new.most) {
                    return Ok(OpenedVideo::TooMany);
                }
                let query = db::query(sql::ADD).bind(tenant).bind(id).bind(&new.key).bind(new.channel.uuid());
                let query = query.bind(&new.chat).bind(new.video.provider.name()).bind(sealed).bind(idle);
                let query = query.bind(now.millis()).bind(new.video.expires_at.millis());
                let query = query.bind(new.video.due_at.millis()).bind((now + lease).millis());
                query.execute(conn).await.map_err(store_error)?;
                Ok(OpenedVideo::New(new.session(VideoSessionId::new(id), TenantId::new(tenant), now)))
            }
            .boxed()
        })
        .await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn video(&self, id: VideoSessionId) -> Result<VideoSession, StoreError> {
        let row: Option<Row> = self.one(sql::SESSION, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("video session"))?.session(self.store.cipher())
    }

    /// The one that a visitor has.
    ///
    /// # Errors
    /// The store's.
    pub async fn video_of(&self, channel: ChannelId, chat: &str) -> Result<Option<VideoSession>, StoreError> {
        let query = db::query_as(sql::OPEN).bind(self.key()).bind(channel.uuid()).bind(chat);
        let row: Option<Row> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        row.map(|row| row.session(self.store.cipher())).transpose()
    }

    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn videos(&self, request: PageRequest) -> Result<Page<VideoSession>, StoreError> {
        let page: Page<Row> = self.page(sql::SESSIONS, sql::COUNT_SESSIONS, request).await?;
        page.try_map(|row| row.session(self.store.cipher()))
    }

    /// Writes down how the session is now; it stays the caller's for `lease`. What is secret goes when it is over.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if somebody else changed it, or the store's.
    pub async fn save_video(&self, session: &VideoSession, lease: Duration) -> Result<VideoSession, StoreError> {
        let (tenant, now, id) = (self.key(), self.store.now(), session.id.uuid());
        let kept = if session.video.status.is_over() { VideoAccess::default() } else { session.access.clone() };
        let sealed = seal(self.store.cipher(), id, &kept)?;
        let saved = VideoSession { access: kept, version: session.version + 1, ..session.clone() };
        let (v, version) = (session.video.clone(), session.version);
        self.tell(move |conn| {
            let query = db::query(sql::SET).bind(tenant).bind(id).bind(version).bind(v.status.name());
            let query = query.bind(&v.external).bind(sealed.clone()).bind(v.used_at.millis());
            let query = query.bind(v.expires_at.millis()).bind(v.started_at.map(Timestamp::millis));
            let query = query.bind(v.ended_at.map(Timestamp::millis)).bind(v.reason.map(EndReason::name));
            let query = query.bind(&v.code).bind(i64::from(v.tries)).bind(v.due_at.millis());
            let query = query.bind((now + lease).millis()).bind(now.millis());
            async move {
                let changed = query.execute(conn).await.map_err(store_error)?.rows_affected();
                if changed == 0 { Err(StoreError::Stale) } else { Ok(()) }
            }
            .boxed()
        })
        .await?;
        Ok(saved)
    }

    /// Whether the caller is the first to have this turn of the conversation said; later turns are not said before.
    ///
    /// # Errors
    /// The store's.
    pub async fn claim_spoken_turn(&self, id: VideoSessionId, turn: TurnNo) -> Result<bool, StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            let query = db::query(sql::CLAIM_TURN).bind(tenant).bind(id.uuid()).bind(i64::from(turn));
            async move { Ok(query.execute(conn).await.map_err(store_error)?.rows_affected() > 0) }.boxed()
        })
        .await
    }
}

impl Installation {
    /// A session of any tenant that is due and that nobody works on, for `lease`; the one that waits longest. Whoever had it
    /// before cannot write any more.
    ///
    /// # Errors
    /// The store's.
    pub async fn lease_video(&self, lease: Duration) -> Result<Option<VideoSession>, StoreError> {
        let row: Option<Row> = self.leased(sql::DUE, sql::LEASE, lease).await?;
        row.map(|row| row.session(self.store.cipher())).transpose()
    }
}
