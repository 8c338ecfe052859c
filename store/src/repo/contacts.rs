use super::{
    Page, PageRequest, TenantStore,
    filter::{beginning, tagged},
    found,
};
use crate::{
    db::{self, Conn, Query},
    error::{conflict_on, store_error, unreadable},
    records,
    sql::{contacts as sql, outreach},
};
use colloquy_domain::{
    channel::ChannelKind,
    ids::{ChannelId, ContactId, ConversationId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Whether a person agreed to be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consent {
    /// Nobody asked.
    #[default]
    Unknown,
    Granted,
    /// They want to be left alone.
    Withdrawn,
}

impl Consent {
    const ALL: [Self; 3] = [Self::Unknown, Self::Granted, Self::Withdrawn];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Granted => "granted",
            Self::Withdrawn => "withdrawn",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// One way to reach a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactIdentity {
    pub channel: ChannelId,
    pub kind: ChannelKind,
    pub address: String,
}

/// What the team knows of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactDetails {
    pub name: Option<String>,
    /// In international form, with the plus sign; one contact for each.
    pub phone: Option<String>,
    /// In lower case.
    pub email: Option<String>,
    /// In lower case.
    pub tags: Vec<String>,
    pub attributes: BTreeMap<String, String>,
    pub consent: Consent,
    /// When that was said.
    pub consent_at: Option<Timestamp>,
}

/// A person, however many channels they write on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub id: ContactId,
    pub details: ContactDetails,
    pub identities: Vec<ContactIdentity>,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

/// Which contacts are wanted; what is absent matches everything.
#[derive(Debug, Clone, Default)]
pub struct ContactFilter {
    /// How a word of a name begins, or a piece of a number or of another address.
    pub search: Option<String>,
    pub tag: Option<String>,
    /// Only those that are older.
    pub before: Option<ContactId>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    tags: String,
    attributes: String,
    consent: String,
    consent_at: Option<i64>,
    created_at: i64,
    updated_at: Option<i64>,
}

/// Contact, channel, kind, address.
type IdentityRow = (Uuid, Uuid, String, String);

impl Row {
    fn contact(self, identities: &[IdentityRow]) -> Result<Contact, StoreError> {
        let details = ContactDetails {
            name: self.name,
            phone: self.phone,
            email: self.email,
            tags: records::read("tags", &self.tags)?,
            attributes: records::read("attributes", &self.attributes)?,
            consent: Consent::named(&self.consent).ok_or_else(|| unreadable("consent"))?,
            consent_at: self.consent_at.map(Timestamp),
        };
        let own = identities.iter().filter(|(contact, ..)| *contact == self.id);
        let identities = own.map(|(_, channel, kind, address)| ContactIdentity {
            channel: ChannelId::new(*channel),
            kind: ChannelKind::named(kind),
            address: address.clone(),
        });
        Ok(Contact {
            id: ContactId::new(self.id),
            details,
            identities: identities.collect(),
            created_at: Timestamp(self.created_at),
            updated_at: self.updated_at.map(Timestamp),
        })
    }
}

/// Binds what the team knows to a statement that begins with tenant and contact.
fn with_details(query: Query, details: &ContactDetails, now: i64) -> Result<Query, StoreError> {
    Ok(query
        .bind(details.name.clone())
        .bind(details.phone.clone())
        .bind(details.email.clone())
        .bind(records::write(&details.tags)?)
        .bind(records::write(&details.attributes)?)
        .bind(details.consent.name())
        .bind(details.consent_at.map(Timestamp::millis))
        .bind(now))
}

impl TenantStore {
    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn contacts(&self, filter: &ContactFilter, request: PageRequest) -> Result<Page<Contact>, StoreError> {
        let narrowed = sql::Narrowed {
            searched: filter.search.is_some(),
            tagged: filter.tag.is_some(),
            before: filter.before.is_some(),
        };
        let matching = |text| {
            Query::built(text)
                .bind(self.key())
                .bind(filter.search.as_deref().map(beginning))
                .bind(filter.tag.as_deref().map(tagged))
                .bind(filter.before.map(ContactId::uuid))
        };
        let known = if narrowed.is_all() { Some(self.sizes().await?.contacts) } else { None };
        let (text, limit, offset) = match known.and_then(|total| request.near_end(total)) {
            Some((limit, offset)) => (narrowed.list_from_end(), limit, offset),
            None => (narrowed.list(), request.sql_limit(), request.sql_offset()),
        };
        let query = matching(text).bind(limit).bind(offset);
        let read = query.fetch_all(self.reads()).await.map_err(store_error)?;
        let rows = read.iter().map(|row| row.read::<Row>()).collect::<Result<Vec<_>, _>>().map_err(store_error)?;
        let identities = self.identities_of(&rows).await?;
        let total = match known {
            Some(total) => total,
            None => self.total(narrowed.searched, &read, matching(narrowed.count())).await?,
        };
        Page::new(rows, request, total).try_map(|row| row.contact(&identities))
    }

    async fn identities_of(&self, contacts: &[Row]) -> Result<Vec<IdentityRow>, StoreError> {
        if contacts.is_empty() {
            return Ok(Vec::new());
        }
        let query = Query::built(sql::identities_of(contacts.len())).bind(self.key());
        let query = contacts.iter().fold(query, |query, contact| query.bind(contact.id));
        let rows = query.fetch_all(self.reads()).await.map_err(store_error)?;
        rows.iter().map(|row| row.read()).collect::<Result<_, _>>().map_err(store_error)
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn contact(&self, id: ContactId) -> Result<Contact, StoreError> {
        let row: Option<Row> = self.one(sql::CONTACT, id.uuid()).await?;
        let query = db::query_as(sql::IDENTITIES).bind(self.key()).bind(id.uuid());
        let identities: Vec<IdentityRow> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        row.ok_or(StoreError::NotFound("contact"))?.contact(&identities)
    }

    /// # Errors
    /// [`StoreError::Conflict`] if somebody has the number or writes from it, or the store's.
    pub async fn create_contact(&self, details: ContactDetails) -> Result<Contact, StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let details = details.clone();
            async move {
                if by_phone(conn, tenant, &details).await?.is_some() {
                    return Err(StoreError::Conflict("phoneNumber"));
                }
                add(conn, (tenant, id), &details, now).await
            }
            .boxed()
        })
        .await?;
        self.contact(ContactId::new(id)).await
    }

    /// # Errors
    /// [`StoreError::Conflict`] if another contact has the number, [`StoreError::NotFound`], or the store's.
    pub async fn update_contact(&self, id: ContactId, details: ContactDetails) -> Result<Contact, StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let details = details.clone();
            async move { set(conn, (tenant, id.uuid()), &details, now).await }.boxed()
        })
        .await?;
        self.contact(id).await
    }

    /// Adds an attribute to whoever writes from an address of a channel; `false` if nobody is known by it yet.
    ///
    /// # Errors
    /// The store's.
    pub async fn describe_contact(
        &self,
        channel: ChannelId,
        address: &str,
        attribute: &str,
        value: &str,
    ) -> Result<bool, StoreError> {
        let (tenant, now, address) = (self.key(), self.store.now().millis(), address.to_owned());
        let (attribute, value) = (attribute.to_owned(), value.to_owned());
        self.tell(move |conn| {
            let (address, attribute, value) = (address.clone(), attribute.clone(), value.clone());
            async move {
                let query = db::query_as(sql::ATTRIBUTES_OF).bind(tenant).bind(channel.uuid()).bind(address);
                let row: Option<(Uuid, String)> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
                let Some((id, known)) = row else { return Ok(false) };
                let mut attributes: BTreeMap<String, String> = records::read("attributes", &known)?;
                if attributes.get(&attribute) != Some(&value) {
                    attributes.insert(attribute, value);
                    let query = db::query(sql::SET_ATTRIBUTES).bind(tenant).bind(id);
                    let query = query.bind(records::write(&attributes)?).bind(now);
                    query.execute(conn).await.map_err(store_error)?;
                }
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    /// Makes contacts, or completes those that have the number (or, without one, the address): what a row says wins, its
    /// tags and attributes are added. All of them or none. Says of each whether it is new.
    ///
    /// # Errors
    /// The store's.
    pub async fn import_contacts(&self, rows: Vec<ContactDetails>) -> Result<Vec<bool>, StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        let rows: Vec<(Uuid, ContactDetails)> = rows.into_iter().map(|row| (self.store.uuid(), row)).collect();
        self.tell(move |conn| {
            let rows = rows.clone();
            async move {
                let mut made = Vec::with_capacity(rows.len());
                for (id, details) in rows {
                    made.push(import(conn, tenant, id, details, now).await?);
                }
                Ok(made)
            }
            .boxed()
        })
        .await
    }

    /// Two contacts turn out to be one person: `from` goes up in `into`, whose own details win.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] if they are the same, or the store's.
    pub async fn merge_contacts(&self, into: ContactId, from: ContactId) -> Result<Contact, StoreError> {
        if into == from {
            return Err(StoreError::Conflict("from"));
        }
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| async move { merge(conn, tenant, into.uuid(), from.uuid(), now).await }.boxed()).await?;
        self.contact(into).await
    }

    /// One of a contact's identities turns out to be another person: it becomes a contact of its own, with its
    /// conversation.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] if it is the contact's only one, or the store's.
    pub async fn split_contact(
        &self,
        id: ContactId,
        channel: ChannelId,
        address: &str,
        name: Option<String>,
    ) -> Result<Contact, StoreError> {
        let (new, tenant, now) = (self.store.uuid(), self.key(), self.store.now().millis());
        let (address, details) = (address.to_owned(), ContactDetails { name, ..ContactDetails::default() });
        self.tell(move |conn| {
            let (address, details) = (address.clone(), details.clone());
            async move {
                let query = db::query_scalar(sql::COUNT_IDENTITIES).bind(tenant).bind(id.uuid());
                let identities: i64 = query.fetch_one(&mut *conn).await.map_err(store_error)?;
                if identities == 1 {
                    return Err(StoreError::Conflict("address"));
                }
                add(conn, (tenant, new), &details, now).await?;
                let moved = |text| {
                    let query = db::query(text).bind(tenant).bind(id.uuid()).bind(new).bind(channel.uuid());
                    query.bind(address.clone())
                };
                let done = moved(sql::MOVE_IDENTITY).execute(&mut *conn).await.map_err(store_error)?;
                found(done.rows_affected(), "identity")?;
                moved(sql::MOVE_CONVERSATION).execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await?;
        self.contact(ContactId::new(new)).await
    }

    /// Deletes a contact that nobody has talked with.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is anything to be erased with it, [`StoreError::NotFound`], or the store's.
    pub async fn delete_contact(&self, id: ContactId) -> Result<(), StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            async move {
                let query = db::query_scalar(sql::COUNT_IDENTITIES).bind(tenant).bind(id.uuid());
                let identities: i64 = query.fetch_one(&mut *conn).await.map_err(store_error)?;
                if identities > 0 {
                    return Err(StoreError::Conflict("identities"));
                }
                for text in [outreach::FORGET_PLANNED, outreach::FORGET_CONSENTS] {
                    db::query(text).bind(tenant).bind(id.uuid()).execute(&mut *conn).await.map_err(store_error)?;
                }
                let query = db::query(sql::REMOVE).bind(tenant).bind(id.uuid());
                found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "contact")
            }
            .boxed()
        })
        .await
    }

    /// The conversations with a person.
    ///
    /// # Errors
    /// The store's.
    pub async fn conversations_of(&self, id: ContactId) -> Result<Vec<ConversationId>, StoreError> {
        let query = db::query_as(sql::CONVERSATIONS_OF).bind(self.key()).bind(id.uuid());
        let rows: Vec<(Uuid,)> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        Ok(rows.into_iter().map(|(id,)| ConversationId::new(id)).collect())
    }

    /// Deletes a person with all that was said and computed in their conversations, in one step; the conversations that are
    /// gone. Whatever waits to be sent to them is not sent any more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn erase_contact(&self, id: ContactId) -> Result<Vec<ConversationId>, StoreError> {
        let (tenant, contact) = (self.key(), id.uuid());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::CONTACT).bind(tenant).bind(contact);
                query.fetch_optional(&mut *conn).await.map_err(store_error)?.ok_or(StoreError::NotFound("contact"))?;
                let held = db::query_as(sql::HOLD).bind(tenant).bind(contact).fetch_all(&mut *conn).await;
                let held: Vec<(Uuid,)> = held.map_err(store_error)?;
                for text in [sql::FORGET_IN_LOG, sql::RENAME_TOPICS].into_iter().chain(sql::ERASE) {
                    db::query(text).bind(tenant).bind(contact).execute(&mut *conn).await.map_err(store_error)?;
                }
                Ok(held.into_iter().map(|(id,)| ConversationId::new(id)).collect())
            }
            .boxed()
        })
        .await
    }
}

async fn by_phone(conn: &mut Conn, tenant: Uuid, details: &ContactDetails) -> Result<Option<Uuid>, StoreError> {
    let Some(phone) = &details.phone else { return Ok(None) };
    let query = db::query_scalar(sql::BY_PHONE).bind(tenant).bind(phone).bind(phone.trim_start_matches('+'));
    query.fetch_optional(conn).await.map_err(store_error)
}

async fn add(
    conn: &mut Conn,
    (tenant, id): (Uuid, Uuid),
    details: &ContactDetails,
    now: i64,
) -> Result<(), StoreError> {
    let query = with_details(db::query(sql::ADD).bind(tenant).bind(id), details, now)?;
    query.execute(conn).await.map(|_| ()).map_err(conflict_on("phoneNumber"))
}

pub(super) async fn set(
    conn: &mut Conn,
    (tenant, id): (Uuid, Uuid),
    details: &ContactDetails,
    now: i64,
) -> Result<(), StoreError> {
    let query = with_details(db::query(sql::SET).bind(tenant).bind(id), details, now)?;
    let done = query.execute(conn).await.map_err(conflict_on("phoneNumber"))?;
    found(done.rows_affected(), "contact")
}

pub(super) async fn read(conn: &mut Conn, tenant: Uuid, id: Uuid) -> Result<ContactDetails, StoreError> {
    let row: Option<Row> =
        db::query_as(sql::CONTACT).bind(tenant).bind(id).fetch_optional(conn).await.map_err(store_error)?;
    Ok(row.ok_or(StoreError::NotFound("contact"))?.contact(&[])?.details)
}

async fn import(conn: &mut Conn, tenant: Uuid, id: Uuid, given: ContactDetails, now: i64) -> Result<bool, StoreError> {
    let mut known = by_phone(conn, tenant, &given).await?;
    if let (None, None, Some(email)) = (known, &given.phone, &given.email) {
        let query = db::query_scalar(sql::BY_EMAIL).bind(tenant).bind(email);
        known = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
    }
    let Some(known) = known else {
        add(conn, (tenant, id), &given, now).await?;
        return Ok(true);
    };
    let before = read(conn, tenant, known).await?;
    set(conn, (tenant, known), &completed(given, before), now).await?;
    Ok(false)
}

pub(super) async fn merge(conn: &mut Conn, tenant: Uuid, into: Uuid, from: Uuid, now: i64) -> Result<(), StoreError> {
    let details = completed(read(conn, tenant, into).await?, read(conn, tenant, from).await?);
    let written = [outreach::DROP_TWICE, outreach::MOVE_PLANNED, outreach::MOVE_CONSENTS];
    for text in [sql::MOVE_IDENTITIES, sql::MOVE_CONVERSATIONS].into_iter().chain(written) {
        db::query(text).bind(tenant).bind(from).bind(into).execute(&mut *conn).await.map_err(store_error)?;
    }
    let query = db::query(outreach::WITHDRAW_ALL).bind(tenant).bind(from).bind(into).bind(now);
    query.execute(&mut *conn).await.map_err(store_error)?;
    db::query(outreach::FORGET_PLANNED).bind(tenant).bind(from).execute(&mut *conn).await.map_err(store_error)?;
    // Before the other one gets its number.
    db::query(sql::REMOVE).bind(tenant).bind(from).execute(&mut *conn).await.map_err(store_error)?;
    set(conn, (tenant, into), &details, now).await
}

/// What the first one says, and what only the second one knows. Whoever withdrew their consent is left alone, on
/// whichever of the two it was.
fn completed(first: ContactDetails, second: ContactDetails) -> ContactDetails {
    let mut tags = first.tags;
    tags.extend(second.tags.into_iter().filter(|t| !tags.contains(t)).collect::<Vec<_>>());
    let mut attributes = second.attributes;
    attributes.extend(first.attributes);
    let (consent, consent_at) = match (first.consent, second.consent) {
        (Consent::Unknown, _) | (Consent::Granted, Consent::Withdrawn) => (second.consent, second.consent_at),
        _ => (first.consent, first.consent_at),
    };
    ContactDetails {
        name: first.name.or(second.name),
        phone: first.phone.or(second.phone),
        email: first.email.or(second.email),
        tags,
        attributes,
        consent,
        consent_at,
    }
}
