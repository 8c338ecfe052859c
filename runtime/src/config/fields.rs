//! The registry of settings: one line each. Adding one is adding a line here and to the two example files.

use super::{Config, LogFormat, edges, embedding};
use colloquy_domain::channel::Secret;
use colloquy_rag::models::manifest::{EMBEDDING_MODELS, ModelSpec, model_by_name};
use colloquy_store::SecretKey;
use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

/// One setting.
pub struct Field {
    /// Its name in the file, dotted.
    pub key: &'static str,
    /// Its name in the environment.
    pub env: &'static str,
    /// Never repeated in a message: it is, or may hold, a secret.
    pub secret: bool,
    /// Reads it from text; the error says what it must be, without repeating it.
    pub set: Set,
}

type Set = fn(&mut Config, &str) -> Result<(), String>;

const fn open(key: &'static str, env: &'static str, set: Set) -> Field {
    Field { key, env, secret: false, set }
}

const fn hidden(key: &'static str, env: &'static str, set: Set) -> Field {
    Field { key, env, secret: true, set }
}

/// Every setting; prices are a table of their own, in the file alone.
pub const FIELDS: &[Field] = &[
    open("data_dir", "COLLOQUY_DATA_DIR", |c, v| path(v).map(|p| c.data_dir = p)),
    open("host", "COLLOQUY_HOST", |c, v| host(v).map(|h| c.host = h)),
    open("port", "PORT", |c, v| number(v, 0, 65_535).map(|n| c.port = u16::try_from(n).ok())),
    open("public_url", "COLLOQUY_PUBLIC_URL", |c, v| url(v).map(|u| c.public_url = Some(u))),
    open("models_dir", "COLLOQUY_MODELS_DIR", |c, v| path(v).map(|p| c.models_dir = p)),
    open("install_models", "COLLOQUY_INSTALL_MODELS", |c, v| yes_or_no(v).map(|y| c.install_models = y)),
    open("embedding_model", "COLLOQUY_EMBEDDING_MODEL", |c, v| installed(v).map(|m| c.embedding_model = m)),
    open("reranker_dir", "COLLOQUY_RERANKER_DIR", |c, v| path(v).map(|p| c.reranker = Some(p))),
    hidden("database_url", "DATABASE_URL", database),
    hidden("nats_url", "NATS_URL", |c, v| nats(v).map(|u| c.engines.nats_url = Some(u))),
    hidden("nats.token", "NATS_TOKEN", |c, v| secret(v, &mut c.engines.nats.token)),
    open("nats.user", "NATS_USER", |c, v| word(v, &mut c.engines.nats.user)),
    hidden("nats.password", "NATS_PASSWORD", |c, v| secret(v, &mut c.engines.nats.password)),
    open("nats.nkey_file", "NATS_NKEY_FILE", |c, v| path(v).map(|p| c.engines.nats.nkey_file = Some(p))),
    open("nats.credentials_file", "NATS_CREDENTIALS_FILE", |c, v| {
        path(v).map(|p| c.engines.nats.credentials_file = Some(p))
    }),
    open("nats.ca_file", "NATS_CA_FILE", |c, v| path(v).map(|p| c.engines.nats.ca_file = Some(p))),
    open("nats.cert_file", "NATS_CERT_FILE", |c, v| path(v).map(|p| c.engines.nats.cert_file = Some(p))),
    open("nats.key_file", "NATS_KEY_FILE", |c, v| path(v).map(|p| c.engines.nats.key_file = Some(p))),
    open("nats.prefix", "COLLOQUY_NATS_PREFIX", |c, v| name(v, &mut c.engines.nats.prefix)),
    open("nats.lanes", "COLLOQUY_NATS_LANES", |c, v| {
        number(v, 1, 255).map(|n| c.engines.nats.lanes = u8::try_from(n).ok())
    }),
    open("nats.replicas", "COLLOQUY_NATS_REPLICAS", |c, v| {
        number(v, 1, 5).map(|n| c.engines.nats.replicas = usize::try_from(n).ok())
    }),
    open("nats.lane_mb", "COLLOQUY_NATS_LANE_MB", |c, v| {
        number(v, 1, 1 << 24).map(|n| c.engines.nats.lane_bytes = Some(n << 20))
    }),
    open("qdrant_url", "QDRANT_URL", |c, v| url(v).map(|u| c.engines.qdrant_url = Some(u))),
    hidden("qdrant.api_key", "QDRANT_API_KEY", |c, v| secret(v, &mut c.engines.qdrant_api_key)),
    open("qdrant.prefix", "COLLOQUY_QDRANT_PREFIX", |c, v| name(v, &mut c.engines.qdrant_prefix)),
    open("node_name", "COLLOQUY_NODE_NAME", |c, v| word(v, &mut c.engines.node_name)),
    hidden("secret_key", "COLLOQUY_SECRET_KEY", |c, v| secret_key(v).map(|k| c.secret_key = Some(k))),
    hidden("jwt.secret", "JWT_SECRET", |c, v| jwt_secrets(v).map(|s| c.people.jwt_secrets = s)),
    open("jwt.private_key_file", "JWT_PRIVATE_KEY_FILE", |c, v| path(v).map(|p| c.people.private_key_file = Some(p))),
    open("jwt.public_key_files", "JWT_PUBLIC_KEY_FILES", |c, v| {
        let paths = v.split(',').map(|p| path(p.trim())).collect::<Result<_, _>>();
        paths.map(|p| c.people.public_key_files = p)
    }),
    // Another name of the same; the next one wins.
    open("jwt.expiration", "JWT_EXPIRATION", |c, v| lifetime(v).map(|d| c.people.token_lifetime = d)),
    open("jwt.expires_in", "JWT_EXPIRES_IN", |c, v| lifetime(v).map(|d| c.people.token_lifetime = d)),
    open("registration", "COLLOQUY_REGISTRATION", |c, v| open_or_closed(v).map(|o| c.people.open_registration = o)),
    open("trusted_proxies", "COLLOQUY_TRUSTED_PROXIES", |c, v| addresses(v).map(|a| c.people.trusted_proxies = a)),
    open("cors_origins", "COLLOQUY_CORS_ORIGINS", |c, v| edges::origins(v).map(|o| c.edges.cors_origins = o)),
    open("frame_origins", "COLLOQUY_FRAME_ORIGINS", |c, v| edges::origins(v).map(|o| c.edges.frame_origins = o)),
    hidden("metrics_token", "COLLOQUY_METRICS_TOKEN", |c, v| {
        edges::metrics_token(v).map(|t| c.edges.metrics_token = Some(t))
    }),
    open("limits.api", "COLLOQUY_LIMIT_API", |c, v| edges::a_minute(v).map(|q| c.edges.quotas.api = q)),
    open("limits.anonymous", "COLLOQUY_LIMIT_ANONYMOUS", |c, v| {
        edges::a_quarter(v).map(|q| c.edges.quotas.anonymous = q)
    }),
    open("limits.upload", "COLLOQUY_LIMIT_UPLOAD", |c, v| edges::a_minute(v).map(|q| c.edges.quotas.upload = q)),
    open("limits.chat", "COLLOQUY_LIMIT_CHAT", |c, v| edges::a_minute(v).map(|q| c.edges.quotas.chat = q)),
    open("limits.payment", "COLLOQUY_LIMIT_PAYMENT", |c, v| edges::a_minute(v).map(|q| c.edges.quotas.payment = q)),
    open("limits.key", "COLLOQUY_LIMIT_KEY", |c, v| edges::a_minute(v).map(|q| c.edges.quotas.key = q)),
    hidden("mail.smtp_url", "SMTP_URL", |c, v| smtp(v).map(|u| c.people.mail.smtp_url = Some(u))),
    open("mail.from", "MAIL_FROM", |c, v| sender(v).map(|f| c.people.mail.from = Some(f))),
    open("log", "RUST_LOG", |c, v| filter(v).map(|f| c.log = Some(f))),
    open("log_dir", "COLLOQUY_LOG_DIR", |c, v| path(v).map(|p| c.log_dir = Some(p))),
    open("log_days", "COLLOQUY_LOG_DAYS", |c, v| {
        number(v, 1, 3_650).map(|n| c.log_days = usize::try_from(n).unwrap_or(usize::MAX))
    }),
    hidden("alert_url", "COLLOQUY_ALERT_URL", |c, v| url(v).map(|u| c.alert_url = Some(Secret::new(u)))),
    open("otlp.endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", |c, v| url(v).map(|u| c.otlp_endpoint = Some(u))),
    open("log_format", "COLLOQUY_LOG_FORMAT", |c, v| log_format(v).map(|f| c.log_format = f)),
    hidden("openai.api_key", "OPENAI_API_KEY", |c, v| {
        c.openai.api_key = Some(Secret::new(v));
        Ok(())
    }),
    open("openai.base_url", "OPENAI_BASE_URL", |c, v| url(v).map(|u| c.openai.base_url = Some(u))),
    open("openai.model", "OPENAI_MODEL", |c, v| {
        c.openai.model = Some(v.to_owned());
        Ok(())
    }),
    open("openai.transcription_model", "OPENAI_TRANSCRIPTION_MODEL", |c, v| {
        c.openai.transcription_model = Some(v.to_owned());
        Ok(())
    }),
    open("embedding.model", "OPENAI_EMBEDDING_MODEL", |c, v| word(v, &mut c.embedding.model)),
    open("embedding.base_url", "OPENAI_EMBEDDING_BASE_URL", |c, v| url(v).map(|u| c.embedding.base_url = Some(u))),
    hidden("embedding.api_key", "OPENAI_EMBEDDING_API_KEY", |c, v| secret(v, &mut c.embedding.api_key)),
    open("embedding.dimensions", "OPENAI_EMBEDDING_DIMENSIONS", |c, v| {
        number(v, 1, 8_192).map(|n| c.embedding.dimensions = u32::try_from(n).ok())
    }),
    open("embedding.question_prefix", "OPENAI_EMBEDDING_QUESTION_PREFIX", |c, v| {
        word(v, &mut c.embedding.question_prefix)
    }),
    open("embedding.passage_prefix", "OPENAI_EMBEDDING_PASSAGE_PREFIX", |c, v| {
        word(v, &mut c.embedding.passage_prefix)
    }),
    open("embedding.cosines", "OPENAI_EMBEDDING_COSINES", |c, v| {
        embedding::cosines(v).map(|s| c.embedding.cosines = s)
    }),
    open("idle_seconds", "COLLOQUY_IDLE_SECONDS", |c, v| number(v, 1, 86_400).map(|n| c.idle = Duration::from_secs(n))),
    open("max_active", "COLLOQUY_MAX_ACTIVE", |c, v| {
        number(v, 1, 10_000_000).map(|n| c.max_active = usize::try_from(n).unwrap_or(usize::MAX))
    }),
    open("memory_limit_mb", "COLLOQUY_MEMORY_LIMIT_MB", |c, v| {
        number(v, 0, 1 << 24).map(|n| c.memory_limit = (n > 0).then_some(n << 20))
    }),
    open("max_upload_mb", "COLLOQUY_MAX_UPLOAD_MB", |c, v| number(v, 1, 2_048).map(|n| c.max_upload = n << 20)),
    open("approval_overdue_minutes", "COLLOQUY_APPROVAL_OVERDUE_MINUTES", |c, v| {
        number(v, 1, 10_080).map(|n| c.approval_patience = Duration::from_secs(n * 60))
    }),
    open("call_silence_seconds", "COLLOQUY_CALL_SILENCE_SECONDS", |c, v| {
        number(v, 1, 86_400).map(|n| c.call_patience = Duration::from_secs(n))
    }),
    open("private_hosts", "COLLOQUY_PRIVATE_HOSTS", |c, v| hosts(v).map(|h| c.private_hosts = h)),
    open("extraction_seconds", "COLLOQUY_EXTRACTION_SECONDS", |c, v| {
        number(v, 1, 3_600).map(|n| c.extraction_time = Duration::from_secs(n))
    }),
    open("extraction_memory_mb", "COLLOQUY_EXTRACTION_MEMORY_MB", |c, v| {
        number(v, 128, 1 << 20).map(|n| c.extraction_memory = n << 20)
    }),
];

/// Names that start like ours and are read elsewhere.
pub const OTHER_ENV: &[&str] = &["COLLOQUY_CONFIG"];

#[must_use]
pub fn by_key(key: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|f| f.key == key)
}

/// Secrets that sign tokens: the first signs, all verify.
fn jwt_secrets(v: &str) -> Result<Vec<Secret>, String> {
    let secrets: Vec<_> = v.split(',').map(str::trim).collect();
    if secrets.iter().any(|s| s.len() < 32) {
        return Err("must have at least 32 characters (several, the newest first, separated by commas)".to_owned());
    }
    Ok(secrets.into_iter().map(Secret::new).collect())
}

/// `15m`, `24h`, `7d`, or seconds.
fn lifetime(v: &str) -> Result<Duration, String> {
    let (number, unit) = match v.find(|c: char| !c.is_ascii_digit()) {
        None => (v, 1),
        Some(place) => match v.split_at(place) {
            (number, "s") => (number, 1),
            (number, "m") => (number, 60),
            (number, "h") => (number, 3_600),
            (number, "d") => (number, 86_400),
            _ => ("", 0),
        },
    };
    let seconds =
        number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).filter(|s| (60..=31_536_000).contains(s));
    seconds.map(Duration::from_secs).ok_or_else(|| "must be a time of 1m to 365d, for example 15m or 24h".to_owned())
}

fn open_or_closed(v: &str) -> Result<bool, String> {
    match v {
        "open" => Ok(true),
        "closed" => Ok(false),
        _ => Err("must be open or closed".to_owned()),
    }
}

fn addresses(v: &str) -> Result<Vec<IpAddr>, String> {
    let wrong = |_| "must be IP addresses, separated by commas".to_owned();
    v.split(',').map(|a| a.trim().parse().map_err(wrong)).collect()
}

fn smtp(v: &str) -> Result<Secret, String> {
    let fits = reqwest::Url::parse(v).is_ok_and(|u| matches!(u.scheme(), "smtp" | "smtps") && u.host_str().is_some());
    if fits { Ok(Secret::new(v)) } else { Err("must look like smtps://user:password@mail.example.com".to_owned()) }
}

fn sender(v: &str) -> Result<String, String> {
    let fits = v.parse::<lettre::message::Mailbox>().is_ok();
    if fits { Ok(v.to_owned()) } else { Err("must look like Team <team@example.com>".to_owned()) }
}

fn path(v: &str) -> Result<PathBuf, String> {
    if v.contains('\0') { Err("is not a path".to_owned()) } else { Ok(PathBuf::from(v)) }
}

fn host(v: &str) -> Result<IpAddr, String> {
    if v == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    v.parse().map_err(|_| "must be an IP address, for example 127.0.0.1, or 0.0.0.0 for all interfaces".to_owned())
}

fn number(v: &str, least: u64, most: u64) -> Result<u64, String> {
    let n = v.parse().ok().filter(|n| (least..=most).contains(n));
    n.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

fn hosts(v: &str) -> Result<Vec<String>, String> {
    let hosts: Vec<String> = v.split(',').map(|h| h.trim().to_owned()).filter(|h| !h.is_empty()).collect();
    if hosts.iter().any(|h| h.contains(['/', '@', ' '])) {
        return Err("must be names or addresses of hosts, separated by commas".to_owned());
    }
    Ok(hosts)
}

fn yes_or_no(v: &str) -> Result<bool, String> {
    match v {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

fn url(v: &str) -> Result<String, String> {
    let wrong = || "must be an address that starts with http:// or https://".to_owned();
    let parsed = reqwest::Url::parse(v).map_err(|_| wrong())?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none_or(str::is_empty) {
        return Err(wrong());
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("must not carry a user name or a password".to_owned());
    }
    Ok(v.trim_end_matches('/').to_owned())
}

fn word(v: &str, place: &mut Option<String>) -> Result<(), String> {
    *place = Some(v.to_owned());
    Ok(())
}

fn secret(v: &str, place: &mut Option<Secret>) -> Result<(), String> {
    *place = Some(Secret::new(v));
    Ok(())
}

/// Begins the names of things in an engine that others may use as well.
fn name(v: &str, place: &mut Option<String>) -> Result<(), String> {
    let fits = (1..=32).contains(&v.len())
        && v.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    if !fits {
        return Err("must have 1 to 32 lower-case letters, digits, `-` or `_`".to_owned());
    }
    word(v, place)
}

fn nats(v: &str) -> Result<Secret, String> {
    let fits = |one: &str| {
        let parsed = reqwest::Url::parse(one.trim());
        parsed.is_ok_and(|u| matches!(u.scheme(), "nats" | "tls") && u.host_str().is_some_and(|h| !h.is_empty()))
    };
    if !v.split(',').all(fits) {
        return Err("must be nats://host:4222 or tls://host:4222, several separated by commas".to_owned());
    }
    Ok(Secret::new(v))
}

/// The last layer that names a database decides, whichever kind it names.
fn database(c: &mut Config, v: &str) -> Result<(), String> {
    let lower = v.to_ascii_lowercase();
    if lower.starts_with("postgres://") || lower.starts_with("postgresql://") {
        let fits =
            reqwest::Url::parse(v).is_ok_and(|u| u.host_str().is_some_and(|h| !h.is_empty()) || v.contains("host="));
        if !fits {
            return Err("must look like postgres://user:password@host:5432/colloquy".to_owned());
        }
        c.engines.postgres = Some(Secret::new(v));
        return Ok(());
    }
    c.database = Some(database_file(v)?);
    c.engines.postgres = None;
    Ok(())
}

fn database_file(v: &str) -> Result<PathBuf, String> {
    let file = v.strip_prefix("sqlite://").or_else(|| v.strip_prefix("sqlite:"));
    match file {
        Some(f) if f.is_empty() || f.contains(":memory:") => {
            Err("must name a file: what is only in memory is lost at the end".to_owned())
        }
        Some(f) if f.contains('?') => Err("must not have parameters after `?`".to_owned()),
        Some(f) => path(f),
        None => Err("must look like sqlite://path/to/colloquy.db or postgres://user:password@host/colloquy".to_owned()),
    }
}

fn secret_key(v: &str) -> Result<SecretKey, String> {
    SecretKey::from_hex(v).map_err(|_| {
        "must be 64 hexadecimal digits (32 bytes); several, the newest first, separated by commas".to_owned()
    })
}

fn filter(v: &str) -> Result<String, String> {
    let wrong = |_| "must be a log filter, for example `info` or `warn,colloquy=debug`".to_owned();
    tracing_subscriber::EnvFilter::try_new(v).map(|_| v.to_owned()).map_err(wrong)
}

fn installed(v: &str) -> Result<ModelSpec, String> {
    let names = || EMBEDDING_MODELS.map(|m| m.name).join(" or ");
    model_by_name(v).ok_or_else(|| format!("must be {} (for a model at an address, see `embedding.model`)", names()))
}

fn log_format(v: &str) -> Result<LogFormat, String> {
    match v {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json".to_owned()),
    }
}
