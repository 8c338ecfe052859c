//! What people let their providers say of being written to.

use super::{Consent, TenantStore};
use crate::{db, error::store_error, sql::contacts as sql};
use colloquy_domain::{ids::ChannelId, ports::StoreError, time::Timestamp};
use futures::FutureExt;

impl TenantStore {
    /// Of whoever has the address; of nobody, if nobody is known by it.
    ///
    /// # Errors
    /// The store's.
    pub async fn consent_told(
        &self,
        channel: ChannelId,
        address: &str,
        consent: Consent,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (tenant, address, now) = (self.key(), address.to_owned(), self.store.now().millis());
        self.tell(move |conn| {
            let query = db::query(sql::CONSENT_TOLD).bind(tenant).bind(channel.uuid()).bind(address.clone());
            let query = query.bind(consent.name()).bind(at.millis()).bind(now);
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }
}
