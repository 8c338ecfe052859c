//! Answers on a line: read out as they are written, and cut to what was heard of them.

use super::{End, FIRST_WAIT, Line};
use crate::{
    exchange::{Ended, Exchange, Step},
    sentences::{Piece, Sentences},
};
use colloquy_domain::{
    call::{CallChange, CallStep, CutLine, Parting, Place, Sentence, heard},
    ids::{ConversationId, TurnNo},
    message::Outcome,
};
use tokio::time::Instant;

/// What is being answered.
pub(super) struct Asked {
    pub(super) exchange: Exchange,
    at: Place,
    sentences: Sentences,
    /// Said of it so far.
    pub(super) told: String,
    /// Pieces of this turn and of those before are an older answer's.
    past: TurnNo,
    /// When the caller hears something from us if nothing else is there to hear.
    pub(super) wait: Instant,
    pub(super) waited: u32,
}

impl Asked {
    pub(super) fn new(exchange: Exchange, at: Place, past: TurnNo) -> Self {
        let (sentences, told) = (Sentences::default(), String::new());
        Self { exchange, at, sentences, told, past, wait: Instant::now() + FIRST_WAIT, waited: 0 }
    }

    /// Whether the piece that came last is one of this answer.
    fn is_ours(&self) -> bool {
        self.exchange.turn.is_some_and(|(_, turn)| turn > self.past)
    }
}

/// The answer that is being read out, or was.
pub(super) struct Said {
    conversation: ConversationId,
    turn: TurnNo,
    words: String,
}

impl Line {
    pub(super) async fn step(&mut self, step: Step) -> Result<(), End> {
        match step {
            Step::Delta(text) => self.piece(&text).await,
            Step::Reset => {
                if let Some(asked) = &mut self.asked {
                    // What was said of a void answer stands: another one follows it.
                    asked.sentences.reset();
                    asked.past = 0;
                }
                Ok(())
            }
            Step::Ended(ended) => self.ended(ended).await,
            Step::Nothing | Step::Typing => Ok(()),
        }
    }

    async fn piece(&mut self, text: &str) -> Result<(), End> {
        let Some(asked) = self.asked.as_mut().filter(|a| !self.whole && a.is_ours()) else { return Ok(()) };
        for piece in asked.sentences.hear(text) {
            self.speak(piece).await?;
        }
        Ok(())
    }

    /// Says a piece of the answer under way.
    async fn speak(&mut self, piece: Piece) -> Result<(), End> {
        let words = match piece {
            Piece::Words(words) => words,
            Piece::Marked(text) => match self.telephone()?.spoken(&text) {
                Some(words) => format!("{words} "),
                None => return Ok(()),
            },
        };
        if let Some(asked) = &mut self.asked {
            asked.told.push_str(&words);
            self.turn = asked.exchange.turn.map_or(self.turn, |(_, turn)| turn);
        }
        self.say(words, false).await
    }

    async fn ended(&mut self, ended: Ended) -> Result<(), End> {
        let Some(asked) = &mut self.asked else { return Ok(()) };
        let (at, conversation) = (asked.at, ended.conversation);
        match ended.outcome {
            Some(Outcome::HandedOver { reason }) => {
                let step = CallStep::new(format!("handed_over:{}", at.turn), "handed_over", reason);
                self.telephone()?.note(CallChange { conversation, ..CallChange::new(step) }).await?;
                Err(End::Parted(Parting::HandOver))
            }
            Some(Outcome::Answered { .. } | Outcome::Merged { .. }) => {
                let rest = asked.sentences.rest();
                if let Some(reply) = ended.reply.as_ref().filter(|_| asked.told.is_empty()) {
                    self.speak(Piece::Marked(reply.text.clone())).await?;
                } else if let Some(rest) = rest {
                    self.speak(rest).await?;
                }
                self.replied(at, conversation.zip(ended.reply.map(|r| r.turn))).await
            }
            outcome => {
                let name = outcome.as_ref().map_or("pending", Outcome::name);
                let step = CallStep::new(format!("failed:{}", at.turn), "failed", name);
                self.asked = None;
                self.telephone()?.note(CallChange { conversation, ..CallChange::new(step) }).await?;
                self.say_sentence(Sentence::Failed, true).await
            }
        }
    }

    /// All of the answer is said.
    async fn replied(&mut self, at: Place, turn: Option<(ConversationId, TurnNo)>) -> Result<(), End> {
        let Some(asked) = self.asked.take() else { return Ok(()) };
        let words = asked.told.trim().to_owned();
        if words.is_empty() {
            return self.say_sentence(Sentence::Failed, true).await;
        }
        self.say(String::new(), true).await?;
        self.listen(&words);
        let step = CallStep::new(format!("replied:{}", at.turn), "replied", "");
        let said = vec![format!("Agent: {words}")];
        let conversation = turn.map(|(conversation, _)| conversation);
        let change = CallChange { said, conversation, ai_handled: true, ..CallChange::new(step) };
        self.telephone()?.note(change).await?;
        if let Some((conversation, turn)) = turn {
            self.turn = self.turn.max(turn);
            self.said = Some(Said { conversation, turn, words });
        }
        Ok(())
    }

    /// The caller spoke over the agent: what they did not hear was never said. Our own sentences are nobody's turn.
    pub(super) async fn interrupted(&mut self, utterance: &str) -> Result<(), End> {
        self.listen("");
        if self.asked.as_ref().is_some_and(|a| !a.told.is_empty()) {
            return self.broken_off(utterance).await;
        }
        let Some(Said { conversation, turn, words }) = self.said.take() else { return Ok(()) };
        let Some(heard) = heard(&words, utterance) else { return Ok(()) };
        let heard = if heard.is_empty() { "…".to_owned() } else { heard };
        let cut = CutLine { said: format!("Agent: {words}"), heard: format!("Agent: {heard}") };
        let step = CallStep::new(format!("cut:{turn}"), "interrupted", "");
        self.telephone()?.note(CallChange { cut: Some(cut), ..CallChange::new(step) }).await?;
        self.api.node.interrupt(self.account.tenant, conversation, turn, heard);
        Ok(())
    }

    /// In the middle of an answer in the making: its turn ends with what was heard of it. If that was nothing, what the
    /// caller says next is answered together with what they said before.
    async fn broken_off(&mut self, utterance: &str) -> Result<(), End> {
        let Some(asked) = self.asked.take() else { return Ok(()) };
        let told = asked.told.trim();
        let heard = heard(told, utterance).unwrap_or_else(|| told.to_owned());
        let Some((conversation, turn)) = asked.exchange.turn else { return Ok(()) };
        if !heard.is_empty() {
            let step = CallStep::new(format!("interrupted:{}", asked.at.turn), "interrupted", "");
            let (said, conversation) = (vec![format!("Agent: {heard}")], Some(conversation));
            let change = CallChange { said, conversation, ai_handled: true, ..CallChange::new(step) };
            self.telephone()?.note(change).await?;
        }
        self.api.node.interrupt(self.account.tenant, conversation, turn, heard);
        Ok(())
    }
}
