//! Twilio's `X-Twilio-Signature`: HMAC-SHA1 over the address that was called and, sorted, all fields of the form.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::collections::{BTreeMap, BTreeSet};
use url::{Url, form_urlencoded};

/// The fields of a form. Twilio repeats some; the first one counts.
pub(super) struct Form(BTreeMap<String, BTreeSet<String>>);

impl Form {
    pub(super) fn read(body: &[u8]) -> Self {
        let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            fields.entry(name.into_owned()).or_default().insert(value.into_owned());
        }
        Self(fields)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str).filter(|v| !v.is_empty())
    }
}

/// Whether Twilio signed it with this token. Its servers sign addresses with or without the port.
pub(super) fn is_signed(token: &str, url: &str, form: &Form, signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    let right = |url: &String| {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.as_bytes()) else { return false };
        mac.update(url.as_bytes());
        for (name, values) in &form.0 {
            for value in values {
                mac.update(name.as_bytes());
                mac.update(value.as_bytes());
            }
        }
        // In constant time.
        mac.verify_slice(&signature).is_ok()
    };
    !token.is_empty() && spellings(url).iter().any(right)
}

/// The address as it is, with its port, and without.
fn spellings(url: &str) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    let Ok(parsed) = Url::parse(url) else { return all };
    let (Some(host), Some((scheme, rest))) = (parsed.host_str(), url.split_once("://")) else { return all };
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let path = &rest[at..];
    all.push(format!("{scheme}://{host}{path}"));
    if let Some(port) = parsed.port_or_known_default() {
        all.push(format!("{scheme}://{host}:{port}{path}"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const BODY: &[u8] = b"To=%2B18005551212&Digits=1234&CallSid=CA1";
    const SIGNATURE: &str = "NwkpWsAtz2VzC65M/3aFOMLNXMY=";

    // req: S2-WHK-5
    #[test]
    fn the_known_signature_verifies_and_nothing_else() {
        let form = Form::read(BODY);
        assert!(is_signed("tok", URL, &form, SIGNATURE));
        for (token, url, body, signature) in [
            ("tok2", URL, BODY, SIGNATURE),
            ("", URL, BODY, SIGNATURE),
            ("tok", "https://mycompany.com/myapp.php?foo=1", BODY, SIGNATURE),
            ("tok", "http://mycompany.com/myapp.php?foo=1&bar=2", BODY, SIGNATURE),
            ("tok", URL, b"To=%2B18005551212&Digits=1235&CallSid=CA1", SIGNATURE),
            ("tok", URL, BODY, "NwkpWsAtz2VzC65M/3aFOMLNXMA="),
            ("tok", URL, BODY, ""),
            ("tok", URL, BODY, "é"),
        ] {
            assert!(!is_signed(token, url, &Form::read(body), signature), "{token} {url} {signature}");
        }
    }

    #[test]
    fn ports_are_signed_or_not() {
        assert!(is_signed("tok", "https://mycompany.com:443/myapp.php?foo=1&bar=2", &Form::read(BODY), SIGNATURE));
        assert!(spellings("https://a.b/c?d").contains(&"https://a.b:443/c?d".to_owned()));
        assert!(spellings("http://a.b:81?d").contains(&"http://a.b?d".to_owned()));
        assert_eq!(spellings("nonsense"), ["nonsense"]);
    }
}
