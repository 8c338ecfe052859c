//! What Twilio proves itself by: an HMAC over the address that it called and the form that it sent.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_domain::channel::{ChannelAccount, WebhookRejection, WebhookRequest};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use subtle::ConstantTimeEq;
use url::{Url, form_urlencoded};

/// The fields of a form; a field may have several values.
#[derive(Debug, Default)]
pub(super) struct Form(BTreeMap<String, Vec<String>>);

impl Form {
    pub(super) fn read(body: &[u8]) -> Self {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            fields.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Self(fields)
    }

    /// The first value, if it is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str).filter(|v| !v.is_empty())
    }

    /// Names and values as they are signed: in order, each value once.
    fn signed(&self) -> String {
        let mut out = String::new();
        for (name, values) in &self.0 {
            let mut values = values.clone();
            values.sort_unstable();
            values.dedup();
            for value in values {
                out.push_str(name);
                out.push_str(&value);
            }
        }
        out
    }

    /// All of it, for what is kept of kinds that are not understood.
    pub(super) fn as_json(&self) -> String {
        let fields = self.0.iter().map(|(k, v)| (k.clone(), v.first().cloned().unwrap_or_default().into()));
        serde_json::Value::Object(fields.collect()).to_string()
    }
}

/// Verifies the request, then reads its form (empty for a body in JSON, which is not one of ours). An account without a
/// token accepts nothing.
pub(super) fn verified(account: &ChannelAccount, request: &WebhookRequest<'_>) -> Result<Form, WebhookRejection> {
    let token = account.secret("auth_token").unwrap_or_default();
    let header = request.headers.get("x-twilio-signature").map_or("", String::as_str);
    let signature = STANDARD.decode(header).unwrap_or_default();
    let hashed = request.query.get("bodySHA256");
    let form = if hashed.is_some() { Form::default() } else { Form::read(request.body) };
    let is_body = hashed.is_none_or(|expected| {
        let digest = hex::encode(Sha256::digest(request.body));
        expected.to_ascii_lowercase().as_bytes().ct_eq(digest.as_bytes()).into()
    });
    let is_signed = addresses(request.url).iter().any(|url| {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.as_bytes()) else { return false };
        mac.update(url.as_bytes());
        mac.update(form.signed().as_bytes());
        mac.verify_slice(&signature).is_ok()
    });
    if token.is_empty() || !is_body || !is_signed {
        return Err(WebhookRejection::Unauthenticated);
    }
    Ok(form)
}

/// The address as it may have been signed: Twilio leaves its port out, or adds it.
fn addresses(called: &str) -> Vec<String> {
    let mut found = vec![called.to_owned()];
    let Ok(url) = Url::parse(called) else { return found };
    let Some(host) = url.host_str() else { return found };
    let head = format!("{}://{host}", url.scheme());
    let rest = called.get(head.len()..).unwrap_or_default();
    let path = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
    let port = url.port_or_known_default().unwrap_or(443);
    for other in [format!("{head}{path}"), format!("{head}:{port}{path}")] {
        if !found.contains(&other) {
            found.push(other);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_left_out_and_added() {
        let all = addresses("https://a.example/x?y=1");
        assert_eq!(all, ["https://a.example/x?y=1", "https://a.example:443/x?y=1"]);
        let all = addresses("http://a.example:8080/x");
        assert_eq!(all, ["http://a.example:8080/x", "http://a.example/x"]);
        assert_eq!(addresses("no address"), ["no address"]);
    }

    #[test]
    fn values_are_signed_in_order_and_once() {
        let form = Form::read(b"b=2&a=z&a=y&a=z&c=");
        assert_eq!(form.signed(), "ayazb2c");
        assert_eq!((form.get("a"), form.get("c"), form.get("d")), (Some("z"), None, None));
    }
}
