//! How a tenant reaches the services of its flows.

use crate::repo::{Integration, IntegrationKind, TenantStore};
use colloquy_domain::{
    commerce::settings::{Avatar, Connections, Entered, Google, Provider, Stripe},
    ports::StoreError,
    time::Timestamp,
};

const fn kind(provider: Provider) -> IntegrationKind {
    match provider {
        Provider::Google => IntegrationKind::Google,
        Provider::Stripe => IntegrationKind::Stripe,
        Provider::Avatar => IntegrationKind::Avatar,
    }
}

impl TenantStore {
    /// What was entered for a provider, if anything was.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if its secrets were encrypted with another key, or the store's.
    pub async fn commerce_settings(&self, provider: Provider) -> Result<Option<Entered>, StoreError> {
        let kept = self.integration(kind(provider)).await?;
        Ok(kept.map(|Integration { settings, secrets, .. }| Entered { settings, secrets }))
    }

    /// All of it, instead of what was there.
    ///
    /// # Errors
    /// The store's.
    pub async fn set_commerce_settings(&self, provider: Provider, entered: &Entered) -> Result<(), StoreError> {
        let Entered { settings, secrets } = entered.clone();
        self.set_integration(kind(provider), &Integration { settings, secrets, updated_at: Timestamp::default() }).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn delete_commerce_settings(&self, provider: Provider) -> Result<(), StoreError> {
        self.delete_integration(kind(provider)).await
    }

    /// What the tenant uses.
    ///
    /// # Errors
    /// As [`TenantStore::commerce_settings`].
    pub async fn connections(&self) -> Result<Connections, StoreError> {
        let google = self.commerce_settings(Provider::Google).await?;
        let stripe = self.commerce_settings(Provider::Stripe).await?;
        let (google, stripe) = (google.as_ref().and_then(Google::of), stripe.as_ref().and_then(Stripe::of));
        Ok(Connections { google, stripe, avatar: self.avatar().await? })
    }

    /// Which avatar the tenant uses.
    ///
    /// # Errors
    /// As [`TenantStore::commerce_settings`].
    pub async fn avatar(&self) -> Result<Option<Avatar>, StoreError> {
        Ok(self.commerce_settings(Provider::Avatar).await?.as_ref().and_then(Avatar::of))
    }
}
