//! How a tenant reaches the services of its flows: secrets are sealed, bound to their row.

use crate::{
    db,
    error::{store_error, unreadable},
    records,
    repo::{TenantStore, found},
    sql::commerce as sql,
};
use colloquy_domain::{
    channel::Secret,
    commerce::settings::{Connections, Entered, Google, Provider, Stripe},
    ports::StoreError,
};
use futures::FutureExt;
use std::collections::BTreeMap;
use uuid::Uuid;

impl TenantStore {
    /// What was entered for a provider, if anything was.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if its secrets were encrypted with another key, or the store's.
    pub async fn commerce_settings(&self, provider: Provider) -> Result<Option<Entered>, StoreError> {
        let row: Option<(Uuid, String, Vec<u8>)> = self.one(sql::SETTINGS, provider.name()).await?;
        let Some((id, settings, sealed)) = row else { return Ok(None) };
        let plain = self.store.cipher().open(id.as_bytes(), &sealed)?;
        let secrets: BTreeMap<String, String> = serde_json::from_slice(&plain).map_err(|_| unreadable("secrets"))?;
        let secrets = secrets.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        Ok(Some(Entered { settings: records::read("settings", &settings)?, secrets }))
    }

    /// All of it, instead of what was there.
    ///
    /// # Errors
    /// The store's.
    pub async fn set_commerce_settings(&self, provider: Provider, entered: &Entered) -> Result<(), StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now().millis());
        let secrets: BTreeMap<&str, &str> = entered.secrets.iter().map(|(n, s)| (n.as_str(), s.expose())).collect();
        let sealed = self.store.cipher().seal(id.as_bytes(), records::write(&secrets)?.as_bytes())?;
        let settings = records::write(&entered.settings)?;
        self.tell(move |conn| {
            let query = db::query(sql::SET_SETTINGS).bind(tenant).bind(provider.name()).bind(id);
            let query = query.bind(&settings).bind(sealed.clone()).bind(now);
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn delete_commerce_settings(&self, provider: Provider) -> Result<(), StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            let query = db::query(sql::DELETE_SETTINGS).bind(tenant).bind(provider.name());
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "integration") }.boxed()
        })
        .await
    }

    /// What the tenant uses.
    ///
    /// # Errors
    /// As [`TenantStore::commerce_settings`].
    pub async fn connections(&self) -> Result<Connections, StoreError> {
        let google = self.commerce_settings(Provider::Google).await?;
        let stripe = self.commerce_settings(Provider::Stripe).await?;
        Ok(Connections { google: google.as_ref().and_then(Google::of), stripe: stripe.as_ref().and_then(Stripe::of) })
    }
}
