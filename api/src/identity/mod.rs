//! Who people are: passwords, tokens, sign-ins and the links that are sent to them.

mod mail;
mod passwords;
mod slug;
mod tokens;

pub use mail::{Letter, Mailer};
pub use passwords::{Passwords, weakness};
pub use slug::slug_of;
pub use tokens::{InvalidKeys, TokenKeys};

use crate::{
    endpoints::knowledge_bases::valid_name,
    error::{ApiError, ApiResult, Detail},
    state::Api,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use colloquy_domain::{access::Role, ids::SessionId, language::Language, time::Timestamp};
use colloquy_store::{Allowance, NewUser, Purpose, SecretHash, Tenant, User};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// How long a refresh token opens a new one.
pub const REFRESH_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How long a link to choose another password opens.
const RESET_LIFETIME: Duration = Duration::from_secs(3_600);
/// How long an invitation opens.
const INVITATION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Characters of an address (RFC 5321).
const LONGEST_EMAIL: usize = 254;

/// Everything about people.
pub struct Identity {
    pub keys: TokenKeys,
    pub passwords: Passwords,
    pub mailer: Arc<dyn Mailer>,
    /// Whether anybody may make a tenant of their own.
    pub open_registration: bool,
    /// 32 bytes that nobody can guess: randomness is an input.
    pub entropy: fn() -> std::io::Result<[u8; 32]>,
}

impl Identity {
    /// A long random secret in text that URLs can carry: 256 bits.
    ///
    /// # Errors
    /// 500 if the machine has no randomness to give.
    pub fn new_secret(&self) -> ApiResult<String> {
        (self.entropy)().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).map_err(|error| {
            tracing::error!(%error, "the machine has no randomness to give");
            ApiError::internal()
        })
    }
}

/// What somebody who signed in gets.
pub struct SignedIn {
    pub token: String,
    pub refresh_token: String,
    pub user: User,
}

fn after(now: Timestamp, lifetime: Duration) -> Timestamp {
    Timestamp(now.millis() + i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX / 2))
}

/// An address as it is compared: trimmed, in lower case.
pub fn valid_email(field: &str, text: &str) -> Result<String, Detail> {
    let email = text.trim().to_lowercase();
    let fine = email.len() <= LONGEST_EMAIL
        && !email.chars().any(|c| c.is_whitespace() || c.is_control())
        && email.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && !host.contains('@')
                && host.split('.').count() > 1
                && !host.split('.').any(str::is_empty)
        });
    if fine { Ok(email) } else { Err(Detail::new(field, "must be an e-mail address")) }
}

impl Api {
    /// Begins a session.
    ///
    /// # Errors
    /// The store's, or 500 if the machine can neither sign nor draw a secret.
    pub async fn sign_in(&self, user: User) -> ApiResult<SignedIn> {
        let refresh_token = self.identity.new_secret()?;
        let now = self.clock.now();
        let rows = self.store.tenant(user.tenant);
        let hash = SecretHash::of(&refresh_token);
        let session = rows.begin_session(user.id, hash, after(now, REFRESH_LIFETIME)).await?;
        let token = self.token(&user, session)?;
        Ok(SignedIn { token, refresh_token, user })
    }

    /// An access token of a session.
    ///
    /// # Errors
    /// The signature's.
    pub fn token(&self, user: &User, session: SessionId) -> ApiResult<String> {
        self.identity.keys.issue(user, session, self.clock.now()).map_err(|error| {
            tracing::error!(%error, "a token could not be signed");
            ApiError::internal()
        })
    }

    /// Sends a link with which a person chooses a password.
    ///
    /// # Errors
    /// The store's; the mail's only for invitations, where somebody waits for it.
    pub async fn send_link(&self, tenant: &Tenant, user: &User, purpose: Purpose, language: Language) -> ApiResult<()> {
        let secret = self.identity.new_secret()?;
        let lifetime = match purpose {
            Purpose::Invitation => INVITATION_LIFETIME,
            Purpose::Reset => RESET_LIFETIME,
        };
        let ends = after(self.clock.now(), lifetime);
        self.store.tenant(user.tenant).add_link(user.id, purpose, SecretHash::of(&secret), ends).await?;
        let link = format!("{}/reset?token={secret}", self.options.public_url);
        let letter = Letter::with_link(user, tenant, purpose, &link, language);
        self.identity.mailer.send(letter).await.map_err(|e| {
            tracing::warn!(tenant.id = %user.tenant, user.id = %user.id, error = %e, "a letter was not sent");
            ApiError::from(e)
        })
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub async fn attempt(&self, allowances: Vec<Allowance>) -> ApiResult<()> {
        match self.store.installation().attempt(allowances).await? {
            None => Ok(()),
            Some(wait) => Err(ApiError::too_many(wait)),
        }
    }
}

/// Sign-ins: five a minute and five in a quarter of an hour for one person from one place; some more for one person
/// from anywhere, and from one place for anybody, which slows down who guesses.
pub fn sign_in_allowances(what: &str, email: &str, from: IpAddr) -> Vec<Allowance> {
    let quarter = Duration::from_secs(900);
    let of = |subject: String, most, within| Allowance { subject: format!("{what}|{subject}"), most, within };
    vec![
        of(format!("{email}|{from}"), 5, Duration::from_secs(60)),
        of(format!("{email}|{from}"), 5, quarter),
        of(email.to_owned(), 30, quarter),
        of(from.to_string(), 60, quarter),
    ]
}

/// A person as an operator at the machine makes one, checked as the API checks.
///
/// # Errors
/// 400 naming all that is wrong.
pub async fn new_user(email: &str, name: &str, password: String, role: Role) -> ApiResult<NewUser> {
    let mut wrong = Vec::new();
    let email = valid_email("email", email).unwrap_or_else(|detail| {
        wrong.push(detail);
        String::new()
    });
    let name = valid_name("name", name).map(str::to_owned).unwrap_or_else(|error| {
        wrong.extend(error.details);
        String::new()
    });
    wrong.extend(weakness("password", &password));
    if !wrong.is_empty() {
        return Err(ApiError::validation(wrong));
    }
    let hash = Passwords::default().hash(password).await?;
    Ok(NewUser { email, name, role, password: Some(hash) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_in_lower_case_and_the_others_are_named() {
        assert_eq!(valid_email("email", " Ann@Example.COM "), Ok("ann@example.com".to_owned()));
        for wrong in ["", "ann", "@example.com", "ann@", "ann@example", "a b@example.com", "a@b@example.com", "a@b..c"]
        {
            assert_eq!(valid_email("email", wrong).map_err(|d| d.field), Err("email".to_owned()), "{wrong}");
        }
    }
}
