//! An answer in pieces. Dropping it, as a client does who hangs up, ends the waiting; the turn itself is durable and ends
//! in the conversation.

use super::{
    PATIENCE, language, said,
    shape::{Answer, Refused},
    spoken,
};
use crate::{
    calls::linked,
    exchange::{Ended, Exchange, Step},
    sentences::{Piece, Sentences},
    state::Api,
};
use axum::response::sse::Event;
use colloquy_domain::{channel::ChannelAccount, language::Language};
use futures::stream::{self, Stream};
use serde_json::{Value, json};
use std::{collections::VecDeque, convert::Infallible, sync::Arc};
use tokio::time::Instant;

/// How an answer is given.
pub struct Manner {
    /// Read out by a voice.
    pub spoken: bool,
    /// Nothing is said before all of it is known.
    pub whole: bool,
    pub usage: bool,
    pub language: Language,
}

pub struct Talk {
    api: Arc<Api>,
    account: Arc<ChannelAccount>,
    asked: Exchange,
    answer: Answer,
    manner: Manner,
    deadline: Instant,
    ready: VecDeque<Event>,
    /// Of this draft of the answer, said already.
    told: String,
    sentences: Sentences,
    over: bool,
}

impl Talk {
    pub fn new(api: Arc<Api>, account: Arc<ChannelAccount>, asked: Exchange, answer: Answer, manner: Manner) -> Self {
        let first = event(&answer.piece(&json!({ "role": "assistant", "content": "" }), None));
        Self {
            api,
            account,
            asked,
            answer,
            manner,
            deadline: Instant::now() + PATIENCE,
            ready: VecDeque::from([first]),
            told: String::new(),
            sentences: Sentences::default(),
            over: false,
        }
    }

    pub fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut talk| async move {
            loop {
                if let Some(event) = talk.ready.pop_front() {
                    return Some((Ok(event), talk));
                }
                if talk.over {
                    return None;
                }
                talk.wait().await;
            }
        })
    }

    async fn wait(&mut self) {
        let step = match tokio::time::timeout_at(self.deadline, self.asked.step()).await {
            Ok(Ok(step)) => step,
            Ok(Err(e)) => return self.refuse(&e.into()),
            Err(_) => Step::Ended(Ended::pending()),
        };
        match step {
            Step::Delta(text) if !self.manner.whole => self.hear(&text),
            // What was said of a void draft stands: another one follows it.
            Step::Reset => {
                if !self.told.is_empty() {
                    self.say("\n");
                }
                self.told.clear();
                self.sentences.reset();
            }
            Step::Ended(ended) => self.end(&ended).await,
            Step::Nothing | Step::Typing | Step::Delta(_) => {}
        }
    }

    fn hear(&mut self, text: &str) {
        self.told.push_str(text);
        if !self.manner.spoken {
            return self.say(text);
        }
        for piece in self.sentences.hear(text) {
            self.speak(piece);
        }
    }

    fn speak(&mut self, piece: Piece) {
        match piece {
            Piece::Words(words) => self.say(&words),
            Piece::Marked(text) => {
                if let Some(words) = spoken(&self.api, &self.account, &text) {
                    self.say(&format!("{words} "));
                }
            }
        }
    }

    fn say(&mut self, text: &str) {
        let piece = self.answer.piece(&json!({ "content": text }), None);
        self.ready.push_back(event(&piece));
    }

    async fn end(&mut self, ended: &Ended) {
        if self.manner.spoken
            && let Err(e) = linked(&self.api, &self.account, &self.asked, ended).await
        {
            return self.refuse(&e.into());
        }
        let language = language(&self.api, &self.account, ended, self.manner.language).await;
        let said = match said(&self.api, &self.account, ended, language) {
            Ok(said) => said,
            Err(refused) => return self.refuse(&refused),
        };
        if self.told.is_empty() {
            self.say(&said.text);
        } else if self.manner.spoken {
            if let Some(rest) = self.sentences.rest() {
                self.speak(rest);
            }
        } else if let Some(rest) = said.text.strip_prefix(self.told.as_str()).filter(|rest| !rest.is_empty()) {
            self.say(rest);
        }
        self.ready.push_back(event(&self.answer.piece(&json!({}), Some("stop"))));
        if self.manner.usage {
            self.ready.push_back(event(&self.answer.count(said.usage)));
        }
        self.finish();
    }

    fn refuse(&mut self, refused: &Refused) {
        self.ready.push_back(event(&refused.body()));
        self.finish();
    }

    fn finish(&mut self) {
        self.ready.push_back(Event::default().data("[DONE]"));
        self.over = true;
    }
}

fn event(data: &Value) -> Event {
    Event::default().data(data.to_string())
}
