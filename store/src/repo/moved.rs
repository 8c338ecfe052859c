use super::{TenantStore, contacts};
use crate::{
    db::{self, Conn},
    error::store_error,
    sql::{contacts as sql, people},
};
use colloquy_domain::{
    channel::{AddressChange, AddressTie},
    ids::{ChannelId, ContactId, ConversationId},
    ports::StoreError,
};
use futures::FutureExt;
use std::time::Duration;
use uuid::Uuid;

/// What followed from somebody's new address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub contact: ContactId,
    /// The contact that the new address had belonged to, which went up in the other.
    pub merged: Option<ContactId>,
    /// Conversations whose address is another one now: whoever has them in memory reads them again.
    pub conversations: Vec<ConversationId>,
}

/// What is known of another address of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub address: String,
    /// A contact is kept at the alias itself: its first message came while nobody knew whose it is.
    pub kept_there: bool,
}

/// What the channel said of two addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Somebody left the one for the other: somebody else may get it.
    Moved,
    /// Both are one person's, and nobody else's ever.
    Tied,
}

/// How finely WhatsApp tells times.
const WHOLE_SECONDS: Duration = Duration::from_secs(1);

/// Whose change it is, and when it is written down.
struct At {
    tenant: Uuid,
    channel: Uuid,
    now: i64,
    /// For the line of the audit log.
    audit: Uuid,
}

impl TenantStore {
    /// Somebody is reached at another address of the channel from now on: their identity, their conversation and what waits
    /// to be sent in it go there. If somebody is known by that address, they are the same person, and both conversations stay,
    /// of which the one at the new address goes on. A change that was made before finds nobody at the old address: `None`.
    ///
    /// # Errors
    /// The store's.
    pub async fn move_address(&self, channel: ChannelId, change: &AddressChange) -> Result<Option<Moved>, StoreError> {
        let (tenant, now, audit) = (self.key(), self.store.now().millis(), self.store.uuid());
        let change = change.clone();
        self.tell(move |conn| {
            let (at, change) = (At { tenant, channel: channel.uuid(), now, audit }, change.clone());
            async move {
                rename_alias(conn, &at, &change).await?;
                moved(conn, &at, &change, Word::Moved).await
            }
            .boxed()
        })
        .await
    }

    /// From now on, what comes from the alias is theirs who is reached at the address. Who was known by the alias alone until
    /// then is the same person: what came of that. An older word than what is known changes nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn tie_address(&self, channel: ChannelId, tie: &AddressTie) -> Result<Option<Moved>, StoreError> {
        let (tenant, now, audit) = (self.key(), self.store.now().millis(), self.store.uuid());
        let tie = tie.clone();
        self.tell(move |conn| {
            let (at, tie) = (At { tenant, channel: channel.uuid(), now, audit }, tie.clone());
            async move {
                let query = db::query(sql::TIE).bind(at.tenant).bind(at.channel).bind(tie.alias.clone());
                let query = query.bind(tie.address.clone()).bind(tie.at.millis());
                if query.execute(&mut *conn).await.map_err(store_error)?.rows_affected() == 0 {
                    return Ok(None);
                }
                moved(conn, &at, &AddressChange { from: tie.alias, to: tie.address, at: tie.at }, Word::Tied).await
            }
            .boxed()
        })
        .await
    }

    /// Where the person of an alias is reached; `None` if it is nobody's.
    ///
    /// # Errors
    /// The store's.
    pub async fn of_alias(&self, channel: ChannelId, alias: &str) -> Result<Option<Alias>, StoreError> {
        let query = db::query_as(sql::OF_ALIAS).bind(self.key()).bind(channel.uuid()).bind(alias.to_owned());
        let row: Option<(String, bool)> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        Ok(row.map(|(address, kept_there)| Alias { address, kept_there }))
    }
}

/// An alias of somebody is another one now.
async fn rename_alias(conn: &mut Conn, at: &At, change: &AddressChange) -> Result<(), StoreError> {
    for statement in [sql::DROP_ALIAS, sql::RENAME_ALIAS] {
        let query = db::query(statement).bind(at.tenant).bind(at.channel).bind(change.from.clone());
        let query = query.bind(change.to.clone()).bind(change.at.millis());
        query.execute(&mut *conn).await.map_err(store_error)?;
    }
    Ok(())
}

async fn moved(conn: &mut Conn, at: &At, change: &AddressChange, word: Word) -> Result<Option<Moved>, StoreError> {
    let Some(contact) = identity(conn, at, &change.from).await? else { return Ok(None) };
    let old = conversation(conn, at, &change.from).await?;
    // Told again after the old address went to somebody else.
    if word == Word::Moved && old.is_some_and(|(_, began)| began > (change.at + WHOLE_SECONDS).millis()) {
        return Ok(None);
    }
    let there = conversation(conn, at, &change.to).await?;
    let known = identity(conn, at, &change.to).await?;
    // A stranger who gets the old address some day must not be taken for them.
    let query = db::query(sql::DROP_IDENTITY).bind(at.tenant).bind(at.channel).bind(change.from.clone());
    query.execute(&mut *conn).await.map_err(store_error)?;
    if known.is_none() {
        let query = db::query(sql::ADD_IDENTITY).bind(at.tenant).bind(at.channel).bind(change.to.clone()).bind(contact);
        query.execute(&mut *conn).await.map_err(store_error)?;
    }
    // Who is known by other names, too, keeps them.
    let query = db::query(sql::ALIASES_FOLLOW).bind(at.tenant).bind(at.channel);
    let query = query.bind(change.from.clone()).bind(change.to.clone());
    query.execute(&mut *conn).await.map_err(store_error)?;
    // Who has a number is known for longer than a first message from an alias.
    let (contact, known) = match (word, known) {
        (Word::Tied, Some(known)) => (known, Some(contact)),
        (_, known) => (contact, known),
    };
    let merged = same_person(conn, at, (contact, known), change).await?;
    if let Some((id, _)) = old {
        readdress(conn, at, (id, there.map(|(id, _)| id)), change).await?;
    }
    tell(conn, at, (contact, merged), there.or(old).map(|(id, _)| id)).await?;
    let conversations = old.map(|(id, _)| ConversationId::new(id)).into_iter().collect();
    Ok(Some(Moved { contact: ContactId::new(contact), merged: merged.map(ContactId::new), conversations }))
}

async fn identity(conn: &mut Conn, at: &At, address: &str) -> Result<Option<Uuid>, StoreError> {
    let query = db::query_scalar(sql::IDENTITY_AT).bind(at.tenant).bind(at.channel).bind(address.to_owned());
    query.fetch_optional(conn).await.map_err(store_error)
}

/// The conversation at an address, and when it began. It is held: nobody commits in it meanwhile.
async fn conversation(conn: &mut Conn, at: &At, address: &str) -> Result<Option<(Uuid, i64)>, StoreError> {
    let query = db::query_as(sql::CONVERSATION_AT).bind(at.tenant).bind(at.channel).bind(address.to_owned());
    query.fetch_optional(conn).await.map_err(store_error)
}

/// Whoever is known by the new address, or has it as their number, goes up in the contact, whose number is the new one.
async fn same_person(
    conn: &mut Conn,
    at: &At,
    (contact, known): (Uuid, Option<Uuid>),
    change: &AddressChange,
) -> Result<Option<Uuid>, StoreError> {
    let number = |address: &str| address.chars().all(|c| c.is_ascii_digit()).then(|| format!("+{address}"));
    let mut other = known;
    if let (None, Some(number)) = (known, number(&change.to)) {
        let query = db::query_scalar(sql::OF_NUMBER).bind(at.tenant).bind(number);
        other = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
    }
    let other = other.filter(|other| *other != contact);
    if let Some(other) = other {
        contacts::merge(conn, at.tenant, contact, other, at.now).await?;
    }
    let mut details = contacts::read(conn, at.tenant, contact).await?;
    if details.phone.is_some() && details.phone == number(&change.from) {
        details.phone = number(&change.to);
        contacts::set(conn, (at.tenant, contact), &details, at.now).await?;
    }
    Ok(other)
}

/// What waits goes to the new address. Where a conversation is there already, the old one ends, at an address of nobody.
async fn readdress(
    conn: &mut Conn,
    at: &At,
    (old, there): (Uuid, Option<Uuid>),
    change: &AddressChange,
) -> Result<(), StoreError> {
    let query = db::query(sql::READDRESS_WAITING).bind(at.tenant).bind(old).bind(change.to.clone());
    query.execute(&mut *conn).await.map_err(store_error)?;
    let (peer, closed_at) = match there {
        None => (change.to.clone(), None),
        Some(_) => (format!("{} ({old})", change.from), Some(at.now)),
    };
    let query = db::query(sql::READDRESS).bind(at.tenant).bind(old).bind(peer).bind(closed_at);
    query.execute(conn).await.map(|_| ()).map_err(store_error)
}

/// The audit log names rows alone: numbers go when a person is erased.
async fn tell(
    conn: &mut Conn,
    at: &At,
    (contact, merged): (Uuid, Option<Uuid>),
    conversation: Option<Uuid>,
) -> Result<(), StoreError> {
    let query = db::query(sql::TELL_MOVED).bind(at.tenant).bind(conversation).bind(at.now);
    query.execute(&mut *conn).await.map_err(store_error)?;
    let detail = match merged {
        Some(other) => format!("the channel told of another address; merged with {other}"),
        None => "the channel told of another address".to_owned(),
    };
    let none: Option<Uuid> = None;
    let query = db::query(people::ADD_AUDIT).bind(at.audit).bind(at.tenant).bind("system").bind(none);
    let query = query.bind("contact.moved").bind(contact.to_string()).bind(detail).bind(at.now);
    query.execute(conn).await.map(|_| ()).map_err(store_error)
}
