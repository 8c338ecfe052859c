//! E-mail (EML): who wrote what to whom and when, then the text; attachments are named, not opened.

use super::{Cause, ExtractLimits, Format, Sniff, html, text, tidy, unpaged};
use crate::document::{Block, Extraction};
use mail_parser::{Address, Message, MessageParser, MimeHeaders, PartType};

pub const FORMAT: Format = Format {
    name: "e-mail",
    extensions: &["eml"],
    media_types: &["message/rfc822"],
    sniff: Sniff::Likely(sniff),
    extract,
};

/// How many bytes are looked at to recognise a message by its header.
const HEAD: usize = 4096;
/// Names of attachments that are shown.
const MOST_ATTACHMENTS: usize = 50;

/// Two or more of the fields that every message has, before the first empty line.
fn sniff(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).to_ascii_lowercase();
    let head = head.replace('\r', "");
    let head = head.split("\n\n").next().unwrap_or_default();
    let fields =
        ["from: ", "to: ", "date: ", "subject: ", "message-id: ", "mime-version: ", "received: ", "return-path: "];
    let is_header = head.lines().next().is_some_and(|l| l.split_once(':').is_some_and(|(name, _)| !name.contains(' ')));
    is_header && fields.iter().filter(|f| head.lines().any(|l| l.starts_with(*f))).count() >= 3
}

fn extract(bytes: &[u8], _: &ExtractLimits) -> Result<Extraction, Cause> {
    let message = MessageParser::default().parse(bytes).ok_or_else(|| Cause::damaged("e-mail"))?;
    let subject = message.subject().map(tidy::line).filter(|s| !s.is_empty());
    let mut blocks: Vec<Block> = subject.iter().map(|text| Block::Heading { level: 1, text: text.clone() }).collect();
    let about = about(&message);
    blocks.extend((!about.is_empty()).then_some(Block::Paragraph { text: about }));
    let body = body(&message);
    let names: Vec<String> = attachments(&message).collect();
    if body.is_empty() && names.is_empty() && subject.is_none() {
        return Err(Cause::empty());
    }
    blocks.extend(body);
    blocks.extend(names.into_iter().map(|name| Block::ListItem { text: format!("Attachment: {name}") }));
    Ok(unpaged(subject, blocks))
}

/// `From: …; To: …; Date: …`, in one line: who said it belongs to what was said.
fn about(message: &Message<'_>) -> String {
    let people = |name: &str, who: Option<&Address<'_>>| who.map(|who| format!("{name}: {}", listed(who)));
    let date = message.date().map(|d| format!("Date: {}-{:02}-{:02}", d.year, d.month, d.day));
    let parts = [people("From", message.from()), people("To", message.to()), people("Cc", message.cc()), date];
    tidy::line(&parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
}

fn listed(who: &Address<'_>) -> String {
    let one = |a: &mail_parser::Addr<'_>| match (a.name(), a.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    };
    who.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The text as it was written, or the HTML's when there is no other.
fn body(message: &Message<'_>) -> Vec<Block> {
    let parts = message.text_body.iter().filter_map(|id| message.part(*id));
    parts
        .flat_map(|part| match &part.body {
            PartType::Text(words) => text::blocks(&words.replace("\r\n", "\n")),
            PartType::Html(page) => html::page_blocks(page),
            _ => Vec::new(),
        })
        .collect()
}

fn attachments(message: &Message<'_>) -> impl Iterator<Item = String> {
    let name = |part: &mail_parser::MessagePart<'_>| part.attachment_name().map(tidy::line).filter(|n| !n.is_empty());
    message.attachments().filter_map(name).take(MOST_ATTACHMENTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{detect, outline};
    use std::path::Path;

    const MESSAGE: &str = "Return-Path: <anna@example.org>\r\nFrom: =?utf-8?q?Ana=C3=AFs?= <anais@example.org>\r\nTo: front@example.com\r\n\
        Date: Fri, 27 Nov 2026 09:30:00 +0100\r\nSubject: =?iso-8859-1?q?R=E9servation?=\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n\
        --c\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nBonjour,\r\n\r\nDeux nuits =C3=A0 100 =E2=82=AC.\r\n\
        --c\r\nContent-Type: text/html\r\n\r\n<p>Twice</p>\r\n--c--\r\n\
        --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"plan.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--b--\r\n";

    #[test]
    fn a_message_is_read_once_with_its_header_and_the_names_of_its_attachments() {
        let read = extract(MESSAGE.as_bytes(), &ExtractLimits::default()).unwrap();
        assert_eq!(read.title.as_deref(), Some("Réservation"));
        insta::assert_snapshot!(outline(&read), @r"
        h1 Réservation
        p From: Anaïs <anais@example.org>; To: front@example.com; Date: 2026-11-27
        p Bonjour,
        p Deux nuits à 100 €.
        li Attachment: plan.pdf
        ");
    }

    #[test]
    fn html_is_read_where_there_is_nothing_else() {
        let message = "From: a@example.org\nTo: b@example.org\nSubject: x\nContent-Type: text/html\n\n<h2>Hours</h2><p>From <b>nine</b></p>";
        let read = extract(message.as_bytes(), &ExtractLimits::default()).unwrap();
        assert!(outline(&read).ends_with("h2 Hours\np From nine"), "{}", outline(&read));
    }

    #[test]
    fn messages_are_told_from_other_texts() {
        let named = |file: &str, bytes: &[u8]| detect(Path::new(file), bytes).map(|f| f.name);
        assert_eq!(named("message", MESSAGE.as_bytes()), Ok("e-mail"));
        assert_eq!(named("notes", b"To: do list\n\nFrom: nine to five\nSubject: none"), Ok("text"));
        assert_eq!(named("a.eml", b"Subject: x\n\nshort"), Ok("e-mail"));
    }
}
