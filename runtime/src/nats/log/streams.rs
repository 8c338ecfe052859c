//! The streams of the lanes: made once, then opened and kept as configured.

use super::{
    super::{Connection, NatsError, account, error::chain},
    LogOptions, aside,
    identity::Identity,
};
use async_nats::jetstream::{
    Context, ErrorCode,
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};
use colloquy_domain::ports::Ids;
use uuid::Uuid;

/// The first server with atomic batches.
const ATOMIC_SINCE: (i64, i64) = (2, 12);

/// A log's streams, ready to use.
pub(super) struct Opened {
    pub log: Uuid,
    /// All lanes take atomic batches.
    pub atomic: bool,
}

/// Opens the log's streams; makes them at the first time, also when several nodes do it at once.
pub(super) async fn open(
    connection: &Connection,
    js: &Context,
    options: &LogOptions,
    ids: &dyn Ids,
) -> Result<Opened, NatsError> {
    account::usage(js).await.map_err(|why| {
        NatsError::Log(format!(
            "JetStream cannot be used at {} (is it enabled on the server, and for this account?): {why}",
            connection.hosts(),
        ))
    })?;
    let atomic = connection.client().is_server_compatible(ATOMIC_SINCE.0, ATOMIC_SINCE.1, 0);
    let opening = Opening { js, options, atomic };
    let mut first = match opening.get(0).await? {
        Some(config) => config,
        None => opening.make(Identity { log: ids.uuid(), lane: 0, lanes: options.lanes, complete: false }).await?,
    };
    let whole = opening.checked(&first, 0, None)?;
    let mut atomic = opening.kept_as_configured(&first, 0).await?;
    for lane in 1..options.lanes {
        let config = match opening.get(lane).await? {
            Some(config) => config,
            None if whole.complete => return Err(missing(&options.stream(lane))),
            None => opening.make(Identity { lane, complete: false, ..whole }).await?,
        };
        opening.checked(&config, lane, Some(whole.log))?;
        atomic &= opening.kept_as_configured(&config, lane).await?;
    }
    if !whole.complete {
        Identity { complete: true, ..whole }.mark(&mut first);
        opening.wanted(&mut first, 0);
        opening.update(first).await?;
    }
    Ok(Opened { log: whole.log, atomic })
}

fn missing(stream: &str) -> NatsError {
    NatsError::Log(format!(
        "the stream {stream} of the log is missing: what it held is lost. Restore it from a copy, or delete all streams of \
         the log, stop all nodes and run `colloquy reset-log`, so that a new one begins"
    ))
}

struct Opening<'a> {
    js: &'a Context,
    options: &'a LogOptions,
    /// The server knows atomic batches.
    atomic: bool,
}

impl Opening<'_> {
    async fn get(&self, lane: u8) -> Result<Option<Config>, NatsError> {
        let name = self.options.stream(lane);
        match self.js.get_stream(&name).await {
            Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
            Err(e) => match e.kind() {
                GetStreamErrorKind::JetStream(told) if told.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
                _ => Err(NatsError::Log(format!("cannot look at the stream {name}: {}", chain(&e)))),
            },
        }
    }

    /// Makes a lane; if another node was faster, takes what it made.
    async fn make(&self, identity: Identity) -> Result<Config, NatsError> {
        let name = self.options.stream(identity.lane);
        let mut config = Config {
            name: name.clone(),
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            ..Config::default()
        };
        self.wanted(&mut config, identity.lane);
        identity.mark(&mut config);
        match self.js.create_stream(config).await {
            Ok(stream) => {
                tracing::info!(nats.stream = name, log.id = %identity.log, "made a lane of the log");
                Ok(stream.cached_info().config.clone())
            }
            Err(e) => match e.kind() {
                CreateStreamErrorKind::JetStream(told) if told.error_code() == ErrorCode::STREAM_NAME_EXIST => {
                    self.get(identity.lane).await?.ok_or_else(|| missing(&name))
                }
                _ => Err(NatsError::Log(format!("cannot make the stream {name}: {}", chain(&e)))),
            },
        }
    }

    /// What may be configured, and what must not be otherwise: a log that drops old entries by itself loses messages.
    fn wanted(&self, config: &mut Config, lane: u8) {
        let subject = self.options.subject(lane);
        config.subjects = vec![aside::subject(&subject), subject];
        config.discard = DiscardPolicy::New;
        config.max_age = std::time::Duration::ZERO;
        config.max_messages = -1;
        config.max_messages_per_subject = -1;
        config.max_bytes = self.options.max_bytes.map_or(-1, |b| i64::try_from(b).unwrap_or(i64::MAX));
        config.num_replicas = self.options.replicas;
        // While servers are upgraded, one of them may know it and another not yet.
        config.allow_atomic_publish |= self.atomic;
    }

    /// Brings a stream to the configuration; returns whether it takes atomic batches.
    async fn kept_as_configured(&self, config: &Config, lane: u8) -> Result<bool, NatsError> {
        let mut wanted = config.clone();
        self.wanted(&mut wanted, lane);
        if wanted == *config {
            return Ok(config.allow_atomic_publish);
        }
        tracing::info!(nats.stream = wanted.name, "bringing the stream to what is configured");
        Ok(self.update(wanted).await?.allow_atomic_publish)
    }

    async fn update(&self, config: Config) -> Result<Config, NatsError> {
        let name = config.name.clone();
        let info = self.js.update_stream(config).await;
        info.map(|i| i.config).map_err(|e| NatsError::Log(format!("cannot configure the stream {name}: {}", chain(&e))))
    }

    fn checked(&self, config: &Config, lane: u8, log: Option<Uuid>) -> Result<Identity, NatsError> {
        let Some(identity) = Identity::of(config) else {
            return Err(NatsError::Log(format!(
                "the stream {} exists and is no log of this program: configure another prefix",
                config.name
            )));
        };
        if identity.lanes != self.options.lanes {
            return Err(NatsError::Log(format!(
                "the log has {} lanes and {} are configured: the number is fixed when the log is made",
                identity.lanes, self.options.lanes
            )));
        }
        if identity.lane != lane || log.is_some_and(|log| log != identity.log) {
            return Err(NatsError::Log(format!(
                "the stream {} belongs to another log than {}: the streams of the log were made at different times",
                config.name,
                self.options.stream(0)
            )));
        }
        Ok(identity)
    }
}
