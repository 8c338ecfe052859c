use super::{
    NatsError,
    error::chain,
    limited::Limited,
    options::{Destination, NatsAuth, NatsOptions},
};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerError, connection::State};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// The longest that one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How often a connection is tried: two silent ones end it. A cut network says nothing by itself, and a node without the
/// log should let others work.
const PING: Duration = Duration::from_secs(2);
/// Between two attempts to come back.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One connection to NATS, shared by all that use it. It comes back by itself for as long as the process lives; clones are
/// the same connection.
#[derive(Debug, Clone)]
pub struct Connection {
    client: Client,
    events: Arc<Events>,
    hosts: Arc<str>,
}

/// The state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Link {
    pub up: bool,
    /// How often it was made: what belongs to an earlier one is gone.
    pub generation: u64,
}

impl Connection {
    /// Connects for the first time; from then on the connection is kept up.
    ///
    /// # Errors
    /// [`NatsError`], naming the servers and what is wrong.
    pub async fn connect(options: &NatsOptions) -> Result<Self, NatsError> {
        let there = Destination::of(options)?;
        let hosts = there.hosts();
        let events = Arc::new(Events::default());
        let heard = events.clone();
        let connect = authenticated(&there.auth)?
            .name(&options.name)
            .connection_timeout(CONNECT)
            .ping_interval(PING)
            .max_reconnects(None)
            .reconnect_delay_callback(pause)
            .require_tls(there.tls_required)
            .event_callback(move |event| {
                heard.take(&event);
                std::future::ready(())
            });
        let connect = match &options.tls.ca_file {
            Some(file) => connect.add_root_certificates(file.clone()),
            None => connect,
        };
        let connect = match (&options.tls.cert_file, &options.tls.key_file) {
            (Some(cert), Some(key)) => connect.add_client_certificate(cert.clone(), key.clone()),
            _ => connect,
        };
        let client = connect.connect(there.addresses.as_slice()).await.map_err(|e| match e.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                NatsError::Refused { servers: hosts.clone(), credentials: there.auth.words() }
            }
            _ => NatsError::Connect { servers: hosts.clone(), cause: chain(&e) },
        })?;
        let connection = Self { client, events, hosts: hosts.into() };
        // The event of the first connection is on its way.
        connection.up(CONNECT).await;
        Ok(connection)
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// The configured servers, without credentials.
    #[must_use]
    pub fn hosts(&self) -> &str {
        &self.hosts
    }

    #[must_use]
    pub fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    pub(super) fn link(&self) -> Link {
        *self.events.link.borrow()
    }

    /// The link as soon as it is up, or `None` if it is not within `patience`.
    pub(super) async fn up(&self, patience: Duration) -> Option<Link> {
        let mut link = self.events.link.subscribe();
        if let Ok(Ok(up)) = timeout(patience, link.wait_for(|l| l.up)).await {
            return Some(*up);
        }
        // The client drops events that come in floods.
        self.is_up().then(|| {
            self.events.take(&Event::Connected);
            self.link()
        })
    }

    /// Returns when the connection of `generation` is no more.
    pub(super) async fn lost(&self, generation: u64) {
        let mut link = self.events.link.subscribe();
        // The sender lives as long as this connection.
        let _ = link.wait_for(|l| !l.up || l.generation != generation).await;
    }
}

/// Backoff with a ceiling: a server that restarts is found within two seconds, and is not stormed.
fn pause(attempts: usize) -> Duration {
    let exponent = u32::try_from(attempts.min(10)).unwrap_or(10);
    LONGEST_PAUSE.min(Duration::from_millis(10) * 2_u32.pow(exponent)) * u32::from(attempts > 1)
}

fn authenticated(auth: &NatsAuth) -> Result<ConnectOptions, NatsError> {
    let read = |file: &Path| {
        std::fs::read_to_string(file).map_err(|e| NatsError::Setting(format!("cannot read {}: {e}", file.display())))
    };
    Ok(match auth {
        NatsAuth::None => ConnectOptions::new(),
        NatsAuth::Token(token) => ConnectOptions::with_token(token.expose().to_owned()),
        NatsAuth::UserPassword { user, password } => {
            ConnectOptions::with_user_and_password(user.clone(), password.expose().to_owned())
        }
        NatsAuth::NkeySeedFile(file) => {
            let text = read(file)?;
            // Tools write a line of comment above the seed.
            let seed = text.lines().map(str::trim).find(|l| l.starts_with('S')).ok_or_else(|| {
                NatsError::Setting(format!("{} holds no NKey seed (it begins with SU)", file.display()))
            })?;
            ConnectOptions::with_nkey(seed.to_owned())
        }
        NatsAuth::CredentialsFile(file) => ConnectOptions::with_credentials(&read(file)?)
            .map_err(|_| NatsError::Setting(format!("{} holds no user JWT with its seed", file.display())))?,
    })
}

/// Turns the client's events into the link's state and into few log lines.
#[derive(Debug, Default)]
struct Events {
    link: watch::Sender<Link>,
    lost: Mutex<Option<Instant>>,
    complaints: Limited,
}

impl Events {
    fn take(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.link.send_modify(|l| *l = Link { up: true, generation: l.generation + 1 });
                let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(since) = lost {
                    let ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                    tracing::info!(nats.lost_for_ms = ms, "the connection to NATS is back");
                }
            }
            Event::Disconnected | Event::Closed => {
                let was_up = self.link.send_if_modified(|l| std::mem::replace(&mut l.up, false));
                if was_up {
                    *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                    tracing::warn!("the connection to NATS is lost; trying to come back");
                }
            }
            Event::ServerError(ServerError::Other(error)) => self.complain(error),
            Event::SlowConsumer(_) => self.complain("messages come faster than they are read; some were dropped"),
            other => tracing::debug!(nats.event = %other, "NATS"),
        }
    }

    fn complain(&self, error: &str) {
        if let Some(times) = self.complaints.one_more() {
            tracing::warn!(nats.error = error, nats.times = times, "NATS complains");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_ceiling() {
        assert_eq!(pause(1), Duration::ZERO);
        assert_eq!(pause(2), Duration::from_millis(40));
        assert_eq!(pause(5), Duration::from_millis(320));
        assert_eq!(pause(1_000_000), LONGEST_PAUSE);
    }
}
