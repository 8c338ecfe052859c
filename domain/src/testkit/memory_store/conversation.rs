use super::{Line, MemoryStore, State, Thread};
use crate::{
    agent::Spent,
    approval::Ruling,
    conversation::{Commit, JournalRow, JournalWhat, NewHeard, TimerChange},
    ids::{AgentId, ConversationId, Seq, TenantId},
    message::InboxItem,
    model::HistoryMessage,
    ports::{ConversationStore, DueTimer, Loaded, StoreError},
    time::Timestamp,
};
use async_trait::async_trait;
use std::ops::Bound;

#[async_trait]
impl ConversationStore for MemoryStore {
    async fn load(&self, tenant: TenantId, conversation: ConversationId) -> Result<Loaded, StoreError> {
        let state = self.state();
        let thread = state.thread(tenant, conversation).ok_or(StoreError::NotFound("conversation"))?;
        Ok(Loaded {
            key: thread.key.clone(),
            agent: state.agent_of(thread)?,
            version: thread.version,
            snapshot: thread.snapshot.clone(),
            pending: pending(thread, 0),
            rulings: thread.approvals.rulings(thread),
        })
    }

    async fn rulings(&self, tenant: TenantId, conversation: ConversationId) -> Result<Vec<Ruling>, StoreError> {
        Ok(self.state().thread(tenant, conversation).map(|t| t.approvals.rulings(t)).unwrap_or_default())
    }

    async fn pending(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: Seq,
    ) -> Result<Vec<InboxItem>, StoreError> {
        Ok(self.state().thread(tenant, conversation).map(|t| pending(t, after)).unwrap_or_default())
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.state().commit(commit)
    }

    async fn history(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        before: Seq,
        limit: u32,
    ) -> Result<Vec<HistoryMessage>, StoreError> {
        let state = self.state();
        let lines = state.thread(tenant, conversation).map(|t| t.lines.as_slice()).unwrap_or_default();
        let mut last: Vec<HistoryMessage> = lines
            .iter()
            .rev()
            .filter(|l| l.seq.is_none_or(|seq| seq < before))
            .map(|l| HistoryMessage { speaker: l.speaker, text: l.words(), image: None })
            .filter(|m| !m.text.is_empty())
            .take(limit as usize)
            .collect();
        last.reverse();
        Ok(last)
    }

    async fn unfinished(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(TenantId, ConversationId)>, StoreError> {
        let state = self.state();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let open = state.conversations.range((from, Bound::Unbounded)).filter(|(_, t)| {
            // The newest are the ones without outcome.
            t.inbox.iter().rev().any(|(_, outcome)| outcome.is_none()) || t.approvals.is_unfinished()
        });
        Ok(open.take(limit).map(|(id, t)| (t.key.tenant, *id)).collect())
    }

    async fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTimer>, StoreError> {
        let state = self.state();
        let mut due: Vec<DueTimer> = state
            .timers
            .iter()
            .filter(|(_, at)| **at <= now)
            .filter_map(|(id, at)| {
                let tenant = state.conversations.get(id)?.key.tenant;
                Some(DueTimer { tenant, conversation: *id, at: *at })
            })
            .collect();
        due.sort_by_key(|t| t.at);
        due.truncate(limit);
        Ok(due)
    }

    async fn spent(&self, tenant: TenantId, agent: AgentId, now: Timestamp) -> Result<Spent, StoreError> {
        let day = Spent::day_of(now);
        let state = self.state();
        let ledgers = state.conversations.values().filter(|t| t.key.tenant == tenant).flat_map(|t| &t.ledger);
        let micros = ledgers.filter(|(a, d, _)| *a == agent && *d == day).map(|(_, _, micros)| micros).sum();
        Ok(Spent { day, micros })
    }
}

fn pending(thread: &Thread, after: Seq) -> Vec<InboxItem> {
    let open = thread.inbox.iter().filter(|(item, outcome)| item.seq > after && outcome.is_none());
    open.map(|(item, _)| item.clone()).collect()
}

fn same_place(a: &JournalRow, b: &JournalRow) -> bool {
    let place = |r: &JournalRow| (r.turn, r.step, r.index, matches!(r.what, JournalWhat::Settled(_)));
    place(a) == place(b)
}

impl State {
    pub(super) fn agent_of(&self, thread: &Thread) -> Result<AgentId, StoreError> {
        let channel = self.channels.get(&thread.key.channel).ok_or(StoreError::NotFound("channel"))?;
        Ok(channel.0.agent)
    }

    fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        let thread = self.thread(commit.tenant, commit.conversation).ok_or(StoreError::NotFound("conversation"))?;
        let agent = self.agent_of(thread)?;
        check(thread, &commit)?;
        let thread = self.conversations.get_mut(&commit.conversation).ok_or(StoreError::NotFound("conversation"))?;
        thread.version += 1;
        thread.snapshot = commit.snapshot;
        for NewHeard { seq, heard } in commit.heard {
            if let Some((item, _)) = thread.inbox.iter_mut().find(|(item, _)| item.seq == seq) {
                item.heard = Some(heard.clone());
            }
            if let Some(line) = thread.lines.iter_mut().find(|l| l.seq == Some(seq)) {
                line.heard = Some(heard);
            }
        }
        for s in commit.settled {
            if let Some((_, outcome)) = thread.inbox.iter_mut().find(|(item, _)| item.seq == s.seq) {
                *outcome = Some(s.outcome);
            }
        }
        commit.messages.iter().for_each(|m| self.beginnings.answers(m.id, m.turn));
        thread.lines.extend(commit.messages.into_iter().map(|m| Line {
            speaker: m.speaker,
            seq: None,
            message: Some(m.id),
            turn: m.turn,
            text: m.text,
            heard: None,
            citations: m.citations,
            abstained: m.abstained,
        }));
        for cut in commit.cuts {
            for line in thread.lines.iter_mut().filter(|l| l.turn == Some(cut.turn)) {
                line.text.clone_from(&cut.heard);
            }
        }
        thread.journal.extend(commit.journal);
        thread.dead_letters.extend(commit.dead_letters);
        thread.approvals.write(commit.approvals);
        let day = Spent::day_of(commit.now);
        thread.ledger.extend(commit.ledger.iter().map(|l| (l.agent.unwrap_or(agent), day, l.usage.cost_micros)));
        for change in commit.timers {
            match change {
                TimerChange::ReturnAt(at) => self.timers.insert(commit.conversation, at),
                TimerChange::Cleared => self.timers.remove(&commit.conversation),
            };
        }
        for new in commit.outbox {
            self.outbox.add((commit.tenant, commit.channel, commit.conversation), new, commit.now);
        }
        Ok(())
    }
}

/// What must hold before anything is written.
fn check(thread: &Thread, commit: &Commit) -> Result<(), StoreError> {
    if thread.version != commit.expected_version {
        return Err(StoreError::Stale);
    }
    let mut settled = std::collections::BTreeSet::new();
    let open = |seq| thread.inbox.iter().any(|(item, outcome)| item.seq == seq && outcome.is_none());
    if !commit.settled.iter().all(|s| open(s.seq) && settled.insert(s.seq)) {
        return Err(StoreError::Conflict("outcome"));
    }
    let mut rows = thread.journal.iter().collect::<Vec<_>>();
    for row in &commit.journal {
        if rows.iter().any(|r| same_place(r, row)) {
            return Err(StoreError::Conflict("result"));
        }
        rows.push(row);
    }
    thread.approvals.check(&commit.approvals)
}
