//! Calls to the server: each with a time limit, repeated while the cause may pass.

use colloquy_domain::{
    channel::Secret,
    failure::{Failure, Verdict},
};
use qdrant_client::{Qdrant, QdrantError};
use reqwest::Url;
use std::{future::Future, time::Duration};
use tonic::{Code, Status};

/// Characters of the server's own words in a failure.
const WORDS: usize = 300;
/// Longer waits that the server asks for are the caller's business.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long to wait, and how often to try.
#[derive(Debug, Clone, Copy)]
pub(in crate::index) struct Patience {
    pub connect: Duration,
    /// Of one attempt to read.
    pub read: Duration,
    /// Of one attempt to write; a large document takes seconds to be removed.
    pub write: Duration,
    pub attempts: u32,
    /// Before the second attempt; each further one waits three times as long.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            read: Duration::from_secs(5),
            write: Duration::from_secs(30),
            attempts: 4,
            pause: Duration::from_millis(50),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Read,
    Write,
}

pub(super) struct Client {
    pub qdrant: Qdrant,
    /// Host and port, for failures.
    host: String,
    key: Option<Secret>,
    patience: Patience,
}

/// What is to be done about one failed attempt.
enum Outcome {
    Again(Failure),
    GiveUp(Failure),
}

impl Client {
    /// Connects with the first call.
    pub(super) fn new(url: &str, key: Option<&Secret>, patience: Patience) -> Result<Self, Failure> {
        let host = host(url)?;
        let wrong = |what: String| Failure::fatal("index.config", format!("vector store at {host}: {what}"));
        if key.is_some_and(|k| k.expose().is_empty() || !k.expose().bytes().all(|b| b.is_ascii_graphic())) {
            return Err(wrong("the API key must be of visible ASCII characters".to_owned()));
        }
        let mut config = Qdrant::from_url(url)
            .timeout(patience.write)
            .connect_timeout(patience.connect)
            .skip_compatibility_check()
            .keep_alive_while_idle();
        config.api_key = key.map(|k| k.expose().to_owned());
        let qdrant = config.build().map_err(|_| wrong("the URL cannot be used".to_owned()))?;
        Ok(Self { qdrant, host, key: key.cloned(), patience })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Runs `call` until it succeeds, its failure cannot pass, or the attempts are used up. All calls can be repeated:
    /// points have ids of their own and the other writes set what they set.
    pub(super) async fn call<T, F>(&self, kind: Kind, call: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        let limit = match kind {
            Kind::Read => self.patience.read,
            Kind::Write => self.patience.write,
        };
        let mut pause = self.patience.pause;
        for attempt in 1.. {
            let failure = match tokio::time::timeout(limit, call()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => match self.judge(error) {
                    Outcome::GiveUp(failure) => return Err(failure),
                    Outcome::Again(failure) => failure,
                },
                Err(_) => self.late(limit),
            };
            let wait = match failure.verdict {
                Verdict::Retry { after: Some(after) } => after.max(pause),
                _ => pause,
            };
            if attempt >= self.patience.attempts || wait > LONGEST_PAUSE {
                return Err(failure);
            }
            tracing::debug!(
                vectors.host = self.host,
                vectors.attempt = attempt,
                failure.code = failure.code,
                "vector store call repeated"
            );
            tokio::time::sleep(wait).await;
            pause *= 3;
        }
        unreachable!("the last attempt returns")
    }

    fn late(&self, limit: Duration) -> Failure {
        Failure::retry("index.timeout", self.about(&format!("no answer within {} ms", limit.as_millis())))
    }

    fn judge(&self, error: QdrantError) -> Outcome {
        match error {
            QdrantError::ResponseError { status } => self.judge_status(&status),
            QdrantError::ResourceExhaustedError { status, retry_after_seconds } => {
                let after = Duration::from_secs(retry_after_seconds);
                Outcome::Again(Failure::retry_after(after, "index.unavailable", self.words(&status)))
            }
            // Made here, before anything was sent.
            other => Outcome::GiveUp(Failure::reject("index.request", self.about(&other.to_string()))),
        }
    }

    fn judge_status(&self, status: &Status) -> Outcome {
        let words = self.words(status);
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => {
                Outcome::GiveUp(Failure::fatal("index.credentials", words))
            }
            Code::NotFound => Outcome::GiveUp(Failure::fatal("index.missing", words)),
            Code::InvalidArgument
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented => Outcome::GiveUp(Failure::reject("index.request", words)),
            Code::DeadlineExceeded => Outcome::Again(Failure::retry("index.timeout", words)),
            // `Internal` and `Unknown` are also what a connection that cannot be made or breaks looks like.
            _ => Outcome::Again(Failure::retry("index.unavailable", words)),
        }
    }

    fn words(&self, status: &Status) -> String {
        let code = status.code();
        self.about(&format!("{code:?}: {}", status.message()))
    }

    /// The server's words, without the key, in case something on the way repeats it.
    fn about(&self, words: &str) -> String {
        let words = match &self.key {
            Some(key) => words.replace(key.expose(), "***"),
            None => words.to_owned(),
        };
        let words: String = words.chars().filter(|c| !c.is_control()).take(WORDS).collect();
        format!("vector store at {}: {words}", self.host)
    }
}

/// Host and port of a URL that can be used.
fn host(url: &str) -> Result<String, Failure> {
    // What is wrong is said without the URL, which may hold a password.
    let wrong = |what: &str| Failure::fatal("index.config", format!("the vector store's URL {what}"));
    let parsed = Url::parse(url).map_err(|_| wrong("is not one, for example http://localhost:6334"))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(wrong("must begin with http:// or https://"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(wrong("must not hold a user or password; the API key has a setting of its own"));
    }
    if !matches!(parsed.path(), "" | "/") || parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(wrong("must be scheme, host and port alone"));
    }
    let host = parsed.host_str().ok_or_else(|| wrong("names no host"))?;
    Ok(parsed.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_and_never_repeated() {
        for (url, what) in [
            ("no url", "is not one"),
            ("ftp://h:1", "must begin"),
            ("http://user:sesame@h:6334", "must not hold"),
            ("http://h:6334/path", "alone"),
            ("http://h:6334?api_key=sesame", "alone"),
        ] {
            let failure = host(url).expect_err("refused");
            assert_eq!((failure.verdict, failure.code.as_str()), (Verdict::Fatal, "index.config"));
            assert!(failure.detail.contains(what) && !failure.detail.contains("sesame"), "{failure}");
        }
        assert_eq!(host("https://q.example:6334").expect("fine"), "q.example:6334");
        assert_eq!(host("https://q.example").expect("fine"), "q.example:443");
    }

    #[tokio::test]
    async fn a_key_that_cannot_be_sent_is_refused_without_showing_it() {
        let key = Secret::new("sésame\n");
        let refused = Client::new("http://h:6334", Some(&key), Patience::default()).err().expect("refused");
        assert_eq!(refused.code, "index.config");
        assert!(!refused.detail.contains("same"), "{refused}");
    }

    #[tokio::test]
    async fn failures_name_the_host_and_never_the_key() {
        let key = Secret::new("open-sesame");
        let client = Client::new("http://h:6334", Some(&key), Patience::default()).expect("made");
        let echo = Status::unauthenticated("key open-sesame is wrong");
        let Outcome::GiveUp(failure) = client.judge_status(&echo) else { panic!("not repeated") };
        assert_eq!((failure.verdict, failure.code.as_str()), (Verdict::Fatal, "index.credentials"));
        assert!(failure.detail.contains("h:6334") && !failure.detail.contains("sesame"), "{failure}");
    }
}
