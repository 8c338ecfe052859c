//! Passwords: argon2id, off the threads that answer, a few at a time (each takes 19 MiB while it runs).

use crate::error::{ApiError, ApiResult, Detail};
use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use colloquy_store::PasswordHash;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes that are computed at the same time.
const AT_ONCE: usize = 2;
/// Characters of a password: what NIST SP 800-63B asks for, and what bounds the work.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=200;
/// Of a password that nobody has: whether an account exists must not show in how long the answer takes.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5cyBzYWx0IQ$vMtJ0mPgYzY6WyF8cV7E9wS8D3xw2c7Jx0u1bLb1C0k";

/// Makes and checks hashes. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// What is wrong with a password that somebody chose.
pub fn weakness(field: &str, password: &str) -> Option<Detail> {
    let wrong = |message: String| Some(Detail::new(field, message));
    if !LENGTH.contains(&password.chars().count()) {
        return wrong(format!("must have {} to {} characters", LENGTH.start(), LENGTH.end()));
    }
    let first = password.chars().next();
    if password.chars().all(|c| Some(c) == first) {
        return wrong("must not be one character repeated".to_owned());
    }
    None
}

impl Passwords {
    /// Memory that one hash takes while it is made or checked.
    pub const KIB: u32 = Params::DEFAULT_M_COST;

    /// # Errors
    /// 500 if the machine refuses (for example, memory).
    pub async fn hash(&self, password: String) -> ApiResult<PasswordHash> {
        self.work(move || Argon2::default().hash_password(password.as_bytes()).map(|h| h.to_string()))
            .await?
            .map(PasswordHash)
            .map_err(|e| failed(&e))
    }

    /// Whether `password` is the one of `hash`; without a hash it takes as long and is not.
    ///
    /// # Errors
    /// 500 if the machine refuses, or the hash is none.
    pub async fn matches(&self, password: String, hash: Option<PasswordHash>) -> ApiResult<bool> {
        use argon2::password_hash::Error;
        let exists = hash.is_some();
        let hash = hash.map_or_else(|| NOBODY.to_owned(), |h| h.0);
        let checked = self.work(move || Argon2::default().verify_password(password.as_bytes(), hash.as_str())).await?;
        match checked {
            Ok(()) => Ok(exists),
            Err(Error::PasswordInvalid) => Ok(false),
            Err(e) => Err(failed(&e)),
        }
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> ApiResult<T> {
        let place = self.places.clone().acquire_owned().await.map_err(|e| failed(&e))?;
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        done.await.map_err(|e| failed(&e))
    }
}

fn failed(error: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(%error, "a password could not be hashed");
    ApiError::internal()
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S1-AUTH-5
    #[tokio::test]
    async fn a_hash_opens_for_its_password_alone_and_nobody_for_none() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(passwords.matches("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.matches("correct house".into(), Some(hash)).await.unwrap());
        assert!(!passwords.matches("anything".into(), None).await.unwrap(), "and it is a hash that can be checked");
    }

    #[test]
    fn weak_passwords_are_named() {
        assert!(weakness("password", "short").is_some());
        assert!(weakness("password", "aaaaaaaaaaaa").is_some());
        assert!(weakness("password", &"é".repeat(201)).is_some());
        assert_eq!(weakness("password", "demo1234"), None);
    }
}
