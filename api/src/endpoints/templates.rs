//! `GET/POST /api/templates`, `GET/PUT/PATCH/DELETE /api/templates/{id}`, `POST /api/templates/{id}/preview`,
//! `POST /api/templates/sync`.

use crate::{
    answer::{Created, Deleted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, Detail, created, ok},
    openapi::{maybe_one_of, one_of},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use colloquy_domain::{
    channel::ChannelAccount,
    ids::{ChannelId, ConversationId, TemplateId},
    language::Language,
    ports::{ChannelDriver, StoreError, Templates},
    template::{self, Category, Component, Filled, Parameters, Problem, Template, TemplateStatus},
};
use colloquy_store::KeptTemplate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    id: String,
    /// None for texts of our own.
    channel_id: Option<String>,
    name: String,
    #[schemars(schema_with = "one_of::<Category>")]
    category: Category,
    language: String,
    #[schemars(with = "Vec<Map<String, Value>>")]
    components: Vec<Component>,
    /// `LOCAL`, `PENDING`, `APPROVED`, `REJECTED`, `PAUSED`, `DISABLED` or `DELETED`.
    status: &'static str,
    reason: Option<String>,
    provider_id: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<KeptTemplate> for Out {
    fn from(k: KeptTemplate) -> Self {
        Self {
            id: k.id.to_string(),
            channel_id: k.channel.map(|c| c.to_string()),
            name: k.template.name,
            category: k.template.category,
            language: k.template.language,
            components: k.template.components,
            status: k.status.name(),
            reason: k.reason,
            provider_id: k.provider_id,
            created_at: rfc3339(k.created_at),
            updated_at: rfc3339(k.updated_at),
        }
    }
}

fn details(problems: Vec<Problem>) -> ApiError {
    ApiError::validation(problems.into_iter().map(|p| Detail::new(p.field, p.message)).collect())
}

fn checked(template: Template) -> ApiResult<Template> {
    let wrong = template::check(&template);
    if wrong.is_empty() { Ok(template) } else { Err(details(wrong)) }
}

/// A channel with its driver, if its provider keeps templates.
async fn provider(api: &Api, tenant: &Tenant, id: ChannelId) -> ApiResult<(ChannelAccount, Arc<dyn ChannelDriver>)> {
    let account = match tenant.store.channel(id).await {
        Err(StoreError::NotFound(_)) => return Err(ApiError::invalid("channelId", "there is no such channel")),
        found => found?.account,
    };
    let driver = api.channels.driver(&account.kind).filter(|d| d.templates().is_some());
    let driver =
        driver.ok_or_else(|| ApiError::invalid("channelId", "such a channel has no templates to be approved"))?;
    Ok((account, driver))
}

fn desk(driver: &dyn ChannelDriver) -> ApiResult<&dyn Templates> {
    driver.templates().ok_or_else(ApiError::internal)
}

fn channel_id(text: &str) -> ApiResult<ChannelId> {
    text.parse().map_err(|e: colloquy_domain::ids::InvalidId| ApiError::invalid("channelId", e.to_string()))
}

async fn find(tenant: &Tenant, id: &str) -> ApiResult<KeptTemplate> {
    Ok(tenant.store.template(id.parse::<TemplateId>()?).await?)
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    page("templates", tenant.store.templates(at.into()).await?, Out::from)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(Out::from(find(&tenant, &id).await?))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct New {
    /// Whose provider is to approve it; without one it is a text of our own.
    channel_id: Option<String>,
    name: String,
    #[schemars(schema_with = "one_of::<Category>")]
    category: Category,
    language: String,
    #[schemars(with = "Vec<Map<String, Value>>")]
    components: Vec<Component>,
}

/// Hands it to the provider first: what the provider does not have is not kept.
pub async fn create(State(api): State<Arc<Api>>, tenant: Tenant, Body(new): Body<New>) -> ApiResult<Created<Out>> {
    let New { channel_id: at, name, category, language, components } = new;
    let template = checked(Template { name, category, language, components })?;
    let at_provider = match at.as_deref() {
        None => None,
        Some(id) => {
            let (account, driver) = provider(&api, &tenant, channel_id(id)?).await?;
            make_room(&tenant, account.id, &template).await?;
            Some((account.id, desk(driver.as_ref())?.submit(&account, &template).await?))
        }
    };
    let kept = tenant.store.create_template(template, at_provider).await?;
    tenant.note("template.created", kept.id, &kept.template.name).await?;
    created(Out::from(kept))
}

/// A template that the provider deleted gives its name to a new one; any other keeps it.
async fn make_room(tenant: &Tenant, channel: ChannelId, template: &Template) -> ApiResult<()> {
    let named = tenant.store.templates_named(channel, &template.name).await?;
    let same = named.into_iter().find(|k| k.channel.is_some() && k.template.language == template.language);
    match same {
        Some(gone) if gone.status == TemplateStatus::Deleted => Ok(tenant.store.delete_template(gone.id).await?),
        Some(_) => Err(StoreError::Conflict("name").into()),
        None => Ok(()),
    }
}

/// What changes; what is absent stays. Name and language are what the provider knows it by.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    #[schemars(schema_with = "maybe_one_of::<Category>")]
    category: Option<Category>,
    #[schemars(with = "Option<Vec<Map<String, Value>>>")]
    components: Option<Vec<Component>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Whole {
    #[schemars(schema_with = "one_of::<Category>")]
    category: Category,
    #[schemars(with = "Vec<Map<String, Value>>")]
    components: Vec<Component>,
}

/// All that can change.
pub async fn replace(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(Whole { category, components }): Body<Whole>,
) -> ApiResult<Of<Out>> {
    change(&api, &tenant, &id, Change { category: Some(category), components: Some(components) }).await
}

pub async fn update(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(to): Body<Change>,
) -> ApiResult<Of<Out>> {
    change(&api, &tenant, &id, to).await
}

/// The provider looks at it again.
async fn change(api: &Api, tenant: &Tenant, id: &str, to: Change) -> ApiResult<Of<Out>> {
    let mut kept = find(tenant, id).await?;
    kept.template.category = to.category.unwrap_or(kept.template.category);
    kept.template.components = to.components.unwrap_or(kept.template.components);
    kept.template = checked(kept.template)?;
    if let (Some(channel), Some(at_provider)) = (kept.channel, &kept.provider_id) {
        let (account, driver) = provider(api, tenant, channel).await?;
        desk(driver.as_ref())?.revise(&account, at_provider, &kept.template).await?;
        (kept.status, kept.reason) = (TemplateStatus::Pending, None);
    }
    let kept = tenant.store.update_template(kept).await?;
    tenant.note("template.changed", kept.id, &kept.template.name).await?;
    ok(Out::from(kept))
}

/// At the provider, too, if its channel is still there.
pub async fn remove(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Deleted>> {
    let kept = find(&tenant, &id).await?;
    let there = kept.status != TemplateStatus::Deleted;
    if let (Some(channel), Some(at_provider), true) = (kept.channel, &kept.provider_id, there) {
        match tenant.store.channel(channel).await {
            Err(StoreError::NotFound(_)) => {}
            Err(e) => return Err(e.into()),
            Ok(_) => {
                let (account, driver) = provider(&api, &tenant, channel).await?;
                let desk = desk(driver.as_ref())?;
                desk.withdraw(&account, at_provider, &kept.template.name).await?;
            }
        }
    }
    tenant.store.delete_template(kept.id).await?;
    tenant.note("template.deleted", kept.id, &kept.template.name).await?;
    ok(Deleted::of(kept.id))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    #[serde(default)]
    parameters: Values,
}

/// What fills the gaps: the body's alone as a list, or those of each part.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "must be a list of texts, or {header, body, buttons} with lists of texts")]
pub enum Values {
    Body(Vec<String>),
    Parts(#[schemars(with = "BTreeMap<String, Vec<String>>")] Parameters),
}

impl Default for Values {
    fn default() -> Self {
        Self::Parts(Parameters::default())
    }
}

impl Values {
    pub fn parameters(self) -> Parameters {
        match self {
            Self::Body(body) => Parameters { body, ..Parameters::default() },
            Self::Parts(parts) => parts,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Text {
    text: String,
}

/// What people would read.
pub async fn preview(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(with): Body<Preview>,
) -> ApiResult<Of<Text>> {
    let kept = find(&tenant, &id).await?;
    let filled = template::fill(&kept.template, &with.parameters.parameters()).map_err(details)?;
    ok(Text { text: filled.text })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sync {
    channel_id: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Synced {
    seen: usize,
    added: u64,
    changed: u64,
    missing: u64,
}

/// Reads all that the channel's provider has.
pub async fn sync(State(api): State<Arc<Api>>, tenant: Tenant, Body(with): Body<Sync>) -> ApiResult<Of<Synced>> {
    let (account, driver) = provider(&api, &tenant, channel_id(&with.channel_id)?).await?;
    let all = desk(driver.as_ref())?.all(&account).await?;
    let seen = all.len();
    let done = tenant.store.synchronise_templates(account.id, all).await?;
    tenant.note("template.synchronised", account.id, "").await?;
    ok(Synced { seen, added: done.added, changed: done.changed, missing: done.missing })
}

/// A template as a message.
pub struct Named {
    pub name: Option<String>,
    /// If it is absent: the only one that there is, or the one of the conversation.
    pub language: Option<String>,
    pub parameters: Values,
}

/// The words of a template that the channel can send now.
///
/// # Errors
/// 400, naming the field; 409 `TEMPLATE_NOT_APPROVED`.
pub async fn filled(
    api: &Api,
    tenant: &Tenant,
    account: &ChannelAccount,
    named: Named,
    with: Option<ConversationId>,
) -> ApiResult<Filled> {
    let name = named.name.ok_or_else(|| ApiError::invalid("content.name", "is needed"))?;
    let kept = chosen(api, tenant, account, &name, named.language.as_deref(), with).await?;
    if approves(api, account) && kept.status != TemplateStatus::Approved {
        let message = format!("the template is {}: only approved ones are sent", kept.status.name());
        return Err(ApiError::new(StatusCode::CONFLICT, "TEMPLATE_NOT_APPROVED", message));
    }
    fill("content.", &kept.template, &named.parameters.parameters())
}

/// Whether the account's provider approves templates.
fn approves(api: &Api, account: &ChannelAccount) -> bool {
    api.channels.driver(&account.kind).is_some_and(|d| d.templates().is_some())
}

/// The template that the account knows by a name, and by a language: the one that is named, or that of the conversation.
///
/// # Errors
/// 400, naming the field.
pub async fn chosen(
    api: &Api,
    tenant: &Tenant,
    account: &ChannelAccount,
    name: &str,
    language: Option<&str>,
    with: Option<ConversationId>,
) -> ApiResult<KeptTemplate> {
    let mut found = tenant.store.templates_named(account.id, name).await?;
    // Where a provider approves, only what it approved.
    let approves = approves(api, account);
    found.retain(|k| !approves || k.channel.is_some());
    if found.is_empty() {
        return Err(ApiError::invalid("content.name", "the channel has no such template"));
    }
    if let Some(language) = language {
        found.retain(|k| k.template.language == *language);
    } else if let (Some(conversation), true) = (with, found.len() > 1) {
        let spoken = tenant.store.load(conversation).await?.snapshot.language;
        found.retain(|k| spoken.is_none_or(|l| Language::from_tag(&k.template.language) == Some(l)));
    }
    let mut languages: Vec<&str> = found.iter().map(|k| k.template.language.as_str()).collect();
    languages.dedup();
    if languages.len() != 1 {
        return Err(ApiError::invalid("content.language", "must be a language of the template"));
    }
    Ok(found.swap_remove(0))
}

/// # Errors
/// 400, naming each field behind `before`.
pub fn fill(before: &str, template: &Template, parameters: &Parameters) -> ApiResult<Filled> {
    template::fill(template, parameters).map_err(|problems| {
        let field = |p: Problem| Problem { field: format!("{before}{}", p.field), ..p };
        details(problems.into_iter().map(field).collect())
    })
}
