//! `GET/POST /api/contacts`, `GET/PUT/PATCH/DELETE /api/contacts/{id}`, `POST …/merge`, `POST …/split`, `POST …/erase`,
//! `GET …/export`. Files of many contacts are in [`super::contact_files`].

use super::conversation_acts::tags;
use crate::{
    answer::{Created, Deleted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, Detail, created, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, Query, State, rejection::QueryRejection};
use colloquy_domain::{
    ids::{ChannelId, ContactId},
    ports::StoreError,
    time::Timestamp,
};
use colloquy_store::{Consent, Contact, ContactDetails, ContactFilter, ContactIdentity, PageRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

const LONGEST_NAME: usize = 200;
const MOST_ATTRIBUTES: usize = 50;
const LONGEST_ATTRIBUTE: usize = 1_000;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// The number that was entered, or the one they write from.
    pub(super) phone_number: Option<String>,
    pub(super) email: Option<String>,
    pub(super) tags: Vec<String>,
    attributes: BTreeMap<String, String>,
    /// `unknown`, `granted` or `withdrawn`.
    pub(super) consent: &'static str,
    consent_at: Option<String>,
    identities: Vec<IdentityOut>,
    pub(super) created_at: String,
    updated_at: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityOut {
    channel_id: String,
    channel: String,
    address: String,
}

impl From<Contact> for Out {
    fn from(c: Contact) -> Self {
        let writes_from = |i: &ContactIdentity| {
            let is_number = i.kind.as_str() == "whatsapp" && i.address.chars().all(|c| c.is_ascii_digit());
            is_number.then(|| format!("+{}", i.address))
        };
        let phone_number = c.details.phone.or_else(|| c.identities.iter().find_map(writes_from));
        let identity = |i: ContactIdentity| IdentityOut {
            channel_id: i.channel.to_string(),
            channel: i.kind.to_string(),
            address: i.address,
        };
        Self {
            id: c.id.to_string(),
            name: c.details.name,
            phone_number,
            email: c.details.email,
            tags: c.details.tags,
            attributes: c.details.attributes,
            consent: c.details.consent.name(),
            consent_at: c.details.consent_at.map(rfc3339),
            identities: c.identities.into_iter().map(identity).collect(),
            created_at: rfc3339(c.created_at),
            updated_at: c.updated_at.map(rfc3339),
        }
    }
}

/// `?search=…&tag=…`.
#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// How a word of the name begins, or a piece of a number or another address. Without another filter at most 1000 are found.
    search: Option<String>,
    #[serde(alias = "tags")]
    tag: Option<String>,
}

impl From<Filter> for ContactFilter {
    fn from(f: Filter) -> Self {
        Self {
            search: f.search.filter(|s| !s.trim().is_empty()),
            tag: f.tag.map(|t| t.trim().to_lowercase()).filter(|t| !t.is_empty()),
            before: None,
        }
    }
}

/// What is absent stays as it is; `null` removes it.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fields {
    #[serde(deserialize_with = "given")]
    name: Option<Option<String>>,
    #[serde(alias = "phone", deserialize_with = "given")]
    phone_number: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    email: Option<Option<String>>,
    tags: Option<Vec<String>>,
    /// A `null` removes one; others stay.
    attributes: Option<BTreeMap<String, Option<String>>>,
    consent: Option<String>,
}

fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

/// A telephone number in international form.
///
/// # Errors
/// 400, naming the field.
pub(super) fn phone(field: &str, text: &str) -> ApiResult<String> {
    let bare: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
    let digits = bare.strip_prefix('+').or_else(|| bare.strip_prefix("00")).unwrap_or(&bare);
    if (6..=15).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit()) {
        return Ok(format!("+{digits}"));
    }
    Err(ApiError::invalid(field, "must be a telephone number in international form, such as +33612345678"))
}

pub(crate) fn email(field: &str, text: &str) -> ApiResult<String> {
    let text = text.trim().to_lowercase();
    let good = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if good && text.len() <= 254 && !text.chars().any(char::is_whitespace) {
        return Ok(text);
    }
    Err(ApiError::invalid(field, "must be an e-mail address"))
}

pub(crate) fn name(field: &str, text: &str) -> ApiResult<String> {
    let text = text.trim();
    match text.chars().count() {
        1..=LONGEST_NAME => Ok(text.to_owned()),
        _ => Err(ApiError::invalid(field, format!("must have 1 to {LONGEST_NAME} characters"))),
    }
}

fn attributes(
    mut before: BTreeMap<String, String>,
    given: BTreeMap<String, Option<String>>,
) -> ApiResult<BTreeMap<String, String>> {
    for (key, value) in given {
        let fits = (1..=64).contains(&key.chars().count())
            && value.as_ref().is_none_or(|v| v.chars().count() <= LONGEST_ATTRIBUTE);
        if !fits {
            let message = format!("a name has 1 to 64 characters, a value at most {LONGEST_ATTRIBUTE}");
            return Err(ApiError::invalid(format!("attributes.{key}"), message));
        }
        match value {
            Some(value) => _ = before.insert(key, value),
            None => _ = before.remove(&key),
        }
    }
    if before.len() > MOST_ATTRIBUTES {
        return Err(ApiError::invalid("attributes", format!("must be at most {MOST_ATTRIBUTES}")));
    }
    Ok(before)
}

impl Fields {
    /// As a row of a file says it: what is empty is absent.
    pub(super) fn of_row(name: Option<String>, phone: Option<String>, email: Option<String>) -> Self {
        Self { name: name.map(Some), phone_number: phone.map(Some), email: email.map(Some), ..Self::default() }
    }

    pub(super) fn with(self, tags: Option<Vec<String>>, consent: Option<String>) -> Self {
        Self { tags, consent, ..self }
    }

    /// Onto what is known; all that is wrong is told at once.
    pub(super) fn onto(self, before: ContactDetails, now: Timestamp) -> ApiResult<ContactDetails> {
        let mut after = before;
        let mut wrong: Vec<Detail> = Vec::new();
        let mut look = |done: ApiResult<()>| wrong.extend(done.err().into_iter().flat_map(|e| e.details));
        if let Some(text) = self.name {
            look(text.as_deref().map(|t| name("name", t)).transpose().map(|v| after.name = v));
        }
        if let Some(text) = self.phone_number {
            look(text.as_deref().map(|t| phone("phoneNumber", t)).transpose().map(|v| after.phone = v));
        }
        if let Some(text) = self.email {
            look(text.as_deref().map(|t| email("email", t)).transpose().map(|v| after.email = v));
        }
        if let Some(given) = self.tags {
            look(tags("tags", &given).map(|v| after.tags = v));
        }
        if let Some(given) = self.attributes {
            look(attributes(std::mem::take(&mut after.attributes), given).map(|v| after.attributes = v));
        }
        if let Some(text) = self.consent {
            look(match Consent::named(&text) {
                Some(consent) => {
                    after.consent_at = (consent != Consent::Unknown).then_some(now);
                    after.consent = consent;
                    Ok(())
                }
                None => Err(ApiError::invalid("consent", "must be unknown, granted or withdrawn")),
            });
        }
        if wrong.is_empty() { Ok(after) } else { Err(ApiError::validation(wrong)) }
    }
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    filter: Result<Query<Filter>, QueryRejection>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    let Query(filter) = filter.map_err(|e| ApiError::invalid("query", e.body_text()))?;
    page("contacts", tenant.store.contacts(&filter.into(), at.into()).await?, Out::from)
}

pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Body(fields): Body<Fields>,
) -> ApiResult<Created<Out>> {
    let details = fields.onto(ContactDetails::default(), api.clock.now())?;
    if details.name.is_none() && details.phone.is_none() && details.email.is_none() {
        return Err(ApiError::invalid("phoneNumber", "one of phoneNumber, email and name is needed"));
    }
    created(Out::from(tenant.store.create_contact(details).await?))
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(Out::from(tenant.store.contact(id.parse::<ContactId>()?).await?))
}

pub async fn update(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(fields): Body<Fields>,
) -> ApiResult<Of<Out>> {
    let before = tenant.store.contact(id.parse::<ContactId>()?).await?;
    let details = fields.onto(before.details, api.clock.now())?;
    ok(Out::from(tenant.store.update_contact(before.id, details).await?))
}

/// Somebody who wrote is erased, not just deleted: nobody should lose conversations by mistake.
pub async fn remove(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Deleted>> {
    let id = id.parse::<ContactId>()?;
    match tenant.store.delete_contact(id).await {
        Err(StoreError::Conflict(_)) => {
            Err(ApiError::conflict("the contact has conversations: erase it with POST /api/contacts/{id}/erase"))
        }
        done => {
            done?;
            ok(Deleted::of(id))
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The contact that goes up in this one.
    from: String,
}

pub async fn merge(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(merge): Body<Merge>,
) -> ApiResult<Of<Out>> {
    let id = id.parse::<ContactId>()?;
    let from = merge.from.parse::<ContactId>().map_err(|e| ApiError::invalid("from", e.to_string()))?;
    if from == id {
        return Err(ApiError::invalid("from", "must be another contact"));
    }
    let merged = tenant.store.merge_contacts(id, from).await?;
    tenant.note("contact.merged", id, &from.to_string()).await?;
    ok(Out::from(merged))
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Split {
    channel_id: String,
    address: String,
    name: Option<String>,
}

pub async fn split(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(split): Body<Split>,
) -> ApiResult<Created<Out>> {
    let id = id.parse::<ContactId>()?;
    let channel = split.channel_id.parse::<ChannelId>().map_err(|e| ApiError::invalid("channelId", e.to_string()))?;
    let called = split.name.as_deref().map(|text| name("name", text)).transpose()?;
    match tenant.store.split_contact(id, channel, &split.address, called).await {
        Err(StoreError::Conflict(_)) => Err(ApiError::conflict("it is the contact's only address")),
        done => {
            let made = done?;
            tenant.note("contact.split", id, &made.id.to_string()).await?;
            created(Out::from(made))
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Erased {
    id: String,
    erased: bool,
    /// How many went with the person.
    conversations: usize,
}

/// Deletes the person and everything that was said with them.
pub async fn erase(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Erased>> {
    let id = id.parse::<ContactId>()?;
    let files = tenant.store.attachments_of(id).await?;
    let gone = tenant.store.erase_contact(id).await?;
    for file in files {
        crate::attachments::forget(&api, tenant.id, file).await;
    }
    for conversation in &gone {
        api.node.renew(tenant.id, *conversation);
    }
    tenant.note("contact.erased", id, "").await?;
    ok(Erased { id: id.to_string(), erased: true, conversations: gone.len() })
}

#[derive(Serialize, JsonSchema)]
pub struct Everything {
    contact: Out,
    /// What they agreed to.
    consents: Vec<super::consents::Out>,
    /// What was or is to be sent to them because somebody planned it.
    planned_messages: Vec<super::scheduled_messages::Out>,
    /// With their messages and notes, and the tool calls that waited for a person.
    conversations: Vec<Value>,
}

/// Everything that is kept of a person.
pub async fn export(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Everything>> {
    let contact = tenant.store.contact(id.parse::<ContactId>()?).await?;
    let mut conversations = Vec::new();
    for conversation in tenant.store.conversations_of(contact.id).await? {
        let mut shown = json!(super::conversations::seen(&tenant, conversation).await?);
        shown["messages"] = Value::from(transcript(&tenant, conversation).await?);
        let notes = tenant.store.notes(conversation, PageRequest::new(1, PageRequest::MOST)).await?;
        shown["notes"] =
            json!(notes.items.into_iter().map(super::conversation_acts::NoteOut::from).collect::<Vec<_>>());
        shown["approvals"] = json!(super::approvals::of_conversation(&api, &tenant, conversation).await?);
        conversations.push(shown);
    }
    let consents = tenant.store.consents(contact.id).await?.into_iter().map(super::consents::Out::from).collect();
    let planned = tenant.store.planned_for(contact.id).await?;
    let planned_messages = planned.into_iter().map(super::scheduled_messages::Out::from).collect();
    tenant.note("contact.exported", contact.id, "").await?;
    ok(Everything { contact: contact.into(), consents, planned_messages, conversations })
}

/// From the first line to the last.
async fn transcript(tenant: &Tenant, id: colloquy_domain::ids::ConversationId) -> ApiResult<Vec<Value>> {
    let mut lines = Vec::new();
    let mut position = 0;
    loop {
        let next = tenant.store.messages_since(id, position, PageRequest::MOST).await?;
        let Some(last) = next.last() else { return Ok(lines) };
        position = last.position;
        lines.extend(next.into_iter().map(|l| json!(super::conversations::Line::from(l))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S3-CON-1
    #[test]
    fn numbers_are_kept_in_one_form_and_nonsense_is_named() {
        for text in ["+33 6 12-34.56(78)", "0033612345678", "33612345678"] {
            assert_eq!(phone("phoneNumber", text).unwrap(), "+33612345678");
        }
        for text in ["", "+", "12", "+33 6 12 34 56 78 90 12 34 56", "call me", "+33a"] {
            assert_eq!(phone("to", text).unwrap_err().details[0].field, "to", "{text}");
        }
    }

    // req: S0-VAL-1
    #[test]
    fn all_that_is_wrong_with_a_contact_is_told_at_once() {
        let fields = Fields {
            name: Some(Some(String::new())),
            phone_number: Some(Some("x".into())),
            email: Some(Some("x".into())),
            tags: Some(vec![" ".into()]),
            consent: Some("maybe".into()),
            attributes: None,
        };
        let wrong = fields.onto(ContactDetails::default(), Timestamp(1)).unwrap_err();
        let fields: Vec<_> = wrong.details.iter().map(|d| d.field.as_str()).collect();
        assert_eq!(fields, ["name", "phoneNumber", "email", "tags[0]", "consent"]);
    }
}
