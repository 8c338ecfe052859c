//! What people agreed to, and what messages of an account cost.

use crate::{
    db::{self},
    error::{store_error, unreadable},
    records,
    repo::{TenantStore, found},
    sql::outreach as sql,
};
use colloquy_domain::{
    channel::ChannelKind,
    ids::{ChannelId, ConsentId, ContactId},
    outreach::{Prices, Purpose},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

/// That somebody agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRecord {
    pub id: ConsentId,
    /// On every kind of channel, if it is absent.
    pub kind: Option<ChannelKind>,
    pub purpose: Purpose,
    pub source: String,
    pub given_at: Timestamp,
    pub recorded_at: Timestamp,
    /// When it ended, and how.
    pub withdrawn: Option<(Timestamp, String)>,
}

impl ConsentRecord {
    /// Whether it counts now, for a purpose on a kind of channel.
    #[must_use]
    pub fn covers(&self, purpose: Purpose, kind: &ChannelKind) -> bool {
        self.withdrawn.is_none() && self.purpose == purpose && self.kind.as_ref().is_none_or(|k| k == kind)
    }
}

#[derive(Debug, Clone)]
pub struct NewConsent {
    pub kind: Option<ChannelKind>,
    pub purpose: Purpose,
    pub source: String,
    pub given_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    channel_kind: Option<String>,
    purpose: String,
    source: String,
    given_at: i64,
    recorded_at: i64,
    withdrawn_at: Option<i64>,
    withdrawn_source: Option<String>,
}

impl Row {
    fn record(self) -> Result<ConsentRecord, StoreError> {
        Ok(ConsentRecord {
            id: ConsentId::new(self.id),
            kind: self.channel_kind.as_deref().map(ChannelKind::named),
            purpose: Purpose::named(&self.purpose).ok_or_else(|| unreadable("purpose"))?,
            source: self.source,
            given_at: Timestamp(self.given_at),
            recorded_at: Timestamp(self.recorded_at),
            withdrawn: self.withdrawn_at.map(|at| (Timestamp(at), self.withdrawn_source.unwrap_or_default())),
        })
    }
}

impl TenantStore {
    /// # Errors
    /// [`StoreError::NotFound`] without such a contact, or the store's.
    pub async fn add_consent(&self, contact: ContactId, new: NewConsent) -> Result<ConsentRecord, StoreError> {
        let (tenant, id, now) = (self.key(), self.store.uuid(), self.store.now().millis());
        self.tell(move |conn| {
            let query = db::query(sql::ADD_CONSENT).bind(tenant).bind(contact.uuid()).bind(id);
            let query = query.bind(new.kind.as_ref().map(ChannelKind::as_str)).bind(new.purpose.name());
            let query = query.bind(&new.source).bind(new.given_at.millis()).bind(now);
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "contact") }.boxed()
        })
        .await?;
        self.consent(contact, ConsentId::new(id)).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    async fn consent(&self, contact: ContactId, id: ConsentId) -> Result<ConsentRecord, StoreError> {
        let query = db::query_as(sql::CONSENT).bind(self.key()).bind(contact.uuid()).bind(id.uuid());
        let row: Option<Row> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        row.ok_or(StoreError::NotFound("consent"))?.record()
    }

    /// All that a person ever agreed to, the oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn consents(&self, contact: ContactId) -> Result<Vec<ConsentRecord>, StoreError> {
        let query = db::query_as(sql::CONSENTS).bind(self.key()).bind(contact.uuid());
        let rows: Vec<Row> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        rows.into_iter().map(Row::record).collect()
    }

    /// Ends a record; one that ended before stays as it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn withdraw_consent(
        &self,
        contact: ContactId,
        id: ConsentId,
        source: String,
    ) -> Result<ConsentRecord, StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let query = db::query(sql::WITHDRAW_CONSENT).bind(tenant).bind(id.uuid()).bind(contact.uuid());
            let query = query.bind(now).bind(&source);
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await?;
        self.consent(contact, id).await
    }

    /// Who agreed to a purpose, from the newest contact on; behind one, where somebody stopped.
    ///
    /// # Errors
    /// The store's.
    pub async fn consented(
        &self,
        purpose: Purpose,
        behind: Option<ContactId>,
        most: u32,
    ) -> Result<Vec<ContactId>, StoreError> {
        let query = db::query_as(sql::CONSENTED).bind(self.key()).bind(purpose.name());
        let query = query.bind(behind.map(ContactId::uuid)).bind(i64::from(most));
        let rows: Vec<(Uuid,)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        Ok(rows.into_iter().map(|(id,)| ContactId::new(id)).collect())
    }

    /// # Errors
    /// [`StoreError::NotFound`] without such a channel, or the store's.
    pub async fn set_prices(&self, channel: ChannelId, prices: Prices) -> Result<(), StoreError> {
        let (tenant, now, micros) = (self.key(), self.store.now().millis(), records::write(&prices.micros)?);
        self.tell(move |conn| {
            let query = db::query(sql::SET_PRICES).bind(tenant).bind(channel.uuid()).bind(&prices.currency);
            let query = query.bind(&micros).bind(now);
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "channel") }.boxed()
        })
        .await
    }

    /// What the tenant wrote down, if it did.
    ///
    /// # Errors
    /// The store's.
    pub async fn prices(&self, channel: ChannelId) -> Result<Option<Prices>, StoreError> {
        let row: Option<(String, String)> = self.one(sql::PRICES, channel.uuid()).await?;
        row.map(|(currency, micros)| Ok(Prices { currency, micros: records::read("prices", &micros)? })).transpose()
    }
}
