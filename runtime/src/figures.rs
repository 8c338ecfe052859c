//! Adds up what the store's triggers noted.

use colloquy_store::Store;
use std::time::Duration;

/// Not more often, so that a step is worth its commit. Readers see what was noted meanwhile, too.
const ADD_UP_EVERY: Duration = Duration::from_secs(1);

/// For ever.
pub async fn add_up(store: Store) {
    let installation = store.installation();
    loop {
        match installation.add_up().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(e) => tracing::warn!(error = %e, "figures not added up"),
        }
        tokio::time::sleep(ADD_UP_EVERY).await;
    }
}
