//! From a form to events.

use super::{Line, errors, signature::Form};
use colloquy_domain::{
    channel::{ChannelEvent, DeliveryStatus, StatusUpdate},
    ids::OutboxId,
    message::{Content, Inbound, MediaKind, Peer},
    time::Timestamp,
};

/// Words by which a person says, alone in a message, that they do not want to be written to. Twilio's own (English), and
/// what people write in French; without accents and in lower case.
const STOP: &[&str] = &[
    "stop",
    "stopall",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "opt out",
    "arret",
    "arreter",
    "desabonner",
    "desinscription",
    "desinscrire",
    "stop sms",
];
/// … and that they want to again.
const START: &[&str] = &["start", "unstop", "yes start", "abonner", "reprendre"];

fn ignored(kind: impl Into<String>) -> ChannelEvent {
    ChannelEvent::Ignored { kind: kind.into() }
}

/// `outbox` is what our own status address names.
pub(super) fn events(form: &Form, line: Line, outbox: Option<OutboxId>, own: Option<&str>) -> Vec<ChannelEvent> {
    let Some(sid) = form.get("MessageSid").or_else(|| form.get("SmsSid")) else { return vec![ignored("no_message")] };
    // Both kinds of delivery have a status; what comes in is always `received`.
    let status = form.get("MessageStatus").or_else(|| form.get("SmsStatus")).unwrap_or("received");
    if !matches!(status, "received" | "receiving") {
        return vec![of_status(form, sid, status, line, outbox)];
    }
    let (Some(from), to) = (form.get("From"), form.get("To")) else { return vec![ignored("no_sender")] };
    if let (Some(own), Some(to)) = (own, to)
        && !own.starts_with("MG")
        && to != own
    {
        return vec![ignored("other_account")];
    }
    let peer = Peer { address: from.to_owned(), name: form.get("ProfileName").map(str::to_owned) };
    let contents = contents(form);
    let message = |(n, content): (usize, Content)| {
        // Each further file is a message of its own, recognisable by its place.
        let id = if n == 0 { sid.to_owned() } else { format!("{sid}#{n}") };
        let understood = !matches!(content, Content::Unsupported { .. } | Content::Signal { .. });
        ChannelEvent::Message(Inbound {
            provider_message_id: id,
            peer: peer.clone(),
            // Twilio tells no time.
            sent_at: Timestamp::default(),
            reply_to: form.get("OriginalRepliedMessageSid").map(str::to_owned),
            raw: (!understood).then(|| form.as_json()),
            content,
        })
    };
    contents.into_iter().enumerate().map(message).collect()
}

/// One content for each file; the words go with the first.
fn contents(form: &Form) -> Vec<Content> {
    let words = form.get("Body");
    if let Some(payload) = form.get("ButtonPayload").or_else(|| form.get("ListId")) {
        let title = form.get("ButtonText").or_else(|| form.get("ListTitle")).or(words).unwrap_or_default();
        return vec![Content::Choice { title: title.to_owned(), payload: payload.to_owned() }];
    }
    // Twilio says what it made of the word, where it answers such words itself.
    let said = form.get("OptOutType").map(str::to_ascii_uppercase);
    let word = words.map(bare).unwrap_or_default();
    if said.as_deref() == Some("STOP") || STOP.contains(&word.as_str()) {
        return vec![Content::Signal { signal: Content::OPT_OUT.to_owned() }];
    }
    if said.as_deref() == Some("START") || START.contains(&word.as_str()) {
        return vec![Content::Signal { signal: Content::OPT_IN.to_owned() }];
    }
    let number = |name: &str| form.get(name).and_then(|v| v.parse::<f64>().ok()).filter(|n| n.is_finite());
    if let (Some(latitude), Some(longitude)) = (number("Latitude"), number("Longitude")) {
        let name = form.get("Label").or_else(|| form.get("Address")).map(str::to_owned);
        return vec![Content::Location { latitude, longitude, name }];
    }
    let files: usize = form.get("NumMedia").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut contents: Vec<Content> = (0..files.min(10)).filter_map(|n| file(form, n)).collect();
    match (words, contents.first_mut()) {
        (Some(words), Some(Content::Media { caption, .. })) => *caption = Some(words.to_owned()),
        (Some(words), _) => contents.push(Content::text(words)),
        (None, None) => contents.push(Content::Unsupported { provider_kind: "message.empty".to_owned() }),
        (None, Some(_)) => {}
    }
    contents
}

fn file(form: &Form, n: usize) -> Option<Content> {
    let reference = form.get(&format!("MediaUrl{n}"))?.to_owned();
    let mime = form.get(&format!("MediaContentType{n}")).map(str::to_owned);
    let media = match mime.as_deref().and_then(|m| m.split('/').next()) {
        Some("image") => MediaKind::Image,
        Some("video") => MediaKind::Video,
        // Voice notes come as Ogg.
        Some("audio") if mime.as_deref().is_some_and(|m| m.starts_with("audio/ogg")) => MediaKind::Voice,
        Some("audio") => MediaKind::Audio,
        _ => MediaKind::Document,
    };
    Some(Content::Media { media, caption: None, reference: Some(reference), mime, name: None })
}

/// In lower case, without accents and what stands around it.
fn bare(words: &str) -> String {
    let letter = |c: char| match c {
        'à' | 'â' => 'a',
        'é' | 'è' | 'ê' => 'e',
        c => c,
    };
    let trimmed = words.trim_matches(|c: char| !c.is_alphanumeric());
    trimmed.to_lowercase().chars().map(letter).collect()
}

fn of_status(form: &Form, sid: &str, word: &str, line: Line, outbox: Option<OutboxId>) -> ChannelEvent {
    let reached = match word {
        "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "read" => DeliveryStatus::Read,
        "failed" | "undelivered" | "canceled" => DeliveryStatus::Failed,
        other => return ignored(format!("status.{other}")),
    };
    let failure = (reached == DeliveryStatus::Failed).then(|| {
        let code = form.get("ErrorCode").and_then(|c| c.parse().ok());
        let detail = format!("{word}, error {}", form.get("ErrorCode").unwrap_or("not told"));
        errors::classify(code, 0).failure(line.name(), detail, None)
    });
    ChannelEvent::Status(StatusUpdate {
        provider_message_id: Some(sid.to_owned()),
        outbox,
        peer: form.get("To").map(str::to_owned),
        status: reached,
        at: Timestamp::default(),
        failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_end_it_stand_alone_in_any_spelling() {
        for word in ["STOP", " stop. ", "Arrêt", "ARRETER", "Unsubscribe!", "désabonner"] {
            assert!(STOP.contains(&bare(word).as_str()), "{word}");
        }
        for words in ["do not stop", "stopping", "Where does the bus stop?", "end of June"] {
            assert!(!STOP.contains(&bare(words).as_str()), "{words}");
        }
    }
}
