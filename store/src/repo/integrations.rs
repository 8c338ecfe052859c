//! Other systems that a tenant is connected to: one row for each kind, its secrets encrypted.

use super::{TenantStore, found};
use crate::{db, error::store_error, error::unreadable, records, sql::settings as sql};
use colloquy_domain::{channel::Secret, ports::StoreError, time::Timestamp};
use futures::FutureExt;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What can be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegrationKind {
    Avatar,
    Google,
    N8n,
    Stripe,
    Twilio,
    Vapi,
}

impl IntegrationKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avatar => "avatar",
            Self::Google => "google",
            Self::N8n => "n8n",
            Self::Stripe => "stripe",
            Self::Twilio => "twilio",
            Self::Vapi => "vapi",
        }
    }
}

/// How a tenant is connected to another system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Integration {
    pub settings: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, Secret>,
    /// When it was set.
    pub updated_at: Timestamp,
}

type Row = (Uuid, String, Vec<u8>, i64);

impl TenantStore {
    /// `None` if it was not set up.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if its secrets were encrypted with another key, or the store's.
    pub async fn integration(&self, kind: IntegrationKind) -> Result<Option<Integration>, StoreError> {
        let row: Option<Row> = self.one(sql::INTEGRATION, kind.name()).await?;
        let Some((id, settings, secrets, updated_at)) = row else { return Ok(None) };
        let plain = self.store.cipher().open(id.as_bytes(), &secrets)?;
        let secrets: BTreeMap<String, String> = serde_json::from_slice(&plain).map_err(|_| unreadable("secrets"))?;
        Ok(Some(Integration {
            settings: records::read("settings", &settings)?,
            secrets: secrets.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
            updated_at: Timestamp(updated_at),
        }))
    }

    /// All of it; its time is now.
    ///
    /// # Errors
    /// The store's.
    pub async fn set_integration(&self, kind: IntegrationKind, to: &Integration) -> Result<(), StoreError> {
        let secrets: BTreeMap<&str, &str> = to.secrets.iter().map(|(n, s)| (n.as_str(), s.expose())).collect();
        // What is sealed is bound to the row that it lies in.
        let id = self.store.uuid();
        let sealed = self.store.cipher().seal(id.as_bytes(), records::write(&secrets)?.as_bytes())?;
        let (tenant, settings, now) = (self.key(), records::write(&to.settings)?, self.store.now().millis());
        self.tell(move |conn| {
            let query = db::query(sql::SET_INTEGRATION).bind(tenant).bind(kind.name()).bind(settings.clone());
            let query = query.bind(sealed.clone()).bind(now).bind(id);
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn delete_integration(&self, kind: IntegrationKind) -> Result<(), StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            let query = db::query(sql::DELETE_INTEGRATION).bind(tenant).bind(kind.name());
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "integration") }.boxed()
        })
        .await
    }
}
