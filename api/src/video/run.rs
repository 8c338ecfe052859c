//! Finds sessions that have to end, on whichever node and after whatever crash.

use super::{LEASE, Videos, log};
use colloquy_domain::{
    ports::StoreError,
    video::{Effect, Input, VideoSession},
};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// How often the store is asked when nothing is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Sessions that one node ends at a time.
const AT_ONCE: usize = 16;

/// Ends what is due, for ever.
pub async fn run(videos: Arc<Videos>) {
    // They end with this loop.
    let mut at_work = JoinSet::new();
    loop {
        while at_work.try_join_next().is_some() {}
        if at_work.len() >= AT_ONCE {
            at_work.join_next().await;
        }
        match videos.store.installation().lease_video(LEASE).await {
            Ok(Some(session)) => {
                let videos = Arc::clone(&videos);
                at_work.spawn(async move { log(session.tenant, session.id, videos.carry_on(session).await) });
            }
            Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
            Err(e) => {
                tracing::warn!(error = %e, "video sessions not looked up");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

impl Videos {
    /// What follows for one that is due.
    pub(super) async fn carry_on(&self, session: VideoSession) -> Result<(), StoreError> {
        match self.put(session, Input::Take, None).await? {
            (session, Some(Effect::Stop)) => self.stop(session).await,
            _ => Ok(()),
        }
    }
}
