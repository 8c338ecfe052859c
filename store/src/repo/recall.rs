//! Who was told what from a document.

use super::{Page, PageRequest, TenantStore};
use crate::{
    db,
    error::store_error,
    ports::{small, unsigned},
    sql::knowledge as sql,
};
use colloquy_domain::{
    ids::{ConversationId, DocumentId, MessageId, TurnNo},
    ports::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

/// One content that a document has had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentVersion {
    /// Counted from 1 in the order of the uploads; the same content again has the number that it had.
    pub number: u32,
    pub sha256: Vec<u8>,
    pub name: String,
    /// When it could be found first.
    pub ready_at: Timestamp,
    /// Replies that cite it.
    pub answers: u64,
}

/// One citation of a document in a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldFrom {
    pub conversation: ConversationId,
    pub message: MessageId,
    pub turn: Option<TurnNo>,
    /// The reply, as it was said.
    pub text: String,
    /// The citation's number in it.
    pub number: u32,
    /// Of the document; not known of replies from before versions were kept.
    pub version: Option<u32>,
    pub page: Option<u32>,
    pub offset: u64,
    pub quote: String,
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    message_id: Uuid,
    number: i64,
    conversation_id: Uuid,
    page: Option<i64>,
    char_offset: i64,
    quote: String,
    created_at: i64,
    version: Option<i64>,
    turn: Option<i64>,
    text: Option<String>,
}

impl From<Row> for ToldFrom {
    fn from(r: Row) -> Self {
        Self {
            conversation: ConversationId::new(r.conversation_id),
            message: MessageId::new(r.message_id),
            turn: r.turn.and_then(|t| TurnNo::try_from(t).ok()),
            text: r.text.unwrap_or_default(),
            number: small(r.number),
            version: r.version.map(small),
            page: r.page.map(small),
            offset: unsigned(r.char_offset),
            quote: r.quote,
            at: Timestamp(r.created_at),
        }
    }
}

impl TenantStore {
    /// The contents that a document has had, the newest first; also of one that was deleted.
    ///
    /// # Errors
    /// The store's.
    pub async fn document_versions(&self, document: DocumentId) -> Result<Vec<DocumentVersion>, StoreError> {
        let query = db::query_as(sql::VERSIONS).bind(self.key()).bind(document.uuid());
        let rows: Vec<(i64, Vec<u8>, String, i64, i64)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let version = |(number, sha256, name, ready_at, answers)| DocumentVersion {
            number: small(number),
            sha256,
            name,
            ready_at: Timestamp(ready_at),
            answers: unsigned(answers),
        };
        Ok(rows.into_iter().map(version).collect())
    }

    /// What was told from a document, of one version or of all, the newest first; also from one that was deleted.
    ///
    /// # Errors
    /// The store's.
    pub async fn told_from(
        &self,
        document: DocumentId,
        version: Option<u32>,
        request: PageRequest,
    ) -> Result<Page<ToldFrom>, StoreError> {
        // No version has the number 0.
        let version = i64::from(version.unwrap_or(0));
        let query = db::query_as(sql::ANSWERS).bind(self.key()).bind(document.uuid()).bind(version);
        let query = query.bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<Row> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_scalar(sql::COUNT_ANSWERS).bind(self.key()).bind(document.uuid()).bind(version);
        let total: i64 = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Ok(Page::new(rows, request, total).map(ToldFrom::from))
    }
}
