//! Waiting on conditions: never for a time that is guessed.

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What ordinary conditions may take; generous, because a loaded machine is no failure.
pub const USUAL: Duration = Duration::from_secs(60);

/// What `look` brings as soon as it brings something.
///
/// # Panics
/// Naming `what` was waited for, if it does not come within `patience`.
pub async fn within<T>(patience: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < patience, "waited {patience:?} in vain for: {what}");
        sleep(LOOK_EVERY).await;
    }
}

/// As [`within`], with the usual patience.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    within(USUAL, what, look).await
}
