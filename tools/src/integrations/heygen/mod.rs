//! HeyGen's streaming API, version 2, over `LiveKit` (<https://docs.heygen.com/reference/new-session>, `start-session`,
//! `send-task`, `close-session`, `list-sessions`; the same shapes in `HeyGen-Official/StreamingAvatarSDK`). HeyGen is
//! replacing it by `LiveAvatar`. A new session runs at once, and ends by itself when nobody uses it for
//! `activity_idle_timeout` seconds.

use super::{
    avatars::{Studio, odd, trouble},
    http::{Spoken as Heard, address, call, keyed},
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

const BASE: &str = "https://api.heygen.com";
const SERVICE: &str = "heygen";
/// What `activity_idle_timeout` may be, in seconds.
const IDLE: (u64, u64) = (30, 3_600);
/// "Session does not exist".
const NO_SESSION: i64 = 400_004;

pub struct HeyGen<'a>(pub &'a dyn Outside);

impl HeyGen<'_> {
    /// The `data` of a success.
    async fn ask(
        &self,
        account: &AvatarAccount,
        method: &'static str,
        what: &str,
        body: Option<Value>,
    ) -> Result<Value, Answer> {
        let url = address(SERVICE, account.base_url.as_deref().unwrap_or(BASE), &["v1", what])?;
        let mut heard = call(self.0, SERVICE, keyed(method, &url, account.key.expose(), body)).await?;
        if heard.is_good() { Ok(heard.body["data"].take()) } else { Err(refused(&heard)) }
    }

    async fn running(&self, account: &AvatarAccount) -> Result<Vec<Value>, Answer> {
        let mut data = self.ask(account, "GET", "streaming.list", None).await?;
        // None at all is told by null.
        match data["sessions"].take() {
            Value::Array(sessions) => Ok(sessions),
            Value::Null if data.is_object() => Ok(Vec::new()),
            _ => Err(odd(SERVICE)),
        }
    }
}

fn refused(heard: &Heard) -> Answer {
    if heard.body["code"].as_i64() == Some(NO_SESSION) {
        return Answer::Refused { code: format!("{SERVICE}.not_found") };
    }
    trouble(heard, SERVICE)
}

#[async_trait]
impl Studio for HeyGen<'_> {
    async fn reserve(&self, avatar: &Avatar) -> Result<Reserved, Answer> {
        let mut body = json!({
            "version": "v2",
            "avatar_id": avatar.avatar,
            "quality": avatar.quality,
            "disable_idle_timeout": false,
            "activity_idle_timeout": avatar.idle.as_secs().clamp(IDLE.0, IDLE.1),
        });
        if let Some(voice) = &avatar.voice {
            body["voice"] = json!({ "voice_id": voice });
        }
        let data = self.ask(&avatar.account, "POST", "streaming.new", Some(body)).await?;
        let text = |name: &str| data[name].as_str().map(str::to_owned).ok_or_else(|| odd(SERVICE));
        Ok(Reserved {
            external: text("session_id")?,
            grant: None,
            join: Some(Join { url: text("url")?, token: Secret::new(text("access_token")?) }),
            longest: data["session_duration_limit"].as_u64().map(Duration::from_secs),
        })
    }

    async fn start(&self, account: &AvatarAccount, reserved: &Reserved) -> Result<Joined, Answer> {
        let body = json!({ "session_id": reserved.external });
        self.ask(account, "POST", "streaming.start", Some(body)).await?;
        let join = reserved.join.clone().ok_or_else(|| odd(SERVICE))?;
        Ok(Joined { join, longest: reserved.longest })
    }

    async fn stop(&self, account: &AvatarAccount, external: &str) -> Result<(), Answer> {
        self.ask(account, "POST", "streaming.stop", Some(json!({ "session_id": external }))).await.map(|_| ())
    }

    async fn look(&self, account: &AvatarAccount, external: &str) -> Result<bool, Answer> {
        Ok(self.running(account).await?.iter().any(|s| s["session_id"] == external))
    }

    /// Word for word: `repeat`, where `chat` would let a model of HeyGen's answer.
    async fn speak(&self, account: &AvatarAccount, external: &str, words: &str) -> Result<Spoken, Answer> {
        let body = json!({ "session_id": external, "text": words, "task_type": "repeat", "task_mode": "async" });
        self.ask(account, "POST", "streaming.task", Some(body)).await.map(|_| Spoken::ByProvider)
    }

    async fn test(&self, account: &AvatarAccount) -> Result<String, Answer> {
        Ok(format!("signed in; sessions running: {}", self.running(account).await?.len()))
    }
}
