use super::TenantStore;
use crate::{db, error::store_error, ports::unsigned, records::OutcomeRecord};
use colloquy_domain::{
    ids::{ChannelId, ConversationId, Seq},
    message::Outcome,
    ports::StoreError,
};
use uuid::Uuid;

const RECEIVED: &str = "SELECT conversation_id, seq, outcome_detail FROM inbox \
     WHERE tenant_id = $1 AND channel_id = $2 AND provider_message_id = $3";

/// A message that is in an inbox, and how it ended if it did.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    pub conversation: ConversationId,
    pub seq: Seq,
    pub outcome: Option<Outcome>,
}

impl TenantStore {
    /// What became of a message, by its provider's id; `None` before it is in an inbox.
    ///
    /// # Errors
    /// The store's.
    pub async fn received(&self, channel: ChannelId, provider_id: &str) -> Result<Option<Received>, StoreError> {
        let query = db::query_as(RECEIVED).bind(self.key()).bind(channel.uuid()).bind(provider_id);
        let row: Option<(Uuid, i64, Option<String>)> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        let Some((conversation, seq, outcome)) = row else { return Ok(None) };
        Ok(Some(Received {
            conversation: ConversationId::new(conversation),
            seq: unsigned(seq),
            outcome: outcome.as_deref().map(OutcomeRecord::parse).transpose()?,
        }))
    }
}
