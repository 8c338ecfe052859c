//! Secrets at rest: XChaCha20-Poly1305, bound to the row that they belong to, so that a value copied to another row
//! does not open. A value names the key that sealed it, so that keys can change while values stay.

use crate::{error::unreadable, options::SecretKey};
use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, KeyInit, Payload},
};
use colloquy_domain::ports::StoreError;
use std::{
    fmt,
    sync::{Arc, RwLock},
};

/// First byte of a sealed value: its layout. The first one (nonce, then ciphertext with its tag) names no key.
const UNNAMED: u8 = 1;
/// The key's id, nonce, ciphertext with its tag.
const NAMED: u8 = 2;
const ID: usize = 4;
const NONCE: usize = 24;

/// Which key it is: the beginning of a hash of it, from which nobody finds the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; ID]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[derive(Clone)]
pub(crate) struct Cipher(Arc<RwLock<Keys>>);

#[derive(Clone)]
struct Keys {
    from: SecretKey,
    /// The newest first; never empty.
    ring: Vec<(KeyId, XChaCha20Poly1305)>,
}

impl Keys {
    fn new(from: SecretKey) -> Self {
        let ids = from.derive_all("key id").into_iter().map(|hash| KeyId([hash[0], hash[1], hash[2], hash[3]]));
        let ciphers = from.all().map(|key| XChaCha20Poly1305::new(&Key::from(*key)));
        let ring = ids.zip(ciphers).collect();
        Self { from, ring }
    }

    fn find(&self, id: KeyId) -> Option<&XChaCha20Poly1305> {
        self.ring.iter().find(|(known, _)| *known == id).map(|(_, cipher)| cipher)
    }
}

impl Cipher {
    pub(crate) fn new(key: &SecretKey) -> Self {
        Self(Arc::new(RwLock::new(Keys::new(key.clone()))))
    }

    fn keys(&self) -> Keys {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Keys may have been added since they were read.
    fn read_again(&self) -> Keys {
        let keys = self.keys();
        let Some(now) = keys.from.read_again().filter(|now| *now != keys.from) else { return keys };
        let now = Keys::new(now.reading_where(&keys.from));
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = now.clone();
        now
    }

    /// The key that seals.
    pub(crate) fn newest(&self) -> KeyId {
        self.read_again().ring[0].0
    }

    /// What begins every value that the newest key sealed.
    pub(crate) fn newest_prefix(&self) -> Vec<u8> {
        [&[NAMED][..], &self.newest().0].concat()
    }

    /// The key that sealed a value, if it says so.
    pub(crate) fn sealed_by(value: &[u8]) -> Option<KeyId> {
        let (&[NAMED, ref id @ ..], _) = value.split_first_chunk::<{ ID + 1 }>()? else { return None };
        Some(KeyId(*id))
    }

    /// Encrypts `plain` for the row that `owner` names.
    pub(crate) fn seal(&self, owner: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let keys = self.read_again();
        let (id, cipher) = &keys.ring[0];
        let nonce = XNonce::generate();
        let sealed = cipher
            .encrypt(&nonce, Payload { msg: plain, aad: owner })
            .map_err(|_| StoreError::Broken("a secret could not be encrypted".to_owned()))?;
        let mut value = Vec::with_capacity(1 + ID + NONCE + sealed.len());
        value.push(NAMED);
        value.extend_from_slice(&id.0);
        value.extend_from_slice(&nonce);
        value.extend_from_slice(&sealed);
        Ok(value)
    }

    /// Decrypts what was sealed for `owner`.
    pub(crate) fn open(&self, owner: &[u8], value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let keys = self.keys();
        match (Self::sealed_by(value), value.first()) {
            (Some(id), _) => {
                let keys = if keys.find(id).is_some() { keys } else { self.read_again() };
                let cipher = keys.find(id).ok_or_else(another_key)?;
                open(cipher, owner, &value[1 + ID..])
            }
            (None, Some(&UNNAMED)) => {
                let opened = keys.ring.iter().find_map(|(_, cipher)| open(cipher, owner, &value[1..]).ok());
                opened.ok_or_else(another_key)
            }
            _ => Err(unreadable("secret: unknown version")),
        }
    }
}

fn open(cipher: &XChaCha20Poly1305, owner: &[u8], rest: &[u8]) -> Result<Vec<u8>, StoreError> {
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or_else(|| unreadable("secret"))?;
    let nonce = XNonce::from(*nonce);
    cipher.decrypt(&nonce, Payload { msg: sealed, aad: owner }).map_err(|_| another_key())
}

fn another_key() -> StoreError {
    unreadable("secret: it was encrypted with another key")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn only_the_same_key_and_row_open_a_secret() {
        let cipher = Cipher::new(&SecretKey::from_bytes([1; 32]));
        let sealed = cipher.seal(b"row", b"token").expect("sealed");
        assert!(!sealed.windows(5).any(|w| w == b"token"));
        assert_eq!(cipher.open(b"row", &sealed), Ok(b"token".to_vec()));
        assert!(cipher.open(b"other", &sealed).is_err());
        let other = Cipher::new(&SecretKey::from_bytes([2; 32]));
        let error = other.open(b"row", &sealed).expect_err("another key");
        assert!(error.to_string().contains("another key"), "{error}");
        assert!(cipher.open(b"row", &sealed[..10]).is_err());
        assert!(cipher.open(b"row", &[]).is_err() && cipher.open(b"row", &[9; 60]).is_err());
    }

    // req: S3-UTL-1
    #[test]
    fn what_older_keys_sealed_is_opened_and_the_newest_seals() {
        let (old, new) = ("01".repeat(32), "02".repeat(32));
        let first = Cipher::new(&SecretKey::from_hex(&old).expect("a key"));
        let sealed = first.seal(b"row", b"token").expect("sealed");
        let both = Cipher::new(&SecretKey::from_hex(&format!("{new}\n{old}")).expect("keys"));
        assert_eq!(both.open(b"row", &sealed), Ok(b"token".to_vec()));
        let again = both.seal(b"row", b"token").expect("sealed");
        assert_eq!(Cipher::sealed_by(&again), Some(both.newest()));
        assert!(again.starts_with(&both.newest_prefix()) && !sealed.starts_with(&both.newest_prefix()));
        assert!(first.open(b"row", &again).is_err());
    }

    // req: S3-UTL-1
    #[test]
    fn a_value_from_before_keys_had_names_is_opened_by_whichever_key_fits() {
        let cipher = Cipher::new(&SecretKey::from_bytes([1; 32]));
        let named = cipher.seal(b"row", b"token").expect("sealed");
        let unnamed = [&[UNNAMED][..], &named[1 + ID..]].concat();
        let both = SecretKey::from_hex(&format!("{},{}", "02".repeat(32), "01".repeat(32))).expect("keys");
        assert_eq!(Cipher::new(&both).open(b"row", &unnamed), Ok(b"token".to_vec()));
    }

    // req: S3-UTL-1
    #[test]
    fn a_key_that_was_added_meanwhile_is_read_when_it_is_needed() {
        let file = Arc::new(Mutex::new(SecretKey::from_bytes([1; 32])));
        let source = Arc::clone(&file);
        let first =
            SecretKey::from_bytes([1; 32]).read_again_from(Arc::new(move || source.lock().ok().map(|k| k.clone())));
        let running = Cipher::new(&first);
        let before = running.newest();
        let both = SecretKey::from_hex(&format!("{} {}", "02".repeat(32), "01".repeat(32))).expect("keys");
        *file.lock().expect("the file") = both.clone();
        let elsewhere = Cipher::new(&both).seal(b"row", b"token").expect("sealed");
        assert_eq!(running.open(b"row", &elsewhere), Ok(b"token".to_vec()));
        assert_ne!(running.newest(), before);
        *file.lock().expect("the file") = SecretKey::from_bytes([3; 32]);
        assert_ne!(running.newest(), Cipher::new(&both).newest(), "it is looked at each time");
    }
}
