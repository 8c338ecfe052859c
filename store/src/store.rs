//! The store: one writer, a few readers, on a file or a server.

use crate::{
    cipher::Cipher,
    db::{Conn, Readers, Reads, Scope},
    error::OpenError,
    open::{self, Opened, Walls},
    options::{Database, PostgresOptions, StoreOptions},
    ports::Meeting,
    writer::{Fencing, Told, Write, Writer},
};
use colloquy_domain::{
    ids::{DocumentId, TenantId},
    placement::Ownership,
    ports::{Clock, Ids, StoreError},
    time::Timestamp,
};
use futures::future::BoxFuture;
use std::{collections::HashSet, sync::Arc};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Documents, each with its tenant: another tenant cannot give one back.
pub(crate) type Taken = HashSet<(TenantId, DocumentId)>;

/// The store. Cheap to clone; all clones share the writer and the readers.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    readers: Readers,
    writer: Writer,
    fencing: Fencing,
    /// Where nodes meet; none on SQLite.
    meeting: Option<Meeting>,
    walls: Walls,
    ownership: Option<Arc<Ownership>>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    cipher: Cipher,
    /// Documents handed out by this process and not yet finished.
    taken: Mutex<Taken>,
}

impl Store {
    /// Opens the database (a file is made if it is missing), brings its schema up to date and starts the writer. Of
    /// several nodes that start at once, one migrates and the others wait.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed except migrations that already succeeded.
    pub async fn open(database: impl Into<Database>, options: StoreOptions) -> Result<Self, OpenError> {
        Self::open_for(database.into(), options, false).await
    }

    /// Opens a database into which an installation is to be moved, or is being moved already; see
    /// [`Transfer`](crate::transfer::Transfer).
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_to_fill(database: PostgresOptions, options: StoreOptions) -> Result<Self, OpenError> {
        Self::open_for(Database::Postgres(database), options, true).await
    }

    async fn open_for(database: Database, options: StoreOptions, filling: bool) -> Result<Self, OpenError> {
        let StoreOptions { clock, ids, secret_key, placement } = options;
        let cipher = Cipher::new(&secret_key);
        let Opened { readers, link, conn, log_end, meeting, walls, shown } = match database {
            Database::Sqlite(path) => open::sqlite(&path, &cipher).await?,
            Database::Postgres(options) => open::postgres(&options, &cipher, filling).await?,
        };
        let placement = placement.filter(|_| meeting.is_some());
        let ownership = placement.as_ref().map(|p| Arc::clone(&p.ownership));
        let fencing = Fencing::new(placement);
        let writer = Writer::start(link, conn, ids.uuid(), fencing.clone(), log_end)
            .map_err(|e| OpenError::Database { path: shown, cause: e.to_string() })?;
        let taken = Mutex::default();
        let inner = Inner { readers, writer, fencing, meeting, walls, ownership, clock, ids, cipher, taken };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Writes what is queued and closes all connections. Afterwards every call answers
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        // The last connection empties SQLite's log, and one that only reads cannot.
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }

    /// How many writes were refused since the start because another node owned their partition.
    #[must_use]
    pub fn fenced(&self) -> u64 {
        self.inner.fencing.refused()
    }

    /// Whether documents lie in the database, where every node finds them. SQLite's only node keeps them as files.
    #[must_use]
    pub fn keeps_files(&self) -> bool {
        self.inner.meeting.is_some()
    }

    /// Whether the database itself keeps tenants apart, too.
    #[must_use]
    pub fn walls(&self) -> Walls {
        self.inner.walls
    }

    /// What this node believes to own; `None` where nothing has owners.
    pub(crate) fn ownership(&self) -> Option<&Ownership> {
        self.inner.ownership.as_deref()
    }

    pub(crate) fn meeting(&self) -> Result<&Meeting, StoreError> {
        let alone = || StoreError::Broken("an embedded database is one node's".to_owned());
        self.inner.meeting.as_ref().ok_or_else(alone)
    }

    /// For what looks across tenants.
    pub(crate) fn readers(&self) -> Reads<'_> {
        self.inner.readers.of(Scope::Everything)
    }

    /// For what concerns one tenant: the database shows nobody else's rows, where it can.
    pub(crate) fn readers_of(&self, tenant: TenantId) -> Reads<'_> {
        self.inner.readers.of(Scope::Tenant(tenant.uuid()))
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.inner.writer
    }

    pub(crate) fn cipher(&self) -> &Cipher {
        &self.inner.cipher
    }

    pub(crate) fn taken(&self) -> &Mutex<Taken> {
        &self.inner.taken
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(crate) fn uuid(&self) -> Uuid {
        self.inner.ids.uuid()
    }

    pub(crate) fn ids(&self) -> Arc<dyn Ids> {
        Arc::clone(&self.inner.ids)
    }

    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Output, StoreError> {
        self.inner.writer.write(write).await
    }

    /// A write told by a closure that can be run again; for a tenant, among that tenant's rows only.
    pub(crate) async fn tell<T, F>(&self, tenant: Option<TenantId>, write: F) -> Result<T, StoreError>
    where
        F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<T, StoreError>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.inner.writer.write(Told { tenant: tenant.map(TenantId::uuid), write }).await
    }
}
