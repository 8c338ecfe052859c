//! The files of a set.

use colloquy_domain::failure::Failure;
use serde::{Deserialize, de::DeserializeOwned};
use std::path::Path;

/// A passage that questions are asked about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Source {
    pub id: String,
    #[serde(default)]
    pub title: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Question {
    /// The last thing that the person says.
    pub text: String,
    /// Ids of the passages that answer it.
    #[serde(default)]
    pub relevant: Vec<String>,
    /// What was said before, oldest first.
    #[serde(default)]
    pub history: Vec<Turn>,
    /// What a right answer says: any one of these.
    #[serde(default)]
    pub answers: Vec<String>,
    /// Whether the passages answer it; when not said, whether there are relevant ones.
    pub answerable: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Turn {
    /// `user` for the person.
    pub role: String,
    pub text: String,
}

impl Question {
    #[must_use]
    pub fn is_answerable(&self) -> bool {
        self.answerable.unwrap_or(!self.relevant.is_empty())
    }

    /// What the person said before, oldest first.
    #[must_use]
    pub fn said_before(&self) -> Vec<String> {
        self.history.iter().filter(|t| t.role == "user").map(|t| t.text.clone()).collect()
    }
}

/// The lines of a file, empty ones left out.
///
/// # Errors
/// `evaluation.file` (reject): the file cannot be read, holds nothing, or a line is not what it should be; it names the
/// line and the field.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Failure> {
    let bad = |cause: String| Failure::reject("evaluation.file", format!("{}: {cause}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| bad(e.to_string()))?;
    let lines = text.lines().zip(1_usize..).filter(|(line, _)| !line.trim().is_empty());
    let rows: Vec<T> = lines
        .map(|(line, number)| serde_json::from_str(line).map_err(|e| bad(format!("line {number}: {e}"))))
        .collect::<Result<_, _>>()?;
    if rows.is_empty() { Err(bad("it holds no lines".to_owned())) } else { Ok(rows) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named_with_its_field() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let failure = read::<Source>(file.path()).expect_err("empty");
        assert!(failure.detail.contains("holds no lines"), "{failure}");
        std::fs::write(file.path(), "{\"id\":\"a\",\"text\":\"b\"}\n\n{\"id\":\"a\"}\n").expect("written");
        let failure = read::<Source>(file.path()).expect_err("no text");
        assert!(failure.detail.contains("line 3: missing field `text`"), "{failure}");
    }

    #[test]
    fn a_question_needs_little_and_knows_whether_it_can_be_answered() {
        let read = |json: &str| serde_json::from_str::<Question>(json).expect("a question");
        assert!(read(r#"{"text":"a?","relevant":["p"]}"#).is_answerable());
        assert!(!read(r#"{"text":"a?"}"#).is_answerable());
        let said = r#"{"text":"c?","relevant":["p"],"answerable":false,"history":[{"role":"user","text":"a?"},
            {"role":"assistant","text":"b."}]}"#;
        assert_eq!((read(said).is_answerable(), read(said).said_before()), (false, vec!["a?".to_owned()]));
    }
}
