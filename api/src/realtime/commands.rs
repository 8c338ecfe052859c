//! What clients ask for, by names of either family, and what they are answered.

use super::{
    ears::{Joined, person},
    frame::{Frame, Kind, online},
    session::Session,
    socket::MOST_JOINED,
};
use crate::{
    auth,
    body::read,
    endpoints::conversation_acts::{Words, said},
    error::{ApiError, ApiResult},
};
use axum::http::StatusCode;
use colloquy_domain::{
    access::Action,
    ids::{ConversationId, EventId},
    ports::{Connected, Notice},
    rate::Rate,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::HashSet, time::Duration};
use tokio::time::Instant;

/// Who writes is told of at most so often.
const TYPING_GAP: Duration = Duration::from_millis(200);
/// Conversations that are remembered as joined before; a connection that joins more has been there for long.
const MOST_KNOWN: usize = 10_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    #[serde(alias = "conversation_id")]
    conversation_id: String,
    /// Joining: the last event of it that the client saw.
    #[serde(alias = "last_event_id")]
    last_event_id: Option<String>,
}

#[derive(Deserialize)]
struct Credential {
    token: String,
}

impl Session {
    /// Does it; the events that come before the answer, and the answer.
    pub(super) async fn command(&mut self, name: &str, body: Value) -> (Vec<Frame>, Value) {
        let done = match name.replace(['-', ':'], "_").as_str() {
            "join_conversation" => match self.join(body).await {
                Ok((again, answer)) => return (again, succeeded(answer)),
                Err(e) => Err(e),
            },
            "leave_conversation" => self.leave(body),
            "send_message" => self.send(body).await,
            "typing_start" => self.typing(body, true),
            "typing_stop" => self.typing(body, false),
            "presence" => self.presence(body),
            "authenticate" => self.authenticate(body).await,
            _ => Err(ApiError::new(StatusCode::BAD_REQUEST, "UNKNOWN_EVENT", "there is no event of this name")),
        };
        (Vec::new(), done.map_or_else(|e| e.body(), succeeded))
    }

    /// A request like any other: counted, and of a credential that still holds.
    async fn asks(&mut self) -> ApiResult<()> {
        auth::count(&self.api, &self.ears.tenant.who, Rate::Api)?;
        self.ears.fresh().await
    }

    async fn join(&mut self, body: Value) -> ApiResult<(Vec<Frame>, Value)> {
        self.asks().await?;
        let about = about(body)?;
        if matches!(about.conversation_id.as_str(), "*" | "all") {
            self.ears.join(Joined::All);
            return Ok((Vec::new(), json!({ "conversationId": "all" })));
        }
        let found = self.ears.tenant.store.conversation(id(&about.conversation_id)?).await?;
        let again = self.missed(found.id, about.last_event_id.as_deref()).await?;
        if let Joined::Some(mut some) = self.ears.joined.clone() {
            if some.len() >= MOST_JOINED && !some.contains(&found.id) {
                return Err(ApiError::invalid("conversationId", format!("at most {MOST_JOINED} can be joined")));
            }
            some.insert(found.id);
            self.ears.join(Joined::Some(some));
        }
        if self.known.len() >= MOST_KNOWN {
            (self.ears.since, self.known) = (None, HashSet::new());
        }
        self.known.insert(found.id);
        let answer = json!({ "conversationId": found.id.to_string(), "missed": again.len() });
        Ok((again, answer))
    }

    /// What the client missed of a conversation, up to where this connection is.
    async fn missed(&self, conversation: ConversationId, last: Option<&str>) -> ApiResult<Vec<Frame>> {
        if self.ears.joined.has(conversation) {
            return Ok(Vec::new());
        }
        let from = match last.map(str::parse::<EventId>) {
            Some(Ok(event)) => self.ears.tenant.store.moment(event).await?,
            Some(Err(_)) => None,
            None => match self.ears.since.filter(|_| !self.known.contains(&conversation)) {
                Some(moment) => Some(moment),
                None => return Ok(Vec::new()),
            },
        };
        let Some(from) = from else { return Ok(vec![Frame::resync(Some(conversation))]) };
        // Changes of conversations, and what waits for a person, were told to everybody.
        let told = |f: &Frame| matches!(f.kind, Kind::Conversation | Kind::Approval);
        let wanted = |f: &Frame| f.conversation == Some(conversation) && !told(f);
        let found = self.ears.subscription.between(from, wanted).await?;
        Ok(found.unwrap_or_else(|| vec![Frame::resync(Some(conversation))]))
    }

    fn leave(&mut self, body: Value) -> ApiResult<Value> {
        let about = about(body)?;
        let joined = match self.ears.joined.clone() {
            Joined::All if matches!(about.conversation_id.as_str(), "*" | "all") => Joined::Some(HashSet::new()),
            Joined::All => {
                let message = "all are joined: leave `all`";
                return Err(ApiError::invalid("conversationId", message));
            }
            Joined::Some(mut some) => {
                some.remove(&id(&about.conversation_id)?);
                Joined::Some(some)
            }
        };
        self.ears.join(joined);
        Ok(json!({ "conversationId": about.conversation_id }))
    }

    /// The same as `POST /api/conversations/{id}/messages`.
    async fn send(&mut self, mut body: Value) -> ApiResult<Value> {
        self.asks().await?;
        auth::allow(&self.ears.tenant.who, Action::ManageConversations)?;
        let about = about(body.clone())?;
        if let Some(fields) = body.as_object_mut() {
            fields.retain(|name, _| !matches!(name.as_str(), "conversationId" | "conversation_id"));
        }
        let words: Words = read(body)?;
        let message = said(&self.api, &self.ears.tenant, &about.conversation_id, words).await?;
        serde_json::to_value(message).map_err(ApiError::unshown)
    }

    fn typing(&mut self, body: Value, on: bool) -> ApiResult<Value> {
        let conversation = id(&about(body)?.conversation_id)?;
        if !self.ears.joined.has(conversation) {
            return Err(ApiError::new(StatusCode::FORBIDDEN, "NOT_JOINED", "join the conversation first"));
        }
        let now = Instant::now();
        let often = on && self.wrote_at.is_some_and(|at| now.saturating_duration_since(at) < TYPING_GAP);
        if let Some((user, name)) = person(&self.ears.tenant).filter(|_| !often) {
            self.wrote_at = Some(now);
            let (tenant, name) = (self.ears.tenant.id, name.to_owned());
            self.api.node.announce(Notice::Writing { tenant, conversation, user, name, on });
        }
        Ok(json!({ "conversationId": conversation.to_string(), "typing": on }))
    }

    /// Who is connected, or has a conversation open.
    fn presence(&self, body: Value) -> ApiResult<Value> {
        let only = if body.is_null() { None } else { Some(id(&about(body)?.conversation_id)?) };
        let people = self.ears.people();
        let there = |p: &&Connected| only.is_none_or(|id| p.conversations.contains(&id));
        let people: Vec<Connected> = people.iter().filter(there).cloned().collect();
        Ok(json!({ "online": online(&people) }))
    }

    /// A newer token, before the old one ends.
    async fn authenticate(&mut self, body: Value) -> ApiResult<Value> {
        auth::count(&self.api, &self.ears.tenant.who, Rate::Api)?;
        let Credential { token } = read(body)?;
        self.ears.change_credential(token).await?;
        Ok(json!({}))
    }
}

fn succeeded(data: Value) -> Value {
    json!({ "success": true, "data": data })
}

/// An object with `conversationId`, or the id alone.
fn about(body: Value) -> ApiResult<About> {
    match body {
        Value::String(conversation_id) => Ok(About { conversation_id, last_event_id: None }),
        body => read(body),
    }
}

fn id(text: &str) -> ApiResult<ConversationId> {
    text.parse().map_err(|e: colloquy_domain::ids::InvalidId| ApiError::invalid("conversationId", e.to_string()))
}
