//! The files that people sent, for models that see and listen: what `attachments` keeps, and what is still being
//! brought is waited for, because a message is often read before its file is there.

use crate::attachments;
use async_trait::async_trait;
use colloquy_domain::ports::{FileOf, Missing, SentFiles, StoreError};
use colloquy_store::{Attachment, AttachmentState, Store};
use std::{path::PathBuf, time::Duration};
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(200);

pub struct KeptFiles {
    store: Store,
    /// Where files lie that are not in the database.
    files: PathBuf,
}

impl KeptFiles {
    #[must_use]
    pub const fn new(store: Store, files: PathBuf) -> Self {
        Self { store, files }
    }

    /// The row as it is when nobody is at it any more, or the time is over.
    async fn settled(&self, of: FileOf, patience: Duration) -> Result<Attachment, Missing> {
        let until = Instant::now() + patience;
        loop {
            match self.store.tenant(of.tenant).attachment_of(of.conversation, of.message).await {
                Ok(Some(found)) if found.state == AttachmentState::Kept => return Ok(found),
                Ok(Some(found)) if found.state == AttachmentState::Waiting => {}
                Ok(_) => return Err(Missing::Gone),
                Err(e) if e.is_retry() => {}
                Err(e) => return Err(unreadable(of, &e)),
            }
            if Instant::now() + LOOK_EVERY > until {
                return Err(Missing::Late);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

#[async_trait]
impl SentFiles for KeptFiles {
    async fn file(&self, of: FileOf, most: u64, patience: Duration) -> Result<Vec<u8>, Missing> {
        let attachment = self.settled(of, patience).await?;
        if attachment.size.is_none_or(|size| size > most) {
            return Err(Missing::TooLarge);
        }
        let name = attachments::shared_name(attachment.id);
        let found = attachments::kept(&self.store, &self.files, of.tenant, &name).await;
        found.map_err(|e| unreadable(of, &e))?.ok_or(Missing::Gone)
    }
}

fn unreadable(of: FileOf, error: &StoreError) -> Missing {
    tracing::warn!(tenant.id = %of.tenant, conversation.id = %of.conversation, error = %error, "file not read");
    Missing::Gone
}
