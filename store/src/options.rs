//! What a store is opened with.

use colloquy_domain::ports::{Clock, Ids};
use std::{fmt, sync::Arc};

/// What a store is opened with.
#[derive(Clone)]
pub struct StoreOptions {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    /// Encrypts the secrets of channels. Losing it loses them.
    pub secret_key: SecretKey,
}

/// The 256-bit key under which secrets lie in the database. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey([u8; 32]);

/// The text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a secret key is 64 hexadecimal digits (32 bytes)")]
pub struct InvalidSecretKey;

impl SecretKey {
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`InvalidSecretKey`], which does not repeat the text.
    pub fn from_hex(text: &str) -> Result<Self, InvalidSecretKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| InvalidSecretKey)?;
        Ok(Self(bytes))
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_hex_and_never_shown() {
        let key = SecretKey::from_hex(&"0a".repeat(32)).expect("a key");
        assert_eq!(key, SecretKey::from_bytes([10; 32]));
        assert_eq!(format!("{key:?}"), "SecretKey(***)");
        assert_eq!(SecretKey::from_hex("0a0a"), Err(InvalidSecretKey));
    }
}
