//! Access tokens: JSON Web Tokens that say who somebody is for a few minutes. The first key signs; all of them verify, so
//! that a key can be replaced without signing anybody out.

use colloquy_domain::{
    access::Role,
    ids::{SessionId, TenantId, UserId},
    time::Timestamp,
};
use colloquy_store::User;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, time::Duration};

/// What is said of a token's owner. Both `userId` and `sub`, both `tenantId` and `companyId` are written, for clients of
/// either habit.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    sub: String,
    user_id: String,
    tenant_id: String,
    company_id: String,
    role: String,
    /// The session: ended sessions open nothing, whatever their tokens say.
    sid: String,
    /// Seconds since 1970.
    iat: i64,
    exp: i64,
}

/// What a token that may be believed says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    pub user: UserId,
    pub tenant: TenantId,
    pub role: Role,
    pub session: SessionId,
}

/// A key, whose name (`kid`) is made from it.
struct Key {
    id: String,
    algorithm: Algorithm,
    verify: DecodingKey,
}

/// The keys of an installation.
pub struct TokenKeys {
    sign: EncodingKey,
    keys: Vec<Key>,
    /// How long a token opens anything.
    pub lifetime: Duration,
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|k| &k.id)).finish()
    }
}

/// The keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    #[error("at least one key is needed to sign with")]
    None,
    #[error("the key that signs is not a PEM file with an RSA or Ed25519 private key")]
    Private,
    #[error("a key that verifies is not a PEM file with an RSA or Ed25519 public key")]
    Public,
}

impl TokenKeys {
    /// HS256 with secrets that the installation keeps to itself.
    ///
    /// # Errors
    /// [`InvalidKeys::None`].
    pub fn shared(secrets: &[&[u8]], lifetime: Duration) -> Result<Self, InvalidKeys> {
        let sign = EncodingKey::from_secret(secrets.first().ok_or(InvalidKeys::None)?);
        let key = |s: &&[u8]| Key { id: name(s), algorithm: Algorithm::HS256, verify: DecodingKey::from_secret(s) };
        Ok(Self { sign, keys: secrets.iter().map(key).collect(), lifetime })
    }

    /// RS256 or EdDSA: a private key signs, its public key and older ones verify. All are PEM texts.
    ///
    /// # Errors
    /// Which key cannot be read.
    pub fn of_pair(private: &str, public: &[String], lifetime: Duration) -> Result<Self, InvalidKeys> {
        let sign = EncodingKey::from_ed_pem(private.as_bytes())
            .or_else(|_| EncodingKey::from_rsa_pem(private.as_bytes()))
            .map_err(|_| InvalidKeys::Private)?;
        let keys = public.iter().map(|pem| public_key(pem)).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(InvalidKeys::None) } else { Ok(Self { sign, keys, lifetime }) }
    }

    /// A token for a session of `user`.
    ///
    /// # Errors
    /// The signature's.
    pub fn issue(
        &self,
        user: &User,
        session: SessionId,
        now: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let seconds = now.millis() / 1000;
        let claims = Claims {
            sub: user.id.to_string(),
            user_id: user.id.to_string(),
            tenant_id: user.tenant.to_string(),
            company_id: user.tenant.to_string(),
            role: user.role.name().to_owned(),
            sid: session.to_string(),
            iat: seconds,
            exp: seconds + i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX / 2),
        };
        let first = self.keys.first().map(|k| (k.algorithm, k.id.clone()));
        let (algorithm, id) = first.unwrap_or((Algorithm::HS256, String::new()));
        encode(&Header { kid: Some(id), ..Header::new(algorithm) }, &claims, &self.sign)
    }

    /// What a token says, if one of the keys signed it and it is not too old. Its algorithm is the key's, whatever its
    /// header claims.
    #[must_use]
    pub fn read(&self, token: &str, now: Timestamp) -> Option<Said> {
        let named = decode_header(token).ok()?.kid;
        let fits = |k: &&Key| named.as_ref().is_none_or(|name| *name == k.id);
        self.keys.iter().filter(fits).find_map(|key| {
            let mut validation = Validation::new(key.algorithm);
            // Against our clock, below: time is an input.
            validation.validate_exp = false;
            validation.set_required_spec_claims::<&str>(&[]);
            let claims = decode::<Claims>(token, &key.verify, &validation).ok()?.claims;
            let fresh = claims.exp > now.millis() / 1000;
            fresh.then(|| said(&claims)).flatten()
        })
    }
}

fn said(claims: &Claims) -> Option<Said> {
    Some(Said {
        user: claims.user_id.parse().ok()?,
        tenant: claims.tenant_id.parse().ok()?,
        role: claims.role.parse().ok()?,
        session: claims.sid.parse().ok()?,
    })
}

fn public_key(pem: &str) -> Result<Key, InvalidKeys> {
    let (algorithm, verify) = DecodingKey::from_ed_pem(pem.as_bytes())
        .map(|k| (Algorithm::EdDSA, k))
        .or_else(|_| DecodingKey::from_rsa_pem(pem.as_bytes()).map(|k| (Algorithm::RS256, k)))
        .map_err(|_| InvalidKeys::Public)?;
    Ok(Key { id: name(pem.trim().as_bytes()), algorithm, verify })
}

fn name(key: &[u8]) -> String {
    let digest = Sha256::new().chain_update(b"colloquy key id\0").chain_update(key).finalize();
    hex::encode(&digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const QUARTER: Duration = Duration::from_secs(900);

    fn user() -> User {
        User {
            id: UserId::new(Uuid::from_u128(1)),
            tenant: TenantId::new(Uuid::from_u128(2)),
            email: "a@b.example".into(),
            name: "A".into(),
            role: Role::Owner,
            password: None,
            created_at: NOW,
            updated_at: NOW,
            last_seen_at: None,
            disabled_at: None,
        }
    }

    fn session() -> SessionId {
        SessionId::new(Uuid::from_u128(3))
    }

    // req: S1-AUTH-1
    #[test]
    fn a_token_opens_for_a_quarter_of_an_hour() {
        let keys = TokenKeys::shared(&[b"secret"], QUARTER).unwrap();
        let token = keys.issue(&user(), session(), NOW).unwrap();
        let said = keys.read(&token, NOW).expect("fresh");
        assert_eq!(
            (said.user, said.tenant, said.role, said.session),
            (user().id, user().tenant, Role::Owner, session())
        );
        assert!(keys.read(&token, Timestamp(NOW.millis() + 899_000)).is_some());
        assert_eq!(keys.read(&token, Timestamp(NOW.millis() + 900_000)), None);
    }

    #[test]
    fn keys_are_replaced_without_signing_anybody_out() {
        let old = TokenKeys::shared(&[b"old"], QUARTER).unwrap();
        let token = old.issue(&user(), session(), NOW).unwrap();
        let both = TokenKeys::shared(&[b"new", b"old"], QUARTER).unwrap();
        assert!(both.read(&token, NOW).is_some());
        let fresh = both.issue(&user(), session(), NOW).unwrap();
        assert_eq!(old.read(&fresh, NOW), None, "the first key signs");
        let new = TokenKeys::shared(&[b"new"], QUARTER).unwrap();
        assert_eq!(new.read(&token, NOW), None);
    }

    #[test]
    fn nothing_forged_is_read() {
        let keys = TokenKeys::shared(&[b"secret"], QUARTER).unwrap();
        let token = keys.issue(&user(), session(), NOW).unwrap();
        let mut parts: Vec<&str> = token.split('.').collect();
        let (header, claims) = (parts[0].to_owned(), parts[1].to_owned());
        parts[2] = "AAAA";
        assert_eq!(keys.read(&parts.join("."), NOW), None);
        // {"alg":"none"}
        assert_eq!(keys.read(&format!("eyJhbGciOiJub25lIn0.{claims}."), NOW), None);
        assert_eq!(keys.read(&format!("{header}.{claims}"), NOW), None);
        assert_eq!(keys.read("", NOW), None);
        assert_eq!(TokenKeys::shared(&[], QUARTER).err(), Some(InvalidKeys::None));
    }

    // req: S2-AUTH-1
    #[test]
    fn a_pair_of_keys_signs_and_verifies() {
        let pair = |private: &str, public: &str| TokenKeys::of_pair(private, &[public.to_owned()], QUARTER);
        let files = [
            (include_str!("testdata/ed25519.pem"), include_str!("testdata/ed25519.pub.pem"), "EdDSA"),
            (include_str!("testdata/rsa.pem"), include_str!("testdata/rsa.pub.pem"), "RS256"),
        ];
        for (private, public, algorithm) in files {
            let keys = pair(private, public).unwrap();
            let token = keys.issue(&user(), session(), NOW).unwrap();
            assert_eq!(format!("{:?}", decode_header(&token).unwrap().alg), algorithm);
            assert!(keys.read(&token, NOW).is_some(), "{algorithm}");
        }
        assert_eq!(pair("no key", files[0].1).err(), Some(InvalidKeys::Private));
        assert_eq!(pair(files[0].0, "no key").err(), Some(InvalidKeys::Public));
    }

    // A token that names HS256 and is signed with the public key's text must not pass for one of the pair's.
    #[test]
    fn the_public_key_is_no_shared_secret() {
        let public = include_str!("testdata/rsa.pub.pem");
        let keys = TokenKeys::of_pair(include_str!("testdata/rsa.pem"), &[public.to_owned()], QUARTER).unwrap();
        let forger = TokenKeys::shared(&[public.as_bytes()], QUARTER).unwrap();
        let token = forger.issue(&user(), session(), NOW).unwrap();
        assert_eq!(keys.read(&token, NOW), None);
    }
}
