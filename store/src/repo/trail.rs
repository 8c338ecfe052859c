//! What an agent did in its turns: the completions, the tools that they called, and what came of each call.

use super::{Page, PageRequest, TenantStore};
use crate::{db, error::store_error, ports::small, records, sql::trail as sql};
use colloquy_domain::{
    conversation::JournalWhat,
    ids::{AgentId, ConversationId, StepNo, TurnNo},
    model::Completion,
    ports::StoreError,
    time::Timestamp,
    tool::ToolResult,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What was done in a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnTrail {
    pub turn: TurnNo,
    /// In order.
    pub steps: Vec<TurnStep>,
}

/// One completion of a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnStep {
    pub step: StepNo,
    /// Whose it was; none is the channel's own agent's.
    pub agent: Option<AgentId>,
    pub completion: Completion,
    pub at: Timestamp,
    /// By the place of the call in the completion; a call that is under way has none.
    pub results: BTreeMap<u32, SettledCall>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct SettledCall {
    pub result: ToolResult,
    pub at: Timestamp,
}

type Row = (i64, i64, String, i64, String, i64, Option<Uuid>);

impl TenantStore {
    /// What the agent did in the turns of a conversation, the newest first, or in one of them. A turn without a completion did
    /// nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn trail(
        &self,
        conversation: ConversationId,
        turn: Option<TurnNo>,
        request: PageRequest,
    ) -> Result<Page<TurnTrail>, StoreError> {
        let (tenant, id, turn) = (self.key(), conversation.uuid(), turn.map(i64::from));
        let query = db::query_as(sql::TURNS).bind(tenant).bind(id).bind(turn);
        let query = query.bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<Row> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_scalar(sql::COUNT_TURNS).bind(tenant).bind(id).bind(turn);
        let total: i64 = query.fetch_one(self.reads()).await.map_err(store_error)?;
        let mut turns: Vec<TurnTrail> = Vec::new();
        for (turn, step, what, place, payload, at, agent) in rows {
            let turn = small(turn);
            if turns.last().is_none_or(|t| t.turn != turn) {
                turns.push(TurnTrail { turn, steps: Vec::new() });
            }
            if let Some(of) = turns.last_mut() {
                let at = (small(step), small(place), Timestamp(at));
                of.add(at, agent.map(AgentId::new), records::journalled(&what, &payload)?);
            }
        }
        Ok(Page::new(turns, request, total))
    }
}

impl TurnTrail {
    fn add(&mut self, (step, place, at): (StepNo, u32, Timestamp), agent: Option<AgentId>, what: JournalWhat) {
        match what {
            JournalWhat::Completion(completion) => {
                self.steps.push(TurnStep { step, agent, completion, at, results: BTreeMap::new() });
            }
            JournalWhat::Settled(result) => {
                if let Some(of) = self.steps.iter_mut().find(|s| s.step == step) {
                    of.results.insert(place, SettledCall { result, at });
                }
            }
        }
    }
}
