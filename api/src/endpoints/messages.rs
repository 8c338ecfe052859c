//! `GET/POST /api/messages`, `GET /api/messages/{id}`: messages of all conversations.

use crate::{
    aliases,
    answer::{Created, Listed, Of},
    auth::Tenant,
    body::{Body, page_of},
    desk,
    error::{ApiError, ApiResult, created, ok},
    openapi::one_of,
    page::list as page,
    saying::{Content, Said, shown},
    state::Api,
    time::rfc3339,
};
use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use colloquy_domain::{
    channel::{ChannelAccount, DeliveryStatus},
    ids::{ChannelId, ContactId, ConversationId, MessageId},
    message::Peer,
    model::Speaker,
    ports::StoreError,
};
use colloquy_store::{Consent, Message, MessageFilter, PageRequest, Start};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Rows of a page, unless another number is asked for.
const USUAL: u32 = 50;
/// What `POST` writes to if no channel is named.
const BY_PHONE: &str = "whatsapp";

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    id: String,
    conversation_id: String,
    channel_id: String,
    channel: String,
    /// `INBOUND` or `OUTBOUND`.
    direction: &'static str,
    #[serde(rename = "type")]
    kind: String,
    content: Value,
    /// `QUEUED`, `UNCERTAIN`, `SENT`, `DELIVERED`, `READ` or `FAILED`.
    status: String,
    /// Why it failed.
    error: Option<String>,
    /// Until when it waits for the person to write: its channel's window is closed, and a template asks them to.
    waits_until: Option<String>,
    from: Option<String>,
    to: Option<String>,
    /// Who spoke: `person`, `agent` or `operator`.
    #[schemars(schema_with = "one_of::<Speaker>")]
    speaker: Speaker,
    author: Option<String>,
    provider_message_id: Option<String>,
    created_at: String,
}

impl From<Message> for Out {
    fn from(m: Message) -> Self {
        let inbound = m.speaker == Speaker::Person;
        let (from, to) = if inbound { (Some(m.peer), m.account) } else { (m.account, Some(m.peer)) };
        Self {
            id: m.id.to_string(),
            conversation_id: m.conversation.to_string(),
            channel_id: m.channel.to_string(),
            channel: m.channel_kind.to_string(),
            direction: if inbound { "INBOUND" } else { "OUTBOUND" },
            kind: m.file.as_ref().map_or(m.kind.as_str(), |f| f.media.as_str()).to_uppercase(),
            content: shown(&m.text, m.rich.as_ref(), m.file.as_ref()),
            status: m.status.name().to_uppercase(),
            error: m.cause.map(|c| c.to_string()),
            waits_until: m.held_until.map(rfc3339),
            from,
            to,
            speaker: m.speaker,
            author: m.author.map(|a| a.to_string()),
            provider_message_id: m.provider_message_id,
            created_at: rfc3339(m.at),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    conversation_id: Option<String>,
    direction: Option<String>,
    status: Option<String>,
    page: Option<u32>,
    limit: Option<u32>,
}

impl Filter {
    fn read(&self) -> ApiResult<MessageFilter> {
        let conversation = self.conversation_id.as_deref().map(str::parse::<ConversationId>).transpose();
        let outbound = match self.direction.as_deref().map(str::to_ascii_uppercase).as_deref() {
            None => None,
            Some("INBOUND") => Some(false),
            Some("OUTBOUND") => Some(true),
            Some(_) => return Err(ApiError::invalid("direction", "must be INBOUND or OUTBOUND")),
        };
        Ok(MessageFilter {
            conversation: conversation.map_err(|e| ApiError::invalid("conversationId", e.to_string()))?,
            outbound,
            status: self.status.as_deref().map(status).transpose()?,
        })
    }
}

fn status(text: &str) -> ApiResult<DeliveryStatus> {
    use DeliveryStatus::{Delivered, Failed, Queued, Read, Sent, Uncertain};
    let known = [Queued, Uncertain, Sent, Delivered, Read, Failed];
    known
        .into_iter()
        .find(|s| s.name().eq_ignore_ascii_case(text))
        .ok_or_else(|| ApiError::invalid("status", "must be QUEUED, UNCERTAIN, SENT, DELIVERED, READ or FAILED"))
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    filter: Result<Query<Filter>, QueryRejection>,
) -> ApiResult<Listed<Out>> {
    let Query(filter) = filter.map_err(|e| ApiError::invalid("query", e.body_text()))?;
    let at = page_of(filter.page, filter.limit, USUAL)?;
    page("messages", tenant.store.all_messages(filter.read()?, at.into()).await?, Out::from)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(Out::from(tenant.store.message(id.parse::<MessageId>()?).await?))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct New {
    /// A telephone number, or what the channel knows the person by (on WhatsApp also a business-scoped id).
    to: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    content: Content,
    /// The tenant's only WhatsApp channel if it is absent.
    channel_id: Option<String>,
    /// What a person who is new is called.
    name: Option<String>,
}

/// Begins the conversation with somebody, or goes on with it.
pub async fn create(State(api): State<Arc<Api>>, tenant: Tenant, Body(new): Body<New>) -> ApiResult<Created<Out>> {
    let asked = new.content.read(new.kind.as_deref())?;
    let channel = channel(&api, &tenant, new.channel_id.as_deref()).await?;
    let mut address = address(&channel, &new.to)?;
    if let Some(driver) = api.channels.driver(&channel.kind) {
        address = aliases::known_at(&api, &channel, driver.as_ref(), address).await?;
    }
    let known = tenant.store.conversation_with(channel.id, &address).await?;
    let said = asked.on(&api, &tenant, &channel, known).await?;
    let id = match known {
        Some(id) => id,
        None => start(&api, &tenant, &channel, Peer { address, name: new.name }, &said).await?,
    };
    let to = tenant.store.conversation(id).await?;
    check_consent(&tenant, to.contact).await?;
    let said = desk::say(&api, &tenant, &channel, &to, said).await?;
    created(Out::from(tenant.store.message(said).await?))
}

/// Whoever did not ask is not written to against their will.
///
/// # Errors
/// 409 `OPTED_OUT`.
pub(super) async fn check_consent(tenant: &Tenant, contact: ContactId) -> ApiResult<()> {
    if tenant.store.contact(contact).await?.details.consent == Consent::Withdrawn {
        let message = "this person does not want to be written to";
        return Err(ApiError::new(StatusCode::CONFLICT, "OPTED_OUT", message));
    }
    Ok(())
}

/// The conversation with somebody who has none at the account.
pub(crate) async fn start(
    api: &Api,
    tenant: &Tenant,
    channel: &ChannelAccount,
    peer: Peer,
    said: &Said,
) -> ApiResult<ConversationId> {
    // Nothing is begun that nothing can be said in.
    desk::check_window(api, tenant, channel, said, None)?;
    let phone = match channel.kind.as_str() {
        BY_PHONE if is_number(&peer.address) => Some(format!("+{}", peer.address)),
        "twilio_sms" => Some(peer.address.clone()),
        "twilio_whatsapp" => peer.address.strip_prefix("whatsapp:").map(str::to_owned),
        _ => None,
    };
    let address = peer.address.clone();
    match tenant.store.start_conversation(Start { channel: channel.id, peer, phone }).await {
        // They wrote at this moment, or somebody else began.
        Err(StoreError::Conflict(_)) => {
            let found = tenant.store.conversation_with(channel.id, &address).await?;
            found.ok_or_else(|| ApiError::conflict("the conversation is being begun, try again"))
        }
        done => Ok(done?),
    }
}

/// The channel that was named, or the only one that writes to telephone numbers.
async fn channel(api: &Api, tenant: &Tenant, named: Option<&str>) -> ApiResult<ChannelAccount> {
    let accounts = tenant.store.channels(PageRequest::new(1, PageRequest::MOST)).await?.items;
    let found = match named {
        Some(id) => {
            let id = id.parse::<ChannelId>().map_err(|e| ApiError::invalid("channelId", e.to_string()))?;
            let found = accounts.into_iter().find(|c| c.account.id == id);
            found.ok_or_else(|| ApiError::invalid("channelId", "there is no such channel"))?.account
        }
        None => {
            let mut usual = accounts.into_iter().filter(|c| c.account.kind.as_str() == BY_PHONE && c.account.enabled);
            match (usual.next(), usual.next()) {
                (Some(only), None) => only.account,
                (None, _) => return Err(ApiError::invalid("channelId", "is needed: there is no WhatsApp channel")),
                (Some(_), Some(_)) => {
                    return Err(ApiError::invalid("channelId", "is needed: there are several WhatsApp channels"));
                }
            }
        }
    };
    let pull = api.channels.driver(&found.kind).is_none_or(|d| d.pull());
    if pull {
        return Err(ApiError::invalid("channelId", "nobody can be written to first on such a channel"));
    }
    if !found.enabled {
        return Err(ApiError::new(StatusCode::CONFLICT, "CHANNEL_DISABLED", "the channel is switched off"));
    }
    Ok(found)
}

/// As the channel's own webhooks name people.
pub(crate) fn address(channel: &ChannelAccount, to: &str) -> ApiResult<String> {
    let to = to.trim();
    // Twilio writes numbers with the plus sign, and WhatsApp's with a word before it.
    match channel.kind.as_str() {
        "twilio_sms" => return super::contacts::phone("to", to),
        "twilio_whatsapp" => {
            let number = super::contacts::phone("to", to.strip_prefix("whatsapp:").unwrap_or(to))?;
            return Ok(format!("whatsapp:{number}"));
        }
        _ => {}
    }
    if channel.kind.as_str() != BY_PHONE {
        let fits = (1..=200).contains(&to.chars().count());
        return if fits { Ok(to.to_owned()) } else { Err(ApiError::invalid("to", "must have 1 to 200 characters")) };
    }
    if is_scoped(to) {
        return Ok(to.to_owned());
    }
    super::contacts::phone("to", to).map(|number| number.trim_start_matches('+').to_owned())
}

fn is_number(address: &str) -> bool {
    address.bytes().all(|b| b.is_ascii_digit())
}

/// A business-scoped id of WhatsApp: a country, a full stop, letters and digits.
fn is_scoped(to: &str) -> bool {
    let Some((country, id)) = to.split_once('.') else { return false };
    let is_country = country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
    is_country && (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
}
