//! The people who write, in a simulated world or to a running server: what they do depends only on what they are told and
//! on the seed.

mod automaton;
mod played;
mod player;
mod replay;
mod rules;

pub use crate::model::Deck;
pub use player::Player;

use crate::scenario::{Until, UserSpec};
use async_trait::async_trait;
use colloquy_domain::model::{CompletionRequest, CompletionResult};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// A person's way to the agent, and what they can see of the world.
#[async_trait]
pub trait Phone: Send + Sync {
    /// Returns when the world is this old.
    async fn until(&self, age: Duration);

    /// Since the world began.
    fn age(&self) -> Duration;

    /// Sends a message; returns when it is on its way. `number` counts the person's messages from 0.
    async fn write(&self, number: u64, text: &str);

    /// What they are told.
    fn ear(&self) -> &Ear;

    /// A number from 0 (inclusive) to 1 (exclusive) that follows from the seed.
    fn chance(&self, of: &str, number: u64) -> f64;

    /// Whether this became true. Where that cannot be seen it never does.
    fn holds(&self, until: &Until) -> bool;

    /// Asks the model that plays the person; returns after the time that it takes. `nth`: how often it was asked before.
    async fn think(&self, nth: u64, request: CompletionRequest) -> CompletionResult;

    /// The person did what a person who is played must not do.
    fn off_script(&self, why: String);
}

/// What a person was told so far.
#[derive(Debug, Default)]
pub struct Ear {
    told: Mutex<Vec<String>>,
    news: Notify,
}

impl Ear {
    pub fn hear(&self, text: &str) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
        self.news.notify_waiters();
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Everything after the first `count`.
    #[must_use]
    pub fn since(&self, count: usize) -> Vec<String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).iter().skip(count).cloned().collect()
    }

    /// Returns when they were told more often than this.
    pub async fn more_than(&self, count: usize) {
        loop {
            let news = self.news.notified();
            if self.count() > count {
                return;
            }
            news.await;
        }
    }

    /// Whether they were told one of these, whatever its case.
    #[must_use]
    pub fn heard(&self, words: &[String]) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        words.iter().any(|w| told.iter().any(|t| t.to_lowercase().contains(&w.to_lowercase())))
    }
}

/// Lets the person write until they are done.
pub async fn live(phone: &dyn Phone, user: &UserSpec) {
    match user {
        UserSpec::Script { messages } => {
            for (number, message) in (0..).zip(messages) {
                phone.until(message.at.0).await;
                phone.write(number, &message.text).await;
            }
        }
        UserSpec::Automaton(person) => automaton::live(phone, person).await,
        UserSpec::Replay(person) => replay::live(phone, person).await,
        UserSpec::Model(person) => played::live(phone, person).await,
    }
}

/// How long it takes to type this, at so many characters a second.
fn typing(text: &str, speed: u32) -> Duration {
    Duration::from_millis(text.chars().count() as u64 * 1_000 / u64::from(speed.max(1)))
}

/// Waits for an answer for as long as patience allows; whether one came.
async fn answered(phone: &dyn Phone, heard: usize, patience: Duration) -> bool {
    tokio::time::timeout(patience, phone.ear().more_than(heard)).await.is_ok()
}
