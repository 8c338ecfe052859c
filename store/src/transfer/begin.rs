//! What must be so before anything is copied.

use super::{
    TABLES, Transfer, TransferError,
    state::{self, State},
};
use crate::{
    db::{self, Conn, Query},
    error::{store_error, unreadable},
    sql::{placement, platform, transfer as sql},
    store::Store,
};
use colloquy_domain::{
    placement::{LEASE, Lane},
    ports::{InboxStore, IngressLog, StoreError},
};
use futures::FutureExt;
use uuid::Uuid;

/// Entries of the log that are moved together.
const BATCH: usize = 500;
/// What the source is known by, in its `meta`.
const INSTALLATION: &str = "installation";

/// What a target is before a transfer.
enum Before {
    Ready(State),
    Not(TransferError),
}

impl Transfer {
    /// Begins to move `source` into `target`, or goes on with what was begun: first what the source's log holds is moved
    /// into inboxes, as its owner would do at the next start.
    ///
    /// # Errors
    /// [`TransferError`]; nothing was copied.
    pub async fn begin(source: &Store, target: &Store) -> Result<Self, TransferError> {
        if source.keeps_files() || !target.keeps_files() {
            return Err(TransferError::WrongKind);
        }
        take_in_all(source).await?;
        let id = installation(source).await?;
        let before = target.tell(None, move |conn| async move { prepare(conn, id).await }.boxed()).await?;
        match before {
            Before::Ready(state) => Ok(Self { source: source.clone(), target: target.clone(), state }),
            Before::Not(error) => Err(error),
        }
    }
}

async fn take_in_all(source: &Store) -> Result<(), StoreError> {
    let lane = Lane(0);
    loop {
        let from = source.cursor(lane).await?;
        let entries = source.read(lane, from, BATCH).await?;
        let Some(to) = entries.last().map(|e| e.offset) else { return Ok(()) };
        source.take_in(lane, from, to, entries).await?;
    }
}

/// What the source is known by from now on.
async fn installation(source: &Store) -> Result<Uuid, StoreError> {
    let new = source.uuid();
    let kept: Vec<u8> = source
        .tell(None, move |conn| {
            async move {
                let query = db::query(platform::SET_META).bind(INSTALLATION).bind(new.as_bytes().to_vec());
                query.execute(conn).await.map_err(store_error)?;
                let kept = db::query_scalar(platform::META).bind(INSTALLATION);
                kept.fetch_one(conn).await.map_err(store_error)
            }
            .boxed()
        })
        .await?;
    Uuid::from_slice(&kept).map_err(|_| unreadable("id of the installation"))
}

async fn prepare(conn: &mut Conn, source: Uuid) -> Result<Before, StoreError> {
    let known = state::read(conn).await?;
    if known.as_ref().is_some_and(|s| s.source != source) {
        return Ok(Before::Not(TransferError::OtherSource));
    }
    if let Some(state) = known.clone().filter(|s| s.finished) {
        return Ok(Before::Ready(state));
    }
    if let Some(name) = running(conn).await? {
        return Ok(Before::Not(TransferError::Running(name)));
    }
    if let Some(state) = known {
        return Ok(Before::Ready(state));
    }
    for table in TABLES.iter().map(|t| t.name).chain(["files"]) {
        let row = Query::built(sql::any_row(table)).fetch_optional(&mut *conn).await.map_err(store_error)?;
        if row.is_some() {
            return Ok(Before::Not(TransferError::Occupied(table)));
        }
    }
    for statement in sql::SILENCE {
        db::query(statement).execute(conn).await.map_err(store_error)?;
    }
    let state = State::new(source);
    state::begin(conn, &state).await?;
    Ok(Before::Ready(state))
}

/// The name of a node that runs on the database.
async fn running(conn: &mut Conn) -> Result<Option<String>, StoreError> {
    let sessions: Vec<(Uuid, String, bool, i64)> =
        db::query_as(placement::SESSIONS).fetch_all(conn).await.map_err(store_error)?;
    Ok(sessions
        .into_iter()
        .find(|(.., silent)| u128::try_from(*silent).is_ok_and(|ms| ms < LEASE.as_millis()))
        .map(|(_, name, ..)| name))
}
