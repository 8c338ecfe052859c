//! Fakes of the ports that are not stores: each does what a closure says and keeps what it was asked.

use crate::{
    agent::AgentProfile,
    channel::{
        ChannelAccount, ChannelKind, Delivery, Handshake, Pacing, Part, Polled, SendError, Sent, SettingField,
        WebhookRejection, WebhookRequest,
    },
    failure::Failure,
    ids::{AgentId, ChannelId, DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{IngestFailure, IngestJob, IngestReport, KnowledgeQuery, Passage, Stretch},
    language::Language,
    meaning::in_words,
    message::Peer,
    model::{CompletionRequest, CompletionResult, ModelChoice},
    outbound::Citation,
    ports::{
        AgentDirectory, Announcer, ChannelDirectory, ChannelDriver, DocumentPipeline, Knowledge, Meaning, Model,
        Notice, ProgressSink, StoreError, TokenSink, Toolbox,
    },
    testkit::MemoryStore,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec},
};
use async_trait::async_trait;
use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The provider of agents whose [`FakeModel`] is a language model.
pub const FAKE_WRITER: &str = "writer";

/// A model that answers as its closure says.
pub struct FakeModel<F>(pub F);

#[async_trait]
impl<F: Fn(CompletionRequest) -> Answer<CompletionResult> + Send + Sync> Model for FakeModel<F> {
    async fn complete(&self, request: CompletionRequest, sink: &dyn TokenSink) -> CompletionResult {
        let result = (self.0)(request).await;
        if let Ok(completion) = &result {
            sink.delta(&completion.text);
        }
        result
    }

    fn writes(&self, choice: &ModelChoice) -> bool {
        choice.provider == FAKE_WRITER
    }
}

/// Knowledge that finds what its closure says.
pub struct FakeKnowledge<F>(pub F);

#[async_trait]
impl<F: Fn(KnowledgeQuery) -> Result<Vec<Passage>, Failure> + Send + Sync> Knowledge for FakeKnowledge<F> {
    async fn search(&self, query: KnowledgeQuery) -> Result<Vec<Passage>, Failure> {
        (self.0)(query)
    }

    async fn passages(&self, _: Stretch) -> Result<Vec<Passage>, Failure> {
        Ok(Vec::new())
    }
}

/// Compares texts by their words alone.
pub struct MeaningInWords;

#[async_trait]
impl Meaning for MeaningInWords {
    async fn likeness(&self, text: &str, others: &[String], language: Language) -> Result<Vec<f32>, Failure> {
        Ok(in_words(text, others, language))
    }
}

/// One tool of each name that it is asked for, all idempotent; keeps the invocations.
#[derive(Default)]
pub struct FakeTools {
    pub ran: Mutex<Vec<ToolInvocation>>,
}

#[async_trait]
impl Toolbox for FakeTools {
    async fn specs(&self, _: TenantId, names: &[String]) -> Result<Vec<ToolSpec>, Failure> {
        let spec = |name: &String| ToolSpec {
            name: name.clone(),
            description: "does nothing".into(),
            parameters: "{}".into(),
            effect: EffectClass::Idempotent,
            timeout: Duration::from_secs(5),
        };
        Ok(names.iter().map(spec).collect())
    }

    async fn run(&self, invocation: ToolInvocation) -> ToolResult {
        lock(&self.ran).push(invocation);
        ToolResult::done("done")
    }
}

/// Keeps all notices, and tells its closure of each.
pub struct Heard<F> {
    pub notices: Mutex<Vec<Notice>>,
    pub on: F,
}

impl<F: Fn(&Notice) + Send + Sync> Announcer for Heard<F> {
    fn announce(&self, notice: Notice) {
        (self.on)(&notice);
        lock(&self.notices).push(notice);
    }
}

/// A channel whose sends end as its script says; sends beyond the script succeed.
#[derive(Default)]
pub struct FakeDriver {
    pub script: Mutex<VecDeque<Result<(), SendError>>>,
    /// (peer, text) of what the provider took.
    pub sent: Mutex<Vec<(String, String)>>,
    /// Every attempt.
    pub attempts: Mutex<u32>,
    /// What each poll brings; none: the channel does not poll.
    pub polls: Mutex<Option<VecDeque<Polled>>>,
    /// The cursors that polls were given.
    pub cursors: Mutex<Vec<Option<String>>>,
}

#[async_trait]
impl ChannelDriver for FakeDriver {
    fn kind(&self) -> ChannelKind {
        ChannelKind::of("fake")
    }

    fn fields(&self) -> &'static [SettingField] {
        &[]
    }

    fn pacing(&self, _: &ChannelAccount) -> Pacing {
        Pacing { per_second: 1_000, peer_interval: Duration::ZERO, peer_burst: 1 }
    }

    fn handshake(&self, _: &ChannelAccount, _: &WebhookRequest<'_>) -> Handshake {
        Handshake::Unsupported
    }

    fn receive(
        &self,
        _: &ChannelAccount,
        _: &WebhookRequest<'_>,
    ) -> Result<Vec<crate::channel::ChannelEvent>, WebhookRejection> {
        Err(WebhookRejection::NotSupported)
    }

    /// One part for each line.
    fn render(&self, markdown: &str, _: &[Citation]) -> Vec<Part> {
        markdown.lines().map(|l| Part::words(l.to_owned(), l.to_owned())).collect()
    }

    async fn send(&self, delivery: Delivery<'_>) -> Result<Sent, SendError> {
        *lock(&self.attempts) += 1;
        let result = lock(&self.script).pop_front().unwrap_or(Ok(()));
        result?;
        let mut sent = lock(&self.sent);
        sent.push((delivery.to.address.clone(), delivery.part.text.clone()));
        Ok(Sent { provider_message_id: Some(format!("sent-{}", sent.len())) })
    }

    async fn typing(&self, _: &ChannelAccount, _: &Peer, _: &str) -> Result<(), Failure> {
        Ok(())
    }

    fn polls(&self, _: &ChannelAccount) -> bool {
        lock(&self.polls).is_some()
    }

    async fn poll(&self, _: &ChannelAccount, cursor: Option<String>) -> Result<Polled, Failure> {
        lock(&self.cursors).push(cursor);
        let next = lock(&self.polls).as_mut().and_then(VecDeque::pop_front);
        match next {
            Some(polled) => Ok(polled),
            None => std::future::pending().await,
        }
    }

    async fn check(&self, _: &ChannelAccount) -> Result<String, Failure> {
        Ok("fake".into())
    }
}

/// Accounts and agents of a [`MemoryStore`], all served by one driver.
pub struct MemoryDirectory {
    pub store: Arc<MemoryStore>,
    pub driver: Arc<dyn ChannelDriver>,
}

#[async_trait]
impl ChannelDirectory for MemoryDirectory {
    async fn account(&self, channel: ChannelId) -> Result<Option<Arc<ChannelAccount>>, StoreError> {
        Ok(self.store.account(channel).map(Arc::new))
    }

    async fn enabled(&self) -> Result<Vec<Arc<ChannelAccount>>, StoreError> {
        Ok(self.store.accounts().into_iter().filter(|a| a.enabled).map(Arc::new).collect())
    }

    fn driver(&self, _: &ChannelKind) -> Option<Arc<dyn ChannelDriver>> {
        Some(Arc::clone(&self.driver))
    }

    fn changed(&self, _: ChannelId) {}
}

#[async_trait]
impl AgentDirectory for MemoryDirectory {
    async fn profile(&self, tenant: TenantId, agent: AgentId) -> Result<Option<AgentProfile>, StoreError> {
        Ok(self.store.agent(tenant, agent))
    }
}

/// What comes of a document, in its time.
pub type Ingested = Pin<Box<dyn Future<Output = Result<IngestReport, IngestFailure>> + Send>>;

/// A pipeline whose documents end as its closure says.
pub struct FakePipeline<F>(pub F);

#[async_trait]
impl<F: Fn(IngestJob) -> Ingested + Send + Sync> DocumentPipeline for FakePipeline<F> {
    async fn ingest(&self, job: &IngestJob, _: &dyn ProgressSink) -> Result<IngestReport, IngestFailure> {
        (self.0)(job.clone()).await
    }

    async fn forget(&self, _: TenantId, _: KnowledgeBaseId, _: DocumentId) -> Result<(), Failure> {
        Ok(())
    }
}
