//! An answer in a group while it is written: a message that is edited, at last to the reply. Groups have no drafts.

use super::{
    LIMIT, Telegram,
    api::{ApiError, Refusal},
    decode::sent_id,
    draft::Drafts,
    target, to,
};
use crate::{
    lenient::id,
    markup::{self, Dialect},
};
use colloquy_domain::{
    channel::{ChannelAccount, Delivery, Draft, Part, Replaced, SendError, Sent},
    failure::Failure,
    message::Peer,
};
use serde_json::{Value, json};
use std::time::Duration;

/// A group takes 20 messages a minute, edits among them.
const EVERY: Duration = Duration::from_secs(4);
/// Behind what is not all yet.
const GOES_ON: &str = " …";

/// Only groups, whose chat ids are negative, and their topics.
pub(super) fn is_group(to: &Peer) -> bool {
    target(&to.address).is_some_and(|(chat, _)| chat < 0)
}

/// What of it a message can show.
fn so_far(text: &str) -> Option<Part> {
    let parts = markup::render(text, &[], Dialect::TelegramHtml, LIMIT - GOES_ON.chars().count());
    let mut first = parts.into_iter().next()?;
    first.text.push_str(GOES_ON);
    first.plain.push_str(GOES_ON);
    Some(first)
}

/// The chat and the number that a name from [`sent_id`] stands for.
fn place(message: &str) -> Result<Value, Failure> {
    let (chat, number) = message.split_once(':').unwrap_or_default();
    match (chat.parse::<i64>(), number.parse::<i64>()) {
        (Ok(chat), Ok(number)) => Ok(json!({"chat_id": chat, "message_id": number})),
        _ => Err(Failure::reject("telegram.bad_address", "this is no message's name")),
    }
}

impl Refusal {
    /// There is nothing that could be edited.
    fn finds_no_message(&self) -> bool {
        let nothing = ["message to edit not found", "message can't be edited", "message_id_invalid"];
        self.migrate_to.is_some() || nothing.iter().any(|words| self.says(words))
    }
}

impl Drafts {
    pub(super) fn edits_every(&self, account: &ChannelAccount, to: &Peer) -> Option<Duration> {
        let off = account.setting("stream_edits").is_some_and(|s| s.trim().eq_ignore_ascii_case("off"));
        (!off && is_group(to) && !self.is_quiet(account.id, to)).then_some(EVERY)
    }
}

impl Telegram {
    pub(super) async fn send_so_far(&self, draft: Draft<'_>) -> Result<Sent, SendError> {
        let place = to(&draft.to.address).map_err(SendError::Refused)?;
        let sent = self.so_far(draft, "sendMessage", place).await?;
        let chat = id(&sent, "/chat/id").or_else(|| target(&draft.to.address).map(|(chat, _)| chat.to_string()));
        let name = chat.zip(id(&sent, "/message_id")).map(|(chat, number)| sent_id(&chat, &number));
        Ok(Sent { provider_message_id: name })
    }

    pub(super) async fn edit_so_far(&self, draft: Draft<'_>, message: &str) -> Result<(), SendError> {
        let place = place(message).map_err(SendError::Refused)?;
        self.so_far(draft, "editMessageText", place).await.map(|_| ())
    }

    async fn so_far(&self, draft: Draft<'_>, method: &str, mut body: Value) -> Result<Value, SendError> {
        let Some(part) = so_far(draft.text) else {
            return Err(SendError::Refused(Failure::retry("telegram.nothing_to_show", "no words yet")));
        };
        // Several topics of one group share its limit.
        if let Err(wait) = self.drafts.turn(draft.account.id, draft.to, EVERY) {
            let why = "the group was written to a moment ago";
            return Err(SendError::Refused(Failure::retry_after(wait, "telegram.group_pace", why)));
        }
        words(&mut body, &part);
        match self.said(draft.account, method, &mut body, &part, draft.leaves_within).await {
            Err(ApiError::Refused(r)) if r.says("message is not modified") => Ok(Value::Null),
            Err(ApiError::Refused(r)) if r.code == 429 => {
                self.drafts.silence(draft.account.id, draft.to, r.retry_after.unwrap_or(EVERY));
                Err(ApiError::Refused(r).send_error())
            }
            said => said.map_err(ApiError::send_error),
        }
    }

    pub(super) async fn edit_to_reply(&self, delivery: Delivery<'_>, message: &str) -> Result<Replaced, SendError> {
        let mut body = place(message).map_err(SendError::Refused)?;
        words(&mut body, delivery.part);
        let account = delivery.account;
        self.drafts.spoke(account.id, delivery.to);
        match self.said(account, "editMessageText", &mut body, delivery.part, delivery.leaves_within).await {
            Ok(_) => Ok(Replaced::Stands(Sent { provider_message_id: Some(message.to_owned()) })),
            Err(ApiError::Refused(r)) if r.says("message is not modified") => {
                Ok(Replaced::Stands(Sent { provider_message_id: Some(message.to_owned()) }))
            }
            Err(ApiError::Refused(r)) if r.finds_no_message() => Ok(Replaced::Gone),
            Err(error) => Err(error.edit_error()),
        }
    }

    pub(super) async fn delete(&self, account: &ChannelAccount, message: &str) -> Result<(), Failure> {
        match self.api.call(account, "deleteMessage", &place(message)?).await {
            Ok(_) => Ok(()),
            Err(ApiError::Refused(r)) if r.says("message to delete not found") => Ok(()),
            Err(error) => Err(error.failure()),
        }
    }

    /// Calls the method; markup that Telegram does not understand is said plainly.
    async fn said(
        &self,
        account: &ChannelAccount,
        method: &str,
        body: &mut Value,
        part: &Part,
        leaves_within: Duration,
    ) -> Result<Value, ApiError> {
        match self.api.send(account, method, body, leaves_within).await {
            Err(ApiError::Refused(r)) if r.says("can't parse entities") => {
                body["text"] = json!(part.plain);
                if let Some(body) = body.as_object_mut() {
                    body.remove("parse_mode");
                }
                self.api.send(account, method, body, leaves_within).await
            }
            asked => asked,
        }
    }
}

fn words(body: &mut Value, part: &Part) {
    body["text"] = json!(part.text);
    body["parse_mode"] = json!("HTML");
    body["link_preview_options"] = json!({"is_disabled": true});
}
