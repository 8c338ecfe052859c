//! `GET/POST /api/broadcasts`, `GET/DELETE /api/broadcasts/{id}`, `GET …/recipients`, `POST …/start`, `…/pause`, `…/resume`,
//! `…/cancel`: one template to many people.

use super::{
    conversation_acts::tags,
    scheduled_messages::{Out as PlannedOut, content, state},
    templates::{self, Values},
};
use crate::{
    answer::{Created, Deleted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf, page_of},
    error::{ApiError, ApiResult, created, ok},
    page::list as page,
    state::Api,
    time::{instant, rfc3339},
};
use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use colloquy_domain::{
    channel::ChannelAccount,
    ids::{BroadcastId, ChannelId, ContactId},
    outreach::{Audience, BroadcastAct, BroadcastState, PlannedState, Words, sample},
    ports::StoreError,
    template::{Parameters, TemplateStatus},
};
use colloquy_store::{Broadcast, NewBroadcast, Page, Progress, Recipient};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// People who are named in one request.
const MOST_PEOPLE: usize = 5_000;
const MOST_PER_MINUTE: u32 = 6_000;
const USUAL_PER_MINUTE: u32 = 600;
const USUAL: u32 = 50;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    id: String,
    name: String,
    channel_id: String,
    template: Value,
    audience: AudienceOut,
    per_minute: u32,
    /// `draft`, `scheduled`, `running`, `paused`, `done` or `cancelled`.
    state: &'static str,
    /// Why a running one waits.
    reason: Option<String>,
    start_at: Option<String>,
    counts: Counts,
    created_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct AudienceOut {
    /// `listed`, `tagged` or `consented`.
    #[serde(rename = "type")]
    kind: &'static str,
    tag: Option<String>,
}

impl From<Audience> for AudienceOut {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Listed => Self { kind: "listed", tag: None },
            Audience::Tagged { tag } => Self { kind: "tagged", tag: Some(tag) },
            Audience::Consented => Self { kind: "consented", tag: None },
        }
    }
}

/// How many people are where: each stands in one place.
#[derive(Serialize, JsonSchema, Default, Debug, PartialEq, Eq)]
pub struct Counts {
    total: u64,
    waiting: u64,
    /// In the outbox.
    queued: u64,
    uncertain: u64,
    sent: u64,
    delivered: u64,
    read: u64,
    failed: u64,
    cancelled: u64,
    /// By reason.
    skipped: BTreeMap<String, u64>,
}

impl Counts {
    fn of(progress: Vec<Progress>) -> Self {
        let mut counts = Self::default();
        for Progress { state, reason, delivery, messages } in progress {
            counts.total += messages;
            let place = match (state, delivery.as_deref()) {
                (PlannedState::Waiting, _) => &mut counts.waiting,
                (PlannedState::Failed, _) | (PlannedState::Sent, Some("failed")) => &mut counts.failed,
                (PlannedState::Cancelled, _) => &mut counts.cancelled,
                (PlannedState::Skipped, _) => counts.skipped.entry(reason.unwrap_or_default()).or_default(),
                (PlannedState::Sent, Some("queued")) => &mut counts.queued,
                (PlannedState::Sent, Some("uncertain")) => &mut counts.uncertain,
                (PlannedState::Sent, Some("delivered")) => &mut counts.delivered,
                (PlannedState::Sent, Some("read")) => &mut counts.read,
                (PlannedState::Sent, _) => &mut counts.sent,
            };
            *place += messages;
        }
        counts
    }
}

async fn shown(tenant: &Tenant, b: Broadcast) -> ApiResult<Out> {
    let counts = Counts::of(tenant.store.progress(b.id).await?);
    Ok(Out {
        id: b.id.to_string(),
        name: b.name,
        channel_id: b.channel.to_string(),
        template: content(&b.words),
        audience: b.audience.into(),
        per_minute: b.per_minute,
        state: b.state.name(),
        reason: b.reason,
        start_at: (b.state != BroadcastState::Draft).then(|| rfc3339(b.start_at)),
        counts,
        created_at: rfc3339(b.created_at),
        started_at: b.started_at.map(rfc3339),
        ended_at: b.ended_at.map(rfc3339),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct New {
    name: String,
    channel_id: String,
    template: TemplateOf,
    audience: Whom,
    /// Messages a minute, at most; 600 if it is absent.
    per_minute: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateOf {
    name: String,
    language: Option<String>,
    /// `{{name}}` and `{{attributes.city}}` stand for what is known of each person, `{{name|there}}` for that or for the words
    /// behind the bar.
    #[serde(default)]
    parameters: Values,
}

/// One of them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Whom {
    contacts: Option<Vec<Person>>,
    /// Whoever has it when the broadcast starts.
    tag: Option<String>,
    /// Whoever agreed to marketing when the broadcast starts.
    #[serde(default)]
    consented: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Person {
    contact_id: String,
    /// What fills the template for this person; the broadcast's own if it is absent.
    parameters: Option<Values>,
}

/// The template with what fills it, as the channel would take it from somebody of whom everything is known.
async fn check(api: &Api, tenant: &Tenant, account: &ChannelAccount, words: &Words, at: &str) -> ApiResult<()> {
    let Words::Template { name, language, parameters } = words else { return Ok(()) };
    let field = |e: ApiError| {
        let rename = |mut d: crate::error::Detail| {
            d.field = d.field.replacen("content.", at, 1);
            d
        };
        ApiError { details: e.details.into_iter().map(rename).collect(), ..e }
    };
    let kept = templates::chosen(api, tenant, account, name, language.as_deref(), None).await.map_err(field)?;
    let approves = api.channels.driver(&account.kind).is_some_and(|d| d.templates().is_some());
    if approves && kept.status != TemplateStatus::Approved {
        let message = format!("the template is {}: only approved ones are sent", kept.status.name());
        return Err(ApiError::new(StatusCode::CONFLICT, "TEMPLATE_NOT_APPROVED", message));
    }
    let wrong =
        |name: String| ApiError::invalid(format!("{at}parameters"), format!("nothing is called {{{{{name}}}}}"));
    templates::fill(at, &kept.template, &sample(parameters).map_err(wrong)?).map(|_| ())
}

/// Who gets it, each once.
fn people(whom: &mut Whom, words: &Words) -> ApiResult<(Audience, Vec<Recipient>)> {
    let wrong = |message: &str| Err(ApiError::invalid("audience", message));
    match (whom.contacts.take(), whom.tag.take(), whom.consented) {
        (Some(listed), None, false) => {
            if listed.is_empty() || listed.len() > MOST_PEOPLE {
                return Err(ApiError::invalid("audience.contacts", format!("must be 1 to {MOST_PEOPLE}")));
            }
            let mut seen = BTreeSet::new();
            let mut people = Vec::with_capacity(listed.len());
            for (n, person) in listed.into_iter().enumerate() {
                let at = format!("audience.contacts[{n}].contactId");
                let id = person.contact_id.parse::<ContactId>();
                let contact = id.map_err(|e| ApiError::invalid(at.as_str(), e.to_string()))?;
                if !seen.insert(contact) {
                    return Err(ApiError::invalid(at, "is named twice"));
                }
                let words = person.parameters.map(|own| with(words, own.parameters()));
                people.push(Recipient { contact, words });
            }
            Ok((Audience::Listed, people))
        }
        (None, Some(tag), false) => {
            let tag = tags("audience.tag", &[tag])?.pop().unwrap_or_default();
            Ok((Audience::Tagged { tag }, Vec::new()))
        }
        (None, None, true) => Ok((Audience::Consented, Vec::new())),
        _ => wrong("one of contacts, tag and consented is needed"),
    }
}

fn with(words: &Words, parameters: Parameters) -> Words {
    match words {
        Words::Text { .. } => words.clone(),
        Words::Template { name, language, .. } => {
            Words::Template { name: name.clone(), language: language.clone(), parameters }
        }
    }
}

/// A draft: nobody is written to before it is started.
pub async fn create(State(api): State<Arc<Api>>, tenant: Tenant, Body(mut new): Body<New>) -> ApiResult<Created<Out>> {
    let name = super::contacts::name("name", &new.name)?;
    let per_minute = new.per_minute.unwrap_or(USUAL_PER_MINUTE);
    if !(1..=MOST_PER_MINUTE).contains(&per_minute) {
        return Err(ApiError::invalid("perMinute", format!("must be 1 to {MOST_PER_MINUTE}")));
    }
    let channel = new.channel_id.parse::<ChannelId>().map_err(|e| ApiError::invalid("channelId", e.to_string()))?;
    let account = match tenant.store.channel(channel).await {
        Err(StoreError::NotFound(_)) => return Err(ApiError::invalid("channelId", "there is no such channel")),
        found => found?.account,
    };
    if api.channels.driver(&account.kind).is_none_or(|d| d.pull()) || account.kind.is_spoken() {
        return Err(ApiError::invalid("channelId", "nobody can be written to first on such a channel"));
    }
    let TemplateOf { name: template, language, parameters } = new.template;
    let words = Words::Template { name: template, language, parameters: parameters.parameters() };
    let (audience, people) = people(&mut new.audience, &words)?;
    if people.is_empty() || people.iter().any(|p| p.words.is_none()) {
        check(&api, &tenant, &account, &words, "template.").await?;
    }
    for (n, own) in people.iter().enumerate().filter_map(|(n, p)| Some((n, p.words.as_ref()?))) {
        check(&api, &tenant, &account, own, &format!("audience.contacts[{n}].")).await?;
    }
    let new = NewBroadcast { channel, name, words, audience, per_minute };
    let made = match tenant.store.create_broadcast(new, people).await {
        Err(StoreError::NotFound(_)) => {
            return Err(ApiError::invalid("audience.contacts", "one of the contacts is not there"));
        }
        made => made?,
    };
    tenant.note("broadcast.created", made.id, &made.name).await?;
    created(shown(&tenant, made).await?)
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    let found = tenant.store.broadcasts(at.into()).await?;
    let (at, limit, total) = (found.page, found.limit, found.total);
    let mut items = Vec::with_capacity(found.items.len());
    for broadcast in found.items {
        items.push(shown(&tenant, broadcast).await?);
    }
    page("broadcasts", Page { items, page: at, limit, total }, |out| out)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    let broadcast = tenant.store.broadcast(id.parse::<BroadcastId>()?).await?;
    ok(shown(&tenant, broadcast).await?)
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// `waiting`, `sent`, `failed`, `skipped` or `cancelled`.
    state: Option<String>,
    page: Option<u32>,
    limit: Option<u32>,
}

pub async fn recipients(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> ApiResult<Listed<PlannedOut>> {
    let Query(filter) = filter.map_err(|e| ApiError::invalid("query", e.body_text()))?;
    let at = page_of(filter.page, filter.limit, USUAL)?;
    let broadcast = tenant.store.broadcast(id.parse::<BroadcastId>()?).await?;
    let found = tenant.store.recipients(broadcast.id, state(filter.state.as_deref())?, at.into()).await?;
    page("recipients", found, PlannedOut::from)
}

pub async fn remove(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Deleted>> {
    let id = id.parse::<BroadcastId>()?;
    match tenant.store.delete_broadcast(id).await {
        Err(StoreError::Conflict(_)) => return Err(ApiError::conflict("the broadcast is under way: cancel it first")),
        done => done?,
    }
    tenant.note("broadcast.deleted", id, "").await?;
    ok(Deleted::of(id))
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct When {
    /// With its zone or its distance from UTC; now if it is absent.
    start_at: Option<String>,
}

/// Once: whoever asks again changes nothing.
pub async fn start(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(when): Body<When>,
) -> ApiResult<Of<Out>> {
    act(&api, &tenant, &id, BroadcastAct::Start, when.start_at.as_deref()).await
}

pub async fn pause(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    act(&api, &tenant, &id, BroadcastAct::Pause, None).await
}

pub async fn resume(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    act(&api, &tenant, &id, BroadcastAct::Resume, None).await
}

pub async fn cancel(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    act(&api, &tenant, &id, BroadcastAct::Cancel, None).await
}

async fn act(api: &Api, tenant: &Tenant, id: &str, act: BroadcastAct, at: Option<&str>) -> ApiResult<Of<Out>> {
    let seen = tenant.store.broadcast(id.parse::<BroadcastId>()?).await?;
    let Some(to) = seen.state.after(act) else {
        return Err(ApiError::conflict(&format!("the broadcast is {}", seen.state.name())));
    };
    if to == seen.state {
        return ok(shown(tenant, seen).await?);
    }
    let now = api.clock.now();
    let start_at = match (act, at) {
        (BroadcastAct::Start, Some(text)) => match instant("startAt", text)? {
            at if at < now => return Err(ApiError::invalid("startAt", "must not be in the past")),
            at => at,
        },
        (BroadcastAct::Start, None) => now,
        _ => seen.start_at,
    };
    let moved = tenant.store.move_broadcast(&seen, to, start_at).await?;
    tenant.note(&format!("broadcast.{}", to.name()), moved.id, "").await?;
    ok(shown(tenant, moved).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_counted_once() {
        let of = |state, reason: Option<&str>, delivery: Option<&str>| Progress {
            state,
            reason: reason.map(str::to_owned),
            delivery: delivery.map(str::to_owned),
            messages: 2,
        };
        let counts = Counts::of(vec![
            of(PlannedState::Waiting, None, None),
            of(PlannedState::Sent, None, Some("queued")),
            of(PlannedState::Sent, None, Some("read")),
            // Its row in the outbox is kept no longer.
            of(PlannedState::Sent, None, None),
            of(PlannedState::Sent, None, Some("failed")),
            of(PlannedState::Failed, Some("VARIABLE_MISSING"), None),
            of(PlannedState::Skipped, Some("OPTED_OUT"), None),
        ]);
        let skipped = BTreeMap::from([("OPTED_OUT".to_owned(), 2)]);
        let expected =
            Counts { total: 14, waiting: 2, queued: 2, read: 2, sent: 2, failed: 4, skipped, ..Counts::default() };
        assert_eq!(counts, expected);
    }
}
