//! How people sign in, and how letters reach them.

use colloquy_domain::channel::Secret;
use std::{net::IpAddr, path::PathBuf, time::Duration};

/// What is set of sign-ins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    /// The first signs access tokens, all verify; without one, a key is made from the installation's.
    pub jwt_secrets: Vec<Secret>,
    /// Signs instead of the secrets: RSA or Ed25519, PEM.
    pub private_key_file: Option<PathBuf>,
    /// Verify what the private key signs, and what older ones signed; PEM.
    pub public_key_files: Vec<PathBuf>,
    /// How long an access token opens anything.
    pub token_lifetime: Duration,
    /// Whether anybody may make a tenant of their own.
    pub open_registration: bool,
    /// Proxies whose word is taken for whom they speak.
    pub trusted_proxies: Vec<IpAddr>,
    pub mail: Mail,
}

/// The mail server, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mail {
    /// `smtps://user:password@host`.
    pub smtp_url: Option<Secret>,
    /// `Team <team@example.com>`.
    pub from: Option<String>,
}

impl Default for People {
    fn default() -> Self {
        Self {
            jwt_secrets: Vec::new(),
            private_key_file: None,
            public_key_files: Vec::new(),
            token_lifetime: Duration::from_secs(900),
            open_registration: true,
            trusted_proxies: Vec::new(),
            mail: Mail::default(),
        }
    }
}
