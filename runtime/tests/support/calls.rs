//! A telephone provider's side of a call, as Twilio plays it: signed forms, and the documents that answer them.

use super::client::{Answer, Client};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha1::Sha1;
use std::collections::BTreeMap;

/// The number that is called, and the caller's.
pub const OURS: &str = "+33187654321";
pub const THEIRS: &str = "+33612345678";
pub const TOKEN: &str = "12345678901234567890123456789012";

/// The signature of a form that is posted to an address.
pub fn signature(token: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let sorted: BTreeMap<_, _> = fields.iter().copied().collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    sorted.iter().for_each(|(name, value)| mac.update(format!("{name}{value}").as_bytes()));
    STANDARD.encode(mac.finalize().into_bytes())
}

/// One call.
pub struct Caller {
    pub api: Client,
    pub sid: String,
    pub token: &'static str,
    pub to: &'static str,
}

impl Caller {
    pub fn new(api: &Client, sid: &str) -> Self {
        Self { api: api.clone(), sid: sid.to_owned(), token: TOKEN, to: OURS }
    }

    /// What every request about the call says, as Twilio's own do.
    pub fn form<'a>(&'a self, status: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut form = vec![
            ("AccountSid", "AC00000000000000000000000000000000"),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", self.sid.as_str()),
            ("CallStatus", status),
            ("Called", self.to),
            ("CalledCity", ""),
            ("CalledCountry", "FR"),
            ("Caller", THEIRS),
            ("CallerCountry", "FR"),
            ("Direction", "inbound"),
            ("From", THEIRS),
            ("To", self.to),
        ];
        form.extend_from_slice(more);
        form
    }

    pub async fn post(&self, path: &str, status: &str, more: &[(&str, &str)]) -> Answer {
        let form = self.form(status, more);
        let signature = signature(self.token, &format!("{}{path}", self.api.url), &form);
        let request = self.api.bare(Method::POST, path).header("x-twilio-signature", signature);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        self.api.attempt(request).await.unwrap()
    }

    /// Says something where the last document listens.
    pub async fn say(&self, after: &Answer, words: &str) -> Answer {
        let path = action(&after.text);
        let heard = [("SpeechResult", words), ("Confidence", "0.91")];
        let mut answer = self.post(&path, "in-progress", if words.is_empty() { &[] } else { &heard }).await;
        while answer.text.contains("<Pause") {
            answer = self.post(&redirect(&answer.text), "in-progress", &[]).await;
        }
        answer
    }
}

/// Between the first of these and what follows, as XML means it.
fn between(text: &str, from: &str, to: &str) -> String {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("no {from} in {text}")).1;
    let inside = rest.split_once(to).unwrap_or_else(|| panic!("no {to} in {text}")).0;
    inside
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

/// Where a document sends what it hears.
pub fn action(twiml: &str) -> String {
    between(twiml, "action=\"", "\"")
}

/// An attribute of an element.
pub fn attribute(twiml: &str, element: &str, name: &str) -> String {
    let (_, rest) = twiml.split_once(&format!("<{element} ")).unwrap_or_else(|| panic!("no {element} in {twiml}"));
    between(&format!(" {rest}"), &format!(" {name}=\""), "\"")
}

/// A parameter that is to be given back.
pub fn parameter(twiml: &str, name: &str) -> String {
    between(twiml, &format!("<Parameter name=\"{name}\" value=\""), "\"")
}

pub fn redirect(twiml: &str) -> String {
    between(twiml, "<Redirect method=\"POST\">", "</Redirect>")
}

/// What a document says.
pub fn said(twiml: &str) -> Vec<String> {
    let parts = twiml.split("</Say>").filter(|p| p.contains("<Say"));
    parts.map(|p| between(&format!("{}</", p.split_once("<Say").unwrap().1), ">", "</")).collect()
}

/// A telephone of the tenant, carried by Twilio.
pub async fn telephone(api: &Client, agent: &str, settings: &Value) -> String {
    let mut all = json!({ "provider": "twilio", "auth_token": TOKEN, "company": "Chauffage Martin & Fils" });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let body = json!({ "kind": "voice", "name": "Accueil", "agent": agent, "external_id": OURS, "settings": all });
    api.post("/api/channels", &body).await.data()["id"].as_str().unwrap().to_owned()
}
