//! Telephone calls: one row each, and each step of their lives.

use super::{Installation, Page, PageRequest, TenantStore};
use crate::{
    db::{self, Conn},
    error::{store_error, unreadable},
    ports::{signed, unsigned},
    sql::calls as sql,
};
use colloquy_domain::{
    call::{CallChange, CallFacts, CallOutcome, CallStatus, Direction},
    ids::{CallId, ChannelId, ConversationId, TenantId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

/// A call as its first request tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCall {
    pub channel: ChannelId,
    /// `twilio` or `vapi`.
    pub provider: &'static str,
    /// The provider's id of it.
    pub external_id: String,
    pub direction: Direction,
    pub from: Option<String>,
    pub to: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub id: CallId,
    pub channel: ChannelId,
    pub provider: String,
    pub external_id: String,
    pub direction: Direction,
    pub from: Option<String>,
    pub to: Option<String>,
    pub facts: CallFacts,
    pub started_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Something that happened in a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLine {
    pub kind: String,
    pub detail: String,
    pub at: Timestamp,
}

/// The calls that began in a time: from its beginning on, before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallFilter {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Default for CallFilter {
    /// All.
    fn default() -> Self {
        Self { from: Timestamp(i64::MIN), until: Timestamp(i64::MAX) }
    }
}

/// What calls of a time come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFigures {
    pub calls: u64,
    pub ended: u64,
    pub ai_handled: u64,
    /// Calls whose length is known.
    pub measured: u64,
    pub seconds: u64,
    pub billed_minutes: u64,
    pub cost_cents: u64,
    /// How many calls had each outcome.
    pub outcomes: Vec<(CallOutcome, u64)>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    channel_id: Uuid,
    provider: String,
    external_call_id: String,
    direction: String,
    from_number: Option<String>,
    to_number: Option<String>,
    status: String,
    ai_handled: bool,
    outcome_type: Option<String>,
    transcript: String,
    summary: Option<String>,
    structured_data: Option<String>,
    duration_seconds: Option<i64>,
    provider_cost_cents: Option<i64>,
    billed_minutes: Option<i64>,
    conversation_id: Option<Uuid>,
    started_at: i64,
    ended_at: Option<i64>,
    updated_at: i64,
}

fn outcome_named(name: &str) -> Result<CallOutcome, StoreError> {
    CallOutcome::named(name).ok_or_else(|| unreadable("outcome_type"))
}

impl Row {
    fn call(self) -> Result<Call, StoreError> {
        let facts = CallFacts {
            status: CallStatus::named(&self.status).ok_or_else(|| unreadable("status"))?,
            ai_handled: self.ai_handled,
            outcome: self.outcome_type.as_deref().map(outcome_named).transpose()?,
            transcript: self.transcript,
            summary: self.summary,
            structured: self.structured_data,
            seconds: self.duration_seconds.map(unsigned),
            cost_cents: self.provider_cost_cents.map(unsigned),
            billed_minutes: self.billed_minutes.map(unsigned),
            conversation: self.conversation_id.map(ConversationId::new),
            ended_at: self.ended_at.map(Timestamp),
        };
        Ok(Call {
            id: CallId::new(self.id),
            channel: ChannelId::new(self.channel_id),
            provider: self.provider,
            external_id: self.external_call_id,
            direction: Direction::named(&self.direction).ok_or_else(|| unreadable("direction"))?,
            from: self.from_number,
            to: self.to_number,
            facts,
            started_at: Timestamp(self.started_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

impl TenantStore {
    /// Makes the call, if it is not known yet, and changes it, unless the change's step happened already; how it is then,
    /// and whether anything changed.
    ///
    /// # Errors
    /// The store's.
    pub async fn change_call(&self, new: NewCall, change: CallChange) -> Result<(Call, bool), StoreError> {
        let (tenant, now) = (self.key(), self.store.now());
        let ids = (self.store.uuid(), self.store.uuid());
        self.tell(move |conn| {
            let (new, change) = (new.clone(), change.clone());
            async move { record(conn, tenant, ids, &new, &change, now).await }.boxed()
        })
        .await
    }

    /// Changes a call that goes on, unless the change's step happened already; whether anything changed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn settle_call(&self, id: CallId, change: CallChange) -> Result<(Call, bool), StoreError> {
        let (tenant, now, step) = (self.key(), self.store.now(), self.store.uuid());
        self.tell(move |conn| {
            let change = change.clone();
            async move {
                let query = db::query_as(sql::OWN).bind(tenant).bind(id.uuid());
                let row: Option<Row> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
                let call = row.ok_or(StoreError::NotFound("call"))?.call()?;
                if call.facts.ended_at.is_some() {
                    return Ok((call, false));
                }
                apply(conn, (tenant, step), call, &change, now).await
            }
            .boxed()
        })
        .await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn call(&self, id: CallId) -> Result<Call, StoreError> {
        self.any_call(id.uuid()).await?.ok_or(StoreError::NotFound("call"))
    }

    pub(super) async fn any_call(&self, id: Uuid) -> Result<Option<Call>, StoreError> {
        let row: Option<Row> = self.one(sql::CALL, id).await?;
        row.map(Row::call).transpose()
    }

    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn calls(&self, filter: CallFilter, request: PageRequest) -> Result<Page<Call>, StoreError> {
        let within = |text: &'static str| {
            let query = db::query_as(text).bind(self.key());
            query.bind(filter.from.millis()).bind(filter.until.millis())
        };
        let query = within(sql::CALLS).bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<Row> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let count = db::query_scalar(sql::COUNT).bind(self.key());
        let count = count.bind(filter.from.millis()).bind(filter.until.millis());
        let total: i64 = count.fetch_one(self.reads()).await.map_err(store_error)?;
        Page::new(rows, request, total).try_map(Row::call)
    }

    /// # Errors
    /// The store's.
    pub async fn call_figures(&self, filter: CallFilter) -> Result<CallFigures, StoreError> {
        let (from, until) = (filter.from.millis(), filter.until.millis());
        let query = db::query_as(sql::FIGURES).bind(self.key()).bind(from).bind(until);
        let sums: (i64, i64, i64, i64, i64, i64, i64) = query.fetch_one(self.reads()).await.map_err(store_error)?;
        let query = db::query_as(sql::OUTCOMES).bind(self.key()).bind(from).bind(until);
        let outcomes: Vec<(String, i64)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let outcome = |(name, count): (String, i64)| Ok((outcome_named(&name)?, unsigned(count)));
        Ok(CallFigures {
            calls: unsigned(sums.0),
            ended: unsigned(sums.1),
            ai_handled: unsigned(sums.2),
            measured: unsigned(sums.3),
            seconds: unsigned(sums.4),
            billed_minutes: unsigned(sums.5),
            cost_cents: unsigned(sums.6),
            outcomes: outcomes.into_iter().map(outcome).collect::<Result<_, StoreError>>()?,
        })
    }

    /// What happened in a call, the first step first.
    ///
    /// # Errors
    /// The store's.
    pub async fn call_steps(&self, id: CallId) -> Result<Vec<CallLine>, StoreError> {
        let query = db::query_as(sql::STEPS).bind(self.key()).bind(id.uuid());
        let rows: Vec<(String, String, i64)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        Ok(rows.into_iter().map(|(kind, detail, at)| CallLine { kind, detail, at: Timestamp(at) }).collect())
    }
}

impl Installation {
    /// Calls that go on and of which nothing was heard since `before`, at most so many; those of the longest silence first.
    ///
    /// # Errors
    /// The store's.
    pub async fn silent_calls(&self, before: Timestamp, most: u32) -> Result<Vec<(TenantId, CallId)>, StoreError> {
        let query = db::query_as(sql::SILENT).bind(before.millis()).bind(i64::from(most));
        let rows: Vec<(Uuid, Uuid)> = query.fetch_all(self.store.readers()).await.map_err(store_error)?;
        Ok(rows.into_iter().map(|(tenant, id)| (TenantId::new(tenant), CallId::new(id))).collect())
    }
}

async fn record(
    conn: &mut Conn,
    tenant: Uuid,
    (id, step): (Uuid, Uuid),
    new: &NewCall,
    change: &CallChange,
    now: Timestamp,
) -> Result<(Call, bool), StoreError> {
    let add = db::query(sql::ADD).bind(tenant).bind(id).bind(new.channel.uuid()).bind(new.provider);
    let add = add.bind(&new.external_id).bind(new.direction.name()).bind(&new.from).bind(&new.to);
    let add = add.bind(CallStatus::Queued.name()).bind(false).bind(now.millis());
    add.execute(&mut *conn).await.map_err(store_error)?;
    let query = db::query_as(sql::BY_EXTERNAL).bind(tenant).bind(new.provider).bind(&new.external_id);
    let row: Option<Row> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
    let call = row.ok_or(StoreError::NotFound("call"))?.call()?;
    apply(conn, (tenant, step), call, change, now).await
}

async fn apply(
    conn: &mut Conn,
    (tenant, step): (Uuid, Uuid),
    mut call: Call,
    change: &CallChange,
    now: Timestamp,
) -> Result<(Call, bool), StoreError> {
    let add = db::query(sql::ADD_STEP).bind(tenant).bind(step).bind(call.id.uuid()).bind(&change.step.key);
    let add = add.bind(change.step.kind).bind(&change.step.detail).bind(now.millis());
    if add.execute(&mut *conn).await.map_err(store_error)?.rows_affected() == 0 {
        return Ok((call, false));
    }
    call.facts = call.facts.changed(change, call.started_at, now);
    call.updated_at = now;
    set(conn, tenant, &call).await?;
    Ok((call, true))
}

async fn set(conn: &mut Conn, tenant: Uuid, call: &Call) -> Result<(), StoreError> {
    let facts = &call.facts;
    let query = db::query(sql::SET).bind(tenant).bind(call.id.uuid()).bind(facts.status.name());
    let query = query.bind(facts.ai_handled).bind(facts.outcome.map(CallOutcome::name)).bind(&facts.transcript);
    let query = query.bind(&facts.summary).bind(&facts.structured).bind(facts.seconds.map(signed));
    let query = query.bind(facts.cost_cents.map(signed)).bind(facts.billed_minutes.map(signed));
    let query = query.bind(facts.conversation.map(ConversationId::uuid));
    let query = query.bind(facts.ended_at.map(Timestamp::millis)).bind(call.updated_at.millis());
    query.execute(conn).await.map(|_| ()).map_err(store_error)
}
