//! How a command ends.

use std::process::ExitCode;

/// The work was done, or its result is a failure that was already shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed,
}

/// The work could not be done.
#[derive(Debug)]
pub enum Stop {
    /// What was asked for is wrong: exit code 2.
    Wrong(String),
    /// Exit code 1.
    Failed(anyhow::Error),
}

pub type CommandResult<T = Outcome> = Result<T, Stop>;

impl<E: Into<anyhow::Error>> From<E> for Stop {
    fn from(e: E) -> Self {
        Self::Failed(e.into())
    }
}

impl Stop {
    pub fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong(message.into())
    }
}

/// Documented in `--help`: 0 done, 1 failed, 2 wrong use.
#[must_use]
pub fn code(result: &CommandResult) -> ExitCode {
    ExitCode::from(match result {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Failed) | Err(Stop::Failed(_)) => 1,
        Err(Stop::Wrong(_)) => 2,
    })
}
