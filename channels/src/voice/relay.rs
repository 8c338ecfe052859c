//! Twilio's ConversationRelay: JSON messages over a WebSocket, in which Twilio hears, reads out and says when it was
//! interrupted.
//!
//! The upgrade is signed as all requests of Twilio are, but nothing in that signature is of one call or one time. So a line
//! is given a seal when it is asked for, which its first message must show.

use super::signature::{Form, is_signed};
use crate::lenient::{id, text};
use colloquy_domain::{
    call::{CallRequest, Direction, LineEvent, LineWord, Opening},
    channel::{ChannelAccount, WebhookRejection},
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// Names of our parameters, which Twilio gives back.
pub(super) const NUMBER: &str = "line";
pub(super) const SEAL: &str = "seal";

pub(super) fn admit(account: &ChannelAccount, request: &CallRequest<'_>) -> Result<(), WebhookRejection> {
    let signature = request.headers.get("x-twilio-signature").map_or("", String::as_str);
    let token = account.secret("auth_token").unwrap_or_default();
    // It signs the address that it was given, wss://…; behind some proxies an upgrade is a request to https://….
    let web = request.url.replacen("ws", "http", 1);
    let form = Form::read(b"");
    let signed = [request.url, &web].into_iter().any(|url| is_signed(token, url, &form, signature));
    if signed { Ok(()) } else { Err(WebhookRejection::Unauthenticated) }
}

fn code(account: &ChannelAccount, call: &str, number: u32) -> Option<Hmac<Sha256>> {
    let token = account.secret("auth_token").filter(|t| !t.is_empty())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).ok()?;
    mac.update(format!("line {number} of {call}").as_bytes());
    Some(mac)
}

/// What the first message of this line must show.
pub(super) fn seal(account: &ChannelAccount, call: &str, number: u32) -> String {
    code(account, call, number).map_or_else(String::new, |mac| hex::encode(mac.finalize().into_bytes()))
}

pub(super) fn hear(account: &ChannelAccount, frame: &str) -> Result<LineEvent, WebhookRejection> {
    let malformed = |what: &str| WebhookRejection::Malformed(what.to_owned());
    let message: Value = serde_json::from_str(frame).map_err(|_| malformed("not JSON"))?;
    let words = |pointer: &str| text(&message, pointer).unwrap_or_default().to_owned();
    Ok(match text(&message, "/type").unwrap_or_default() {
        "setup" => LineEvent::Opened(opening(account, &message)?),
        "prompt" => LineEvent::Heard {
            words: words("/voicePrompt"),
            whole: message.get("last").and_then(Value::as_bool).unwrap_or(true),
        },
        "interrupt" => LineEvent::Interrupted { utterance: words("/utteranceUntilInterrupt") },
        "dtmf" => {
            let digit = words("/digit").chars().next();
            LineEvent::Pressed(digit.ok_or_else(|| malformed("dtmf without a digit"))?)
        }
        "error" => LineEvent::Trouble,
        _ => LineEvent::Ignored,
    })
}

fn opening(account: &ChannelAccount, message: &Value) -> Result<Opening, WebhookRejection> {
    let external_id =
        id(message, "/callSid").ok_or_else(|| WebhookRejection::Malformed("setup without callSid".to_owned()))?;
    let parameter = |name: &str| text(message, &format!("/customParameters/{name}")).unwrap_or_default().to_owned();
    let number = parameter(NUMBER).parse().unwrap_or_default();
    let shown = hex::decode(parameter(SEAL)).unwrap_or_default();
    // In constant time.
    let sealed = code(account, &external_id, number).is_some_and(|mac| mac.verify_slice(&shown).is_ok());
    if !sealed {
        return Err(WebhookRejection::Unauthenticated);
    }
    let outbound = text(message, "/direction").is_some_and(|d| d.starts_with("outbound"));
    Ok(Opening {
        external_id,
        direction: if outbound { Direction::Outbound } else { Direction::Inbound },
        from: text(message, "/from").map(str::to_owned),
        to: text(message, "/to").map(str::to_owned),
        number,
    })
}

pub(super) fn speak(account: &ChannelAccount, word: &LineWord) -> String {
    let message = match word {
        LineWord::Say { words, last } => json!({ "type": "text", "token": words, "last": last }),
        LineWord::Speak { language } => {
            let mut message = json!({ "type": "language", "ttsLanguage": language });
            if !detects(account) {
                message["transcriptionLanguage"] = json!(language);
            }
            message
        }
        LineWord::Close(parting) => {
            json!({ "type": "end", "handoffData": json!({ "reason": parting.name() }).to_string() })
        }
    };
    message.to_string()
}

/// Whether Twilio is to find out what callers speak.
pub(super) fn detects(account: &ChannelAccount) -> bool {
    account.setting("other_language").is_some_and(|l| !l.trim().is_empty())
}

/// Who reads out, and the voice's name there: `Polly.Léa` and the like name both, and other voices are the default
/// provider's.
pub(super) fn reader(voice: &str) -> (Option<&'static str>, String) {
    const READERS: [(&str, &str); 3] = [("Polly.", "Amazon"), ("Google.", "Google"), ("ElevenLabs.", "ElevenLabs")];
    let Some((name, reader)) = READERS.iter().find_map(|(p, reader)| Some((voice.strip_prefix(p)?, *reader))) else {
        return (None, voice.to_owned());
    };
    if reader != "Amazon" {
        return (Some(reader), name.to_owned());
    }
    let plain: String = name.chars().map(|c| if c == 'é' { 'e' } else { c }).collect();
    // It reads with an engine that the name says.
    let engine = if plain.contains('-') { "" } else { "-Neural" };
    (Some(reader), format!("{plain}{engine}"))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::account, *};
    use colloquy_domain::{call::Parting, time::Timestamp};
    use std::collections::BTreeMap;

    fn phone(settings: &[(&str, &str)]) -> ChannelAccount {
        account(settings, &[("auth_token", "tok")])
    }

    fn read(frame: &Value) -> LineEvent {
        hear(&phone(&[]), &frame.to_string()).expect("understood")
    }

    #[test]
    fn messages_of_twilio_are_events_of_a_line() {
        let whole = json!({"type": "prompt", "voicePrompt": "Où êtes-vous ?", "lang": "fr-FR", "last": true});
        let heard = LineEvent::Heard { words: "Où êtes-vous ?".into(), whole: true };
        assert_eq!(read(&whole), heard);
        let part = json!({"type": "prompt", "voicePrompt": "Où", "lang": "fr-FR", "last": false});
        assert!(matches!(read(&part), LineEvent::Heard { whole: false, .. }));
        let interrupt =
            json!({"type": "interrupt", "utteranceUntilInterrupt": "Life is a", "durationUntilInterruptMs": "460"});
        assert_eq!(read(&interrupt), LineEvent::Interrupted { utterance: "Life is a".into() });
        assert_eq!(read(&json!({"type": "dtmf", "digit": "1"})), LineEvent::Pressed('1'));
        assert_eq!(read(&json!({"type": "error", "description": "Invalid message"})), LineEvent::Trouble);
        assert_eq!(read(&json!({"type": "info", "name": "tokensPlayed"})), LineEvent::Ignored);
        for wrong in ["", "{", r#"{"type":"dtmf"}"#, r#"{"type":"setup"}"#] {
            assert!(matches!(hear(&phone(&[]), wrong), Err(WebhookRejection::Malformed(_))), "{wrong}");
        }
    }

    #[test]
    fn a_line_opens_with_its_own_seal_only() {
        let setup = |call: &str, line: &str, seal: &str| {
            let parameters = json!({ NUMBER: line, SEAL: seal });
            let setup = json!({"type": "setup", "callSid": call, "from": "+1", "to": "+2", "direction": "inbound",
                "customParameters": parameters});
            hear(&phone(&[]), &setup.to_string())
        };
        let right = seal(&phone(&[]), "CA1", 2);
        let Ok(LineEvent::Opened(opened)) = setup("CA1", "2", &right) else { panic!("opens") };
        assert_eq!((opened.external_id.as_str(), opened.number, opened.from.as_deref()), ("CA1", 2, Some("+1")));
        for (call, line, seal) in
            [("CA2", "2", right.as_str()), ("CA1", "1", &right), ("CA1", "2", ""), ("CA1", "2", "zz")]
        {
            assert_eq!(setup(call, line, seal), Err(WebhookRejection::Unauthenticated), "{call} {line} {seal}");
        }
        let without = account(&[], &[]);
        assert_eq!(seal(&without, "CA1", 1), "", "without a secret there is no seal");
        let unsealed = json!({"type": "setup", "callSid": "CA1", "customParameters": {NUMBER: "1", SEAL: ""}});
        assert_eq!(hear(&without, &unsealed.to_string()), Err(WebhookRejection::Unauthenticated));
    }

    #[test]
    fn an_upgrade_is_signed_for_the_address_that_twilio_was_given() {
        let url = "wss://chat.example.com/webhooks/twilio-voice/x/relay";
        let sign = |url: &str| {
            let mut mac = Hmac::<sha1::Sha1>::new_from_slice(b"tok").expect("any key");
            mac.update(url.as_bytes());
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, mac.finalize().into_bytes())
        };
        let admitted = |signature: String| {
            let headers = BTreeMap::from([("x-twilio-signature".to_owned(), signature)]);
            let query = BTreeMap::new();
            let request = CallRequest { url, headers: &headers, query: &query, body: b"", now: Timestamp(0) };
            admit(&phone(&[]), &request)
        };
        assert_eq!(admitted(sign(url)), Ok(()));
        assert_eq!(admitted(sign(&url.replacen("wss", "https", 1))), Ok(()), "as some proxies make it");
        assert_eq!(admitted(sign(&url.replacen("/x/", "/y/", 1))), Err(WebhookRejection::Unauthenticated));
        assert_eq!(admitted(String::new()), Err(WebhookRejection::Unauthenticated));
    }

    #[test]
    fn words_are_messages_for_twilio() {
        let said = |word: LineWord| -> Value { serde_json::from_str(&speak(&phone(&[]), &word)).expect("JSON") };
        let words = LineWord::Say { words: "Bon\"jour ".into(), last: false };
        assert_eq!(said(words), json!({"type": "text", "token": "Bon\"jour ", "last": false}));
        let english = LineWord::Speak { language: "en-US".into() };
        let both = json!({"type": "language", "ttsLanguage": "en-US", "transcriptionLanguage": "en-US"});
        assert_eq!(said(english.clone()), both);
        let detecting = speak(&phone(&[("other_language", "en-US")]), &english);
        assert_eq!(detecting, json!({"type": "language", "ttsLanguage": "en-US"}).to_string(), "it hears both");
        let closed = said(LineWord::Close(Parting::HandOver));
        assert_eq!(closed, json!({"type": "end", "handoffData": "{\"reason\":\"hand_over\"}"}));
    }

    #[test]
    fn voices_say_who_reads() {
        assert_eq!(reader("Polly.Léa"), (Some("Amazon"), "Lea-Neural".into()));
        assert_eq!(reader("Polly.Joanna-Generative"), (Some("Amazon"), "Joanna-Generative".into()));
        assert_eq!(reader("Google.fr-FR-Neural2-A"), (Some("Google"), "fr-FR-Neural2-A".into()));
        assert_eq!(reader("ElevenLabs.UgBBYS2sOqTuMpoF3BR0"), (Some("ElevenLabs"), "UgBBYS2sOqTuMpoF3BR0".into()));
        assert_eq!(reader("UgBBYS2sOqTuMpoF3BR0"), (None, "UgBBYS2sOqTuMpoF3BR0".into()));
    }
}
