use super::{Installation, TenantStore};
use crate::{db, error::store_error, ports::unsigned, sql::reports as sql};
use colloquy_domain::{ids::AgentId, model::Usage, ports::StoreError};
use uuid::Uuid;

/// What one agent used on one UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spending {
    pub agent: AgentId,
    /// Days since 1970-01-01.
    pub day: i64,
    pub usage: Usage,
}

/// What waits, over all tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Messages without an outcome.
    pub pending_inbox: u64,
    /// Replies that wait or are being sent.
    pub outbox: u64,
    pub documents: u64,
    /// Dead letters that were not replayed.
    pub dead_letters: u64,
}

impl TenantStore {
    /// By day and agent, from the first day to the last one, both included.
    ///
    /// # Errors
    /// The store's.
    pub async fn spending(&self, from_day: i64, to_day: i64) -> Result<Vec<Spending>, StoreError> {
        let query = db::query_as(sql::SPENDING).bind(self.key()).bind(from_day).bind(to_day);
        let rows: Vec<(Uuid, i64, i64, i64, i64)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let spending = |(agent, day, prompt, completion, cost)| Spending {
            agent: AgentId::new(agent),
            day,
            usage: Usage {
                prompt_tokens: unsigned(prompt),
                completion_tokens: unsigned(completion),
                cost_micros: unsigned(cost),
            },
        };
        Ok(rows.into_iter().map(spending).collect())
    }
}

impl Installation {
    /// What waits; reads only indexes of unfinished rows.
    ///
    /// # Errors
    /// The store's; an answer shows that the database can be read.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let row: (i64, i64, i64, i64) =
            db::query_as(sql::BACKLOG).fetch_one(self.store.readers()).await.map_err(store_error)?;
        Ok(Backlog {
            pending_inbox: unsigned(row.0),
            outbox: unsigned(row.1),
            documents: unsigned(row.2),
            dead_letters: unsigned(row.3),
        })
    }
}
