//! First words of answers that stand while the rest is being written. Who sends and changes them owns the conversation: the
//! reply, which takes their place, is its account's.

use super::{signed, unsigned};
use crate::{
    db::{self, Conn, Query},
    error::store_error,
    sql::beginnings as sql,
    store::Store,
    writer::{Write, WriteError},
};
use async_trait::async_trait;
use colloquy_domain::{
    ids::{ConversationId, MessageId, TenantId, TurnNo},
    placement::Partition,
    ports::{Beginning, StoreError},
    time::Timestamp,
};

/// Whose first words.
#[derive(Clone, Copy)]
pub(super) struct Of {
    pub(super) tenant: TenantId,
    pub(super) conversation: ConversationId,
    pub(super) turn: TurnNo,
}

impl Of {
    fn bound(self, statement: &'static str) -> Query {
        let query = db::query(statement).bind(self.tenant.uuid()).bind(self.conversation.uuid());
        query.bind(signed(self.turn.into()))
    }

    pub(super) async fn begin(self, store: &Store, now: Timestamp) -> Result<Option<Beginning>, StoreError> {
        store.write(Begin { of: self, now }).await
    }

    pub(super) async fn amend(self, store: &Store, now: Timestamp) -> Result<bool, StoreError> {
        let query = self.bound(sql::AMEND).bind(now.millis());
        store.write(Change { conversation: self.conversation, query }).await
    }

    pub(super) async fn amended(self, store: &Store, message: Option<String>) -> Result<(), StoreError> {
        let query = match message {
            Some(name) => self.bound(sql::AMENDED).bind(name),
            None => self.bound(sql::FORGET),
        };
        store.write(Change { conversation: self.conversation, query }).await.map(|_| ())
    }
}

type Row = (i64, Option<String>, Option<i64>);

fn beginning((turn, message, busy): Row) -> Beginning {
    Beginning { turn: TurnNo::try_from(unsigned(turn)).unwrap_or(TurnNo::MAX), message, busy: busy.map(Timestamp) }
}

impl Store {
    pub(super) async fn beginning_of(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        reply: Option<MessageId>,
    ) -> Result<Option<Beginning>, StoreError> {
        let statement = if reply.is_some() { sql::OF_REPLY } else { sql::OF };
        let mut query = db::query_as(statement).bind(tenant.uuid()).bind(conversation.uuid());
        if let Some(message) = reply {
            query = query.bind(message.uuid());
        }
        let row: Option<Row> = query.fetch_optional(self.readers_of(tenant)).await.map_err(store_error)?;
        Ok(row.map(beginning))
    }
}

struct Begin {
    of: Of,
    now: Timestamp,
}

#[async_trait]
impl Write for Begin {
    type Output = Option<Beginning>;

    fn partitions(&self) -> Vec<Partition> {
        vec![self.of.conversation.into()]
    }

    async fn run(&self, conn: &mut Conn) -> Result<Option<Beginning>, WriteError> {
        if !conn.fence.lets(self.of.conversation) {
            return Err(WriteError::Clean(StoreError::Stale));
        }
        let query = self.of.bound(sql::BEGIN).bind(self.now.millis());
        if query.execute(&mut *conn).await?.rows_affected() > 0 {
            return Ok(None);
        }
        let query = db::query_as(sql::OF).bind(self.of.tenant.uuid()).bind(self.of.conversation.uuid());
        let row: Option<Row> = query.fetch_optional(conn).await?;
        Ok(row.map(beginning))
    }
}

/// Tells whether it changed anything.
struct Change {
    conversation: ConversationId,
    query: Query,
}

#[async_trait]
impl Write for Change {
    type Output = bool;

    fn partitions(&self) -> Vec<Partition> {
        vec![self.conversation.into()]
    }

    async fn run(&self, conn: &mut Conn) -> Result<bool, WriteError> {
        if !conn.fence.lets(self.conversation) {
            return Err(WriteError::Clean(StoreError::Stale));
        }
        Ok(self.query.clone().execute(conn).await?.rows_affected() > 0)
    }
}
