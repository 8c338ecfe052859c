//! What the server says of the conversations, over its API.

use super::live::{Live, Way};
use colloquy_domain::model::Speaker;
use colloquy_sim::{against::Line, scenario::Scenario};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often it is looked whether everything has come to rest.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A conversation that is not there yet is waited for this long.
const APPEARS: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Conversation {
    id: String,
    channel: String,
    peer: String,
}

#[derive(Deserialize)]
struct Message {
    position: u64,
    speaker: Speaker,
    text: String,
    turn: Option<u32>,
    outcome: Option<Value>,
    status: Option<String>,
    #[serde(default)]
    abstained: bool,
}

impl From<Message> for Line {
    fn from(m: Message) -> Self {
        let outcome = m.outcome.and_then(|o| {
            let turn = o["turn"].as_u64().and_then(|t| u32::try_from(t).ok());
            Some((o["outcome"].as_str()?.to_owned(), turn))
        });
        Self { speaker: m.speaker, text: m.text, turn: m.turn, outcome, status: m.status, abstained: m.abstained }
    }
}

/// Reads all transcripts until nothing is under way any more, or for as long as `settle`.
pub async fn comes_to_rest(live: &Live, scenario: &Scenario, settle: Duration) {
    let end = Instant::now() + settle;
    loop {
        let mut rests = live.is_quiet();
        for conversation in &scenario.conversations {
            let who = format!("{}/{}", conversation.channel, conversation.peer);
            rests &= read(live, &who, &conversation.channel, &conversation.peer).await;
        }
        if rests || Instant::now() >= end {
            return;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Whether everything that the person wrote has an outcome, and every reply went as far as it can.
async fn read(live: &Live, who: &str, channel: &str, peer: &str) -> bool {
    let Some(id) = id(live, who, channel, peer).await else { return live.written(who) == 0 };
    let path = format!("/api/conversations/{id}/messages");
    let Ok(mut messages) = live.api.list::<Message>(&path, "messages", &[]).await else { return false };
    messages.sort_by_key(|m| m.position);
    let lines: Vec<Line> = messages.into_iter().map(Line::from).collect();
    let tells = matches!(live.way(channel), Some(Way::Provider { connected, .. }) if connected.kind() == "whatsapp");
    let on_its_way = |status: &str| status == "queued" || tells && status == "sent";
    let rests = lines.iter().all(|l| match l.speaker {
        Speaker::Person => l.outcome.is_some(),
        Speaker::Agent | Speaker::Operator => !l.status.as_deref().is_some_and(on_its_way),
    });
    let persons = lines.iter().filter(|l| l.speaker == Speaker::Person).count();
    live.read(who, lines);
    rests && persons >= live.written(who)
}

/// The server's id of the conversation, once it has one.
async fn id(live: &Live, who: &str, channel: &str, peer: &str) -> Option<String> {
    if let Some(id) = live.id(who) {
        return Some(id);
    }
    let (channel, peer) = match live.way(channel)? {
        // The web chat tells it with its first answer; until then it is found by the session.
        Way::Webchat { .. } => (None, live.session(peer)),
        Way::Provider { id, .. } => (Some(id.as_str()), peer.to_owned()),
    };
    let all: Vec<Conversation> = live.api.list("/api/conversations", "conversations", &[]).await.ok()?;
    let found = all.into_iter().find(|c| c.peer == peer && channel.is_none_or(|id| c.channel == id))?;
    live.is_called(who, &found.id);
    Some(found.id)
}

/// A person of the team takes the conversation, or gives it back.
pub async fn set_mode(live: &Live, channel: &str, peer: &str, mode: &str) {
    let who = format!("{channel}/{peer}");
    let end = Instant::now() + APPEARS;
    let found = loop {
        match id(live, &who, channel, peer).await {
            Some(id) => break Some(id),
            None if Instant::now() >= end => break None,
            None => sleep(LOOK_EVERY).await,
        }
    };
    let Some(id) = found else {
        return live.not_done(format!("{who} could not be given to {mode}: there is no such conversation yet"));
    };
    live.note(if mode == "operator" { "take_over" } else { "give_back" }, &who, "");
    let told: Result<Value, _> = live.api.patch(&format!("/api/conversations/{id}"), &json!({ "mode": mode })).await;
    if let Err(e) = told {
        live.not_done(format!("{who} could not be given to {mode}: {e}"));
    }
}
