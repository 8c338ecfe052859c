//! The language of an answer: `Accept-Language`, English otherwise; and the French of our errors.

use crate::catalogue;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use colloquy_domain::language::Language;
use std::convert::Infallible;

/// What the client wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speech(pub Language);

impl<S: Send + Sync> FromRequestParts<S> for Speech {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(wanted(&parts.headers)))
    }
}

/// The language with the greatest weight among those that we speak.
pub fn wanted(headers: &HeaderMap) -> Language {
    let text = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut best = (0.0, Language::En);
    for choice in text.split(',') {
        let (tag, weight) = choice.split_once(";q=").unwrap_or((choice, "1"));
        let weight: f32 = weight.trim().parse().unwrap_or(0.0);
        if let Some(language) = Language::from_tag(tag.trim()).filter(|_| weight > best.0) {
            best = (weight, language);
        }
    }
    best.1
}

/// The French of an error's code, if its sentence is always the same.
pub fn french(code: &str) -> Option<&'static str> {
    catalogue::find(code).filter(|refusal| refusal.fixed).map(|refusal| refusal.french)
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S4-I18N-1
    #[test]
    fn the_greatest_weight_that_we_speak_wins() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, text.parse().unwrap());
            wanted(&headers)
        };
        assert_eq!(wanted(&HeaderMap::new()), Language::En);
        assert_eq!(of("fr-CA,fr;q=0.9,en;q=0.8"), Language::Fr);
        assert_eq!(of("en;q=0.4, fr;q=0.7"), Language::Fr);
        assert_eq!(of("de, en;q=0.5"), Language::En);
        assert_eq!(of("de"), Language::En);
        assert_eq!(of("fr;q=0"), Language::En);
    }
}
