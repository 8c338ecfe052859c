//! Replies that the provider took: the usual end of a delivery, of which a batch writes all together.
//!
//! It is news about the world: it is written whoever owns the outbox by now, and whatever became of the row.

use crate::{
    db::{self, Conn, Dialect, Together},
    error::store_error,
    sql::{conversation::LOCK_ALL, outbox as sql},
    writer::Merge,
};
use async_trait::async_trait;
use colloquy_domain::{placement::Partition, ports::StoreError};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

pub(crate) struct Sent {
    pub(crate) tenant: Uuid,
    /// The reply's.
    pub(crate) id: Uuid,
    pub(crate) provider_message_id: Option<String>,
    pub(crate) at: i64,
}

#[async_trait]
impl Merge for Sent {
    type Output = ();
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.id
    }

    fn partition(&self) -> Option<Partition> {
        None
    }

    async fn run_all(conn: &mut Conn, sent: &[&Self]) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let change = |q: db::Query, s: &&Self| q.bind(s.tenant).bind(s.id).bind(s.at);
        let moved: Vec<(Uuid, Uuid)> =
            db::fetch_rows(conn, sql::ALL_SENT, |q| q, sent, change).await.map_err(store_error)?;
        let moved: HashMap<Uuid, Uuid> = moved.into_iter().collect();
        let known: Vec<&Self> = sent.iter().copied().filter(|s| moved.contains_key(&s.id)).collect();
        let of_reply = |q: db::Query, s: &&Self| q.bind(s.id).bind(s.tenant);
        let named: Vec<(&Self, &String)> =
            known.iter().filter_map(|s| Some((*s, s.provider_message_id.as_ref()?))).collect();
        let part = |q: db::Query, (s, name): &(&Self, &String)| q.bind(s.tenant).bind(s.id).bind(*name);
        // In one order for all; see [`super::lock`].
        let conversations: BTreeSet<(Uuid, Uuid)> = known.iter().map(|s| (s.tenant, moved[&s.id])).collect();
        let conversations: Vec<(Uuid, Uuid)> = conversations.into_iter().collect();
        let each = |q: db::Query, c: &(Uuid, Uuid)| q.bind(c.0).bind(c.1);
        let mut written =
            Together::default().write(sql::ALL_RECONCILED, &known, of_reply).write(sql::ADD_PARTS, &named, part);
        if conn.dialect() == Dialect::Postgres {
            written = written.look(LOCK_ALL, &conversations, each);
        }
        written.run(conn).await?;
        // The next reply of each conversation may be claimed.
        db::execute_rows(conn, sql::PROMOTE_ALL, &conversations, each).await.map_err(store_error)?;
        let result =
            |s: &&Self| if moved.contains_key(&s.id) { Ok(()) } else { Err(StoreError::NotFound("outbox item")) };
        Ok(sent.iter().map(result).collect())
    }
}
