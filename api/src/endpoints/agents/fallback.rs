//! What an agent's answer is sent as when its window is closed, as it is written and shown.

use super::{Detail, check};
use crate::{auth::Tenant, endpoints::templates::Values, error::ApiResult, state::Api};
use colloquy_domain::{
    fallback::{Fallback, unfit},
    outreach::sample,
    template::{self, Parameters, TemplateStatus},
};
use colloquy_store::{KeptTemplate, PageRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// The template that goes out, once, in the place of answers that come after the window of their channel has closed; the answers
/// wait until the person writes, for 7 days at most.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FallbackFields {
    /// The template's name; the language is the conversation's.
    template: String,
    /// What fills its gaps; `{{name}}` and `{{attributes.city|your city}}` stand for what is known of the person.
    #[serde(default)]
    parameters: Values,
}

#[derive(Serialize, JsonSchema)]
pub struct FallbackOut {
    template: String,
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    parameters: Parameters,
}

impl From<Fallback> for FallbackOut {
    fn from(f: Fallback) -> Self {
        Self { template: f.template, parameters: f.parameters }
    }
}

/// Tells `null` from nothing.
pub fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<FallbackFields>>, D::Error> {
    Option::<FallbackFields>::deserialize(from).map(Some)
}

const FIELD: &str = "template_fallback";

/// Writes it into the profile; what is wrong is told. Every language of the template has to fit, because nobody knows beforehand
/// which one is sent. What the profile has already is not looked at again: it was good, and is looked at when it is sent.
pub async fn read(
    (api, tenant): (&Api, &Tenant),
    fields: FallbackFields,
    place: &mut Option<Fallback>,
    wrong: &mut Vec<Detail>,
) -> ApiResult<()> {
    let fallback = Fallback { template: fields.template, parameters: fields.parameters.parameters() };
    if place.as_ref() == Some(&fallback) {
        return Ok(());
    }
    let known = named(api, tenant, &fallback.template).await?;
    check(wrong, &format!("{FIELD}.template"), !known.is_empty(), "no channel has such a template");
    if let Some(why) = known.iter().find_map(|k| unfit(k.template.category)) {
        wrong.push(Detail::new(format!("{FIELD}.template"), why));
    }
    let approved = known.is_empty() || known.iter().any(|k| k.status == TemplateStatus::Approved);
    check(wrong, &format!("{FIELD}.template"), approved, "is not approved yet: only approved ones are sent");
    match sample(&fallback.parameters) {
        Err(name) => {
            let message = format!("nothing is called {{{{{name}}}}}");
            wrong.push(Detail::new(format!("{FIELD}.parameters"), message));
        }
        Ok(parameters) => {
            let problems = known.iter().find_map(|k| template::fill(&k.template, &parameters).err());
            let detail = |p: template::Problem| Detail::new(format!("{FIELD}.{}", p.field), p.message);
            wrong.extend(problems.unwrap_or_default().into_iter().map(detail));
        }
    }
    *place = Some(fallback);
    Ok(())
}

/// In all languages, of all channels whose providers approve templates.
async fn named(api: &Api, tenant: &Tenant, name: &str) -> ApiResult<Vec<KeptTemplate>> {
    let channels = tenant.store.channels(PageRequest::new(1, PageRequest::MOST)).await?;
    let approves = |kind| api.channels.driver(kind).is_some_and(|d| d.templates().is_some());
    let mut known = Vec::new();
    for channel in channels.items.iter().filter(|c| approves(&c.account.kind)) {
        let found = tenant.store.templates_named(channel.account.id, name).await?;
        known.extend(found.into_iter().filter(|k| k.channel.is_some() && k.status != TemplateStatus::Deleted));
    }
    Ok(known)
}
