use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The shortest time between two lines about the same trouble.
const EVERY: Duration = Duration::from_secs(10);

/// Says of a trouble that comes in floods when to write a line, and of how many.
#[derive(Debug, Default)]
pub(super) struct Limited(Mutex<Count>);

#[derive(Debug, Default)]
struct Count {
    unsaid: u64,
    said: Option<Instant>,
}

impl Limited {
    /// Counts one more; `Some` with the number since the last line, if there should be a line now.
    pub fn one_more(&self) -> Option<u64> {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        count.unsaid += 1;
        if count.said.is_some_and(|said| said.elapsed() < EVERY) {
            return None;
        }
        count.said = Some(Instant::now());
        Some(std::mem::take(&mut count.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_one_line_with_a_number() {
        let limited = Limited::default();
        assert_eq!(limited.one_more(), Some(1));
        assert_eq!((limited.one_more(), limited.one_more()), (None, None));
        tokio::time::advance(EVERY).await;
        assert_eq!(limited.one_more(), Some(3));
    }
}
