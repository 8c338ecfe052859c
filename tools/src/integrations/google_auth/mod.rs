//! Signing in as a service account: a signed assertion is exchanged for a token
//! (<https://developers.google.com/identity/protocols/oauth2/service-account#httprest>).

use super::http::{Spoken, address, call, form, request};
use colloquy_domain::{
    commerce::{flow::Answer, settings::Google as Settings},
    ports::Outside,
    time::Timestamp,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use url::Url;

const SCOPES: &str = "https://www.googleapis.com/auth/calendar https://www.googleapis.com/auth/spreadsheets";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const LIFE: i64 = 3_600;
/// A token is not used in the last minute of its life.
const MARGIN: Duration = Duration::from_secs(60);
/// Accounts whose tokens are remembered.
const MOST: usize = 1_000;

/// Of whom a token is: the account, its key and where it was got.
type Account = [u8; 32];

/// Tokens, for as long as they live.
#[derive(Default)]
pub struct Tokens(Mutex<HashMap<Account, (String, Timestamp)>>);

/// A service account that is signed in.
pub struct Google<'a> {
    outside: &'a dyn Outside,
    pub settings: &'a Settings,
    token: String,
    tokens: &'a Tokens,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl Tokens {
    /// # Errors
    /// Nothing was asked for yet: the account cannot be used (now).
    pub async fn signed_in<'a>(
        &'a self,
        outside: &'a dyn Outside,
        now: Timestamp,
        settings: &'a Settings,
    ) -> Result<Google<'a>, Answer> {
        let account = account(settings);
        let known = self.lock().get(&account).filter(|(_, until)| *until > now).map(|(token, _)| token.clone());
        let token = match known {
            Some(token) => token,
            None => self.fetch(outside, now, settings, account).await.map_err(nothing_happened)?,
        };
        Ok(Google { outside, settings, token, tokens: self })
    }

    async fn fetch(
        &self,
        outside: &dyn Outside,
        now: Timestamp,
        settings: &Settings,
        account: Account,
    ) -> Result<String, Answer> {
        let url = address("google", base(settings, "https://oauth2.googleapis.com"), &["token"])?;
        let assertion = assertion(settings, url.as_str(), now)?;
        let asked = form(&url, &[("grant_type", GRANT), ("assertion", &assertion)]);
        let spoken = call(outside, "google", asked).await?;
        // Google refuses an assertion with 400.
        if matches!(spoken.status, 400 | 401) {
            return Err(Answer::Refused { code: "google.unauthorized".to_owned() });
        }
        let token =
            spoken.text("/access_token").filter(|_| spoken.is_good()).ok_or_else(|| spoken.trouble("google"))?;
        let life = spoken.body["expires_in"].as_u64().unwrap_or_default();
        let mut known = self.lock();
        if known.len() >= MOST {
            known.retain(|_, (_, until)| *until > now);
        }
        known.insert(account, (token.to_owned(), now + Duration::from_secs(life).saturating_sub(MARGIN)));
        Ok(token.to_owned())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Account, (String, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn assertion(settings: &Settings, audience: &str, now: Timestamp) -> Result<String, Answer> {
    let bad = |_| Answer::Refused { code: "google.bad_key".to_owned() };
    // As it is written inside of a key file.
    let pem = settings.private_key.expose().replace("\\n", "\n");
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(bad)?;
    let iat = now.millis() / 1_000;
    let claims = Claims { iss: &settings.client_email, scope: SCOPES, aud: audience, iat, exp: iat + LIFE };
    encode(&Header::new(Algorithm::RS256), &claims, &key).map_err(bad)
}

fn account(settings: &Settings) -> Account {
    let parts = [&settings.client_email, settings.private_key.expose(), base(settings, "")];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Whatever became of the request for a token: what it was wanted for was not asked yet.
fn nothing_happened(answer: Answer) -> Answer {
    match answer {
        Answer::Unknown { code } => Answer::Later { code, after: None },
        other => other,
    }
}

/// Where a service is, unless the tenant says otherwise.
fn base<'a>(settings: &'a Settings, usual: &'a str) -> &'a str {
    settings.base_url.as_deref().unwrap_or(usual)
}

impl Google<'_> {
    /// Where something of a service is, and how to ask for it.
    ///
    /// # Errors
    /// The settings name no address.
    pub fn at(&self, usual: &str, segments: &[&str]) -> Result<Url, Answer> {
        address("google", base(self.settings, usual), segments)
    }

    /// # Errors
    /// No answer.
    pub async fn ask(&self, method: &'static str, url: &Url, body: Option<Value>) -> Result<Spoken, Answer> {
        let asked = request(method, url, &self.token, body.map(|b| b.to_string()), false);
        let spoken = call(self.outside, "google", asked).await?;
        if spoken.status == 401 {
            // Withdrawn before its time: the next one is a new one.
            self.tokens.lock().remove(&account(self.settings));
            return Err(Answer::Later { code: "google.unauthorized".to_owned(), after: None });
        }
        Ok(spoken)
    }
}

/// As [`Spoken::trouble`]; Google tells of its quotas with 403, too.
pub fn trouble(spoken: &Spoken) -> Answer {
    let reason = spoken.text("/error/errors/0/reason").unwrap_or_default();
    if spoken.status == 403 && matches!(reason, "rateLimitExceeded" | "userRateLimitExceeded" | "quotaExceeded") {
        return Answer::Later { code: "google.rate_limited".to_owned(), after: spoken.retry_after };
    }
    spoken.trouble("google")
}
