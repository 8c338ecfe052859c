//! What people of a team do with conversations. Whatever changes who speaks, or says something, goes through the
//! conversation's own decisions and its version; the rest (who has it, tags, notes) lies beside them.

use super::{Page, PageRequest, TenantStore, found};
use crate::{
    db::{self, Conn, Value},
    error::{conflict_on, store_error},
    ports::{Prepared, write_all},
    records,
    sql::desk as sql,
};
use colloquy_domain::{
    conversation::Commit,
    ids::{ChannelId, ConversationId, UserId},
    message::Peer,
    ports::{ConversationStore, Loaded, StoreError},
    time::Timestamp,
};
use futures::{FutureExt, future::BoxFuture};
use std::sync::Arc;
use uuid::Uuid;

/// What the team tells itself about a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub id: Uuid,
    pub author: Option<UserId>,
    pub text: String,
    pub at: Timestamp,
}

type NoteRow = (Uuid, Option<Uuid>, String, i64);

/// A conversation that our side begins.
#[derive(Debug, Clone)]
pub struct Start {
    pub channel: ChannelId,
    pub peer: Peer,
    /// The number of a contact whom it may be with.
    pub phone: Option<String>,
}

impl TenantStore {
    /// The conversation as its actor would load it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn load(&self, id: ConversationId) -> Result<Loaded, StoreError> {
        self.store.load(self.tenant, id).await
    }

    /// Writes what a person decided, from whichever node. The version is its fence: what the conversation's actor is about
    /// to say on an older state is refused, as this is if the actor was faster.
    ///
    /// # Errors
    /// [`StoreError::Stale`]: load and decide again. Otherwise the store's.
    pub async fn commit_act(&self, commit: Commit) -> Result<(), StoreError> {
        let prepared = Arc::new(Prepared::new(commit)?);
        self.tell(move |conn| {
            let prepared = Arc::clone(&prepared);
            async move { write_all(conn, &[&prepared]).await?.into_iter().collect() }.boxed()
        })
        .await
    }

    /// The conversation with somebody who has not written yet; with its contact, if nobody has the number.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is one by now, or the store's.
    pub async fn start_conversation(&self, start: Start) -> Result<ConversationId, StoreError> {
        let (id, contact) = (self.store.uuid(), self.store.uuid());
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let start = start.clone();
            async move { begin(conn, (tenant, id, contact), start, now).await }.boxed()
        })
        .await?;
        Ok(ConversationId::new(id))
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn assign(&self, id: ConversationId, to: Option<UserId>) -> Result<(), StoreError> {
        self.change(sql::ASSIGN, id, to.map(UserId::uuid)).await
    }

    /// Gives the conversation to somebody if nobody has it.
    ///
    /// # Errors
    /// The store's.
    pub async fn assign_if_free(&self, id: ConversationId, to: UserId) -> Result<(), StoreError> {
        match self.change(sql::ASSIGN_FREE, id, to.uuid()).await {
            Err(StoreError::NotFound(_)) => Ok(()),
            done => done,
        }
    }

    /// Closes the conversation until something comes, or opens it again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn close_conversation(&self, id: ConversationId, closed: bool) -> Result<(), StoreError> {
        self.change(sql::CLOSE, id, closed.then(|| self.store.now().millis())).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn tag_conversation(&self, id: ConversationId, tags: &[String]) -> Result<(), StoreError> {
        self.change(sql::TAG, id, records::write(&tags)?).await
    }

    /// Somebody has read everything so far.
    ///
    /// # Errors
    /// The store's.
    pub async fn mark_read(&self, id: ConversationId, reader: Uuid) -> Result<(), StoreError> {
        match self.change(sql::READ, id, reader).await {
            // It had been read before.
            Err(StoreError::NotFound(_)) => Ok(()),
            done => done,
        }
    }

    /// A statement about a conversation: its third parameter is `value`.
    fn change(
        &self,
        statement: &'static str,
        id: ConversationId,
        value: impl Into<Value>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let query = db::query(statement).bind(self.key()).bind(id.uuid()).bind(value);
        let write = self.tell(move |conn| {
            let query = query.clone();
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "conversation") }
                .boxed()
        });
        write.boxed()
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn add_note(&self, id: ConversationId, author: Option<UserId>, text: String) -> Result<Note, StoreError> {
        let note = Note { id: self.store.uuid(), author, text, at: self.store.now() };
        let (tenant, kept) = (self.key(), note.clone());
        self.tell(move |conn| {
            let query = db::query(sql::ADD_NOTE).bind(tenant).bind(id.uuid()).bind(kept.id);
            let query = query.bind(kept.author.map(UserId::uuid)).bind(kept.text.clone()).bind(kept.at.millis());
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "conversation") }
                .boxed()
        })
        .await?;
        Ok(note)
    }

    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn notes(&self, id: ConversationId, request: PageRequest) -> Result<Page<Note>, StoreError> {
        let query = db::query_as(sql::NOTES).bind(self.key()).bind(id.uuid());
        let query = query.bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<NoteRow> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_scalar(sql::COUNT_NOTES).bind(self.key()).bind(id.uuid());
        let total: i64 = query.fetch_one(self.reads()).await.map_err(store_error)?;
        let note =
            |(id, author, text, at): NoteRow| Note { id, author: author.map(UserId::new), text, at: Timestamp(at) };
        Ok(Page::new(rows, request, total).map(note))
    }
}

async fn begin(
    conn: &mut Conn,
    (tenant, id, contact): (Uuid, Uuid, Uuid),
    start: Start,
    now: i64,
) -> Result<(), StoreError> {
    let Start { channel, peer, phone } = start;
    let query = db::query_scalar(sql::CONTACT_BY_PHONE).bind(tenant).bind(phone);
    let known: Option<Uuid> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
    if known.is_none() {
        let query = db::query(sql::ADD_CONTACT).bind(contact).bind(tenant).bind(peer.name.clone()).bind(now);
        query.execute(&mut *conn).await.map_err(store_error)?;
    }
    let contact = known.unwrap_or(contact);
    let query = db::query(sql::ADD_IDENTITY).bind(tenant).bind(channel.uuid()).bind(peer.address.clone()).bind(contact);
    query.execute(&mut *conn).await.map_err(conflict_on("conversation"))?;
    let query = db::query(sql::START).bind(id).bind(tenant).bind(channel.uuid()).bind(contact);
    let query = query.bind(peer.address).bind(peer.name).bind(now);
    query.execute(conn).await.map(|_| ()).map_err(conflict_on("conversation"))
}
