//! What is wrong with a configuration, all of it at once.

use std::fmt;

/// One wrong setting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The setting as its source names it.
    pub name: String,
    pub sentence: String,
    /// `colloquy.toml line 3`, `the environment`, `the command line`.
    pub origin: String,
}

/// All of them, in the order of the layers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, name: impl Into<String>, sentence: impl Into<String>, origin: impl Into<String>) {
        self.0.push(Problem { name: name.into(), sentence: sentence.into(), origin: origin.into() });
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "the configuration has a problem:")?,
            n => write!(f, "the configuration has {n} problems:")?,
        }
        for Problem { name, sentence, origin } in &self.0 {
            write!(f, "\n  {name}: {sentence} (from {origin})")?;
        }
        Ok(())
    }
}
