//! Calls that wait for a person's word. Conversations ask and carry out (`ports/commit.rs`); people decide here, beside
//! them, so that no running turn is disturbed.

use super::{Actor, Installation, Page, PageRequest, TenantStore, audit::read_actor};
use crate::{
    db::{self, Value},
    error::{store_error, unreadable},
    ports::{order, read_call, read_place, small},
    records::WhyRecord,
    sql::approvals as sql,
};
use colloquy_domain::{
    approval::{CallPlace, NewUndo, Undoing, Verdict, Why},
    ids::{ApprovalId, ConversationId, TurnNo},
    ports::StoreError,
    time::Timestamp,
    tool::ToolCall,
};
use futures::FutureExt;
use std::time::Duration;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalStatus {
    Pending,
    Approved,
    Denied,
}

impl ApprovalStatus {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Pending, Self::Approved, Self::Denied].into_iter().find(|s| s.name() == name)
    }
}

/// A held call, and how far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub id: ApprovalId,
    pub conversation: ConversationId,
    pub place: CallPlace,
    pub call: ToolCall,
    pub key: String,
    pub why: Why,
    pub status: ApprovalStatus,
    pub requested_at: Timestamp,
    /// Who decided, and when.
    pub decided: Option<(Actor, Timestamp)>,
    pub reason: Option<String>,
    /// The turn that carried it out, or told of it.
    pub turn: Option<TurnNo>,
    /// Of an approved call: `done`, `failed` or `uncertain`, and the failure's code.
    pub outcome: Option<(String, Option<String>)>,
    pub settled_at: Option<Timestamp>,
}

/// Which ones are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApprovalFilter {
    pub conversation: Option<ConversationId>,
    pub status: Option<ApprovalStatus>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    conversation_id: Uuid,
    turn: i64,
    step: i64,
    place: i64,
    call_id: String,
    tool: String,
    arguments: String,
    key: String,
    why: String,
    status: String,
    requested_at: i64,
    decided_at: Option<i64>,
    decider_kind: Option<String>,
    decided_by: Option<Uuid>,
    reason: Option<String>,
    taken_turn: Option<i64>,
    outcome: Option<String>,
    code: Option<String>,
    settled_at: Option<i64>,
}

impl Row {
    fn approval(self) -> Result<Approval, StoreError> {
        let decided = match (self.decider_kind, self.decided_at) {
            (Some(kind), Some(at)) => Some((read_actor(&kind, self.decided_by)?, Timestamp(at))),
            _ => None,
        };
        Ok(Approval {
            id: ApprovalId::new(self.id),
            conversation: ConversationId::new(self.conversation_id),
            place: read_place((self.turn, self.step, self.place)),
            call: read_call((self.call_id, self.tool, self.arguments)),
            key: self.key,
            why: WhyRecord::parse(&self.why)?,
            status: ApprovalStatus::named(&self.status).ok_or_else(|| unreadable("status of an approval"))?,
            requested_at: Timestamp(self.requested_at),
            decided,
            reason: self.reason,
            turn: self.taken_turn.map(small),
            outcome: self.outcome.map(|name| (name, self.code)),
            settled_at: self.settled_at.map(Timestamp),
        })
    }
}

impl TenantStore {
    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn approvals(&self, filter: ApprovalFilter, request: PageRequest) -> Result<Page<Approval>, StoreError> {
        let (rows, count) = match (filter.conversation, filter.status) {
            (None, None) => (sql::ALL, sql::COUNT_ALL),
            (None, Some(_)) => (sql::IN_STATUS, sql::COUNT_IN_STATUS),
            (Some(_), None) => (sql::OF_CONVERSATION, sql::COUNT_OF_CONVERSATION),
            (Some(_), Some(_)) => (sql::OF_CONVERSATION_IN_STATUS, sql::COUNT_OF_CONVERSATION_IN_STATUS),
        };
        let conversation = filter.conversation.map(|id| Value::from(id.uuid()));
        let keys: Vec<Value> = conversation.into_iter().chain(filter.status.map(|s| s.name().into())).collect();
        let keyed = |query: db::Query| keys.iter().cloned().fold(query.bind(self.key()), |query, key| query.bind(key));
        let page = keyed(db::query(rows)).bind(request.sql_limit()).bind(request.sql_offset());
        let rows = page.fetch_all(self.reads()).await.map_err(store_error)?;
        let found = rows.iter().map(|row| row.read::<Row>().map_err(store_error)?.approval());
        let items = found.collect::<Result<Vec<_>, _>>()?;
        let counted = keyed(db::query(count)).fetch_optional(self.reads()).await.map_err(store_error)?;
        let (total,) = counted.ok_or_else(|| unreadable("count"))?.read().map_err(store_error)?;
        Ok(Page::new(items, request, total))
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn approval(&self, id: ApprovalId) -> Result<Approval, StoreError> {
        let row: Option<Row> = self.one(sql::APPROVAL, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("approval"))?.approval()
    }

    /// Somebody decides. The conversation takes it up when it is told to look, or by itself.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] if it was decided already, or the store's.
    pub async fn decide_approval(&self, id: ApprovalId, by: Actor, verdict: Verdict) -> Result<Approval, StoreError> {
        // Another tenant's is not there, whatever its state.
        self.approval(id).await?;
        let (status, reason) = match verdict {
            Verdict::Approved => (ApprovalStatus::Approved, None),
            Verdict::Denied { reason } => (ApprovalStatus::Denied, reason),
        };
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let (kind, who) = by.parts();
            let query = db::query(sql::DECIDE).bind(tenant).bind(id.uuid()).bind(status.name()).bind(now);
            let query = query.bind(kind).bind(who).bind(reason.clone());
            async move {
                match query.execute(conn).await.map_err(store_error)?.rows_affected() {
                    0 => Err(StoreError::Conflict("decision")),
                    _ => Ok(()),
                }
            }
            .boxed()
        })
        .await?;
        self.approval(id).await
    }
}

impl TenantStore {
    /// Orders that what was done is undone: once, and again if that failed. Whether it was done is the caller's to know: what
    /// is journalled does not change.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is undone, or about to be, or nobody knows; or the store's.
    pub async fn order_undo(
        &self,
        conversation: ConversationId,
        undoing: Undoing,
        by: Actor,
        reason: Option<String>,
    ) -> Result<Approval, StoreError> {
        let (tenant, now, place) = (self.key(), self.store.now().millis(), undoing.place);
        let undo = NewUndo { id: ApprovalId::new(self.store.uuid()), undoing, reason };
        self.tell(move |conn| {
            let query = order(sql::ORDER_AGAIN, (tenant, conversation.uuid(), now), &undo, by);
            async move {
                match query?.execute(conn).await.map_err(store_error)?.rows_affected() {
                    0 => Err(StoreError::Conflict("undo")),
                    _ => Ok(()),
                }
            }
            .boxed()
        })
        .await?;
        let found = self.undoing(conversation, (place.turn, place.turn)).await?;
        found.into_iter().find(|a| a.place == place).ok_or(StoreError::NotFound("undo"))
    }

    /// What undoes calls of these turns, the first to the last.
    ///
    /// # Errors
    /// The store's.
    pub async fn undoing(
        &self,
        conversation: ConversationId,
        (first, last): (TurnNo, TurnNo),
    ) -> Result<Vec<Approval>, StoreError> {
        let least = CallPlace { turn: 0, step: 0, index: 0 }.undoing().index;
        let query = db::query(sql::UNDOING).bind(self.key()).bind(conversation.uuid());
        let query = query.bind(i64::from(first)).bind(i64::from(last)).bind(i64::from(least));
        let rows = query.fetch_all(self.reads()).await.map_err(store_error)?;
        rows.iter().map(|row| row.read::<Row>().map_err(store_error)?.approval()).collect()
    }
}

impl Installation {
    /// Marks what has waited for so long, once: an event tells of it, and nothing else follows.
    ///
    /// # Errors
    /// The store's.
    pub async fn mark_overdue_approvals(&self, after: Duration) -> Result<(), StoreError> {
        let now = self.store.now().millis();
        let before = now - i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        self.store
            .tell(None, move |conn| {
                let query = db::query(sql::MARK_OVERDUE).bind(now).bind(before);
                async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
            })
            .await
    }
}
