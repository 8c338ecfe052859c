use std::error::Error;

/// Why NATS cannot be used. All need a person, and none holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NatsError {
    /// A setting is wrong, or a file that it names.
    #[error("{0}")]
    Setting(String),
    /// No server could be reached; `servers` without credentials.
    #[error("cannot connect to NATS at {servers}: {cause}")]
    Connect { servers: String, cause: String },
    /// A server was reached and does not let us in.
    #[error("NATS at {servers} refuses {credentials}")]
    Refused { servers: String, credentials: &'static str },
    /// JetStream cannot be used, or what lies in it is not the log that is configured.
    #[error("{0}")]
    Log(String),
}

/// An error with all that lies under it, each said once.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(under) = source {
        let said = under.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = under.source();
    }
    text
}
