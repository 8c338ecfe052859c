//! A person's way to the agents of a running server.

use super::live::{Again, Live, Way, may_succeed_later};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    model::{CompletionRequest, CompletionResult},
};
use colloquy_sim::{
    Seed,
    people::{Deck, Ear, Phone, Player},
    scenario::{ConversationSpec, Until},
};
use serde::Deserialize;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

pub struct LivePhone {
    live: Arc<Live>,
    channel: String,
    peer: String,
    /// `channel/peer`.
    who: String,
    ear: Arc<Ear>,
    player: Option<Arc<Player>>,
}

/// What the web chat answers.
#[derive(Deserialize)]
struct Chat {
    conversation: Option<String>,
    outcome: String,
    reply: Option<Reply>,
}

#[derive(Deserialize)]
struct Reply {
    text: String,
}

impl LivePhone {
    /// `None` if there is no such channel.
    pub fn of(live: &Arc<Live>, conversation: &ConversationSpec, deck: &Arc<Deck>, seed: Seed) -> Option<Self> {
        live.way(&conversation.channel)?;
        let who = format!("{}/{}", conversation.channel, conversation.peer);
        Some(Self {
            live: Arc::clone(live),
            channel: conversation.channel.clone(),
            peer: conversation.peer.clone(),
            ear: live.ear(&who),
            player: Player::of(&conversation.user, deck, seed).map(Arc::new),
            who,
        })
    }

    async fn posts(&self, number: u64, text: &str) {
        self.live.note("wrote", &self.who, text);
        match self.live.way(&self.channel) {
            // The answer comes with the request; the person does not wait with the phone at the ear.
            Some(Way::Webchat { agent }) => {
                tokio::spawn(chat(Arc::clone(&self.live), self.who.clone(), agent.clone(), number, text.to_owned()));
            }
            Some(Way::Provider { id, connected }) => {
                let payload = connected.wrote(&self.peer, number, Live::now(), text);
                match self.live.deliver(id, &payload).await {
                    Ok(()) => self.live.wrote(&self.who, text),
                    Err(how) => self.live.refused(&self.who, text, how),
                }
            }
            None => {}
        }
    }
}

async fn chat(live: Arc<Live>, who: String, agent: String, number: u64, text: String) {
    live.sends(&who, number, &text);
    let peer = who.split_once('/').map_or("", |(_, peer)| peer);
    let body = json!({
        "agent": agent, "session": live.session(peer), "message_id": number.to_string(), "message": text,
    });
    let mut again = Again::default();
    let answer: Result<Chat, String> = loop {
        match live.api.post("/api/chat", &body).await {
            Ok(answer) => break Ok(answer),
            Err(e) if !may_succeed_later(&e) || !again.wait().await => break Err(e.to_string()),
            Err(_) => {}
        }
    };
    match answer {
        Ok(answer) => {
            live.wrote(&who, &text);
            if let Some(id) = &answer.conversation {
                live.is_called(&who, id);
            }
            // A message that was read with a later one is answered there.
            if let Some(reply) = answer.reply.filter(|_| answer.outcome != "merged") {
                live.tell("replied", &who, &reply.text);
            }
        }
        Err(how) => live.refused(&who, &text, how),
    }
    live.sent(&who, number);
}

#[async_trait]
impl Phone for LivePhone {
    async fn until(&self, age: Duration) {
        self.live.until(age).await;
    }

    fn age(&self) -> Duration {
        self.live.age()
    }

    async fn write(&self, number: u64, text: &str) {
        self.posts(number, text).await;
    }

    fn ear(&self) -> &Ear {
        &self.ear
    }

    fn chance(&self, of: &str, number: u64) -> f64 {
        self.live.seed.unit(of, &self.who, number)
    }

    /// The server's data cannot be seen.
    fn holds(&self, _: &Until) -> bool {
        false
    }

    async fn think(&self, nth: u64, request: CompletionRequest) -> CompletionResult {
        let Some(player) = self.player.clone() else {
            return Err(Failure::fatal("model.none", "nobody plays this person"));
        };
        let (who, begun) = (self.who.clone(), Instant::now());
        let asked = tokio::task::spawn_blocking(move || player.complete(&who, nth, &request)).await;
        let (answer, takes) =
            asked.unwrap_or_else(|_| (Err(Failure::fatal("model.none", "the player stopped")), Duration::ZERO));
        // A real model has taken this time already.
        tokio::time::sleep(takes.saturating_sub(begun.elapsed())).await;
        answer
    }

    fn off_script(&self, why: String) {
        self.live.note("off_script", &self.who, &why);
        self.live.broke(&self.who, &why);
    }
}
