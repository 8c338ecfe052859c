//! Replies that wait until their person writes: what is known where a window is closed, and how a reply begins to wait. The
//! move into the inbox lets it go again ([`super::inbox`]).

use super::outbox::{lock, promote};
use crate::{
    db::{self, Conn},
    error::store_error,
    records,
    sql::held as sql,
    store::Store,
};
use colloquy_domain::{
    fallback::{Closed, Offered, StandIn},
    ids::{ChannelId, ConversationId, OutboxId, TenantId},
    ports::{ConversationStore, StoreError},
    time::Timestamp,
};
use std::collections::BTreeMap;
use uuid::Uuid;

type Known = (Option<String>, Option<String>, Option<String>, Option<i64>, Option<i64>);

impl Store {
    pub(super) async fn closed_window(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> Result<Closed, StoreError> {
        let loaded = self.load(tenant, conversation).await?;
        let query = db::query_as(sql::KNOWN).bind(tenant.uuid()).bind(conversation.uuid());
        let row: Option<Known> = query.fetch_optional(self.readers_of(tenant)).await.map_err(store_error)?;
        let (name, attributes, consent, prompted, heard) = row.ok_or(StoreError::NotFound("conversation"))?;
        let attributes: Option<BTreeMap<String, String>> =
            attributes.as_deref().map(|a| records::read("attributes", a)).transpose()?;
        Ok(Closed {
            agent: loaded.snapshot.active.unwrap_or(loaded.agent),
            language: loaded.snapshot.language,
            name: name.or(loaded.key.peer.name),
            attributes: attributes.unwrap_or_default(),
            opted_out: consent.as_deref() == Some("withdrawn"),
            heard_at: heard.map(Timestamp),
            prompted: prompted.is_some(),
        })
    }

    pub(super) async fn offered_templates(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        name: &str,
    ) -> Result<Vec<Offered>, StoreError> {
        let found = self.tenant(tenant).templates_named(channel, name).await?;
        let kept = found.into_iter().filter(|k| k.channel.is_some());
        Ok(kept.map(|k| Offered { template: k.template, status: k.status }).collect())
    }
}

/// A reply that is being sent, and until when it is to wait.
pub(super) struct Hold<'h> {
    pub(super) tenant: TenantId,
    pub(super) id: OutboxId,
    pub(super) until: Timestamp,
    pub(super) at: Timestamp,
    pub(super) stand_in: Option<&'h StandIn>,
}

impl Hold<'_> {
    /// Behind the conversation's lock nobody writes meanwhile: either the person's message is in already, and the reply is due,
    /// or its move finds the reply held.
    pub(super) async fn run(&self, conn: &mut Conn) -> Result<(), StoreError> {
        let (tenant, id) = (self.tenant.uuid(), self.id.uuid());
        let query = db::query_as(sql::BEING_SENT).bind(tenant).bind(id);
        let found: Option<(Uuid, i64)> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
        let Some((conversation, closed_since)) = found else { return Ok(()) };
        lock(conn, tenant, conversation).await?;
        let query = db::query_scalar(sql::HEARD).bind(tenant).bind(conversation);
        let heard: Option<i64> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
        let heard = heard.filter(|heard| *heard > closed_since);
        let (until, due) = match heard {
            Some(_) => (None, self.at),
            None => (Some(self.until.millis()), self.until),
        };
        let query = db::query(sql::HOLD).bind(tenant).bind(id).bind(until).bind(due.millis());
        let query = query.bind(heard.unwrap_or(closed_since));
        query.execute(&mut *conn).await.map_err(store_error)?;
        if let (Some(instead), None) = (self.stand_in, heard) {
            self.put_instead(conn, conversation, instead).await?;
        }
        promote(conn, tenant, conversation).await
    }

    /// Once until the person writes.
    async fn put_instead(&self, conn: &mut Conn, conversation: Uuid, instead: &StandIn) -> Result<(), StoreError> {
        let (tenant, at) = (self.tenant.uuid(), self.at.millis());
        let query = db::query(sql::PROMPT).bind(tenant).bind(conversation).bind(at);
        if query.execute(&mut *conn).await.map_err(store_error)?.rows_affected() == 0 {
            return Ok(());
        }
        let line = db::query(sql::ADD_LINE).bind(instead.message.uuid()).bind(tenant).bind(conversation);
        line.bind(instead.text.clone()).bind(at).execute(&mut *conn).await.map_err(store_error)?;
        let row = db::query(sql::ADD_STAND_IN).bind(tenant).bind(self.id.uuid()).bind(instead.id.uuid());
        let row = row.bind(instead.message.uuid()).bind(instead.text.clone());
        let row = row.bind(records::write(&instead.template)?).bind(at);
        row.execute(conn).await.map(|_| ()).map_err(store_error)
    }
}
