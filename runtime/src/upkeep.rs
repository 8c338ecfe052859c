//! What a fresh installation needs, and what is done now and then.

use anyhow::Context;
use colloquy_actors::node::NodeHandle;
use colloquy_domain::{
    agent::AgentProfile,
    channel::{ChannelAccount, ChannelKind, Secret},
    ids::{AgentId, ChannelId},
    model::ModelChoice,
    ports::{Ids, StoreError},
};
use colloquy_rag::pipeline::Rag;
use colloquy_store::{Actor, KeyHash, PageRequest, Store, Swept};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The knowledge base of the first agent.
const BASE: &str = "default";
const MAINTAIN_EVERY: Duration = Duration::from_secs(120);
/// How soon it is seen that an embedding model at an address answers again.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The default tenant, the key that guards its API, and, where there is none, a first agent with a web chat.
///
/// # Errors
/// The store's.
pub async fn first_rows(store: &Store, api_key: &Secret, model: &ModelChoice, ids: &dyn Ids) -> anyhow::Result<()> {
    let tenant = store.installation().ensure_default_tenant().await?;
    let rows = store.tenant(tenant.id);
    let hash = KeyHash::of(api_key.expose());
    if store.installation().api_key(hash).await?.is_none() {
        rows.create_api_key("first start", hash, &["*".to_owned()]).await?;
    }
    if rows.agents(PageRequest::new(1, 1)).await?.total > 0 {
        return Ok(());
    }
    let base = rows.ensure_knowledge_base(BASE).await?;
    let mut profile = AgentProfile::new(tenant.id, AgentId::new(ids.uuid()), "Assistant", model.clone());
    profile.knowledge = vec![base.id];
    let agent = match rows.create_agent(profile, Actor::System).await {
        // Another node starts at the same time and was faster.
        Err(StoreError::Conflict(_)) => return Ok(()),
        made => made?,
    };
    let account = ChannelAccount {
        tenant: tenant.id,
        id: ChannelId::new(ids.uuid()),
        kind: ChannelKind::of("webchat"),
        name: "Web chat".to_owned(),
        agent: agent.profile.id,
        external_id: None,
        settings: BTreeMap::new(),
        secrets: BTreeMap::new(),
        enabled: true,
    };
    rows.create_channel(account, true).await?;
    Ok(())
}

/// Puts documents whose passages lack the present model's vectors back into the queue.
///
/// # Errors
/// The stores'.
pub async fn reindex(store: &Store, rag: &Rag, node: &NodeHandle) -> anyhow::Result<()> {
    let outdated = rag.outdated().await.context("documents to index again")?;
    if outdated.is_empty() {
        return Ok(());
    }
    tracing::info!(documents = outdated.len(), "indexing again with the embedding model");
    for key in outdated {
        match store.tenant(key.tenant).requeue_document(key.document).await {
            // Deleted meanwhile.
            Ok(()) | Err(StoreError::NotFound(_)) => {}
            Err(e) => return Err(e.into()),
        }
    }
    node.wake_ingestion();
    Ok(())
}

/// Deletes what tenants keep no longer, batch after batch; each tenant's on the node that owns it.
///
/// # Errors
/// The store's; what is left is deleted the next time.
async fn sweep(store: &Store, node: &NodeHandle) -> Result<(), StoreError> {
    for tenant in store.installation().tenants_with_retention().await? {
        let rows = store.tenant(tenant);
        while node.owns(tenant) {
            let swept = rows.sweep(rows.retention().await?).await?;
            for conversation in &swept.conversations {
                node.renew(tenant, *conversation);
            }
            let (conversations, unfinished) = (swept.conversations.len(), swept.unfinished);
            if swept != Swept::default() {
                let Swept { messages, events, audit, outreach, simulations, agent_versions, .. } = swept;
                tracing::info!(
                    tenant.id = %tenant,
                    conversations,
                    messages,
                    events,
                    audit,
                    outreach,
                    simulations,
                    agent_versions,
                    "deleted: kept no longer"
                );
            }
            if !unfinished {
                break;
            }
        }
    }
    Ok(())
}

/// What a model's arrival left behind: passages get its vectors.
async fn catch_up(store: &Store, rag: &Rag, node: &NodeHandle) {
    while let Err(e) = rag.reembed().await {
        tracing::warn!(error = %e, "the new embedding model is not in use yet");
        tokio::time::sleep(MAINTAIN_EVERY).await;
    }
    if let Err(e) = reindex(store, rag, node).await {
        tracing::warn!(error = %e, "documents not indexed again");
    }
}

/// Keeps passages and the embedding model together for ever, while a model at an address comes and goes.
async fn vectors(store: &Store, rag: &Rag, node: &NodeHandle) {
    catch_up(store, rag, node).await;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if rag.owes().await {
            catch_up(store, rag, node).await;
        }
    }
}

/// Housekeeping for ever: what a model's arrival left behind, and the stores'.
pub async fn run(store: Store, rag: Arc<Rag>, node: NodeHandle, approval_patience: Duration) {
    tokio::join!(vectors(&store, &rag, &node), tidy(&store, &rag, &node, approval_patience));
}

async fn tidy(store: &Store, rag: &Rag, node: &NodeHandle, approval_patience: Duration) {
    loop {
        tokio::time::sleep(MAINTAIN_EVERY).await;
        if let Err(e) = store.installation().tidy_sign_ins().await {
            tracing::warn!(error = %e, "old sign-ins not deleted");
        }
        if let Err(e) = store.installation().forget_idempotency_keys().await {
            tracing::warn!(error = %e, "old idempotency keys not deleted");
        }
        if let Err(e) = store.installation().forget_tool_uses().await {
            tracing::warn!(error = %e, "old uses of tools not deleted");
        }
        if let Err(e) = store.installation().mark_overdue_approvals(approval_patience).await {
            tracing::warn!(error = %e, "approvals that nobody decided were not told of");
        }
        if let Err(e) = sweep(store, node).await {
            tracing::warn!(error = %e, "what is kept no longer was not deleted");
        }
        if let Err(e) = rag.maintain().await {
            tracing::warn!(error = %e, "vector store not maintained");
        }
    }
}
