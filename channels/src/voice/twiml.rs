//! Answers in Twilio's XML.

use super::{language, relay, usual_voice};
use colloquy_domain::{call::CallAnswer, channel::ChannelAccount};
use quick_xml::{ElementWriter, Writer, escape::partial_escape, events::BytesText};
use std::io;

/// Seconds that are waited for a caller to begin.
const SILENCE: &str = "5";
/// Seconds that the other telephone rings.
const RINGS: &str = "25";

type Xml = Writer<Vec<u8>>;

/// The document of an answer; an empty one where nothing is to be said.
pub(super) fn write(account: &ChannelAccount, answer: &CallAnswer) -> String {
    let mut xml = Writer::new(Vec::new());
    // Writing into memory does not fail.
    let _ = xml.create_element("Response").write_inner_content(|xml| verbs(xml, account, answer));
    let body = String::from_utf8(xml.into_inner()).unwrap_or_default();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{body}")
}

fn verbs(xml: &mut Xml, account: &ChannelAccount, answer: &CallAnswer) -> io::Result<()> {
    match answer {
        CallAnswer::Listen { say, then } => {
            // Within the Gather, so that callers can speak before all is said.
            let gather = xml.create_element("Gather").with_attributes([
                ("input", "speech"),
                ("language", language(account)),
                ("action", then.as_str()),
                ("method", "POST"),
                ("timeout", SILENCE),
                ("speechTimeout", "auto"),
                ("actionOnEmptyResult", "true"),
            ]);
            gather.write_inner_content(|xml| say.iter().try_for_each(|text| self::say(xml, account, text)))?;
            redirect(xml, then)
        }
        CallAnswer::Open { say, then, .. } => {
            say.iter().try_for_each(|text| self::say(xml, account, text))?;
            let connect = xml.create_element("Connect");
            let connect = connect.with_attributes([("action", then.as_str()), ("method", "POST")]);
            connect.write_inner_content(|xml| open(xml, account, answer)).map(|_| ())
        }
        CallAnswer::Wait { say, then } => {
            if let Some(text) = say {
                self::say(xml, account, text)?;
            }
            xml.create_element("Pause").with_attribute(("length", "1")).write_empty()?;
            redirect(xml, then)
        }
        CallAnswer::PutThrough { say, to, then } => {
            self::say(xml, account, say)?;
            let dial = xml.create_element("Dial");
            let dial = dial.with_attributes([("action", then.as_str()), ("method", "POST"), ("timeout", RINGS)]);
            text(dial, to)
        }
        CallAnswer::HangUp { say } => {
            say.iter().try_for_each(|text| self::say(xml, account, text))?;
            xml.create_element("Hangup").write_empty().map(|_| ())
        }
        CallAnswer::Assistant { .. } | CallAnswer::Tools(_) | CallAnswer::Noted => Ok(()),
    }
}

/// The line: Twilio hears in the caller's language and reads out with a voice of it.
fn open(xml: &mut Xml, account: &ChannelAccount, answer: &CallAnswer) -> io::Result<()> {
    let CallAnswer::Open { greeting, interruptible, line, call, number, .. } = answer else { return Ok(()) };
    let interrupts = account.setting("interruptible").filter(|v| !v.is_empty()).unwrap_or("any");
    let (greeting, language) = (legal(greeting), language(account));
    let voice = account.setting("voice").filter(|v| !v.is_empty()).unwrap_or_else(|| usual_voice(language));
    let (reader, voice) = relay::reader(&legal(voice));
    let mut attributes = vec![
        ("url", line.as_str()),
        ("welcomeGreeting", greeting.as_str()),
        ("welcomeGreetingInterruptible", if *interruptible { interrupts } else { "none" }),
        ("interruptible", interrupts),
        ("dtmfDetection", "true"),
    ];
    let other = other_language(account);
    match other {
        // It finds out by itself what callers speak.
        Some(_) => attributes.extend([
            ("ttsLanguage", language),
            ("transcriptionLanguage", "multi"),
            ("transcriptionProvider", "Deepgram"),
            ("speechModel", "nova-3-general"),
        ]),
        None => attributes.push(("language", language)),
    }
    attributes.extend(reader.map(|reader| ("ttsProvider", reader)));
    attributes.push(("voice", &voice));
    let parameters = [(relay::NUMBER, number.to_string()), (relay::SEAL, relay::seal(account, call, *number))];
    let inside = |xml: &mut Xml| {
        if let Some(other) = other {
            let (reader, voice) = relay::reader(usual_voice(other));
            let attributes = [("code", other), ("ttsProvider", reader.unwrap_or_default()), ("voice", &voice)];
            xml.create_element("Language").with_attributes(attributes).write_empty()?;
        }
        parameters.iter().try_for_each(|(name, value)| {
            let attributes = [("name", *name), ("value", value.as_str())];
            xml.create_element("Parameter").with_attributes(attributes).write_empty().map(|_| ())
        })
    };
    xml.create_element("ConversationRelay").with_attributes(attributes).write_inner_content(inside).map(|_| ())
}

fn other_language(account: &ChannelAccount) -> Option<&str> {
    account.setting("other_language").map(str::trim).filter(|l| !l.is_empty())
}

fn say(xml: &mut Xml, account: &ChannelAccount, words: &str) -> io::Result<()> {
    let language = language(account);
    // Of ElevenLabs' voices, only a line knows.
    let voice = account.setting("voice").filter(|v| !v.is_empty() && !v.starts_with("ElevenLabs."));
    let voice = legal(voice.unwrap_or_else(|| usual_voice(language)));
    text(xml.create_element("Say").with_attributes([("voice", voice.as_str()), ("language", language)]), words)
}

fn redirect(xml: &mut Xml, to: &str) -> io::Result<()> {
    text(xml.create_element("Redirect").with_attribute(("method", "POST")), to)
}

fn text(element: ElementWriter<'_, Vec<u8>>, text: &str) -> io::Result<()> {
    element.write_text_content(BytesText::from_escaped(partial_escape(legal(text)))).map(|_| ())
}

/// Without the characters that XML has no way to write.
fn legal(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::tests::account, *};
    use proptest::prelude::*;
    use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};

    fn document(settings: &[(&str, &str)], answer: &CallAnswer) -> String {
        write(&account(settings, &[]), answer)
    }

    // req: S4-TEL-1
    // req: S4-CFG-1
    #[test]
    fn a_greeting_is_said_by_lea_and_speech_is_gathered_in_french() {
        let then = "/api/calls/process?turn=1&silent=0".to_owned();
        let listen = document(&[], &CallAnswer::Listen { say: vec!["Bonjour !".into()], then });
        insta::assert_snapshot!(listen, @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Gather input="speech" language="fr-FR" action="/api/calls/process?turn=1&amp;silent=0" method="POST" timeout="5" speechTimeout="auto" actionOnEmptyResult="true"><Say voice="Polly.Léa" language="fr-FR">Bonjour !</Say></Gather><Redirect method="POST">/api/calls/process?turn=1&amp;silent=0</Redirect></Response>"#);
    }

    #[test]
    fn waiting_putting_through_and_hanging_up() {
        let english = [("language", "en-US"), ("voice", "Polly.Amy")];
        let then = || "/x?a=1&b=2".to_owned();
        let all = [
            document(&english, &CallAnswer::Wait { say: Some("One moment.".into()), then: then() }),
            document(&english, &CallAnswer::Wait { say: None, then: then() }),
            document(&[], &CallAnswer::PutThrough { say: "Un instant.".into(), to: "+331".into(), then: then() }),
            document(&[], &CallAnswer::HangUp { say: vec!["Au revoir.".into()] }),
            document(&[], &CallAnswer::Noted),
        ];
        let all = all.join("\n").replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "");
        insta::assert_snapshot!(all, @r#"
        <Response><Say voice="Polly.Amy" language="en-US">One moment.</Say><Pause length="1"/><Redirect method="POST">/x?a=1&amp;b=2</Redirect></Response>
        <Response><Pause length="1"/><Redirect method="POST">/x?a=1&amp;b=2</Redirect></Response>
        <Response><Say voice="Polly.Léa" language="fr-FR">Un instant.</Say><Dial action="/x?a=1&amp;b=2" method="POST" timeout="25">+331</Dial></Response>
        <Response><Say voice="Polly.Léa" language="fr-FR">Au revoir.</Say><Hangup/></Response>
        <Response></Response>
        "#);
    }

    fn opened(settings: &[(&str, &str)], interruptible: bool) -> String {
        let answer = CallAnswer::Open {
            say: vec!["Cet appel est enregistré.".into()],
            greeting: "Bonjour, \"Martin & Fils\" !".into(),
            interruptible,
            line: "wss://chat.example.com/relay".into(),
            call: "CA1".into(),
            number: 1,
            then: "/x?line=1".into(),
        };
        let account = account(settings, &[("auth_token", "tok")]);
        write(&account, &answer).replace(&relay::seal(&account, "CA1", 1), "SEAL")
    }

    #[test]
    fn a_line_is_opened_with_a_voice_of_the_callers_language() {
        insta::assert_snapshot!(opened(&[], true), @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Say voice="Polly.Léa" language="fr-FR">Cet appel est enregistré.</Say><Connect action="/x?line=1" method="POST"><ConversationRelay url="wss://chat.example.com/relay" welcomeGreeting="Bonjour, &quot;Martin &amp; Fils&quot; !" welcomeGreetingInterruptible="any" interruptible="any" dtmfDetection="true" language="fr-FR" ttsProvider="Amazon" voice="Lea-Neural"><Parameter name="line" value="1"/><Parameter name="seal" value="SEAL"/></ConversationRelay></Connect></Response>"#);
        let english = [
            ("language", "en-GB"),
            ("voice", "ElevenLabs.UgBBYS2s"),
            ("interruptible", "speech"),
            ("other_language", "fr-FR"),
        ];
        insta::assert_snapshot!(opened(&english, false), @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Say voice="Polly.Joanna" language="en-GB">Cet appel est enregistré.</Say><Connect action="/x?line=1" method="POST"><ConversationRelay url="wss://chat.example.com/relay" welcomeGreeting="Bonjour, &quot;Martin &amp; Fils&quot; !" welcomeGreetingInterruptible="none" interruptible="speech" dtmfDetection="true" ttsLanguage="en-GB" transcriptionLanguage="multi" transcriptionProvider="Deepgram" speechModel="nova-3-general" ttsProvider="ElevenLabs" voice="UgBBYS2s"><Language code="fr-FR" ttsProvider="Amazon" voice="Lea-Neural"/><Parameter name="line" value="1"/><Parameter name="seal" value="SEAL"/></ConversationRelay></Connect></Response>"#);
    }

    /// The words of a document, as any reader of XML finds them.
    fn words(xml: &str) -> String {
        let (mut reader, mut inside, mut out) = (Reader::from_str(xml), 0, String::new());
        loop {
            match reader.read_event().expect("well-formed") {
                Event::Start(_) => inside += 1,
                Event::End(_) => inside -= 1,
                Event::Text(t) => out.push_str(&t.xml10_content()),
                Event::GeneralRef(name) => match name.resolve_char_ref().expect("a reference") {
                    Some(c) => out.push(c),
                    None => out.push_str(resolve_predefined_entity(&name.xml10_content()).expect("known")),
                },
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(inside, 0, "{xml}");
        out
    }

    #[test]
    fn hostile_words_stay_words() {
        let hostile = "</Say></Response><Dial>+1900</Dial> & \" ' <![CDATA[x]]> &lt; \u{0}\u{b}";
        let xml = document(&[], &CallAnswer::HangUp { say: vec![hostile.into()] });
        assert!(!xml.contains("<Dial>"), "{xml}");
        assert_eq!(words(&xml), "</Say></Response><Dial>+1900</Dial> & \" ' <![CDATA[x]]> &lt; ");
    }

    proptest! {
        #[test]
        fn any_words_arrive(text in "\\PC{0,80}", voice in "\\PC{1,20}") {
            let xml = document(&[("voice", &voice)], &CallAnswer::HangUp { say: vec![text.clone()] });
            let legal: String = text.chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
            prop_assert_eq!(words(&xml), legal);
        }
    }
}
