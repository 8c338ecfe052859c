//! One message to many people.

use super::planned::Planned;
use crate::{
    db,
    error::{store_error, unreadable},
    ports::unsigned,
    records,
    repo::{Page, PageRequest, TenantStore, found},
    sql::outreach as sql,
};
use colloquy_domain::{
    ids::{BroadcastId, ChannelId, ContactId},
    outreach::{Audience, BroadcastState, PlannedState, Words},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    pub id: BroadcastId,
    pub channel: ChannelId,
    pub name: String,
    pub words: Words,
    pub audience: Audience,
    /// Messages a minute, at most.
    pub per_minute: u32,
    pub state: BroadcastState,
    pub start_at: Timestamp,
    /// How far its people are gathered, and since when they all are.
    pub gathered_to: Option<ContactId>,
    pub gathered_at: Option<Timestamp>,
    /// Why it waits.
    pub reason: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct NewBroadcast {
    pub channel: ChannelId,
    pub name: String,
    pub words: Words,
    pub audience: Audience,
    pub per_minute: u32,
}

/// Somebody who is written to, with words of their own if there are any.
#[derive(Debug, Clone)]
pub struct Recipient {
    pub contact: ContactId,
    pub words: Option<Words>,
}

/// How many messages of a broadcast are where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub state: PlannedState,
    pub reason: Option<String>,
    /// Of what was handed to the outbox.
    pub delivery: Option<String>,
    pub messages: u64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    channel_id: Uuid,
    name: String,
    words: String,
    audience: String,
    per_minute: i64,
    state: String,
    start_at: i64,
    gathered_to: Option<Uuid>,
    gathered_at: Option<i64>,
    reason: Option<String>,
    created_at: i64,
    updated_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

impl Row {
    fn broadcast(self) -> Result<Broadcast, StoreError> {
        Ok(Broadcast {
            id: BroadcastId::new(self.id),
            channel: ChannelId::new(self.channel_id),
            name: self.name,
            words: records::read("words", &self.words)?,
            audience: records::read("audience", &self.audience)?,
            per_minute: u32::try_from(self.per_minute).map_err(|_| unreadable("rate"))?,
            state: BroadcastState::named(&self.state).ok_or_else(|| unreadable("state of a broadcast"))?,
            start_at: Timestamp(self.start_at),
            gathered_to: self.gathered_to.map(ContactId::new),
            gathered_at: self.gathered_at.map(Timestamp),
            reason: self.reason,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
            started_at: self.started_at.map(Timestamp),
            ended_at: self.ended_at.map(Timestamp),
        })
    }
}

impl TenantStore {
    /// With those who are named beforehand; whoever is not there is not kept.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if one of the people is not there, or the store's.
    pub async fn create_broadcast(&self, new: NewBroadcast, people: Vec<Recipient>) -> Result<Broadcast, StoreError> {
        let (tenant, id, now) = (self.key(), self.store.uuid(), self.store.now().millis());
        let (words, audience) = (records::write(&new.words)?, records::write(&new.audience)?);
        let rows = self.recipient_rows(people)?;
        self.tell(move |conn| {
            let query = db::query(sql::ADD_BROADCAST).bind(id).bind(tenant).bind(new.channel.uuid()).bind(&new.name);
            let query = query.bind(&words).bind(&audience).bind(i64::from(new.per_minute)).bind(now).bind(now);
            let rows = rows.clone();
            async move {
                query.execute(&mut *conn).await.map_err(store_error)?;
                for (row, contact, words) in rows {
                    let query = db::query(sql::ADD_PLANNED).bind(tenant).bind(contact).bind(row).bind(id);
                    let query = query.bind(None::<Uuid>).bind(words).bind(now).bind(now);
                    found(query.execute(&mut *conn).await.map_err(store_error)?.rows_affected(), "contact")?;
                }
                Ok(())
            }
            .boxed()
        })
        .await?;
        self.broadcast(BroadcastId::new(id)).await
    }

    fn recipient_rows(&self, people: Vec<Recipient>) -> Result<Vec<(Uuid, Uuid, Option<String>)>, StoreError> {
        let row = |r: Recipient| {
            let words = r.words.as_ref().map(records::write).transpose()?;
            Ok((self.store.uuid(), r.contact.uuid(), words))
        };
        people.into_iter().map(row).collect()
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn broadcast(&self, id: BroadcastId) -> Result<Broadcast, StoreError> {
        let row: Option<Row> = self.one(sql::BROADCAST, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("broadcast"))?.broadcast()
    }

    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn broadcasts(&self, request: PageRequest) -> Result<Page<Broadcast>, StoreError> {
        let page: Page<Row> = self.page(sql::BROADCASTS, sql::COUNT_BROADCASTS, request).await?;
        page.try_map(Row::broadcast)
    }

    /// Those that are to be looked after now.
    ///
    /// # Errors
    /// The store's.
    pub async fn due_broadcasts(&self, most: u32) -> Result<Vec<Broadcast>, StoreError> {
        let query = db::query_as(sql::DUE_BROADCASTS).bind(self.key()).bind(self.store.now().millis());
        let rows: Vec<Row> = query.bind(i64::from(most)).fetch_all(self.reads()).await.map_err(store_error)?;
        rows.into_iter().map(Row::broadcast).collect()
    }

    /// From the state in which it was seen to another one. Whoever waits in one that is cancelled is cancelled with it.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if somebody else was faster, or the store's.
    pub async fn move_broadcast(
        &self,
        seen: &Broadcast,
        to: BroadcastState,
        start_at: Timestamp,
    ) -> Result<Broadcast, StoreError> {
        let (tenant, now, id, from) = (self.key(), self.store.now().millis(), seen.id, seen.state);
        self.tell(move |conn| {
            let query = db::query(sql::MOVE_BROADCAST).bind(tenant).bind(id.uuid()).bind(from.name()).bind(to.name());
            let query = query.bind(start_at.millis()).bind(now);
            async move {
                if query.execute(&mut *conn).await.map_err(store_error)?.rows_affected() == 0 {
                    return Err(StoreError::Stale);
                }
                if to == BroadcastState::Cancelled {
                    let query = db::query(sql::CANCEL_ALL).bind(tenant).bind(id.uuid()).bind(now);
                    query.execute(conn).await.map_err(store_error)?;
                }
                Ok(())
            }
            .boxed()
        })
        .await?;
        self.broadcast(id).await
    }

    /// Adds people, each once, and writes down how far that came: `all` of them, or up to `to`.
    ///
    /// # Errors
    /// The store's.
    pub async fn gather(
        &self,
        id: BroadcastId,
        people: Vec<ContactId>,
        to: Option<ContactId>,
        all: bool,
    ) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        let rows =
            self.recipient_rows(people.into_iter().map(|contact| Recipient { contact, words: None }).collect())?;
        self.tell(move |conn| {
            let rows = rows.clone();
            async move {
                for (row, contact, words) in rows {
                    let query = db::query(sql::ADD_PLANNED).bind(tenant).bind(contact).bind(row).bind(id.uuid());
                    let query = query.bind(None::<Uuid>).bind(words).bind(now).bind(now);
                    query.execute(&mut *conn).await.map_err(store_error)?;
                }
                let query = db::query(sql::GATHERED).bind(tenant).bind(id.uuid()).bind(to.map(ContactId::uuid));
                query.bind(all.then_some(now)).execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await
    }

    /// The next ones of a broadcast who wait.
    ///
    /// # Errors
    /// The store's.
    pub async fn next_of(&self, id: BroadcastId, most: u32) -> Result<Vec<Planned>, StoreError> {
        self.planned_rows(db::query(sql::NEXT).bind(self.key()).bind(id.uuid()).bind(i64::from(most))).await
    }

    /// In the order in which they are written to.
    ///
    /// # Errors
    /// The store's.
    pub async fn recipients(
        &self,
        id: BroadcastId,
        state: Option<PlannedState>,
        request: PageRequest,
    ) -> Result<Page<Planned>, StoreError> {
        let of = |text| db::query(text).bind(self.key()).bind(id.uuid()).bind(state.map(PlannedState::name));
        self.planned_page(of(sql::PLANNED_OF_BROADCAST), of(sql::COUNT_OF_BROADCAST), request).await
    }

    /// # Errors
    /// The store's.
    pub async fn progress(&self, id: BroadcastId) -> Result<Vec<Progress>, StoreError> {
        let query = db::query_as(sql::PROGRESS).bind(self.key()).bind(id.uuid());
        let rows: Vec<(String, Option<String>, Option<String>, i64)> =
            query.fetch_all(self.reads()).await.map_err(store_error)?;
        let read = |(state, reason, delivery, messages): (String, Option<String>, Option<String>, i64)| {
            let state = PlannedState::named(&state).ok_or_else(|| unreadable("state of a planned message"))?;
            Ok(Progress { state, reason, delivery, messages: unsigned(messages) })
        };
        rows.into_iter().map(read).collect()
    }

    /// When a running one is looked after next, and why it waits.
    ///
    /// # Errors
    /// The store's.
    pub async fn look_again(&self, id: BroadcastId, at: Timestamp, reason: Option<&str>) -> Result<(), StoreError> {
        let (tenant, reason) = (self.key(), reason.map(str::to_owned));
        self.tell(move |conn| {
            let query = db::query(sql::LOOK_AGAIN).bind(tenant).bind(id.uuid()).bind(at.millis()).bind(&reason);
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }

    /// Ends a broadcast in which nobody waits any more; whether it did.
    ///
    /// # Errors
    /// The store's.
    pub async fn finish_broadcast(&self, id: BroadcastId) -> Result<bool, StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let query = db::query(sql::FINISH).bind(tenant).bind(id.uuid()).bind(now);
            async move { Ok(query.execute(conn).await.map_err(store_error)?.rows_affected() > 0) }.boxed()
        })
        .await
    }

    /// Deletes one that was never begun, or is over, and who got it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] if it is under way, or the store's.
    pub async fn delete_broadcast(&self, id: BroadcastId) -> Result<(), StoreError> {
        self.broadcast(id).await?;
        let tenant = self.key();
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::DELETE_BROADCAST).bind(tenant).bind(id.uuid());
                if query.execute(&mut *conn).await.map_err(store_error)?.rows_affected() == 0 {
                    return Err(StoreError::Conflict("state"));
                }
                let query = db::query(sql::DELETE_OF_BROADCAST).bind(tenant).bind(id.uuid());
                query.execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await
    }
}
