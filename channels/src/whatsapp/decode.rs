//! From a webhook's envelope to events.

use super::{account, content::content, errors, templates};
use crate::{
    lenient::{id, items, made_id, text, time},
    meta::GraphError,
};
use colloquy_domain::{
    channel::{AddressChange, AddressTie, ChannelEvent, DeliveryStatus, StatusUpdate},
    message::{Content, Inbound, Peer},
};
use serde_json::Value;

/// All events of a verified payload that belong to the phone number `own` (to any, if it is not known) or to the business
/// account.
pub(super) fn events(payload: &Value, own: Option<&str>, business: Option<&str>) -> Vec<ChannelEvent> {
    if let Some(object) = text(payload, "/object").filter(|o| *o != "whatsapp_business_account") {
        return vec![ignored(format!("object.{object}"))];
    }
    let entries = items(payload, "/entry").iter();
    let changes = entries.flat_map(|entry| items(entry, "/changes").iter().map(move |change| (entry, change)));
    changes.flat_map(|(entry, change)| of_change(entry, change, own, business)).collect()
}

fn ignored(kind: impl Into<String>) -> ChannelEvent {
    ChannelEvent::Ignored { kind: kind.into() }
}

fn of_change(entry: &Value, change: &Value, own: Option<&str>, business: Option<&str>) -> Vec<ChannelEvent> {
    let field = text(change, "/field").unwrap_or("no_field");
    let Some(value) = change.get("value") else { return vec![ignored(field)] };
    let phone = id(value, "/metadata/phone_number_id");
    if let (Some(phone), Some(own)) = (&phone, own)
        && phone != own
    {
        return vec![ignored("other_account")];
    }
    match field {
        "messages" => {
            let messages = items(value, "/messages").iter().flat_map(|m| {
                moves(m).unwrap_or_else(|| tie(m, value).into_iter().chain([of_message(m, value)]).collect())
            });
            let statuses = items(value, "/statuses").iter().map(of_status);
            let mut events: Vec<_> = messages.chain(statuses).collect();
            if events.is_empty() {
                events.push(ignored(if value.get("errors").is_some() { "errors" } else { "messages.empty" }));
            }
            events
        }
        "user_preferences" => items(value, "/user_preferences").iter().map(|p| of_preference(p, value)).collect(),
        "smb_message_echoes" => items(value, "/message_echoes").iter().map(|m| of_echo(m, value)).collect(),
        "message_template_status_update" => {
            vec![templates::update(entry, value).unwrap_or_else(|| ignored(field))]
        }
        _ => vec![of_account(field, entry, value, business).unwrap_or_else(|| ignored(field))],
    }
}

/// What is told of a business account is for those who are known to have a number there.
fn of_account(field: &str, entry: &Value, value: &Value, business: Option<&str>) -> Option<ChannelEvent> {
    let own = business.filter(|own| id(entry, "/id").as_deref() == Some(*own));
    own.and_then(|_| account::notice(field, entry, value))
}

/// Somebody has another number, or the business knows them by another id. Older payloads name the new number otherwise; which of
/// the two the person is known by is not for the payload to say.
fn moves(message: &Value) -> Option<Vec<ChannelEvent>> {
    let system = message.get("system").filter(|_| text(message, "/type") == Some("system"))?;
    let kinds = ["user_changed_number", "customer_changed_number", "user_changed_user_id"];
    text(system, "/type").filter(|kind| kinds.contains(kind))?;
    let number = (
        id(message, "/from").or_else(|| id(system, "/customer")),
        id(system, "/wa_id").or_else(|| id(system, "/new_wa_id")),
    );
    let user = (id(system, "/previous_user_id").or_else(|| id(message, "/from_user_id")), id(system, "/user_id"));
    let changes = [number, user].into_iter().filter_map(|(from, to)| {
        let (from, to) = (from?, to?);
        let at = time(message, "/timestamp");
        (from != to).then_some(ChannelEvent::Moved(AddressChange { from, to, at }))
    });
    Some(changes.collect::<Vec<_>>()).filter(|changes| !changes.is_empty())
}

/// Phone numbers are digits, business-scoped ids are not.
pub(super) fn is_number(address: &str) -> bool {
    !address.is_empty() && address.bytes().all(|b| b.is_ascii_digit())
}

/// A message that names its sender by number and by business-scoped id: later ones may have the id alone.
fn tie(message: &Value, value: &Value) -> Option<ChannelEvent> {
    let own = [id(message, "/from"), id(message, "/from_user_id")];
    let contacts = items(value, "/contacts").iter().map(|c| [id(c, "/wa_id"), id(c, "/user_id")]);
    let theirs = contacts.filter(|ids| ids.iter().flatten().any(|i| own.iter().flatten().any(|o| o == i)));
    let ids: Vec<String> = own.iter().cloned().chain(theirs.flatten()).flatten().collect();
    let address = ids.iter().find(|i| is_number(i))?.clone();
    let alias = ids.iter().find(|i| !is_number(i))?.clone();
    Some(ChannelEvent::Tied(AddressTie { address, alias, at: time(message, "/timestamp") }))
}

fn of_message(message: &Value, value: &Value) -> ChannelEvent {
    if message.get("group_id").is_some_and(|g| !g.is_null()) {
        return ignored("group_message");
    }
    let address = id(message, "/from").or_else(|| id(message, "/from_user_id")).or_else(|| {
        // A person with a user name may have neither: then the only contact of the payload is meant.
        id(value, "/contacts/0/wa_id").or_else(|| id(value, "/contacts/0/user_id"))
    });
    let Some(address) = address else { return ignored("messages.no_sender") };
    let name = contact_name(value, &address, id(message, "/from_user_id").as_deref());
    inbound(message, Peer { address, name }, content(message))
}

/// Whether the person wants to be written to, beyond being answered.
fn of_preference(preference: &Value, value: &Value) -> ChannelEvent {
    let address = id(preference, "/wa_id").or_else(|| id(preference, "/user_id"));
    let signal = match text(preference, "/value") {
        Some("stop") => Content::OPT_OUT,
        Some("resume" | "signup") => Content::OPT_IN,
        _ => return ignored("user_preferences"),
    };
    let Some(address) = address else { return ignored("user_preferences.no_sender") };
    let name =
        contact_name(value, &address, None).filter(|_| id(value, "/contacts/0/wa_id").as_ref() == Some(&address));
    ChannelEvent::Message(Inbound {
        provider_message_id: made_id("preference", preference),
        peer: Peer { address, name },
        sent_at: time(preference, "/timestamp"),
        content: Content::Signal { signal: signal.to_owned() },
        reply_to: None,
        raw: Some(preference.to_string()),
    })
}

/// A person of the team answered from the phone: the other side is whom the echo went to.
fn of_echo(message: &Value, value: &Value) -> ChannelEvent {
    let Some(address) = id(message, "/to").or_else(|| id(message, "/to_user_id")) else {
        return ignored("smb_message_echoes.no_recipient");
    };
    let words = text(message, "/text/body").or_else(|| text(message, "/edit/message/text/body"));
    let content = match text(message, "/type") {
        // Taking back or changing words says nothing new.
        Some(kind @ ("revoke" | "edit" | "reaction")) => Content::Signal { signal: format!("echo.{kind}") },
        _ => Content::Echo { text: words.map(str::to_owned) },
    };
    let name = contact_name(value, &address, id(message, "/to_user_id").as_deref());
    inbound(message, Peer { address, name }, content)
}

/// Where a message names the one that it is about.
const ABOUT: [&str; 4] =
    ["/context/id", "/reaction/message_id", "/edit/original_message_id", "/revoke/original_message_id"];

fn inbound(message: &Value, peer: Peer, content: Content) -> ChannelEvent {
    let understood = !matches!(content, Content::Unsupported { .. } | Content::Signal { .. });
    ChannelEvent::Message(Inbound {
        provider_message_id: id(message, "/id").unwrap_or_else(|| made_id("whatsapp", message)),
        peer,
        sent_at: time(message, "/timestamp"),
        reply_to: ABOUT.iter().find_map(|pointer| id(message, pointer)),
        raw: (!understood).then(|| message.to_string()),
        content,
    })
}

/// The name of the contact that wrote, by either of its ids, or of the only contact that there is.
fn contact_name(value: &Value, address: &str, user_id: Option<&str>) -> Option<String> {
    let contacts = items(value, "/contacts");
    let is_it = |c: &&Value| {
        let ids = [id(c, "/wa_id"), id(c, "/user_id")];
        ids.iter().flatten().any(|i| i == address || Some(i.as_str()) == user_id)
    };
    let contact = contacts.iter().find(is_it).or_else(|| contacts.first().filter(|_| contacts.len() == 1))?;
    text(contact, "/profile/name").or_else(|| text(contact, "/profile/username")).map(str::to_owned)
}

fn of_status(status: &Value) -> ChannelEvent {
    let word = text(status, "/status").unwrap_or("none");
    let reached = match word {
        "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "read" | "played" => DeliveryStatus::Read,
        "failed" => DeliveryStatus::Failed,
        other => return ignored(format!("status.{other}")),
    };
    let failure = (reached == DeliveryStatus::Failed).then(|| {
        let error = status.pointer("/errors/0").map(GraphError::of_value).unwrap_or_default();
        errors::classify(&error).failure("whatsapp", &error)
    });
    ChannelEvent::Status(StatusUpdate {
        provider_message_id: id(status, "/id"),
        outbox: text(status, "/biz_opaque_callback_data").and_then(|d| d.parse().ok()),
        peer: id(status, "/recipient_id").or_else(|| id(status, "/recipient_user_id")),
        status: reached,
        at: time(status, "/timestamp"),
        failure,
    })
}
