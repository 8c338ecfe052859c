//! A dialogue of which each turn is a request: what the caller said comes with one, and what is said next answers it.

use super::Telephone;
use crate::{
    error::ApiResult,
    exchange::{Ended, Exchange, Saying, Step},
};
use colloquy_domain::{
    call::{CallAnswer, CallChange, CallOutcome, CallStatus, CallStep, Next, PATIENCE, Place, Sentence, next},
    message::{Content, Outcome},
};
use futures::future::try_join;
use std::{sync::Arc, time::Duration};

/// How long a caller hears nothing before being told to wait. Providers hang up after 15 seconds.
pub(super) const FIRST_WAIT: Duration = Duration::from_secs(5);
/// How long a request waits once the caller knows.
pub(super) const NEXT_WAIT: Duration = Duration::from_secs(8);

impl Telephone<'_> {
    pub(super) async fn heard(&self, at: Place, words: Option<String>) -> ApiResult<CallAnswer> {
        match next(at, words.as_deref()) {
            Next::Answer => self.ask(at, words.unwrap_or_default()).await,
            Next::AskAgain(place) => {
                self.note(CallChange::new(CallStep::new(format!("silence:{}", at.turn), "silence", ""))).await?;
                Ok(CallAnswer::Listen { say: vec![self.sentence(Sentence::SayAgain)], then: self.at(place) })
            }
            Next::Farewell => self.hang_up("farewell", words, Sentence::Farewell, None).await,
            Next::GiveUp => self.hang_up("gave_up", words, Sentence::GiveUp, None).await,
            Next::TooLong => self.hang_up("too_long", words, Sentence::TooLong, None).await,
        }
    }

    pub(super) async fn hang_up(
        &self,
        kind: &'static str,
        words: Option<String>,
        last: Sentence,
        outcome: Option<CallOutcome>,
    ) -> ApiResult<CallAnswer> {
        let last = self.sentence(last);
        let said = words.map(|w| format!("Caller: {w}")).into_iter().chain([format!("Agent: {last}")]).collect();
        let change = CallChange::new(CallStep::new(kind, kind, ""));
        self.note(CallChange { said, outcome, status: Some(CallStatus::Completed), ends: true, ..change }).await?;
        Ok(CallAnswer::HangUp { say: vec![last] })
    }

    /// Gives the agent what was said, and says what it answers.
    async fn ask(&self, at: Place, words: String) -> ApiResult<CallAnswer> {
        let mut asked = self.begin(at, words).await?;
        let ended = asked.ended_within(FIRST_WAIT).await?;
        self.reply(at, ended).await
    }

    /// Writes down what was said and gives it to the agent.
    pub(super) async fn begin(&self, at: Place, words: String) -> ApiResult<Exchange> {
        let step = CallStep::new(format!("heard:{}", at.turn), "heard", words.clone());
        let said = vec![format!("Caller: {words}")];
        let change = CallChange { said, status: Some(CallStatus::InProgress), ..CallChange::new(step) };
        let saying = self.saying(at.turn.to_string(), words);
        let asked = Exchange::begin(Arc::clone(&self.api), self.account, saying);
        let (asked, _) = try_join(asked, self.note(change)).await?;
        Ok(asked)
    }

    pub(super) fn saying(&self, message_id: String, text: String) -> Saying {
        Saying {
            session: self.news.external_id.clone(),
            message_id,
            name: self.news.from.clone(),
            content: Content::text(text),
        }
    }

    pub(super) async fn waited(&self, at: Place) -> ApiResult<CallAnswer> {
        let session = self.news.external_id.clone();
        let mut asked = Exchange::of(Arc::clone(&self.api), self.account, session, at.turn.to_string());
        let ended = match asked.look().await? {
            Step::Ended(ended) => Some(ended),
            _ => asked.ended_within(NEXT_WAIT).await?,
        };
        self.reply(at, ended).await
    }

    async fn reply(&self, at: Place, ended: Option<Ended>) -> ApiResult<CallAnswer> {
        let Some(ended) = ended else {
            if at.waited >= PATIENCE {
                let say = vec![self.sentence(Sentence::TooSlow)];
                return Ok(CallAnswer::Listen { say, then: self.at(at.after()) });
            }
            let say = (at.waited == 0).then(|| self.sentence(Sentence::Moment));
            return Ok(CallAnswer::Wait { say, then: self.at(at.later()) });
        };
        let conversation = ended.conversation;
        match ended.outcome {
            Some(Outcome::HandedOver { reason }) => {
                let step = CallStep::new(format!("handed_over:{}", at.turn), "handed_over", reason);
                self.note(CallChange { conversation, ..CallChange::new(step) }).await?;
                self.hand_over().await
            }
            Some(Outcome::Answered { .. } | Outcome::Merged { .. }) => {
                let spoken = ended.reply.as_ref().and_then(|r| self.spoken(&r.text));
                let say = spoken.unwrap_or_else(|| self.sentence(Sentence::Failed));
                let step = CallStep::new(format!("replied:{}", at.turn), "replied", "");
                let said = vec![format!("Agent: {say}")];
                self.note(CallChange { said, conversation, ai_handled: true, ..CallChange::new(step) }).await?;
                Ok(CallAnswer::Listen { say: vec![say], then: self.at(at.after()) })
            }
            outcome => {
                let name = outcome.as_ref().map_or("pending", Outcome::name);
                let step = CallStep::new(format!("failed:{}", at.turn), "failed", name);
                self.note(CallChange { conversation, ..CallChange::new(step) }).await?;
                Ok(CallAnswer::Listen { say: vec![self.sentence(Sentence::Failed)], then: self.at(at.after()) })
            }
        }
    }

    /// A reply as it is read out.
    pub(super) fn spoken(&self, reply: &str) -> Option<String> {
        self.driver.render(reply, &[]).into_iter().next().map(|part| part.text)
    }

    pub(super) async fn hand_over(&self) -> ApiResult<CallAnswer> {
        let Some(to) = self.account.setting("transfer_to").filter(|n| !n.trim().is_empty()) else {
            return self.hang_up("call_back", None, Sentence::CallBack, Some(CallOutcome::Callback)).await;
        };
        let (say, then) = (self.sentence(Sentence::PutThrough), format!("{}?dialled=1", self.path));
        Ok(CallAnswer::PutThrough { say, to: to.to_owned(), then })
    }

    pub(super) async fn put_through(&self, answered: bool) -> ApiResult<CallAnswer> {
        if !answered {
            return self.hang_up("nobody_there", None, Sentence::NobodyThere, Some(CallOutcome::Callback)).await;
        }
        let change = CallChange::new(CallStep::new("put_through", "put_through", ""));
        let outcome = Some(CallOutcome::Transferred);
        self.note(CallChange { outcome, status: Some(CallStatus::Completed), ends: true, ..change }).await?;
        Ok(CallAnswer::HangUp { say: Vec::new() })
    }
}
