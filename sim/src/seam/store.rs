//! Conversations.

use super::Seam;
use crate::{fault::Site, planted::Planted};
use async_trait::async_trait;
use colloquy_domain::{
    agent::Spent,
    conversation::Commit,
    ids::{AgentId, ConversationId, Seq, TenantId},
    message::InboxItem,
    model::HistoryMessage,
    ports::{ConversationStore, DueTimer, Loaded, StoreError},
    time::Timestamp,
};

#[async_trait]
impl ConversationStore for Seam {
    async fn load(&self, tenant: TenantId, conversation: ConversationId) -> Result<Loaded, StoreError> {
        let who = self.called(conversation);
        self.call(Site::Load, &who, self.core.store.load(tenant, conversation)).await
    }

    async fn pending(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: Seq,
    ) -> Result<Vec<InboxItem>, StoreError> {
        let who = self.called(conversation);
        self.call(Site::Read, &who, self.core.store.pending(tenant, conversation, after)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let who = self.called(commit.conversation);
        let work = async {
            self.fenced(commit.conversation)?;
            let told = told(&commit);
            let conversation = commit.conversation;
            self.core.watch.committing(&self.core, self, &commit);
            self.core.store.commit(commit).await?;
            self.note("commit", &self.called(conversation), told);
            Ok(())
        };
        self.call(Site::Commit, &who, work).await
    }

    async fn history(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        before: Seq,
        limit: u32,
    ) -> Result<Vec<HistoryMessage>, StoreError> {
        let who = self.called(conversation);
        self.call(Site::Read, &who, self.core.store.history(tenant, conversation, before, limit)).await
    }

    async fn unfinished(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(TenantId, ConversationId)>, StoreError> {
        self.gate.pass().await;
        if self.core.has(Planted::ForgetUnfinished) {
            return Ok(Vec::new());
        }
        self.core.store.unfinished(after, limit).await
    }

    async fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTimer>, StoreError> {
        self.gate.pass().await;
        self.core.store.due_timers(now, limit).await
    }

    async fn spent(&self, tenant: TenantId, agent: AgentId, now: Timestamp) -> Result<Spent, StoreError> {
        self.gate.pass().await;
        if self.core.has(Planted::ForgetSpending) {
            return Ok(Spent { day: Spent::day_of(now), micros: 0 });
        }
        self.core.store.spent(tenant, agent, now).await
    }
}

/// What a commit says, without ids.
fn told(commit: &Commit) -> String {
    let mut told = format!("v{}", commit.expected_version + 1);
    for settled in &commit.settled {
        told.push_str(&format!(" #{} {}", settled.seq, settled.outcome.name()));
    }
    for message in &commit.messages {
        told.push_str(&format!(" says {:?}", message.text));
    }
    for row in &commit.journal {
        told.push_str(&format!(" journal {}.{}.{}", row.turn, row.step, row.index));
    }
    for letter in &commit.dead_letters {
        told.push_str(&format!(" dead letter {}", letter.cause.code));
    }
    told
}
