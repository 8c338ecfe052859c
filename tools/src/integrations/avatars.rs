//! Services that show avatars: one trait, an adapter for each, and their registry.

use super::{Integrations, heygen::HeyGen, http::Spoken as Heard, liveavatar::LiveAvatar};
use async_trait::async_trait;
use colloquy_domain::{
    commerce::{flow::Answer, settings::Avatar},
    ports::{Avatars, Joined, Outside, Reserved, Spoken},
    video::{AvatarAccount, AvatarProvider},
};

/// One of them. What each call means is said at [`Avatars`].
#[async_trait]
pub trait Studio: Send + Sync {
    async fn reserve(&self, avatar: &Avatar) -> Result<Reserved, Answer>;
    async fn start(&self, account: &AvatarAccount, reserved: &Reserved) -> Result<Joined, Answer>;
    /// # Errors
    /// It may go on.
    async fn stop(&self, account: &AvatarAccount, external: &str) -> Result<(), Answer>;
    /// Whether it goes on.
    ///
    /// # Errors
    /// Nobody knows.
    async fn look(&self, account: &AvatarAccount, external: &str) -> Result<bool, Answer>;
    async fn speak(&self, account: &AvatarAccount, external: &str, words: &str) -> Result<Spoken, Answer>;
    /// What a live check of the account found.
    async fn test(&self, account: &AvatarAccount) -> Result<String, Answer>;
}

/// The registry.
pub fn studio(provider: AvatarProvider, outside: &dyn Outside) -> Box<dyn Studio + '_> {
    match provider {
        AvatarProvider::HeyGen => Box::new(HeyGen(outside)),
        AvatarProvider::LiveAvatar => Box::new(LiveAvatar(outside)),
    }
}

/// What an answer that is no success says; both number their refusals.
pub fn trouble(heard: &Heard, service: &str) -> Answer {
    match (heard.status, heard.body["code"].as_i64()) {
        (401 | 403 | 404 | 410 | 429, _) | (_, None) => heard.trouble(service),
        (400..=499, Some(code)) => Answer::Refused { code: format!("{service}.code_{code}") },
        _ => heard.trouble(service),
    }
}

/// A success that does not say what it should: what was asked for may have happened.
pub fn odd(service: &str) -> Answer {
    Answer::Unknown { code: format!("{service}.bad_response") }
}

/// That of a session which the provider does not know.
pub fn is_gone(answer: &Answer, service: &str) -> bool {
    matches!(answer, Answer::Refused { code } if *code == format!("{service}.not_found"))
}

#[async_trait]
impl Avatars for Integrations {
    async fn reserve(&self, avatar: &Avatar) -> Result<Reserved, Answer> {
        studio(avatar.account.provider, self.outside.as_ref()).reserve(avatar).await
    }

    async fn start(&self, account: &AvatarAccount, reserved: &Reserved) -> Result<Joined, Answer> {
        studio(account.provider, self.outside.as_ref()).start(account, reserved).await
    }

    async fn stop(&self, account: &AvatarAccount, external: &str) -> Answer {
        match studio(account.provider, self.outside.as_ref()).stop(account, external).await {
            Ok(()) => Answer::Happened,
            Err(answer) if is_gone(&answer, account.provider.name()) => Answer::Absent,
            Err(answer) => answer,
        }
    }

    async fn look(&self, account: &AvatarAccount, external: &str) -> Answer {
        match studio(account.provider, self.outside.as_ref()).look(account, external).await {
            Ok(true) => Answer::Happened,
            Ok(false) => Answer::Absent,
            // That nobody may look says nothing of what is there.
            Err(Answer::Refused { code }) => Answer::Unknown { code },
            Err(answer) => answer,
        }
    }

    async fn speak(&self, account: &AvatarAccount, external: &str, words: &str) -> Result<Spoken, Answer> {
        studio(account.provider, self.outside.as_ref()).speak(account, external, words).await
    }
}
