//! Flows: each change is conditional on the version, and changes the reservation or the order with it.

use crate::{
    db::{self, Conn},
    error::{conflict_on, store_error, unreadable},
    records,
    repo::{Installation, TenantStore, found},
    sql::commerce as sql,
};
use colloquy_domain::{
    commerce::{
        FlowRecord, OrderStatus, ReservationStatus,
        flow::{End, Flow, FlowKind, Phase, Step},
        order_status, reservation_status,
    },
    ids::{ConversationId, FlowId, TenantId},
    ports::{Proof, StoreError},
    time::Timestamp,
};
use futures::FutureExt;
use std::time::Duration;
use uuid::Uuid;

/// A flow that was just begun, leased to whoever began it.
pub type Begun = FlowRecord;

#[derive(Debug, Clone)]
pub(super) struct NewFlow {
    pub(super) id: Uuid,
    pub(super) subject: Uuid,
    pub(super) conversation: Option<Uuid>,
    pub(super) payment_method: Option<String>,
    pub(super) flow: Flow,
    pub(super) until: Timestamp,
    pub(super) now: Timestamp,
}

impl NewFlow {
    pub(super) async fn add(self, conn: &mut Conn, tenant: Uuid) -> Result<FlowRecord, StoreError> {
        let query = db::query(sql::ADD_FLOW).bind(self.id).bind(tenant).bind(self.flow.kind.name());
        let query = query.bind(self.subject).bind(self.conversation).bind(self.flow.phase.name());
        let query = query.bind(&self.payment_method).bind(self.flow.due_at.millis()).bind(self.until.millis());
        query.bind(self.now.millis()).execute(conn).await.map_err(conflict_on("what is done with it"))?;
        Ok(FlowRecord {
            tenant: TenantId::new(tenant),
            id: FlowId::new(self.id),
            subject: self.subject,
            flow: self.flow,
            payment_method: self.payment_method,
            version: 1,
        })
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant_id: Uuid,
    id: Uuid,
    kind: String,
    subject_id: Uuid,
    state: String,
    past: i64,
    phase: String,
    tries: i64,
    code: Option<String>,
    skipped: String,
    payment_method: Option<String>,
    version: i64,
    due_at: i64,
}

const fn state(end: Option<End>) -> &'static str {
    match end {
        None => "running",
        Some(End::Done) => "done",
        Some(End::Failed) => "failed",
        Some(End::Uncertain) => "uncertain",
    }
}

impl Row {
    fn record(self) -> Result<FlowRecord, StoreError> {
        let ends = [None, Some(End::Done), Some(End::Failed), Some(End::Uncertain)];
        let number = |n: i64| u32::try_from(n).map_err(|_| unreadable("flow"));
        let flow = Flow {
            kind: FlowKind::ALL.into_iter().find(|k| k.name() == self.kind).ok_or_else(|| unreadable("flow"))?,
            past: number(self.past)? as usize,
            phase: Phase::ALL.into_iter().find(|p| p.name() == self.phase).ok_or_else(|| unreadable("flow"))?,
            tries: number(self.tries)?,
            due_at: Timestamp(self.due_at),
            end: ends.into_iter().find(|e| state(*e) == self.state).ok_or_else(|| unreadable("flow"))?,
            code: self.code,
            skipped: records::read("skipped steps", &self.skipped)?,
        };
        Ok(FlowRecord {
            tenant: TenantId::new(self.tenant_id),
            id: FlowId::new(self.id),
            subject: self.subject_id,
            flow,
            payment_method: self.payment_method,
            version: self.version,
        })
    }
}

/// From which states a flow may begin.
const fn from_reservation(kind: FlowKind) -> &'static [ReservationStatus] {
    match kind {
        FlowKind::CancelReservation => &[ReservationStatus::Confirmed],
        _ => &[],
    }
}

const fn from_order(kind: FlowKind) -> &'static [OrderStatus] {
    match kind {
        FlowKind::Pay | FlowKind::CancelOrder => &[OrderStatus::RequiresConfirmation],
        FlowKind::Refund | FlowKind::RefundSeen => &[OrderStatus::Paid],
        FlowKind::RefundChecked => &[OrderStatus::Refunded],
        _ => &[],
    }
}

async fn may_begin(conn: &mut Conn, tenant: Uuid, kind: FlowKind, subject: Uuid) -> Result<(), StoreError> {
    let (statement, what) =
        if kind.of_reservation() { (sql::RESERVATION_STATUS, "reservation") } else { (sql::ORDER_STATUS, "order") };
    let query = db::query_scalar(statement).bind(tenant).bind(subject);
    let status: Option<String> = query.fetch_optional(conn).await.map_err(store_error)?;
    let status = status.ok_or(StoreError::NotFound(what))?;
    let may = from_reservation(kind).iter().any(|s| s.name() == status)
        || from_order(kind).iter().any(|s| s.name() == status);
    if may { Ok(()) } else { Err(StoreError::Conflict("status")) }
}

impl TenantStore {
    /// Begins to do something with a reservation or an order that allows it now; it is the caller's for `lease`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] if its status does not allow it, or something is being done with
    /// it; or the store's.
    pub async fn begin_flow(
        &self,
        subject: Uuid,
        conversation: Option<ConversationId>,
        payment_method: Option<String>,
        flow: Flow,
        lease: Duration,
    ) -> Result<Begun, StoreError> {
        let (tenant, now) = (self.key(), self.store.now());
        let new = NewFlow {
            id: self.store.uuid(),
            subject,
            conversation: conversation.map(ConversationId::uuid),
            payment_method,
            flow,
            until: now + lease,
            now,
        };
        self.tell(move |conn| {
            let new = new.clone();
            async move {
                may_begin(conn, tenant, new.flow.kind, new.subject).await?;
                new.add(conn, tenant).await
            }
            .boxed()
        })
        .await
    }

    /// What is being done with a reservation or an order, or is uncertain.
    ///
    /// # Errors
    /// The store's.
    pub async fn open_flow(&self, subject: Uuid) -> Result<Option<FlowRecord>, StoreError> {
        let row: Option<Row> = self.one(sql::OPEN_FLOW, subject).await?;
        row.map(Row::record).transpose()
    }

    /// Writes down where the flow is now, and what that makes of its reservation or order; it stays the caller's for
    /// `lease`. `proof` is what a step made.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if somebody else has it by now, or the store's.
    pub async fn save_flow(
        &self,
        record: &FlowRecord,
        lease: Duration,
        proof: Option<(Step, Proof)>,
    ) -> Result<FlowRecord, StoreError> {
        let (tenant, now) = (self.key(), self.store.now());
        let secret = proof.as_ref().and_then(|(_, p)| p.secret.as_ref());
        let secret = secret.map(|s| self.store.cipher().seal(record.subject.as_bytes(), s.expose().as_bytes()));
        let saved = Saved {
            tenant,
            record: record.clone(),
            skipped: records::write(&record.flow.skipped)?,
            // What is kept is the calendar's link, or the payment: the rest is found by its key.
            reference: proof
                .filter(|(step, _)| matches!(step, Step::AddToCalendar | Step::CreatePayment))
                .and_then(|(_, p)| p.reference),
            secret: secret.transpose()?,
            now: now.millis(),
            until: (now + lease).millis(),
        };
        self.tell(move |conn| {
            let saved = saved.clone();
            async move { saved.write(conn).await }.boxed()
        })
        .await?;
        Ok(FlowRecord { version: record.version + 1, ..record.clone() })
    }
}

#[derive(Clone)]
struct Saved {
    tenant: Uuid,
    record: FlowRecord,
    skipped: String,
    reference: Option<String>,
    secret: Option<Vec<u8>>,
    now: i64,
    until: i64,
}

impl Saved {
    async fn write(self, conn: &mut Conn) -> Result<(), StoreError> {
        let (r, f) = (&self.record, &self.record.flow);
        let query = db::query(sql::SET_FLOW).bind(self.tenant).bind(r.id.uuid()).bind(r.version);
        let query = query.bind(state(f.end)).bind(i64::try_from(f.past).unwrap_or_default()).bind(f.phase.name());
        let query = query.bind(i64::from(f.tries)).bind(&f.code).bind(&self.skipped).bind(f.due_at.millis());
        let done = query.bind(self.until).bind(self.now).execute(conn).await.map_err(store_error)?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Stale);
        }
        self.write_subject(conn).await
    }

    async fn write_subject(self, conn: &mut Conn) -> Result<(), StoreError> {
        let (r, f) = (&self.record, &self.record.flow);
        let troubled = matches!(f.end, Some(End::Failed | End::Uncertain)) || f.tries > 0 || !f.skipped.is_empty();
        let cause = f.code.clone().filter(|_| troubled);
        if f.kind.of_reservation() {
            let query = db::query(sql::SET_RESERVATION).bind(self.tenant).bind(r.subject);
            let query = query.bind(reservation_status(f).name()).bind(cause).bind(self.reference).bind(self.now);
            return found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "reservation");
        }
        let query = db::query(sql::SET_ORDER).bind(self.tenant).bind(r.subject).bind(order_status(f).name());
        let query = query.bind(cause).bind(self.reference);
        let query = match self.secret {
            Some(secret) => query.bind(secret),
            None => query.bind(db::Value::Bytes(None)),
        };
        let done = query.bind(self.now).execute(conn).await.map_err(store_error)?;
        found(done.rows_affected(), "order")
    }
}

impl Installation {
    /// A flow of any tenant that is due and that nobody carries out, for `lease`; the one that waits longest. Whoever had it
    /// before cannot write any more.
    ///
    /// # Errors
    /// The store's.
    pub async fn lease_flow(&self, lease: Duration) -> Result<Option<FlowRecord>, StoreError> {
        let row: Option<Row> = self.leased(sql::DUE, sql::LEASE, lease).await?;
        row.map(Row::record).transpose()
    }
}
