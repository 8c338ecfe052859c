//! Telephone calls as they go on: what a provider's request means, and what it is answered.
//!
//! A call is a conversation of its own: a number can be forged, or shared, and nobody should hear what somebody else
//! asked. Nothing of a call is kept here between requests: where its dialogue is stands in the addresses that the provider
//! is told to call next, and everything else in the store, so that any node answers any request.

mod dialogue;
mod line;
mod lost;

pub use line::open;
pub use lost::run;

use crate::{
    error::{ApiError, ApiResult},
    exchange::{Ended, Exchange},
    state::Api,
};
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use colloquy_domain::{
    call::{
        CallAnswer, CallChange, CallEvent, CallNews, CallReport, CallRequest, CallStatus, CallStep, CallTool,
        CallToolAnswer, Direction, Place, Sentence, greeting, sentence,
    },
    channel::{ChannelAccount, ChannelKind, WebhookRejection},
    disclosure::Disclosure,
    language::Language,
    ports::{CallDriver, ChannelDriver, StoreError},
};
use colloquy_store::{Call, NewCall};
use futures::future::join_all;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// The kind of channel that telephones are.
pub const VOICE: ChannelKind = ChannelKind::of("voice");
const LANGUAGE: &str = "language";
/// How long a provider's model waits for a tool.
const TOOL_WAIT: Duration = Duration::from_secs(18);

/// Verifies a provider's request, does what it means and answers it.
///
/// # Errors
/// 403 for one that is not signed, 404 for a number of another channel, or the store's.
pub async fn receive(
    api: Arc<Api>,
    account: Arc<ChannelAccount>,
    request: CallRequest<'_>,
    path: &str,
) -> ApiResult<Response> {
    let driver = driver(&api, &account)?;
    let provider = driver.calls(&account).ok_or_else(|| ApiError::not_found("channel"))?;
    let news = provider.receive(&account, &request).map_err(|r| rejected(&api, &account, &r))?;
    if !is_meant(&account, &news) {
        return Err(ApiError::not_found("number"));
    }
    api.counters.webhooks_accepted.fetch_add(1, Ordering::Relaxed);
    let event = news.event.clone();
    let account = speaking(&api, account).await?;
    let telephone = Telephone { api, account: &account, driver: driver.as_ref(), provider, news: &news, path };
    let answer = telephone.answer(event).await?;
    let document = provider.answer(&account, &answer);
    Ok(([(header::CONTENT_TYPE, document.content_type)], document.body).into_response())
}

/// The account with the language of its calls: its own, or its agent's.
async fn speaking(api: &Api, account: Arc<ChannelAccount>) -> ApiResult<Arc<ChannelAccount>> {
    if account.setting(LANGUAGE).is_some_and(|l| !l.trim().is_empty()) {
        return Ok(account);
    }
    let agent = match api.store.tenant(account.tenant).agent(account.agent).await {
        // Removed meanwhile: what comes of its calls is still told.
        Err(StoreError::NotFound(_)) => return Ok(account),
        found => found?,
    };
    let tag = tag(agent.profile.speaks(true));
    let mut account = ChannelAccount::clone(&account);
    account.settings.insert(LANGUAGE.to_owned(), tag.to_owned());
    Ok(Arc::new(account))
}

/// A language as telephone providers name it.
const fn tag(language: Language) -> &'static str {
    match language {
        Language::En => "en-US",
        Language::Fr => "fr-FR",
    }
}

pub fn driver(api: &Api, account: &ChannelAccount) -> ApiResult<Arc<dyn ChannelDriver>> {
    let driver = api.channels.driver(&account.kind).filter(|_| account.kind == VOICE && account.enabled);
    driver.ok_or_else(|| ApiError::not_found("channel"))
}

fn rejected(api: &Api, account: &ChannelAccount, rejection: &WebhookRejection) -> ApiError {
    api.counters.webhooks_rejected.fetch_add(1, Ordering::Relaxed);
    tracing::warn!(tenant.id = %account.tenant, channel.id = %account.id, error = %rejection, "call rejected");
    match rejection {
        WebhookRejection::Unauthenticated => ApiError::forbidden(&rejection.to_string()),
        WebhookRejection::Malformed(_) => ApiError::new(StatusCode::BAD_REQUEST, "MALFORMED", rejection.to_string()),
        WebhookRejection::NotSupported => ApiError::not_found("webhook"),
    }
}

/// Whether the call is on the account's number, if it has one.
pub fn is_meant(account: &ChannelAccount, news: &CallNews) -> bool {
    let (from, to) = (news.from.as_deref(), news.to.as_deref());
    let Some(number) = account.external_id.as_deref() else { return true };
    (from.is_none() && to.is_none()) || from == Some(number) || to == Some(number)
}

/// One request about one call.
struct Telephone<'a> {
    api: Arc<Api>,
    account: &'a ChannelAccount,
    driver: &'a dyn ChannelDriver,
    provider: &'a dyn CallDriver,
    news: &'a CallNews,
    /// Where the provider sends what follows.
    path: &'a str,
}

impl Telephone<'_> {
    async fn answer(&self, event: CallEvent) -> ApiResult<CallAnswer> {
        if self.news.external_id.is_empty() {
            // Of no call: nothing can be written down.
            return match event {
                CallEvent::AssistantWanted => self.assistant().await,
                _ => Ok(CallAnswer::Noted),
            };
        }
        match event {
            CallEvent::Incoming => self.greet().await,
            CallEvent::Heard { at, words } => self.heard(at, words).await,
            CallEvent::Waiting { at } => self.waited(at).await,
            CallEvent::LineClosed(parting) => self.line_closed(parting).await,
            CallEvent::PutThrough { answered } => self.put_through(answered).await,
            CallEvent::Moved { status, seconds, ends } => self.moved(status, seconds, ends).await,
            CallEvent::AssistantWanted => {
                let step = CallStep::new("assistant", "assistant", self.account.agent.to_string());
                self.note(CallChange { status: Some(CallStatus::Ringing), ..CallChange::new(step) }).await?;
                self.assistant().await
            }
            CallEvent::Tools(tools) => self.tools(tools).await,
            CallEvent::Report(report) => self.report(*report).await,
            CallEvent::Overheard { key, line } => {
                let step = CallStep::new(key, "said", line.clone());
                self.note(CallChange { said: vec![line], ..CallChange::new(step) }).await?;
                Ok(CallAnswer::Noted)
            }
            CallEvent::Ignored { kind } => {
                if kind == "hang" {
                    self.note(CallChange::new(CallStep::new("hang", "slow", ""))).await?;
                }
                Ok(CallAnswer::Noted)
            }
        }
    }

    /// Writes a step down; the call as it is then.
    async fn note(&self, change: CallChange) -> ApiResult<Call> {
        Ok(self.change(change).await?.0)
    }

    /// As [`Self::note`], and whether the step is new.
    async fn change(&self, change: CallChange) -> ApiResult<(Call, bool)> {
        let new = NewCall {
            channel: self.account.id,
            provider: self.provider.provider(),
            external_id: self.news.external_id.clone(),
            direction: self.news.direction,
            from: self.news.from.clone(),
            to: self.news.to.clone(),
        };
        let kind = change.step.kind;
        let (call, changed) = self.api.store.tenant(self.account.tenant).change_call(new, change).await?;
        if changed {
            tracing::info!(
                tenant.id = %self.account.tenant, channel.id = %self.account.id, call.id = %call.id,
                call.step = kind, call.status = call.facts.status.name(), "call"
            );
        }
        Ok((call, changed))
    }

    fn language(&self) -> Language {
        self.account.setting(LANGUAGE).and_then(Language::from_tag).unwrap_or(Language::Fr)
    }

    fn sentence(&self, which: Sentence) -> String {
        sentence(which, self.language()).to_owned()
    }

    /// The address at which the dialogue goes on.
    fn at(&self, place: Place) -> String {
        let Place { turn, silent, waited } = place;
        format!("{}?turn={turn}&silent={silent}&waited={waited}", self.path)
    }

    /// The first words of the call. If the agent says that it is a machine, they begin with it: no reply of the call says
    /// it again.
    async fn greeting(&self) -> ApiResult<String> {
        let greeting = self.welcome().await?;
        let disclosure = self.disclosure().await?;
        Ok(disclosure.map_or(greeting.clone(), |d| format!("{} {greeting}", d.text(self.language()))))
    }

    async fn disclosure(&self) -> ApiResult<Option<Disclosure>> {
        let agent = self.api.store.tenant(self.account.tenant).agent(self.account.agent).await?;
        Ok(agent.profile.disclosure)
    }

    async fn welcome(&self) -> ApiResult<String> {
        if let Some(own) = self.account.setting("greeting").filter(|g| !g.trim().is_empty()) {
            return Ok(own.to_owned());
        }
        let company = match self.account.setting("company").filter(|c| !c.trim().is_empty()) {
            Some(company) => company.to_owned(),
            None => self.api.store.installation().tenant(self.account.tenant).await?.name,
        };
        Ok(greeting(&company, self.language()))
    }

    async fn greet(&self) -> ApiResult<CallAnswer> {
        let greeting = self.greeting().await?;
        let step = CallStep::new("incoming", "incoming", self.account.agent.to_string());
        let said = vec![format!("Agent: {greeting}")];
        self.note(CallChange { status: Some(CallStatus::InProgress), said, ..CallChange::new(step) }).await?;
        let notice = self.account.setting("recording_notice").filter(|n| !n.trim().is_empty());
        let mut say: Vec<String> = notice.map(str::to_owned).into_iter().collect();
        if self.is_relayed() {
            return self.open_line(say, greeting, 1).await;
        }
        say.push(greeting);
        Ok(CallAnswer::Listen { say, then: self.at(Place::first()) })
    }

    async fn moved(&self, status: CallStatus, seconds: Option<u64>, ends: bool) -> ApiResult<CallAnswer> {
        let step = CallStep::new(format!("status:{}", status.name()), "status", status.name());
        self.note(CallChange { status: Some(status), seconds, ends, ..CallChange::new(step) }).await?;
        Ok(CallAnswer::Noted)
    }

    async fn report(&self, report: CallReport) -> ApiResult<CallAnswer> {
        let step = CallStep::new("report", "report", report.reason.clone().unwrap_or_default());
        let change = CallChange { status: Some(CallStatus::Completed), ends: true, ..CallChange::new(step) };
        self.note(CallChange { report: Some(report), ..change }).await?;
        Ok(CallAnswer::Noted)
    }

    async fn assistant(&self) -> ApiResult<CallAnswer> {
        let address = format!("{}/v1", self.api.options.public_url);
        Ok(CallAnswer::Assistant { first: self.greeting().await?, agent: self.account.agent.to_string(), address })
    }

    /// A provider's own model asks our agent: each call is a question in the conversation of the call.
    async fn tools(&self, tools: Vec<CallTool>) -> ApiResult<CallAnswer> {
        let answers = join_all(tools.into_iter().map(|tool| self.tool(tool))).await;
        Ok(CallAnswer::Tools(answers.into_iter().collect::<ApiResult<_>>()?))
    }

    async fn tool(&self, tool: CallTool) -> ApiResult<CallToolAnswer> {
        let CallTool { id, name, question } = tool;
        let Some(question) = question else {
            let why = format!("{name} was not asked anything: give it a `question`");
            return Ok(CallToolAnswer { id, name, result: Err(why) });
        };
        let saying = self.saying(format!("tool-{id}"), question.clone());
        let mut asked = Exchange::begin(Arc::clone(&self.api), self.account, saying).await?;
        let ended = asked.ended_within(TOOL_WAIT).await?.unwrap_or_else(Ended::pending);
        let reply = ended.reply.as_ref().and_then(|r| self.spoken(&r.text));
        let step = CallStep::new(format!("tool:{id}"), "tool", question);
        let ai_handled = reply.is_some();
        self.note(CallChange { conversation: ended.conversation, ai_handled, ..CallChange::new(step) }).await?;
        Ok(CallToolAnswer { id, name, result: reply.ok_or_else(|| self.sentence(Sentence::TooSlow)) })
    }
}

/// A call's provider asked the OpenAI-compatible endpoint for words: the call gets its conversation.
///
/// # Errors
/// The store's.
pub async fn linked(api: &Api, account: &ChannelAccount, asked: &Exchange, ended: &Ended) -> ApiResult<()> {
    let new = NewCall {
        channel: account.id,
        provider: "vapi",
        external_id: asked.session.clone(),
        direction: Direction::Inbound,
        from: None,
        to: account.external_id.clone(),
    };
    let step = CallStep::new(format!("replied:{}", asked.message_id), "replied", "");
    let change =
        CallChange { conversation: ended.conversation, ai_handled: ended.reply.is_some(), ..CallChange::new(step) };
    api.store.tenant(account.tenant).change_call(new, change).await?;
    Ok(())
}
