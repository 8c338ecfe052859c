//! One message to an agent and what comes of it, for whoever waits for it within a request: web chat, the telephone, the
//! OpenAI-compatible endpoint. The message goes the way of all messages: the log, an inbox, the conversation's actor.

use crate::{error::ApiResult, hub::Listener, state::Api};
use colloquy_domain::{
    channel::ChannelAccount,
    ids::{ChannelId, ConversationId, TenantId, TurnNo, VideoSessionId},
    message::{Content, Inbound, Outcome, Peer},
    model::Usage,
    outbound::Reply,
    ports::{NewEntry, Notice},
};
use colloquy_store::TranscriptLine;
use std::{sync::Arc, time::Duration};

/// How often the store is asked when nothing is heard: a repeated message is not admitted again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A message on its way.
pub struct Exchange {
    api: Arc<Api>,
    tenant: TenantId,
    channel: ChannelId,
    /// The client's names of the conversation and of the message in it.
    pub session: String,
    pub message_id: String,
    listener: Listener,
    /// The last thing that the agent said since.
    heard: Option<Reply>,
    /// The turn of the piece that came last, and its conversation.
    pub turn: Option<(ConversationId, TurnNo)>,
}

/// How a message ended.
pub struct Ended {
    pub conversation: Option<ConversationId>,
    pub outcome: Option<Outcome>,
    pub reply: Option<Reply>,
}

impl Ended {
    /// Nothing is known yet.
    pub const fn pending() -> Self {
        Self { conversation: None, outcome: None, reply: None }
    }
}

/// One thing that happened while waiting.
pub enum Step {
    Nothing,
    Typing,
    /// A piece of an answer in the making.
    Delta(String),
    /// The pieces so far are void.
    Reset,
    Ended(Ended),
}

/// What is said to an agent.
pub struct Saying {
    pub session: String,
    pub message_id: String,
    /// As people of the team see who says it.
    pub name: Option<String>,
    pub content: Content,
}

impl Exchange {
    /// Logs the message; it is durable when this returns.
    ///
    /// # Errors
    /// The log's.
    pub async fn begin(api: Arc<Api>, account: &ChannelAccount, saying: Saying) -> ApiResult<Self> {
        let Saying { session, message_id, name, content } = saying;
        let exchange = Self::of(api, account, session, message_id);
        let now = exchange.api.clock.now();
        let inbound = Inbound {
            provider_message_id: exchange.provider_message_id(),
            peer: Peer { address: exchange.session.clone(), name },
            sent_at: now,
            content,
            reply_to: None,
            raw: None,
        };
        let (tenant, channel) = (exchange.tenant, exchange.channel);
        exchange.api.log.append(vec![NewEntry { tenant, channel, received_at: now, inbound }]).await?;
        Ok(exchange)
    }

    /// Waits for what was logged before.
    pub fn of(api: Arc<Api>, account: &ChannelAccount, session: String, message_id: String) -> Self {
        let (tenant, channel) = (account.tenant, account.id);
        let listener = api.hub.listen(tenant, &format!("{session}:{message_id}"));
        Self { api, tenant, channel, session, message_id, listener, heard: None, turn: None }
    }

    fn provider_message_id(&self) -> String {
        format!("{}:{}", self.session, self.message_id)
    }

    /// # Errors
    /// The store's.
    pub async fn ended(&mut self) -> ApiResult<Ended> {
        loop {
            if let Step::Ended(ended) = self.step().await? {
                return Ok(ended);
            }
        }
    }

    /// As [`Exchange::ended`], if it ends in time.
    ///
    /// # Errors
    /// The store's.
    pub async fn ended_within(&mut self, patience: Duration) -> ApiResult<Option<Ended>> {
        tokio::time::timeout(patience, self.ended()).await.ok().transpose()
    }

    /// Waits for the next thing to happen.
    ///
    /// # Errors
    /// The store's.
    pub async fn step(&mut self) -> ApiResult<Step> {
        let Ok(notice) = tokio::time::timeout(LOOK_EVERY, self.listener.next()).await else {
            return self.look().await;
        };
        let Some(notice) = notice else { return self.look().await };
        let mine = self.provider_message_id();
        Ok(match notice.as_ref() {
            Notice::Typing { .. } => Step::Typing,
            Notice::Delta { conversation, turn, text, .. } => {
                self.turn = Some((*conversation, *turn));
                Step::Delta(text.clone())
            }
            Notice::DeltaReset { .. } => Step::Reset,
            Notice::Replied { reply, .. } => {
                self.heard = Some(reply.clone());
                Step::Nothing
            }
            Notice::Settled { settled, conversation, .. } => {
                let outcome = settled.iter().find(|s| s.provider_message_id == mine).map(|s| s.outcome.clone());
                outcome.map_or(Step::Nothing, |outcome| {
                    Step::Ended(Ended {
                        conversation: Some(*conversation),
                        reply: self.heard.take().filter(|r| said_to(&outcome, r)),
                        outcome: Some(outcome),
                    })
                })
            }
            _ => Step::Nothing,
        })
    }

    /// The session of an avatar that says the answers, if there is one.
    ///
    /// # Errors
    /// The store's.
    pub async fn video(&self) -> ApiResult<Option<VideoSessionId>> {
        let found = self.api.store.tenant(self.tenant).video_of(self.channel, &self.session).await?;
        Ok(found.map(|s| s.id))
    }

    /// What the store says: the truth, also for a message that was sent before.
    ///
    /// # Errors
    /// The store's.
    pub async fn look(&self) -> ApiResult<Step> {
        let store = self.api.store.tenant(self.tenant);
        let Some(received) = store.received(self.channel, &self.provider_message_id()).await? else {
            return Ok(Step::Nothing);
        };
        let Some(outcome) = received.outcome else { return Ok(Step::Nothing) };
        let conversation = received.conversation;
        let turn = match outcome {
            Outcome::Answered { turn } | Outcome::Merged { turn } => Some(turn),
            Outcome::HandedOver { .. } | Outcome::Ignored { .. } | Outcome::DeadLettered { .. } => None,
        };
        let reply = match turn {
            Some(turn) => store.reply(conversation, turn).await?.map(reply_of),
            None => None,
        };
        Ok(Step::Ended(Ended { conversation: Some(conversation), outcome: Some(outcome), reply }))
    }
}

/// A reply as the transcript keeps it; what it cost is in the ledger.
fn reply_of(line: TranscriptLine) -> Reply {
    Reply {
        turn: line.turn.unwrap_or(0),
        text: line.text,
        citations: line.citations,
        abstained: line.abstained,
        checks: line.checks,
        usage: Usage::default(),
    }
}

/// Whether the reply is this outcome's: the notice that ended the same turn, or the turn's answer.
const fn said_to(outcome: &Outcome, reply: &Reply) -> bool {
    match outcome {
        Outcome::Answered { turn } | Outcome::Merged { turn } => *turn == reply.turn,
        Outcome::HandedOver { .. } | Outcome::DeadLettered { .. } => true,
        Outcome::Ignored { .. } => false,
    }
}
