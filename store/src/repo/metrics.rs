//! Figures of what happened. Triggers of the schema note each change with what changes; here the notes are added up, and
//! both are read.

use super::{Installation, Page, PageRequest, TenantStore};
use crate::{
    db::{self, Conn, Dialect},
    error::{store_error, unreadable},
    ports::unsigned,
    sql::{metrics as sql, sizes},
};
use colloquy_domain::{
    analytics::{Figures, Times},
    ids::{AgentId, ChannelId, ConversationId},
    model::Usage,
    plan::{Month, month_at},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What figures are of: a UTC day, as days since 1970-01-01, on a channel, with the agent that it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FiguresOf {
    pub day: i64,
    pub channel: ChannelId,
    pub agent: AgentId,
}

/// What models cost in one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationCost {
    pub conversation: ConversationId,
    pub agent: AgentId,
    pub turns: u64,
    pub usage: Usage,
}

/// Names of what figures are of; what was deleted still has one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    pub agents: BTreeMap<AgentId, String>,
    /// With their kinds.
    pub channels: BTreeMap<ChannelId, (String, String)>,
}

#[derive(sqlx::FromRow)]
struct Row {
    day: i64,
    channel_id: Uuid,
    agent_id: Uuid,
    counts: String,
    pull: bool,
}

/// What, the bound of a wait, how often, tokens of prompts and completions, cost.
type Count<'a> = (&'a str, i64, i64, i64, i64, i64);

fn usage(prompt: i64, completion: i64, cost: i64) -> Usage {
    Usage { prompt_tokens: unsigned(prompt), completion_tokens: unsigned(completion), cost_micros: unsigned(cost) }
}

impl TenantStore {
    /// From the first day to the last one, both included: everything that is committed.
    ///
    /// # Errors
    /// The store's.
    pub async fn figures(&self, from_day: i64, to_day: i64) -> Result<BTreeMap<FiguresOf, Figures>, StoreError> {
        let query = db::query_as(sql::FIGURES).bind(self.key()).bind(from_day).bind(to_day);
        let rows: Vec<Row> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let mut figures: BTreeMap<FiguresOf, Figures> = BTreeMap::new();
        for r in rows {
            let of = FiguresOf { day: r.day, channel: ChannelId::new(r.channel_id), agent: AgentId::new(r.agent_id) };
            let counts: Vec<Count<'_>> = serde_json::from_str(&r.counts).map_err(|_| unreadable("counts"))?;
            let figures = figures.entry(of).or_default();
            for (what, bound, times, prompt, completion, cost) in counts {
                figures.add(what, bound, Times { times, usage: usage(prompt, completion, cost) }, r.pull);
            }
        }
        Ok(figures)
    }

    /// What the calendar month of `now` holds so far.
    ///
    /// # Errors
    /// The store's.
    pub async fn month(&self, now: Timestamp) -> Result<Month, StoreError> {
        let query = db::query_as(sql::SO_FAR).bind(self.key()).bind(month_at(now));
        let (messages, cost): (i64, i64) = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Ok(Month { messages: unsigned(messages), cost_micros: unsigned(cost) })
    }

    /// By conversation and agent, the most expensive first.
    ///
    /// # Errors
    /// The store's.
    pub async fn conversation_costs(
        &self,
        from_day: i64,
        to_day: i64,
        request: PageRequest,
    ) -> Result<Page<ConversationCost>, StoreError> {
        let query = db::query_as(sql::CONVERSATION_COSTS).bind(self.key()).bind(from_day).bind(to_day);
        let query = query.bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<(Uuid, Uuid, i64, i64, i64, i64)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_scalar(sql::COUNT_CONVERSATION_COSTS).bind(self.key()).bind(from_day).bind(to_day);
        let total: i64 = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Ok(Page::new(rows, request, total).map(|(conversation, agent, turns, prompt, completion, cost)| {
            ConversationCost {
                conversation: ConversationId::new(conversation),
                agent: AgentId::new(agent),
                turns: unsigned(turns),
                usage: usage(prompt, completion, cost),
            }
        }))
    }

    /// # Errors
    /// The store's.
    pub async fn names(&self) -> Result<Names, StoreError> {
        let query = db::query_as(sql::AGENT_NAMES).bind(self.key());
        let agents: Vec<(Uuid, String)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_as(sql::CHANNEL_NAMES).bind(self.key());
        let channels: Vec<(Uuid, String, String)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        Ok(Names {
            agents: agents.into_iter().map(|(id, name)| (AgentId::new(id), name)).collect(),
            channels: channels.into_iter().map(|(id, name, kind)| (ChannelId::new(id), (name, kind))).collect(),
        })
    }
}

impl Installation {
    /// Adds up some of what was noted, in one transaction; whether there is more. The figures are the same before and after
    /// it. Of budgets that are spent now, events tell.
    ///
    /// # Errors
    /// The store's.
    pub async fn add_up(&self) -> Result<bool, StoreError> {
        let mut noted = false;
        for text in [sql::NOTED, sizes::NOTED] {
            let any: Option<i64> =
                db::query_scalar(text).fetch_optional(self.store.readers()).await.map_err(store_error)?;
            noted |= any.is_some();
        }
        if !noted {
            return Ok(false);
        }
        let now = self.store.now();
        self.store.tell(None, move |conn| async move { add_up(conn, now).await }.boxed()).await
    }
}

async fn add_up(conn: &mut Conn, now: Timestamp) -> Result<bool, StoreError> {
    let taken = if conn.dialect() == Dialect::Sqlite {
        [in_turn(conn, &sql::ADD_UP_IN_TURN).await?, in_turn(conn, &sizes::ADD_UP_IN_TURN).await?]
    } else {
        let alone: bool = db::query_scalar(sql::ALONE).fetch_one(&mut *conn).await.map_err(store_error)?;
        if !alone {
            return Ok(false);
        }
        [at_once(conn, sql::ADD_UP).await?, at_once(conn, sizes::ADD_UP).await?]
    };
    warn(conn, now).await?;
    Ok(taken.contains(&sql::STEP))
}

/// How many notes the last statement deletes, which the others added up.
async fn in_turn(conn: &mut Conn, statements: &[&'static str]) -> Result<u64, StoreError> {
    let mut taken = 0;
    for &statement in statements {
        taken = db::query(statement).execute(&mut *conn).await.map_err(store_error)?.rows_affected();
    }
    Ok(taken)
}

/// The same in one statement, which counts them.
async fn at_once(conn: &mut Conn, statement: &'static str) -> Result<u64, StoreError> {
    let taken: i64 = db::query_scalar(statement).fetch_one(conn).await.map_err(store_error)?;
    Ok(unsigned(taken))
}

/// Tells of budgets that are nearly spent, and of those that are, once in a month.
pub(super) async fn warn(conn: &mut Conn, now: Timestamp) -> Result<(), StoreError> {
    for (mark, kind) in [(sql::WARN, "budget.warning"), (sql::MARK_SPENT, "budget.spent")] {
        let query = db::query_as(mark).bind(month_at(now));
        let tenants: Vec<(Uuid,)> = query.fetch_all(&mut *conn).await.map_err(store_error)?;
        for (tenant,) in tenants {
            let query = db::query(sql::TELL).bind(tenant).bind(kind).bind(now.millis());
            query.execute(&mut *conn).await.map_err(store_error)?;
        }
    }
    Ok(())
}
