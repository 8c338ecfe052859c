use super::NatsError;
use async_nats::ServerAddr;
use colloquy_domain::channel::Secret;
use std::{fmt, path::PathBuf};

/// How to reach NATS.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsOptions {
    /// `nats://host:port`, or `tls://host:port`; several servers of one cluster. A `user:password@` or `token@` in one of
    /// them is the [`NatsAuth`], where none is given.
    pub servers: Vec<String>,
    pub auth: NatsAuth,
    pub tls: NatsTls,
    /// What the server's monitoring shows this client as.
    pub name: String,
}

/// Who we are to the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NatsAuth {
    #[default]
    None,
    Token(Secret),
    UserPassword {
        user: String,
        password: Secret,
    },
    /// A file that holds an NKey's seed.
    NkeySeedFile(PathBuf),
    /// A file with a user's JWT and seed, as `nsc` writes it.
    CredentialsFile(PathBuf),
}

/// Files in PEM. Any of them makes TLS required, as `tls://` does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NatsTls {
    /// The authorities that are trusted; the system's where there is none.
    pub ca_file: Option<PathBuf>,
    /// What we show the server, with its key.
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            servers: vec!["nats://127.0.0.1:4222".to_owned()],
            auth: NatsAuth::None,
            tls: NatsTls::default(),
            name: "colloquy".to_owned(),
        }
    }
}

impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The addresses may hold passwords.
        let servers: Vec<String> = self.servers.iter().map(|s| host(s)).collect();
        f.debug_struct("NatsOptions")
            .field("servers", &servers)
            .field("auth", &self.auth)
            .field("tls", &self.tls)
            .field("name", &self.name)
            .finish()
    }
}

impl NatsAuth {
    /// What is refused, in words.
    pub(super) const fn words(&self) -> &'static str {
        match self {
            Self::None => "a client without credentials",
            Self::Token(_) => "the token",
            Self::UserPassword { .. } => "the user or its password",
            Self::NkeySeedFile(_) => "the NKey",
            Self::CredentialsFile(_) => "the credentials file's user",
        }
    }
}

/// Where to connect, and as whom: the addresses hold no credentials any more.
pub(super) struct Destination {
    pub addresses: Vec<ServerAddr>,
    pub auth: NatsAuth,
    pub tls_required: bool,
}

impl Destination {
    pub fn of(options: &NatsOptions) -> Result<Self, NatsError> {
        if options.servers.is_empty() {
            return Err(NatsError::Setting("no NATS server is configured".to_owned()));
        }
        let tls = &options.tls;
        if tls.cert_file.is_some() != tls.key_file.is_some() {
            return Err(NatsError::Setting(
                "a NATS client certificate needs its key, and a key its certificate".to_owned(),
            ));
        }
        for file in [&tls.ca_file, &tls.cert_file, &tls.key_file].into_iter().flatten() {
            std::fs::metadata(file).map_err(|e| NatsError::Setting(format!("cannot read {}: {e}", file.display())))?;
        }
        let mut auth = options.auth.clone();
        let mut addresses = Vec::with_capacity(options.servers.len());
        for server in &options.servers {
            let (address, inside) = parsed(server)?;
            if auth == NatsAuth::None {
                auth = inside;
            }
            addresses.push(address);
        }
        let files = tls.ca_file.is_some() || tls.cert_file.is_some();
        let tls_required = files || addresses.iter().any(ServerAddr::tls_required);
        Ok(Self { addresses, auth, tls_required })
    }

    /// The servers for people.
    pub fn hosts(&self) -> String {
        let hosts: Vec<String> = self.addresses.iter().map(|a| format!("{}:{}", a.host(), a.port())).collect();
        hosts.join(", ")
    }
}

/// The address without credentials, and the credentials.
fn parsed(server: &str) -> Result<(ServerAddr, NatsAuth), NatsError> {
    let wrong = |why: &str| NatsError::Setting(format!("{} is not a NATS address: {why}", host(server)));
    let (scheme, rest) = server.split_once("://").unwrap_or(("nats", server));
    if !["nats", "tls"].contains(&scheme) {
        return Err(wrong("it begins with nats:// or tls://"));
    }
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let address: ServerAddr =
        format!("{scheme}://{place}").parse().map_err(|_| wrong("nats://host:port is expected"))?;
    if address.host().is_empty() {
        return Err(wrong("it names no host"));
    }
    let whole: ServerAddr = format!("{scheme}://{rest}").parse().map_err(|_| wrong("nats://host:port is expected"))?;
    let auth = match (whole.username().map(unescaped), whole.password().map(unescaped)) {
        (Some(user), Some(password)) => NatsAuth::UserPassword { user, password: Secret::new(password) },
        (Some(token), None) => NatsAuth::Token(Secret::new(token)),
        _ => NatsAuth::None,
    };
    Ok((address, auth))
}

/// `%40` and the like, as an address writes them.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *first == b'%').and_then(|pair| hex::decode(pair).ok());
        match escaped {
            Some(byte) => {
                bytes.extend(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The prefix of an installation's streams and subjects, if it can be one.
pub(super) fn checked_prefix(prefix: &str) -> Result<(), NatsError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if prefix.is_empty() || prefix.len() > 64 || !prefix.chars().all(fits) {
        return Err(NatsError::Setting(format!(
            "{prefix:?} cannot be the prefix of streams and subjects: up to 64 letters, digits, - and _"
        )));
    }
    Ok(())
}

/// An address as far as it may be shown.
fn host(server: &str) -> String {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    rest.rsplit_once('@').map_or(rest, |(_, place)| place).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(servers: &[&str]) -> NatsOptions {
        NatsOptions { servers: servers.iter().map(|s| (*s).to_owned()).collect(), ..NatsOptions::default() }
    }

    #[test]
    fn credentials_of_an_address_are_used_and_never_shown() {
        let options = to(&["nats://ann:p%40ss@one:4333", "two"]);
        let there = Destination::of(&options).expect("valid");
        assert_eq!(there.auth, NatsAuth::UserPassword { user: "ann".into(), password: Secret::new("p@ss") });
        assert_eq!(there.hosts(), "one:4333, two:4222");
        assert!(there.addresses.iter().all(|a| a.username().is_none() && a.password().is_none()));
        assert!(!there.tls_required);
        let shown = format!("{options:?}");
        assert!(!shown.contains("p%40ss") && !shown.contains("ann") && shown.contains("one:4333"), "{shown}");
        let token = Destination::of(&to(&["tls://s3cret@one"])).expect("valid");
        assert_eq!((token.auth, token.tls_required), (NatsAuth::Token(Secret::new("s3cret")), true));
    }

    #[test]
    fn what_is_wrong_is_named_without_secrets() {
        let wrong = |options: &NatsOptions| Destination::of(options).err().expect("wrong").to_string();
        let told = wrong(&to(&["http://ann:hidden@one:1"]));
        assert!(told.contains("one:1") && told.contains("nats://") && !told.contains("hidden"), "{told}");
        assert!(wrong(&to(&[])).contains("no NATS server"));
        let mut options = to(&["one"]);
        options.tls.cert_file = Some("/nowhere/cert.pem".into());
        assert!(wrong(&options).contains("key"));
        options.tls.cert_file = None;
        options.tls.ca_file = Some("/nowhere/ca.pem".into());
        assert!(wrong(&options).contains("/nowhere/ca.pem"));
    }
}
