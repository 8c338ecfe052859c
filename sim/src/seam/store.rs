//! Conversations.

use super::Seam;
use crate::{fault::Site, planted::Planted};
use async_trait::async_trait;
use colloquy_domain::{
    agent::Spent,
    approval::Ruling,
    conversation::Commit,
    ids::{AgentId, ConversationId, Seq, TenantId},
    message::{Content, InboxItem},
    model::HistoryMessage,
    ports::{ConversationStore, DueTimer, Loaded, StoreError},
    time::Timestamp,
};

#[async_trait]
impl ConversationStore for Seam {
    async fn load(&self, tenant: TenantId, conversation: ConversationId) -> Result<Loaded, StoreError> {
        let who = self.called(conversation);
        let work = async {
            let mut loaded = self.core.store.load(tenant, conversation).await?;
            self.misread(&mut loaded);
            Ok(loaded)
        };
        self.call(Site::Load, &who, work).await
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

    async fn rulings(&self, tenant: TenantId, conversation: ConversationId) -> Result<Vec<Ruling>, StoreError> {
        let who = self.called(conversation);
        self.call(Site::Read, &who, self.core.store.rulings(tenant, conversation)).await
    }

    async fn commit(&self, mut commit: Commit) -> Result<(), StoreError> {
        let who = self.called(commit.conversation);
        let work = async {
            self.fenced(commit.conversation)?;
            self.misquoted(&mut commit);
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

impl Seam {
    fn misread(&self, loaded: &mut Loaded) {
        if !self.core.has(Planted::CutReloaded) || !self.core.has_died() {
            return;
        }
        for item in &mut loaded.pending {
            if let Content::Text { text } = &mut item.inbound.content
                && let Some((kept, _)) = text.rsplit_once(' ')
            {
                *text = kept.to_owned();
            }
        }
    }

    fn misquoted(&self, commit: &mut Commit) {
        if self.core.has(Planted::CiteBeside) {
            commit.messages.iter_mut().flat_map(|m| &mut m.citations).for_each(|c| c.offset += 1);
        }
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
