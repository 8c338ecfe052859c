//! Reservations.

use super::flows::{Begun, NewFlow};
use crate::{
    db,
    error::{store_error, unreadable},
    repo::{Page, PageRequest, TenantStore},
    sql::commerce as sql,
};
use colloquy_domain::{
    commerce::{
        Reservation, ReservationDetails, ReservationStatus,
        flow::{Flow, FlowKind},
    },
    ids::{ConversationId, ReservationId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use std::time::Duration;
use uuid::Uuid;

/// A reservation that is about to be made.
#[derive(Debug, Clone)]
pub struct NewReservation {
    /// Asking again with it is asking once.
    pub key: Option<String>,
    pub conversation: Option<ConversationId>,
    pub details: ReservationDetails,
    pub zone: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    conversation_id: Option<Uuid>,
    name: String,
    phone: String,
    party: i64,
    date: String,
    time: String,
    zone: String,
    starts_at: i64,
    ends_at: i64,
    notes: String,
    status: String,
    cause: Option<String>,
    calendar_link: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn reservation(self) -> Result<Reservation, StoreError> {
        Ok(Reservation {
            id: ReservationId::new(self.id),
            details: ReservationDetails {
                name: self.name,
                phone: self.phone,
                party: u32::try_from(self.party).map_err(|_| unreadable("size of a party"))?,
                date: self.date,
                time: self.time,
                notes: self.notes,
            },
            zone: self.zone,
            starts_at: Timestamp(self.starts_at),
            ends_at: Timestamp(self.ends_at),
            conversation: self.conversation_id.map(ConversationId::new),
            status: ReservationStatus::named(&self.status).ok_or_else(|| unreadable("status of a reservation"))?,
            cause: self.cause,
            calendar_link: self.calendar_link,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

impl TenantStore {
    /// The reservation and the flow that enters it, which is the caller's for `lease`; the flow is none if it was asked for
    /// before.
    ///
    /// # Errors
    /// The store's.
    pub async fn create_reservation(
        &self,
        new: NewReservation,
        lease: Duration,
    ) -> Result<(Reservation, Option<Begun>), StoreError> {
        let (id, tenant, now, key) = (self.store.uuid(), self.key(), self.store.now(), new.key.clone());
        let conversation = new.conversation.map(ConversationId::uuid);
        let flow = NewFlow {
            id: self.store.uuid(),
            subject: id,
            conversation,
            payment_method: None,
            flow: Flow::new(FlowKind::Reserve, now),
            until: now + lease,
            now,
        };
        let begun = self
            .tell(move |conn| {
                let (d, flow) = (&new.details, flow.clone());
                let query = db::query(sql::ADD_RESERVATION).bind(id).bind(tenant).bind(new.key.clone());
                let query = query.bind(conversation).bind(d.name.trim()).bind(d.phone.trim()).bind(i64::from(d.party));
                let query = query.bind(&d.date).bind(&d.time).bind(&new.zone).bind(new.starts_at.millis());
                let query = query.bind(new.ends_at.millis()).bind(d.notes.trim()).bind(now.millis());
                async move {
                    let added = query.execute(conn).await.map_err(store_error)?.rows_affected() > 0;
                    if added { flow.add(conn, tenant).await.map(Some) } else { Ok(None) }
                }
                .boxed()
            })
            .await?;
        if begun.is_none()
            && let Some(key) = key
        {
            let row: Option<Row> = self.one(sql::RESERVATION_BY_KEY, key).await?;
            return Ok((row.ok_or(StoreError::NotFound("reservation"))?.reservation()?, None));
        }
        Ok((self.reservation(ReservationId::new(id)).await?, begun))
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn reservation(&self, id: ReservationId) -> Result<Reservation, StoreError> {
        let row: Option<Row> = self.one(sql::RESERVATION, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("reservation"))?.reservation()
    }

    /// The last one that was made in a conversation.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn last_reservation(&self, of: ConversationId) -> Result<Reservation, StoreError> {
        let row: Option<Row> = self.one(sql::LAST_RESERVATION, of.uuid()).await?;
        row.ok_or(StoreError::NotFound("reservation"))?.reservation()
    }

    /// The newest first; those that begin between two times, the earliest first, if they are given.
    ///
    /// # Errors
    /// The store's.
    pub async fn reservations(
        &self,
        between: Option<(Timestamp, Timestamp)>,
        request: PageRequest,
    ) -> Result<Page<Reservation>, StoreError> {
        let Some((from, to)) = between else {
            let page: Page<Row> = self.page(sql::RESERVATIONS, sql::COUNT_RESERVATIONS, request).await?;
            return page.try_map(Row::reservation);
        };
        let query = db::query_as(sql::RESERVATIONS_BETWEEN).bind(self.key());
        let query = query.bind(request.sql_limit()).bind(request.sql_offset()).bind(from.millis()).bind(to.millis());
        let rows: Vec<Row> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let count = db::query_scalar(sql::COUNT_RESERVATIONS_BETWEEN).bind(self.key());
        let count = count.bind(from.millis()).bind(to.millis());
        let total: i64 = count.fetch_one(self.reads()).await.map_err(store_error)?;
        Page::new(rows, request, total).try_map(Row::reservation)
    }

    /// Writes down, once for each `key`, that somebody wants to go on on WhatsApp.
    ///
    /// # Errors
    /// The store's.
    pub async fn ask_for_whatsapp(
        &self,
        key: &str,
        conversation: ConversationId,
        phone: Option<&str>,
        reason: &str,
    ) -> Result<(), StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now().millis());
        let (key, phone, reason) = (key.to_owned(), phone.map(str::to_owned), reason.to_owned());
        self.tell(move |conn| {
            let query = db::query(sql::ADD_FALLBACK).bind(id).bind(tenant).bind(&key).bind(conversation.uuid());
            let query = query.bind(&phone).bind(&reason).bind(now);
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }
}
