//! Secrets at rest: XChaCha20-Poly1305, bound to the row that they belong to, so that a value copied to another row
//! does not open.

use crate::{error::unreadable, options::SecretKey};
use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, KeyInit, Payload},
};
use colloquy_domain::ports::StoreError;

/// First byte of every sealed value: the layout (nonce, then ciphertext with its tag).
const VERSION: u8 = 1;
const NONCE: usize = 24;

#[derive(Clone)]
pub(crate) struct Cipher(XChaCha20Poly1305);

impl Cipher {
    pub(crate) fn new(key: &SecretKey) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(*key.bytes())))
    }

    /// Encrypts `plain` for the row that `owner` names.
    pub(crate) fn seal(&self, owner: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let nonce = XNonce::generate();
        let sealed = self
            .0
            .encrypt(&nonce, Payload { msg: plain, aad: owner })
            .map_err(|_| StoreError::Broken("a secret could not be encrypted".to_owned()))?;
        let mut value = Vec::with_capacity(1 + NONCE + sealed.len());
        value.push(VERSION);
        value.extend_from_slice(&nonce);
        value.extend_from_slice(&sealed);
        Ok(value)
    }

    /// Decrypts what was sealed for `owner`.
    pub(crate) fn open(&self, owner: &[u8], value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (&[VERSION, ref nonce @ ..], sealed) =
            value.split_first_chunk::<{ NONCE + 1 }>().ok_or_else(|| unreadable("secret"))?
        else {
            return Err(unreadable("secret: unknown version"));
        };
        let nonce = XNonce::try_from(&nonce[..]).map_err(|_| unreadable("secret"))?;
        self.0
            .decrypt(&nonce, Payload { msg: sealed, aad: owner })
            .map_err(|_| unreadable("secret: it was encrypted with another key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
