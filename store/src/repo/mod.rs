//! What the API and the command line read and change.
//!
//! [`TenantStore`] is bound to one tenant and has no way to name another; [`Installation`] is the little that looks
//! across tenants, for start-up, webhooks and the look-up of API keys.

mod agent_drafts;
mod agent_versions;
mod agents;
mod api_keys;
mod approvals;
mod attachments;
mod attempts;
mod audit;
mod calls;
mod channels;
mod commerce;
mod contacts;
mod conversations;
mod dead_letters;
mod desk;
mod documents;
mod events;
mod files;
mod filter;
mod health;
mod idempotency;
mod integrations;
mod jobs;
mod keys;
mod knowledge;
mod log;
mod messages;
mod metrics;
mod moved;
mod outreach;
mod page;
mod peers;
mod people;
mod proposals;
mod recall;
mod received;
mod retention;
mod sessions;
mod simulations;
mod sizes;
mod stats;
mod subscriptions;
mod templates;
mod tenants;
mod told;
mod tool_servers;
mod tool_uses;
mod trail;
mod unanswered;
mod video;
mod webhooks;

pub use agent_drafts::AgentDraft;
pub use agent_versions::AgentVersion;
pub use agents::Agent;
pub use api_keys::{ApiKey, KeyHash, KeyOwner};
pub use approvals::{Approval, ApprovalFilter, ApprovalStatus};
pub use attachments::{Attachment, AttachmentState, Brought};
pub use attempts::Allowance;
pub use audit::{Act, Actor, AuditLine};
pub use calls::{Call, CallFigures, CallFilter, CallLine, NewCall};
pub use channels::Channel;
pub use commerce::{Begun, NewOrder, NewReservation};
pub use contacts::{Consent, Contact, ContactDetails, ContactFilter, ContactIdentity};
pub use conversations::{ConversationFilter, ConversationSummary, LastMessage, TranscriptLine};
pub use dead_letters::{DeadLetter, LostWhat, Replayed};
pub use desk::{Note, Start};
pub use documents::{Document, NewDocument, StoredDocument};
pub use events::{Happened, Moment};
pub(crate) use health::write as write_standing;
pub use health::{ChannelHealth, Refused, Unreadable};
pub use idempotency::{Claimed, Digest32};
pub use integrations::{Integration, IntegrationKind};
pub use jobs::{Job, JobKind, JobState};
pub use keys::Resealed;
pub use knowledge::KnowledgeBase;
pub use messages::{Message, MessageFilter, SentFile};
pub use metrics::{ConversationCost, FiguresOf, Names};
pub use moved::{Alias, Moved};
pub use outreach::{
    Broadcast, ConsentRecord, NewBroadcast, NewConsent, NewPlanned, Planned, Progress, PutOut, Recipient,
};
pub use page::{Page, PageRequest};
pub use peers::DatabaseServer;
pub use people::{NewUser, PasswordHash, User};
pub use proposals::{Answer, Proposal, ProposalState, Proposed, ProposedAnswer, RealQuestion};
pub use recall::{DocumentVersion, ToldFrom};
pub use received::Received;
pub use retention::{Retention, Swept};
pub use sessions::{Purpose, Refreshed, SecretHash, Session};
pub use simulations::{NewSimulation, Simulation, SimulationRun, SimulationState};
pub use stats::{Backlog, Spending};
pub use subscriptions::Subscription;
pub use templates::{KeptTemplate, Synchronised};
pub use tenants::Tenant;
pub use told::{DueDelivery, Event, ToldOrder, ToldReservation, ToldVideo};
pub use tool_servers::MOST_TOOL_SERVERS;
pub use trail::{SettledCall, TurnStep, TurnTrail};
pub use unanswered::{TopicState, UnansweredQuestion, UnansweredTopic};
pub use video::{NewVideo, OpenedVideo};
pub use webhooks::{DeliveryState, SettledDelivery, SigningSecret, WebhookAttempt, WebhookDelivery, WebhookEndpoint};

use crate::{
    db::{self, Conn, FromDb, Reads, Sql, Value},
    error::store_error,
    store::Store,
};
use colloquy_domain::{ids::TenantId, ports::StoreError};
use futures::{FutureExt, future::BoxFuture};
use std::time::Duration;
use uuid::Uuid;

/// One tenant's rows and nothing else.
#[derive(Clone)]
pub struct TenantStore {
    store: Store,
    tenant: TenantId,
}

/// What concerns all tenants.
#[derive(Clone)]
pub struct Installation {
    store: Store,
}

impl Store {
    /// The rows of one tenant. Whether it exists shows in what is found.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId) -> TenantStore {
        TenantStore { store: self.clone(), tenant }
    }

    #[must_use]
    pub fn installation(&self) -> Installation {
        Installation { store: self.clone() }
    }
}

impl TenantStore {
    #[must_use]
    pub const fn id(&self) -> TenantId {
        self.tenant
    }

    fn key(&self) -> Uuid {
        self.tenant.uuid()
    }

    fn reads(&self) -> Reads<'_> {
        self.store.readers_of(self.tenant)
    }

    async fn tell<T, F>(&self, write: F) -> Result<T, StoreError>
    where
        F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<T, StoreError>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.store.tell(Some(self.tenant), write).await
    }

    /// One row by the tenant and another key.
    async fn one<R: FromDb>(&self, statement: &'static str, key: impl Into<Value>) -> Result<Option<R>, StoreError> {
        let query = db::query_as(statement).bind(self.key()).bind(key);
        query.fetch_optional(self.reads()).await.map_err(store_error)
    }

    /// A page of the tenant's rows: `rows` takes tenant, limit and offset, `count` the tenant.
    async fn page<R: FromDb>(
        &self,
        rows: &'static str,
        count: &'static str,
        request: PageRequest,
    ) -> Result<Page<R>, StoreError> {
        let query = db::query_as(rows).bind(self.key()).bind(request.sql_limit()).bind(request.sql_offset());
        let items = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_scalar(count).bind(self.key());
        let total: i64 = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Ok(Page::new(items, request, total))
    }
}

/// Whether a change found its row.
fn found(changed: u64, what: &'static str) -> Result<(), StoreError> {
    if changed == 0 { Err(StoreError::NotFound(what)) } else { Ok(()) }
}

impl Installation {
    /// What waits longest of all tenants' things, for `lease`; meanwhile nobody else gets it. The writer is asked only where
    /// something waits.
    async fn leased<R: FromDb + Send + 'static>(
        &self,
        waiting: impl Into<Sql>,
        take: impl Into<Sql>,
        lease: Duration,
    ) -> Result<Option<R>, StoreError> {
        let now = self.store.now();
        let query = db::query_scalar(waiting).bind(now.millis());
        let found: Option<i64> = query.fetch_optional(self.store.readers()).await.map_err(store_error)?;
        if found.is_none() {
            return Ok(None);
        }
        let (take, until) = (take.into(), (now + lease).millis());
        self.store
            .tell(None, move |conn| {
                let query = db::query_as(take).bind(now.millis()).bind(until);
                async move { query.fetch_optional(conn).await.map_err(store_error) }.boxed()
            })
            .await
    }
}
