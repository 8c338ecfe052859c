//! Between the lines of a call: how one is asked for, and how the call goes on when it is closed.

use super::super::Telephone;
use crate::error::ApiResult;
use colloquy_domain::call::{CallAnswer, CallChange, CallStep, Parting, Place, Sentence};
use colloquy_store::Call;

/// Lines of one call; if they keep breaking, the dialogue goes on in requests.
const MOST_LINES: u32 = 3;

/// How far a call came, by its steps.
pub(in crate::calls) struct HowFar {
    /// Lines that were opened.
    lines: u32,
    /// What was said, or left unsaid, by the caller.
    pub(in crate::calls) turns: u32,
    /// The one that waits for an answer.
    pub(in crate::calls) unanswered: Option<u32>,
}

impl Telephone<'_> {
    /// Whether callers speak on an open line.
    pub(in crate::calls) fn is_relayed(&self) -> bool {
        self.account.setting("voice_mode") == Some("relay")
    }

    /// What a caller must have heard, that a machine speaks, they cannot interrupt.
    pub(in crate::calls) async fn open_line(
        &self,
        say: Vec<String>,
        greeting: String,
        number: u32,
    ) -> ApiResult<CallAnswer> {
        let interruptible = number > 1 || self.disclosure().await?.is_none();
        let line = format!(
            "{}/webhooks/twilio-voice/{}/relay",
            self.api.options.public_url.replacen("http", "ws", 1).trim_end_matches('/'),
            self.account.id
        );
        let (call, then) = (self.news.external_id.clone(), format!("{}?line={number}", self.path));
        Ok(CallAnswer::Open { say, greeting, interruptible, line, call, number, then })
    }

    pub(in crate::calls) async fn how_far(&self, call: &Call) -> ApiResult<HowFar> {
        let mut far = HowFar { lines: 0, turns: 0, unanswered: None };
        for step in self.api.store.tenant(self.account.tenant).call_steps(call.id).await? {
            match step.kind.as_str() {
                "line" => far.lines += 1,
                "silence" => far.turns += 1,
                "heard" => {
                    far.turns += 1;
                    far.unanswered = Some(far.turns);
                }
                "replied" | "interrupted" | "failed" | "handed_over" => far.unanswered = None,
                _ => {}
            }
        }
        Ok(far)
    }

    /// The line is closed and the caller is still there.
    pub(in crate::calls) async fn line_closed(&self, parting: Parting) -> ApiResult<CallAnswer> {
        match parting {
            Parting::Farewell => self.hang_up("farewell", None, Sentence::Farewell, None).await,
            Parting::GiveUp => self.hang_up("gave_up", None, Sentence::GiveUp, None).await,
            Parting::TooLong => self.hang_up("too_long", None, Sentence::TooLong, None).await,
            Parting::HandOver => self.hand_over().await,
            Parting::Broken => self.line_broke().await,
        }
    }

    async fn line_broke(&self) -> ApiResult<CallAnswer> {
        let call = self.note(CallChange::new(CallStep::new("broken", "broken", ""))).await?;
        let far = self.how_far(&call).await?;
        let again = self.sentence(Sentence::Again);
        // One that never opened is not tried again: the provider cannot reach us that way.
        if (1..MOST_LINES).contains(&far.lines) {
            return self.open_line(Vec::new(), again, far.lines + 1).await;
        }
        let at = Place { turn: far.turns + 1, ..Place::first() };
        Ok(match far.unanswered {
            Some(turn) => CallAnswer::Wait { say: Some(again), then: self.at(Place { turn, ..at }.later()) },
            None => CallAnswer::Listen { say: vec![again], then: self.at(at) },
        })
    }
}
