//! Who shows an avatar.

use crate::{
    channel::Secret,
    commerce::{flow::Answer, settings::Avatar},
    video::{AvatarAccount, Join},
};
use async_trait::async_trait;
use std::time::Duration;

/// What the first call makes known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// The provider's name of the session.
    pub external: String,
    /// What the second call is allowed with, where it is not the key.
    pub grant: Option<Secret>,
    /// How it is joined, if that is known already.
    pub join: Option<Join>,
    /// How long the provider lets it go on, if that is known already.
    pub longest: Option<Duration>,
}

/// What the second call makes known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    pub join: Join,
    pub longest: Option<Duration>,
}

/// How an avatar comes to say something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoken {
    /// It was told, and says it.
    ByProvider,
    /// Only who is in the room can tell it: the page that joined it sends this event there.
    ByPage { topic: &'static str, event: &'static str },
}

/// Services that show avatars. A session is opened in two calls; none of them fails otherwise than by its answer.
#[async_trait]
pub trait Avatars: Send + Sync {
    /// # Errors
    /// What is known of a session that has no name.
    async fn reserve(&self, avatar: &Avatar) -> Result<Reserved, Answer>;

    /// # Errors
    /// Why it cannot be joined.
    async fn start(&self, account: &AvatarAccount, reserved: &Reserved) -> Result<Joined, Answer>;

    /// `Happened` and `Absent`: it is over.
    async fn stop(&self, account: &AvatarAccount, external: &str) -> Answer;

    /// Whether the provider still has it, and changes nothing: `Happened` or `Absent`.
    async fn look(&self, account: &AvatarAccount, external: &str) -> Answer;

    /// Has the avatar say words, as they are.
    ///
    /// # Errors
    /// Why it did not, or perhaps not.
    async fn speak(&self, account: &AvatarAccount, external: &str, words: &str) -> Result<Spoken, Answer>;
}
