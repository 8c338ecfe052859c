//! Tells the actors how much memory this process has.

use colloquy_actors::Pressure;
use std::{sync::Arc, time::Duration};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);

/// Watches for ever; ends by itself only where the system does not tell.
pub async fn watch(pressure: Arc<Pressure>) {
    loop {
        let Some(found) = memory_stats::memory_stats() else {
            if pressure.limit().is_some() {
                tracing::warn!("this system does not tell how much memory the program has: there is no limit");
            }
            return;
        };
        pressure.sample(found.physical_mem as u64);
        tokio::time::sleep(EVERY).await;
    }
}
