//! Where nodes meet and partitions are claimed: PostgreSQL, on its own clock.

use super::{signed, unsigned};
use crate::{
    db::{self, Conn, Trouble},
    error::store_error,
    sql::placement as sql,
    store::Store,
    writer::PARTITION_LOCKS,
};
use async_trait::async_trait;
use colloquy_domain::{
    placement::{Beat, Claim, Epoch, LEASE, NodeId, NodeSession, PARTITIONS, Partition},
    ports::{PlacementStore, StoreError},
};
use futures::{FutureExt as _, future::BoxFuture};
use sqlx::postgres::PgConnectOptions;
use std::time::Duration;
use tokio::sync::Mutex;
use uuid::Uuid;

/// How long a claim waits for the writes that are under way: longer than the server lets a transaction stand still.
const CLAIM_WAIT: Duration = Duration::from_secs(5);
/// The longest that one exchange may take.
const PATIENCE: Duration = Duration::from_secs(7);

/// Connections of their own: heartbeats wait neither for reads nor for a claim, which waits for others' writes.
pub(crate) struct Meeting {
    beats: Slot,
    claims: Slot,
}

/// A connection that is opened when it is needed and dropped after any error.
struct Slot {
    options: PgConnectOptions,
    conn: Mutex<Option<Conn>>,
}

impl Meeting {
    pub(crate) fn new(options: &PgConnectOptions) -> Self {
        let slot = || Slot { options: options.clone(), conn: Mutex::default() };
        Self { beats: slot(), claims: slot() }
    }
}

impl Slot {
    /// Does the work, once more if the connection turns out to be lost: all of it can be repeated.
    async fn run<T>(
        &self,
        work: impl for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<T, StoreError>> + Send + Sync,
    ) -> Result<T, StoreError> {
        let mut place = self.conn.lock().await;
        if let Some(mut conn) = place.take() {
            let done = in_time(work(&mut conn)).await;
            if conn.trouble() != Some(Trouble::Lost) {
                *place = done.is_ok().then_some(conn);
                return done;
            }
        }
        let mut conn = Conn::from(db::connect_postgres(&self.options).await.map_err(store_error)?);
        let done = in_time(work(&mut conn)).await;
        *place = done.is_ok().then_some(conn);
        done
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
    let slow = || StoreError::Unavailable("the database does not answer".to_owned());
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(slow()))
}

#[async_trait]
impl PlacementStore for Store {
    async fn beat(&self, node: NodeId, name: &str, draining: bool) -> Result<Beat, StoreError> {
        let beats = &self.meeting()?.beats;
        let name = name.to_owned();
        beats
            .run(move |conn| {
                let name = name.clone();
                async move { beat(conn, node, &name, draining).await.map_err(store_error) }.boxed()
            })
            .await
    }

    async fn claim(
        &self,
        node: NodeId,
        partitions: Vec<(Partition, Epoch)>,
    ) -> Result<Vec<(Partition, Epoch)>, StoreError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let script = claim(node, &partitions);
        let claims = &self.meeting()?.claims;
        let claimed: Vec<(i64, i64)> = claims
            .run(move |conn| {
                let script = script.clone();
                async move {
                    let rows = conn.script(script).await.map_err(store_error)?;
                    rows.iter().map(db::Row::read).collect::<Result<_, _>>().map_err(store_error)
                }
                .boxed()
            })
            .await?;
        let partition = |(number, epoch): (i64, i64)| Some((Partition(u8::try_from(number).ok()?), unsigned(epoch)));
        Ok(claimed.into_iter().filter_map(partition).collect())
    }

    async fn release(&self, node: NodeId, partitions: Vec<Partition>) -> Result<(), StoreError> {
        let claims = &self.meeting()?.claims;
        claims
            .run(move |conn| {
                let partitions = partitions.clone();
                async move {
                    for partition in partitions {
                        let query = db::query(sql::RELEASE).bind(node.0).bind(i64::from(partition.0));
                        query.execute(conn).await.map_err(store_error)?;
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    async fn leave(&self, node: NodeId) -> Result<(), StoreError> {
        let claims = &self.meeting()?.claims;
        claims
            .run(move |conn| {
                async move {
                    for statement in [sql::RELEASE_ALL, sql::LEAVE] {
                        db::query(statement).bind(node.0).execute(conn).await.map_err(store_error)?;
                    }
                    Ok(())
                }
                .boxed()
            })
            .await
    }
}

/// A row of `SESSIONS`.
pub(crate) type SessionRow = (Uuid, String, bool, i64);

pub(crate) fn session((id, name, draining, silent): SessionRow) -> NodeSession {
    NodeSession { node: NodeId(id), name, silent: Duration::from_millis(unsigned(silent)), draining }
}

async fn beat(conn: &mut Conn, node: NodeId, name: &str, draining: bool) -> Result<Beat, sqlx::Error> {
    db::query(sql::BEAT).bind(node.0).bind(name).bind(draining).execute(conn).await?;
    db::query(sql::FORGET).execute(conn).await?;
    let sessions: Vec<SessionRow> = db::query_as(sql::SESSIONS).fetch_all(&mut *conn).await?;
    let claims: Vec<(Option<Uuid>, i64)> = db::query_as(sql::CLAIMS).fetch_all(conn).await?;
    let claim = |(owner, epoch): (Option<Uuid>, i64)| Claim { owner: owner.map(NodeId), epoch: unsigned(epoch) };
    let beat =
        Beat { sessions: sessions.into_iter().map(session).collect(), claims: claims.into_iter().map(claim).collect() };
    debug_assert_eq!(beat.claims.len(), PARTITIONS);
    Ok(beat)
}

/// One round trip: the locks in their order, then one conditional update. What was claimed although the answer was lost
/// shows at the next heartbeat.
fn claim(node: NodeId, partitions: &[(Partition, Epoch)]) -> String {
    let mut numbers: Vec<u8> = partitions.iter().map(|(p, _)| p.0).collect();
    numbers.sort_unstable();
    let numbers = numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let given = |(p, epoch): &(Partition, Epoch)| format!("({}::bigint,{}::bigint)", p.0, signed(*epoch));
    let given = partitions.iter().map(given).collect::<Vec<_>>().join(",");
    let (wait, lease) = (CLAIM_WAIT.as_millis(), LEASE.as_millis());
    format!(
        "BEGIN; SET LOCAL lock_timeout = {wait}; \
         SELECT FROM unnest(ARRAY[{numbers}]) AS p WHERE pg_advisory_xact_lock({PARTITION_LOCKS}, p) IS NULL; \
         UPDATE partitions AS p SET owner = '{node}', epoch = given.epoch + 1, claimed_at = clock_timestamp() \
         FROM (VALUES {given}) AS given (number, epoch) WHERE p.number = given.number \
         AND p.epoch = given.epoch AND NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.id = p.owner \
         AND nodes.seen_at > clock_timestamp() - interval '{lease} milliseconds') RETURNING p.number, p.epoch; COMMIT"
    )
}
