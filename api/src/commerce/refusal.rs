use crate::error::{ApiError, Detail};
use axum::http::StatusCode;
use colloquy_domain::{commerce::Wrong, failure::Failure, ports::StoreError};

/// Why something cannot be had: told to programs with a status, to agents as a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Fields that are wrong.
    Wrong(Vec<Wrong>),
    /// Not in this state: a stable code and a sentence.
    NotNow(&'static str, &'static str),
    Failed(Failure),
    Store(StoreError),
}

impl Refusal {
    pub(crate) fn wrong(field: &'static str, why: impl Into<String>) -> Self {
        Self::Wrong(vec![(field, why.into())])
    }
}

impl From<StoreError> for Refusal {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}

impl From<Failure> for Refusal {
    fn from(f: Failure) -> Self {
        Self::Failed(f)
    }
}

impl From<Refusal> for ApiError {
    fn from(r: Refusal) -> Self {
        match r {
            Refusal::Wrong(fields) => {
                Self::validation(fields.into_iter().map(|(field, why)| Detail::new(field, why)).collect())
            }
            Refusal::NotNow(code, why) => Self::new(StatusCode::CONFLICT, code, why),
            Refusal::Failed(f) => f.into(),
            Refusal::Store(e) => e.into(),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(r: Refusal) -> Self {
        match r {
            Refusal::Wrong(fields) => {
                let told: Vec<String> = fields.into_iter().map(|(field, why)| format!("{field}: {why}")).collect();
                Self::reject("commerce.invalid", told.join("; "))
            }
            Refusal::NotNow(code, why) => Self::reject(format!("commerce.{}", code.to_ascii_lowercase()), why),
            Refusal::Failed(f) => f,
            Refusal::Store(StoreError::NotFound(what)) => {
                Self::reject("commerce.not_found", format!("there is no such {what}"))
            }
            Refusal::Store(e) if e.is_retry() => Self::retry("store.unavailable", e.to_string()),
            Refusal::Store(e) => Self::fatal("store.broken", e.to_string()),
        }
    }
}
