//! What stands between the API and those who call it.

use colloquy_domain::{
    channel::Secret,
    rate::{Quota, Quotas},
};
use std::time::Duration;

/// What is set of limits, browsers and monitors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edges {
    pub quotas: Quotas,
    /// Origins whose pages may call the API from a browser.
    pub cors_origins: Vec<String>,
    /// Origins whose pages may show the page of a web chat in a frame.
    pub frame_origins: Vec<String>,
    /// Opens `/metrics`, and nothing else.
    pub metrics_token: Option<Secret>,
}

/// So many in a minute; 0 is no limit.
pub fn a_minute(v: &str) -> Result<Option<Quota>, String> {
    within(v, Duration::from_secs(60))
}

/// So many in a quarter of an hour; 0 is no limit.
pub fn a_quarter(v: &str) -> Result<Option<Quota>, String> {
    within(v, Duration::from_secs(900))
}

fn within(v: &str, within: Duration) -> Result<Option<Quota>, String> {
    let most = v.parse::<u32>().ok().filter(|n| *n <= 1_000_000_000);
    let most = most.ok_or("must be a whole number from 0 (no limit) to 1000000000")?;
    Ok((most > 0).then_some(Quota { most, within }))
}

/// Origins as browsers send them, separated by commas.
pub fn origins(v: &str) -> Result<Vec<String>, String> {
    let origin = |text: &str| {
        let parsed = reqwest::Url::parse(text.trim()).ok().filter(|u| matches!(u.scheme(), "http" | "https"))?;
        let bare = parsed.path() == "/" && parsed.query().is_none() && parsed.username().is_empty();
        bare.then(|| parsed.origin().ascii_serialization())
    };
    let wrong = || "must be origins such as https://www.example.com, separated by commas".to_owned();
    v.split(',').map(|o| origin(o).ok_or_else(wrong)).collect()
}

/// Long enough that nobody guesses it.
pub fn metrics_token(v: &str) -> Result<Secret, String> {
    let fits = v.len() >= 16 && v.chars().all(|c| c.is_ascii_graphic());
    if fits { Ok(Secret::new(v)) } else { Err("must be one word of at least 16 characters".to_owned()) }
}
