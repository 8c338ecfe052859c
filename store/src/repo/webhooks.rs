//! What other systems are told: their endpoints, the deliveries that wait for them, and every attempt.

use super::{
    Installation, Page, PageRequest, TenantStore, found,
    told::{DueDelivery, DueRow},
};
use crate::{
    cipher::Cipher,
    db::{self, Conn},
    error::{conflict_on, store_error, unreadable},
    ports::{signed, unsigned},
    records,
    sql::webhooks as sql,
};
use colloquy_domain::{
    channel::Secret,
    ids::{EventId, TenantId, WebhookDeliveryId, WebhookEndpointId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// What signs deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSecret {
    pub secret: Secret,
    /// When it ends; none for the newest.
    pub until: Option<Timestamp>,
}

/// An address that is told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEndpoint {
    pub tenant: TenantId,
    pub id: WebhookEndpointId,
    pub url: String,
    /// Kinds of events; `*` is all of them.
    pub events: Vec<String>,
    /// The newest first.
    pub secrets: Vec<SigningSecret>,
    pub enabled: bool,
    /// In a row.
    pub failures: u32,
    /// It is left alone until then.
    pub rests_until: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A secret as it lies, encrypted, in its endpoint's row.
#[derive(Serialize, Deserialize)]
struct SecretRecord {
    secret: String,
    until: Option<i64>,
}

fn open_secrets(cipher: &Cipher, id: Uuid, sealed: &[u8]) -> Result<Vec<SigningSecret>, StoreError> {
    let plain = cipher.open(id.as_bytes(), sealed)?;
    let secrets: Vec<SecretRecord> = serde_json::from_slice(&plain).map_err(|_| unreadable("secrets"))?;
    let secret = |s: SecretRecord| SigningSecret { secret: Secret::new(s.secret), until: s.until.map(Timestamp) };
    Ok(secrets.into_iter().map(secret).collect())
}

fn seal_secrets(cipher: &Cipher, id: Uuid, secrets: &[SigningSecret]) -> Result<Vec<u8>, StoreError> {
    let record = |s: &SigningSecret| SecretRecord {
        secret: s.secret.expose().to_owned(),
        until: s.until.map(Timestamp::millis),
    };
    let plain = records::write(&secrets.iter().map(record).collect::<Vec<_>>())?;
    cipher.seal(id.as_bytes(), plain.as_bytes())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    url: String,
    events: String,
    secrets: Vec<u8>,
    enabled: bool,
    failures: i64,
    rests_until: i64,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn endpoint(self, cipher: &Cipher) -> Result<WebhookEndpoint, StoreError> {
        let secrets = open_secrets(cipher, self.id, &self.secrets)?;
        Ok(WebhookEndpoint {
            tenant: TenantId::new(self.tenant_id),
            id: WebhookEndpointId::new(self.id),
            url: self.url,
            events: records::read("events", &self.events)?,
            secrets,
            enabled: self.enabled,
            failures: u32::try_from(self.failures).unwrap_or(u32::MAX),
            rests_until: Timestamp(self.rests_until),
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

/// Where a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    Queued,
    Delivered,
    /// All attempts failed: a dead letter.
    Dead,
}

impl DeliveryState {
    pub const ALL: [Self; 3] = [Self::Queued, Self::Delivered, Self::Dead];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// One attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAttempt {
    pub number: u64,
    pub at: Timestamp,
    pub took: Duration,
    /// What the other side answered, if it did.
    pub status: Option<u16>,
    /// Why it failed.
    pub cause: Option<String>,
}

/// A delivery as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookDelivery {
    pub id: WebhookDeliveryId,
    pub endpoint: WebhookEndpointId,
    pub url: String,
    pub event: EventId,
    pub kind: String,
    pub state: DeliveryState,
    /// The next attempt, of a queued one.
    pub due_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub attempts: Vec<WebhookAttempt>,
}

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    id: Uuid,
    endpoint_id: Uuid,
    url: String,
    event_id: Uuid,
    kind: String,
    state: String,
    due_at: i64,
    created_at: i64,
    updated_at: i64,
}

/// What came of an attempt, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledDelivery {
    pub endpoint: WebhookEndpointId,
    pub id: WebhookDeliveryId,
    pub attempt: WebhookAttempt,
    pub state: DeliveryState,
    pub failures: u32,
    pub due_at: Timestamp,
    /// The endpoint's, in a row.
    pub endpoint_failures: u32,
    pub rests_until: Timestamp,
    /// Until then, whoever made the attempt goes on with the endpoint.
    pub leased_until: Timestamp,
}

impl SettledDelivery {
    async fn write(&self, conn: &mut Conn, tenant: Uuid) -> Result<(), StoreError> {
        let a = &self.attempt;
        let took = i64::try_from(a.took.as_millis()).unwrap_or(i64::MAX);
        let keyed = |statement: &'static str| db::query(statement).bind(tenant).bind(self.id.uuid());
        let add = keyed(sql::ADD_ATTEMPT).bind(a.at.millis()).bind(took).bind(a.status.map(i64::from)).bind(&a.cause);
        add.execute(conn).await.map_err(store_error)?;
        let settle = keyed(sql::SETTLE).bind(self.state.name()).bind(i64::from(self.failures));
        settle.bind(self.due_at.millis()).bind(a.at.millis()).execute(conn).await.map_err(store_error)?;
        let health = db::query(sql::SET_HEALTH).bind(tenant).bind(self.endpoint.uuid());
        let health = health.bind(i64::from(self.endpoint_failures)).bind(self.rests_until.millis());
        let health = health.bind(self.leased_until.millis());
        health.execute(conn).await.map(|_| ()).map_err(store_error)
    }
}

impl TenantStore {
    /// # Errors
    /// The store's.
    pub async fn create_webhook_endpoint(
        &self,
        url: &str,
        events: &[String],
        enabled: bool,
        secret: Secret,
    ) -> Result<WebhookEndpoint, StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now());
        let secrets = vec![SigningSecret { secret, until: None }];
        let row = (url.to_owned(), records::write(&events)?, seal_secrets(self.store.cipher(), id, &secrets)?);
        self.tell(move |conn| {
            let (url, events, secrets) = row.clone();
            let query = db::query(sql::ADD_ENDPOINT).bind(id).bind(tenant).bind(url).bind(events).bind(secrets);
            let query = query.bind(enabled).bind(now.millis());
            async move { query.execute(conn).await.map(|_| ()).map_err(conflict_on("webhook endpoint")) }.boxed()
        })
        .await?;
        self.webhook_endpoint(WebhookEndpointId::new(id)).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Broken`] if its secrets were encrypted with another key, or the store's.
    pub async fn webhook_endpoint(&self, id: WebhookEndpointId) -> Result<WebhookEndpoint, StoreError> {
        let row: Option<Row> = self.one(sql::ENDPOINT, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("webhook endpoint"))?.endpoint(self.store.cipher())
    }

    /// The oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn webhook_endpoints(&self, request: PageRequest) -> Result<Page<WebhookEndpoint>, StoreError> {
        let page: Page<Row> = self.page(sql::ENDPOINTS, sql::COUNT_ENDPOINTS, request).await?;
        page.try_map(|row| row.endpoint(self.store.cipher()))
    }

    /// Its address, events and whether it is told anything; it is not left alone any more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn update_webhook_endpoint(&self, to: &WebhookEndpoint) -> Result<WebhookEndpoint, StoreError> {
        let (tenant, id, now) = (self.key(), to.id.uuid(), self.store.now().millis());
        let (url, events, enabled) = (to.url.clone(), records::write(&to.events)?, to.enabled);
        self.tell(move |conn| {
            let query = db::query(sql::SET_ENDPOINT).bind(tenant).bind(id).bind(&url).bind(&events);
            let query = query.bind(enabled).bind(now);
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "webhook endpoint") }
                .boxed()
        })
        .await?;
        self.webhook_endpoint(to.id).await
    }

    /// Another secret signs from now on; those before sign beside it for so long.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn rotate_webhook_secret(
        &self,
        id: WebhookEndpointId,
        secret: Secret,
        overlap: Duration,
    ) -> Result<WebhookEndpoint, StoreError> {
        let (tenant, now, cipher) = (self.key(), self.store.now(), self.store.cipher().clone());
        self.tell(move |conn| {
            let (secret, cipher) = (secret.clone(), cipher.clone());
            async move {
                let query = db::query_scalar(sql::SECRETS).bind(tenant).bind(id.uuid());
                let sealed: Option<Vec<u8>> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
                let sealed = sealed.ok_or(StoreError::NotFound("webhook endpoint"))?;
                let mut secrets = open_secrets(&cipher, id.uuid(), &sealed)?;
                for old in &mut secrets {
                    old.until = old.until.or(Some(now + overlap));
                }
                secrets.retain(|s| s.until.is_none_or(|until| until > now));
                secrets.insert(0, SigningSecret { secret, until: None });
                let sealed = seal_secrets(&cipher, id.uuid(), &secrets)?;
                let query = db::query(sql::SET_SECRETS).bind(tenant).bind(id.uuid()).bind(sealed).bind(now.millis());
                query.execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await?;
        self.webhook_endpoint(id).await
    }

    /// With its deliveries.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn delete_webhook_endpoint(&self, id: WebhookEndpointId) -> Result<(), StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            async move {
                let run = |statement| db::query(statement).bind(tenant).bind(id.uuid());
                run(sql::DELETE_ATTEMPTS).execute(conn).await.map_err(store_error)?;
                run(sql::DELETE_DELIVERIES).execute(conn).await.map_err(store_error)?;
                let done = run(sql::DELETE_ENDPOINT).execute(conn).await.map_err(store_error)?;
                found(done.rows_affected(), "webhook endpoint")
            }
            .boxed()
        })
        .await
    }

    /// What an endpoint is to be told now, the longest due first.
    ///
    /// # Errors
    /// The store's.
    pub async fn due_deliveries(&self, id: WebhookEndpointId, most: u32) -> Result<Vec<DueDelivery>, StoreError> {
        let query = db::query_as(sql::DUE).bind(self.key()).bind(id.uuid());
        let query = query.bind(self.store.now().millis()).bind(i64::from(most));
        let rows: Vec<DueRow> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let mut due = Vec::with_capacity(rows.len());
        for row in rows {
            let call = row.call_id;
            let mut delivery = DueDelivery::from(row);
            if let Some(call) = call {
                delivery.event.call = self.any_call(call).await?;
            }
            due.push(delivery);
        }
        Ok(due)
    }

    /// Writes an attempt down, what it makes of its delivery, and of its endpoint.
    ///
    /// # Errors
    /// The store's.
    pub async fn settle_delivery(&self, settled: SettledDelivery) -> Result<(), StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            let settled = settled.clone();
            async move { settled.write(conn, tenant).await }.boxed()
        })
        .await
    }

    /// Others may deliver to it.
    ///
    /// # Errors
    /// The store's.
    pub async fn release_webhook_endpoint(&self, id: WebhookEndpointId) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let query = db::query(sql::RELEASE).bind(tenant).bind(id.uuid()).bind(now);
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }

    /// The newest first, each with all its attempts; all of them, or those in one state.
    ///
    /// # Errors
    /// The store's.
    pub async fn webhook_deliveries(
        &self,
        state: Option<DeliveryState>,
        request: PageRequest,
    ) -> Result<Page<WebhookDelivery>, StoreError> {
        let (rows, total): (Vec<DeliveryRow>, i64) = match state {
            None => {
                let page: Page<DeliveryRow> = self.page(sql::DELIVERIES, sql::COUNT_DELIVERIES, request).await?;
                (page.items, signed(page.total))
            }
            Some(state) => {
                let (list, count) = match state {
                    DeliveryState::Delivered => {
                        (sql::DELIVERIES_IN, db::query_scalar(sql::COUNT_DELIVERED).bind(self.key()))
                    }
                    DeliveryState::Queued | DeliveryState::Dead => {
                        let count = db::query_scalar(sql::COUNT_OPEN_DELIVERIES_IN).bind(self.key());
                        (sql::OPEN_DELIVERIES_IN, count.bind(state.name()))
                    }
                };
                let query = db::query_as(list).bind(self.key()).bind(request.sql_limit());
                let query = query.bind(request.sql_offset()).bind(state.name());
                let rows = query.fetch_all(self.reads()).await.map_err(store_error)?;
                (rows, count.fetch_one(self.reads()).await.map_err(store_error)?)
            }
        };
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let attempts = self.attempts_at(row.id).await?;
            items.push(delivery(row, attempts)?);
        }
        Ok(Page::new(items, request, total))
    }

    async fn attempts_at(&self, delivery: Uuid) -> Result<Vec<WebhookAttempt>, StoreError> {
        type Attempt = (i64, i64, i64, Option<i64>, Option<String>);
        let query = db::query_as(sql::ATTEMPTS).bind(self.key()).bind(delivery);
        let rows: Vec<Attempt> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let attempt = |(number, at, took, status, cause): Attempt| WebhookAttempt {
            number: unsigned(number),
            at: Timestamp(at),
            took: Duration::from_millis(unsigned(took)),
            status: status.and_then(|s| u16::try_from(s).ok()),
            cause,
        };
        Ok(rows.into_iter().map(attempt).collect())
    }

    /// Queues it again, in whatever state it is; its attempts stay on record.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn retry_delivery(&self, id: WebhookDeliveryId) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let query = db::query(sql::AGAIN).bind(tenant).bind(id.uuid()).bind(now);
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "delivery") }.boxed()
        })
        .await
    }
}

fn delivery(row: DeliveryRow, attempts: Vec<WebhookAttempt>) -> Result<WebhookDelivery, StoreError> {
    let state = DeliveryState::ALL.into_iter().find(|s| s.name() == row.state);
    Ok(WebhookDelivery {
        id: WebhookDeliveryId::new(row.id),
        endpoint: WebhookEndpointId::new(row.endpoint_id),
        url: row.url,
        event: EventId::new(row.event_id),
        kind: row.kind,
        state: state.ok_or_else(|| unreadable("state of a delivery"))?,
        due_at: Timestamp(row.due_at),
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
        attempts,
    })
}

impl Installation {
    /// An endpoint of any tenant that something is to be told, for `lease`: meanwhile nobody else delivers to it. Clocks
    /// of nodes that differ by more than the lease make two deliver, and the other side sees an event twice, by its id.
    ///
    /// # Errors
    /// The store's.
    pub async fn lease_webhook_endpoint(&self, lease: Duration) -> Result<Option<WebhookEndpoint>, StoreError> {
        let row: Option<Row> = self.leased(sql::WAITING, sql::LEASE, lease).await?;
        row.map(|row| row.endpoint(self.store.cipher())).transpose()
    }
}
