//! What the planner has to know of a person: their addresses, and how things stand there.

use crate::{
    auth::{Tenant, Who},
    endpoints::{messages, templates},
    error::ApiResult,
    saying::Said,
    state::Api,
};
use colloquy_domain::{
    channel::ChannelAccount,
    ids::{ChannelId, ContactId, ConversationId},
    outreach::{Barred, Plan, Purpose, TemplateFound, Wanted, Way, Words, plan},
    ports::{ChannelDriver, StoreError},
    template::{Template, TemplateStatus},
};
use colloquy_store::{Consent, ConsentRecord, Contact, ConversationSummary, PageRequest};
use std::{collections::BTreeMap, sync::Arc};

/// Where a person can be reached, and what would be said there.
pub struct Looked {
    pub contact: Contact,
    pub ways: Vec<Way>,
    /// By channel.
    pub there: BTreeMap<ChannelId, There>,
}

/// What one way needs beside the planner's view of it.
pub struct There {
    pub account: ChannelAccount,
    pub conversation: Option<ConversationSummary>,
    /// The words, or what is wrong with them there.
    pub said: ApiResult<Said>,
    pub needs: Option<Purpose>,
}

impl Looked {
    pub fn plan(&self, api: &Api, words: &Words, preferred: Option<ChannelId>) -> Plan {
        let wanted = match words {
            Words::Text { .. } => Wanted::Words,
            Words::Template { .. } => Wanted::Template,
        };
        let opted_out = self.contact.details.consent == Consent::Withdrawn;
        plan(wanted, opted_out, preferred, &self.ways, api.clock.now())
    }
}

/// Looks at all ways to somebody, or at one.
///
/// # Errors
/// 404 without such a contact, or the store's.
pub async fn look(
    api: &Api,
    tenant: &Tenant,
    contact: ContactId,
    words: &Words,
    only: Option<ChannelId>,
) -> ApiResult<Looked> {
    let contact = tenant.store.contact(contact).await?;
    let consents = tenant.store.consents(contact.id).await?;
    let mut looked = Looked { contact, ways: Vec::new(), there: BTreeMap::new() };
    for account in accounts(tenant, only).await? {
        let Some(driver) = api.channels.driver(&account.kind) else { continue };
        let Some(address) = address(&looked.contact, &account) else { continue };
        let (way, there) = way(api, tenant, &driver, account, address, words, &consents).await?;
        looked.there.insert(way.channel, there);
        looked.ways.push(way);
    }
    Ok(looked)
}

async fn accounts(tenant: &Tenant, only: Option<ChannelId>) -> ApiResult<Vec<ChannelAccount>> {
    if let Some(id) = only {
        return match tenant.store.channel(id).await {
            Err(StoreError::NotFound(_)) => Ok(Vec::new()),
            found => Ok(vec![found?.account]),
        };
    }
    let mut accounts = Vec::new();
    for page in 1.. {
        let found = tenant.store.channels(PageRequest::new(page, PageRequest::MOST)).await?;
        let last = found.items.len() < PageRequest::MOST as usize;
        accounts.extend(found.items.into_iter().map(|c| c.account));
        if last {
            break;
        }
    }
    Ok(accounts)
}

/// The one that they wrote from, or that their number makes.
fn address(contact: &Contact, account: &ChannelAccount) -> Option<String> {
    let known = contact.identities.iter().find(|i| i.channel == account.id);
    if let Some(identity) = known {
        return Some(identity.address.clone());
    }
    let by_number = ["whatsapp", "twilio_sms", "twilio_whatsapp"].contains(&account.kind.as_str());
    let number = contact.details.phone.as_deref().filter(|_| by_number)?;
    messages::address(account, number).ok()
}

async fn way(
    api: &Api,
    tenant: &Tenant,
    driver: &Arc<dyn ChannelDriver>,
    account: ChannelAccount,
    address: String,
    words: &Words,
    consents: &[ConsentRecord],
) -> ApiResult<(Way, There)> {
    let store = &tenant.store;
    let health = store.channel_health(account.id).await?;
    let barred = match (health.stopped_at, &health.refused) {
        (Some(_), _) => Some(Barred::Stopped),
        (None, Some(_)) => Some(Barred::Refused),
        (None, None) => None,
    };
    let conversation = match store.conversation_with(account.id, &address).await? {
        Some(id) => Some(summary(tenant, id).await?),
        None => None,
    };
    let last_inbound_at = conversation.as_ref().filter(|c| c.received > 0).map(|c| c.last_inbound_at);
    let keeps_templates = driver.templates().is_some();
    let (template, said) = worded(api, tenant, &account, words).await?;
    let needs = match template {
        Some(TemplateFound::Known { category, .. }) => Purpose::needed_for(category),
        _ => None,
    };
    let way = Way {
        channel: account.id,
        kind: account.kind.clone(),
        address,
        enabled: account.enabled,
        writable: !driver.pull() && !account.kind.is_spoken(),
        barred,
        window: match tenant.who {
            Who::Person { .. } => driver.person_window(&account),
            Who::Key { .. } | Who::System => driver.reply_window(),
        },
        last_inbound_at,
        keeps_templates,
        template,
        has_approved: keeps_templates && has_approved(tenant, account.id).await?,
        segments: said.as_ref().ok().and_then(|said| driver.segments(&said.text)),
        agreed_to_marketing: consents.iter().any(|c| c.covers(Purpose::Marketing, &account.kind)),
        prices: store.prices(account.id).await?,
    };
    Ok((way, There { account, conversation, said, needs }))
}

async fn summary(tenant: &Tenant, id: ConversationId) -> ApiResult<ConversationSummary> {
    Ok(tenant.store.conversation(id).await?)
}

/// The words as they would be said at an account, and what became of their template.
async fn worded(
    api: &Api,
    tenant: &Tenant,
    account: &ChannelAccount,
    words: &Words,
) -> ApiResult<(Option<TemplateFound>, ApiResult<Said>)> {
    match words {
        Words::Text { text } => Ok((None, Said::words("content.text", text))),
        Words::Template { name, language, parameters } => {
            let kept = match templates::chosen(api, tenant, account, name, language.as_deref(), None).await {
                Ok(kept) => kept,
                Err(e) if e.status.is_client_error() => return Ok((Some(TemplateFound::Missing), Err(e))),
                Err(e) => return Err(e),
            };
            let Template { category, .. } = kept.template;
            let said = templates::fill("content.", &kept.template, parameters).map(|filled| Said {
                text: filled.text,
                rich: None,
                template: Some(filled.call),
            });
            Ok((Some(TemplateFound::Known { status: kept.status, category }), said))
        }
    }
}

async fn has_approved(tenant: &Tenant, channel: ChannelId) -> ApiResult<bool> {
    for page in 1.. {
        let found = tenant.store.templates(PageRequest::new(page, PageRequest::MOST)).await?;
        if found.items.iter().any(|k| k.channel == Some(channel) && k.status == TemplateStatus::Approved) {
            return Ok(true);
        }
        if found.items.len() < PageRequest::MOST as usize {
            break;
        }
    }
    Ok(false)
}
