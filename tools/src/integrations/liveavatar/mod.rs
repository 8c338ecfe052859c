//! `LiveAvatar`, HeyGen's successor of its streaming API, in FULL mode
//! (<https://docs.liveavatar.com/docs/full-mode/overview>, <https://docs.liveavatar.com/openapi.json>; the same shapes in
//! `heygen-com/liveavatar-agent-skills`). A token names a session and opens nothing; `start` opens it. What the avatar says
//! is told by an event in the room, which only those who joined it can send.

use super::{
    avatars::{Studio, odd, trouble},
    http::{Spoken as Heard, address, call, keyed, request},
};
use async_trait::async_trait;
use colloquy_domain::{
    channel::Secret,
    commerce::{flow::Answer, settings::Avatar},
    ports::{Joined, Outside, Reserved, Spoken},
    video::{AvatarAccount, Join},
};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

const BASE: &str = "https://api.liveavatar.com";
const SERVICE: &str = "liveavatar";
/// Rows of a list that are asked for.
const MOST: usize = 100;

pub struct LiveAvatar<'a>(pub &'a dyn Outside);

fn at(account: &AvatarAccount, what: &[&str]) -> Result<Url, Answer> {
    let base = account.base_url.as_deref().unwrap_or(BASE);
    address(SERVICE, base, &[&["v1", "sessions"], what].concat())
}

/// The `data` of a success.
fn data(mut heard: Heard) -> Result<Value, Answer> {
    if heard.is_good() { Ok(heard.body["data"].take()) } else { Err(trouble(&heard, SERVICE)) }
}

fn text(data: &Value, name: &str) -> Result<String, Answer> {
    data[name].as_str().map(str::to_owned).ok_or_else(|| odd(SERVICE))
}

impl LiveAvatar<'_> {
    async fn post(&self, account: &AvatarAccount, what: &str, body: Value) -> Result<Value, Answer> {
        let asked = keyed("POST", &at(account, &[what])?, account.key.expose(), Some(body));
        data(call(self.0, SERVICE, asked).await?)
    }

    async fn running(&self, account: &AvatarAccount) -> Result<Vec<Value>, Answer> {
        let mut url = at(account, &[])?;
        url.query_pairs_mut().append_pair("type", "active").append_pair("page_size", &MOST.to_string());
        let mut data = data(call(self.0, SERVICE, keyed("GET", &url, account.key.expose(), None)).await?)?;
        match data["results"].take() {
            Value::Array(sessions) => Ok(sessions),
            _ => Err(odd(SERVICE)),
        }
    }
}

#[async_trait]
impl Studio for LiveAvatar<'_> {
    async fn reserve(&self, avatar: &Avatar) -> Result<Reserved, Answer> {
        let mut persona = json!({ "language": avatar.language });
        for (name, value) in [("voice_id", &avatar.voice), ("context_id", &avatar.context)] {
            if let Some(value) = value {
                persona[name] = json!(value);
            }
        }
        let body = json!({
            "mode": "FULL",
            "avatar_id": avatar.avatar,
            "avatar_persona": persona,
            "video_settings": { "quality": avatar.quality, "encoding": "VP8" },
            "max_session_duration": avatar.longest.as_secs(),
            // What is said into the microphone is not for a model of theirs: our agent answers.
            "interactivity_type": "PUSH_TO_TALK",
        });
        let data = self.post(&avatar.account, "token", body).await?;
        let grant = Some(Secret::new(text(&data, "session_token")?));
        Ok(Reserved { external: text(&data, "session_id")?, grant, join: None, longest: None })
    }

    async fn start(&self, account: &AvatarAccount, reserved: &Reserved) -> Result<Joined, Answer> {
        let grant = reserved.grant.as_ref().ok_or_else(|| odd(SERVICE))?;
        let asked = request("POST", &at(account, &["start"])?, grant.expose(), None, false);
        let data = data(call(self.0, SERVICE, asked).await?)?;
        let token = Secret::new(text(&data, "livekit_client_token")?);
        Ok(Joined {
            join: Join { url: text(&data, "livekit_url")?, token },
            longest: data["max_session_duration"].as_u64().map(Duration::from_secs),
        })
    }

    async fn stop(&self, account: &AvatarAccount, external: &str) -> Result<(), Answer> {
        self.post(account, "stop", json!({ "session_id": external, "reason": "USER_CLOSED" })).await.map(|_| ())
    }

    async fn look(&self, account: &AvatarAccount, external: &str) -> Result<bool, Answer> {
        let running = self.running(account).await?;
        let found = running.iter().any(|s| s["session_id"] == external || s["id"] == external);
        // It may stand on a page behind this one.
        if found || running.len() < MOST { Ok(found) } else { Err(odd(SERVICE)) }
    }

    /// Keeps the session alive, which ends five minutes after the last sign of life; the page has it say the words.
    async fn speak(&self, account: &AvatarAccount, external: &str, _words: &str) -> Result<Spoken, Answer> {
        self.post(account, "keep-alive", json!({ "session_id": external })).await?;
        Ok(Spoken::ByPage { topic: "agent-control", event: "avatar.speak_text" })
    }

    async fn test(&self, account: &AvatarAccount) -> Result<String, Answer> {
        Ok(format!("signed in; sessions running: {}", self.running(account).await?.len()))
    }
}
