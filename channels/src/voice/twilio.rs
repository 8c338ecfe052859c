//! Twilio Voice: each request is a form, each answer a document that says what to do next.

use super::{
    question, relay, rounded,
    signature::{Form, is_signed},
    twiml,
};
use crate::lenient::text;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_domain::{
    call::{
        CallAnswer, CallDocument, CallEvent, CallNews, CallReport, CallRequest, CallStanding, CallStatus, Direction,
        LineEvent, LineWord, Parting, Place,
    },
    channel::{ChannelAccount, WebhookRejection},
    ports::{CallDriver, WebCall},
};
use serde_json::Value;

const BASE: &str = "https://api.twilio.com";

pub(super) struct Twilio;

impl CallDriver for Twilio {
    fn provider(&self) -> &'static str {
        "twilio"
    }

    fn receive(&self, account: &ChannelAccount, request: &CallRequest<'_>) -> Result<CallNews, WebhookRejection> {
        let form = Form::read(request.body);
        let signature = request.headers.get("x-twilio-signature").map_or("", String::as_str);
        let own = account.setting("account_sid").is_none_or(|sid| form.get("AccountSid").is_none_or(|s| s == sid));
        if !own || !is_signed(account.secret("auth_token").unwrap_or_default(), request.url, &form, signature) {
            return Err(WebhookRejection::Unauthenticated);
        }
        let external_id = form.get("CallSid").ok_or_else(|| WebhookRejection::Malformed("no CallSid".to_owned()))?;
        let outbound = form.get("Direction").is_some_and(|d| d.starts_with("outbound"));
        Ok(CallNews {
            external_id: external_id.to_owned(),
            direction: if outbound { Direction::Outbound } else { Direction::Inbound },
            from: form.get("From").map(str::to_owned),
            to: form.get("To").map(str::to_owned),
            event: event(&form, request),
        })
    }

    fn answer(&self, account: &ChannelAccount, answer: &CallAnswer) -> CallDocument {
        CallDocument { content_type: "text/xml; charset=utf-8", body: twiml::write(account, answer) }
    }

    fn question(&self, account: &ChannelAccount, call: &str) -> Option<WebCall> {
        let account_sid = account.setting("account_sid").filter(|s| !s.is_empty())?;
        let token = account.secret("auth_token").filter(|s| !s.is_empty())?;
        let path = ["2010-04-01", "Accounts", account_sid, "Calls", &format!("{call}.json")];
        let authorization = format!("Basic {}", STANDARD.encode(format!("{account_sid}:{token}")));
        question(account, BASE, &path, authorization)
    }

    fn standing(&self, body: &[u8]) -> Option<CallStanding> {
        let call: Value = serde_json::from_slice(body).ok()?;
        let number = |name: &str| text(&call, name)?.parse::<f64>().ok();
        let report = CallReport {
            seconds: text(&call, "/duration").and_then(|s| s.parse().ok()),
            // What is paid is told as less than nothing, once Twilio knows it.
            cost_cents: number("/price").map(|price| rounded(price.abs() * 100.0)),
            ..CallReport::default()
        };
        Some(CallStanding { status: CallStatus::named(text(&call, "/status")?)?, report })
    }

    fn admit(&self, account: &ChannelAccount, request: &CallRequest<'_>) -> Result<(), WebhookRejection> {
        relay::admit(account, request)
    }

    fn hear(&self, account: &ChannelAccount, frame: &str) -> Result<LineEvent, WebhookRejection> {
        relay::hear(account, frame)
    }

    fn speak(&self, account: &ChannelAccount, word: &LineWord) -> String {
        relay::speak(account, word)
    }
}

fn event(form: &Form, request: &CallRequest<'_>) -> CallEvent {
    let status = form.get("CallStatus").and_then(CallStatus::named);
    let number = |name: &str| request.query.get(name).and_then(|n| n.parse::<u32>().ok());
    // Also after the caller hung up: it says what became of the transfer.
    if let Some(dialled) = form.get("DialCallStatus").filter(|_| request.query.contains_key("dialled")) {
        return CallEvent::PutThrough { answered: matches!(dialled, "completed" | "answered") };
    }
    if let Some(status) = status.filter(|s| s.is_over() || form.get("CallbackSource").is_some()) {
        let seconds = form.get("CallDuration").and_then(|s| s.parse().ok());
        return CallEvent::Moved { status, seconds, ends: status.is_over() };
    }
    if request.query.contains_key("line") {
        return CallEvent::LineClosed(parting(form));
    }
    let Some(turn) = number("turn") else { return CallEvent::Incoming };
    let at = Place { turn, silent: number("silent").unwrap_or_default(), waited: number("waited").unwrap_or_default() };
    if at.waited > 0 {
        return CallEvent::Waiting { at };
    }
    CallEvent::Heard { at, words: form.get("SpeechResult").map(str::to_owned) }
}

/// Why the line is closed: as we said when we closed it. Without that, Twilio lost it, or could not open it.
fn parting(form: &Form) -> Parting {
    let said = form.get("HandoffData").and_then(|data| serde_json::from_str::<serde_json::Value>(data).ok());
    said.and_then(|data| Parting::named(data.get("reason")?.as_str()?)).unwrap_or(Parting::Broken)
}

#[cfg(test)]
mod tests {
    use super::{super::tests::account, *};
    use colloquy_domain::time::Timestamp;
    use std::collections::BTreeMap;

    fn read(query: &[(&str, &str)], body: &str) -> CallEvent {
        let own = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        let (headers, query) = (BTreeMap::new(), query.iter().map(own).collect());
        let request =
            CallRequest { url: "", headers: &headers, query: &query, body: body.as_bytes(), now: Timestamp(0) };
        event(&Form::read(request.body), &request)
    }

    // req: S4-TEL-1
    // req: S4-TEL-3
    #[test]
    fn a_form_is_an_event_of_a_call() {
        assert_eq!(read(&[], "CallStatus=ringing"), CallEvent::Incoming);
        let at = Place { turn: 2, silent: 1, waited: 0 };
        let turn = [("turn", "2"), ("silent", "1")];
        let words = Some("Où êtes-vous ?".to_owned());
        assert_eq!(
            read(&turn, "CallStatus=in-progress&SpeechResult=O%C3%B9+%C3%AAtes-vous+%3F"),
            CallEvent::Heard { at, words }
        );
        assert_eq!(read(&turn, "CallStatus=in-progress&SpeechResult="), CallEvent::Heard { at, words: None });
        let waiting = CallEvent::Waiting { at: Place { waited: 3, ..at } };
        assert_eq!(read(&[("turn", "2"), ("silent", "1"), ("waited", "3")], "CallStatus=in-progress"), waiting);
        let over = CallEvent::Moved { status: CallStatus::Completed, seconds: Some(42), ends: true };
        assert_eq!(read(&turn, "CallStatus=completed&CallDuration=42"), over, "hung up while we listened");
        let rings = CallEvent::Moved { status: CallStatus::Ringing, seconds: None, ends: false };
        assert_eq!(read(&[], "CallStatus=ringing&CallbackSource=call-progress-events"), rings);
        let line = [("line", "1")];
        let said = "CallStatus=in-progress&SessionStatus=ended&HandoffData=%7B%22reason%22%3A%22farewell%22%7D";
        assert_eq!(read(&line, said), CallEvent::LineClosed(Parting::Farewell));
        let lost = "CallStatus=in-progress&SessionStatus=failed&ErrorCode=64105";
        assert_eq!(read(&line, lost), CallEvent::LineClosed(Parting::Broken));
        let hung_up = CallEvent::Moved { status: CallStatus::Completed, seconds: None, ends: true };
        assert_eq!(read(&line, "CallStatus=completed&SessionStatus=completed"), hung_up);
        let dialled = [("dialled", "1")];
        assert_eq!(
            read(&dialled, "CallStatus=in-progress&DialCallStatus=no-answer"),
            CallEvent::PutThrough { answered: false }
        );
    }

    // req: S2-LIFE-1
    #[test]
    fn twilio_is_asked_about_a_call_with_its_accounts_own_credentials() {
        let known =
            account(&[("account_sid", "AC1"), ("api_base", "https://twilio.example/")], &[("auth_token", "tok")]);
        let asked = Twilio.question(&known, "CA/1").expect("it can be asked");
        assert_eq!(asked.url, "https://twilio.example/2010-04-01/Accounts/AC1/Calls/CA%2F1.json");
        assert_eq!(asked.headers, [("authorization".into(), "Basic QUMxOnRvaw==".to_owned())]);
        assert_eq!(Twilio.question(&account(&[], &[("auth_token", "tok")]), "CA1"), None, "whose account is not known");
        let told = br#"{"sid":"CA1","status":"completed","duration":"61","price":"-0.01700","price_unit":"USD"}"#;
        let standing = Twilio.standing(told).expect("understood");
        assert_eq!((standing.status, standing.report.seconds), (CallStatus::Completed, Some(61)));
        assert_eq!(standing.report.cost_cents, Some(2));
        let going_on =
            Twilio.standing(br#"{"status":"in-progress","duration":null,"price":null}"#).expect("understood");
        assert_eq!((going_on.status, going_on.report), (CallStatus::InProgress, CallReport::default()));
        assert_eq!(Twilio.standing(br#"{"code":20404,"status":404}"#), None);
    }

    #[test]
    fn what_is_not_signed_is_not_read() {
        let (headers, query) = (BTreeMap::new(), BTreeMap::new());
        let request =
            CallRequest { url: "https://x", headers: &headers, query: &query, body: b"CallSid=CA1", now: Timestamp(0) };
        let account = account(&[("provider", "twilio")], &[("auth_token", "tok")]);
        assert_eq!(Twilio.receive(&account, &request), Err(WebhookRejection::Unauthenticated));
    }
}
