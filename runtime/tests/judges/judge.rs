//! A judge that runs as a process of its own.

use serde_json::{Value, json};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// One that answers questions: a line of JSON for a line of JSON. It ends when it is dropped.
pub struct Judge {
    _child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Judge {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let questions = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, questions, answers }
    }

    /// Asks `question` with these particulars.
    pub async fn ask(&mut self, question: &str, particulars: Value) -> Value {
        let mut asked = particulars;
        asked["ask"] = json!(question);
        self.questions.write_all(format!("{asked}\n").as_bytes()).await.unwrap();
        let line = self.line().await;
        let mut answer: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(answer.get("error").is_none(), "{asked}: {answer}");
        answer["answer"].take()
    }

    async fn line(&mut self) -> String {
        self.answers.next_line().await.unwrap().expect("the judge ended")
    }
}
