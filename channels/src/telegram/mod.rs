//! Telegram Bot API: long polling (no public address needed) or a webhook, replies in HTML.

mod album;
mod api;
mod content;
mod decode;
mod draft;
mod edit;
mod rich;

use crate::{
    http::{ChannelOptions, Download, Http, rate},
    lenient::{id, text},
    markup::{self, Dialect},
};
use api::{Api, ApiError};
use async_trait::async_trait;
use colloquy_domain::{
    channel::{
        ChannelAccount, ChannelEvent, ChannelKind, Delivery, Draft, Fetched, Handshake, Pacing, Part, Polled, Replaced,
        SendError, Sent, SettingField, WebhookRejection, WebhookRequest,
    },
    failure::Failure,
    ids::ChannelId,
    message::Peer,
    outbound::Citation,
    ports::ChannelDriver,
    rich::Rich,
};
use decode::Bot;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use subtle::ConstantTimeEq;

const NAME: &str = "telegram";
/// UTF-16 units of a message, after its markup is parsed.
const LIMIT: usize = 4096;
/// Messages a second of one bot.
const RATE: u32 = 30;
/// Seconds that a poll is held open if the account does not say.
const POLL_SECONDS: u64 = 30;
/// The least time between two polls that bring nothing, for servers that do not hold them open.
const IDLE: Duration = Duration::from_millis(500);
const ALLOWED_UPDATES: [&str; 4] = ["message", "edited_message", "callback_query", "my_chat_member"];

const FIELDS: &[SettingField] = &[
    SettingField { name: "bot_token", required: true, secret: true, help: "Token of the bot, as BotFather gave it." },
    SettingField {
        name: "mode",
        required: false,
        secret: false,
        help: "`poll` (needs no public address) or `webhook`; poll if not set.",
    },
    SettingField {
        name: "webhook_secret",
        required: false,
        secret: true,
        help: "A word of your choice (A-Z a-z 0-9 _ -) that Telegram repeats with each webhook; needed for webhooks.",
    },
    SettingField {
        name: "bot_username",
        required: false,
        secret: false,
        help: "The bot's user name, by which it is called in groups; asked of Telegram if not set.",
    },
    SettingField {
        name: "poll_timeout_seconds",
        required: false,
        secret: false,
        help: "How long a poll is held open, 1 to 50 seconds; 30 if not set.",
    },
    SettingField {
        name: "messages_per_second",
        required: false,
        secret: false,
        help: "How many messages a second the bot may send; 30 if not set.",
    },
    SettingField {
        name: "streaming",
        required: false,
        secret: false,
        help: "Whether people see an answer while it is written, in private chats: `on` or `off`; on if not set.",
    },
    SettingField {
        name: "stream_edits",
        required: false,
        secret: false,
        help: "The same in groups, as a message that is edited until it is complete: `on` or `off`; on if not set.",
    },
    SettingField {
        name: "api_base",
        required: false,
        secret: false,
        help: "Address of the Bot API; https://api.telegram.org if not set.",
    },
];

pub(crate) struct Telegram {
    api: Api,
    /// User names that Telegram told, by account (a bot id could be claimed by another tenant's server): a cache,
    /// asked again after a restart.
    usernames: Mutex<BTreeMap<ChannelId, String>>,
    drafts: draft::Drafts,
    albums: album::Albums,
}

/// A bot's id is the first half of its token.
fn bot_id(account: &ChannelAccount) -> Option<&str> {
    let of_token = account.secret("bot_token").and_then(|t| t.split_once(':')).map(|(id, _)| id);
    of_token.or(account.external_id.as_deref())
}

impl Telegram {
    pub(crate) fn new(options: &ChannelOptions) -> Self {
        let (drafts, albums) = (draft::Drafts::default(), album::Albums::default());
        Self { api: Api::new(Http::new(options)), usernames: Mutex::default(), drafts, albums }
    }

    fn username(&self, account: &ChannelAccount) -> Option<String> {
        if let Some(name) = account.setting("bot_username").filter(|n| !n.is_empty()) {
            return Some(name.trim_start_matches('@').to_owned());
        }
        self.usernames.lock().unwrap_or_else(PoisonError::into_inner).get(&account.id).cloned()
    }

    async fn get_me(&self, account: &ChannelAccount) -> Result<String, ApiError> {
        let me = self.api.call(account, "getMe", &json!({})).await?;
        let name = text(&me, "/username").unwrap_or_default().to_owned();
        if !name.is_empty() {
            self.usernames.lock().unwrap_or_else(PoisonError::into_inner).insert(account.id, name.clone());
        }
        Ok(name)
    }

    fn decode(&self, account: &ChannelAccount, update: &Value) -> Vec<ChannelEvent> {
        let username = self.username(account);
        let bot = Bot { id: bot_id(account), username: username.as_deref() };
        let event = decode::event(update, &bot);
        match decode::album(update) {
            Some(album) => self.albums.gather(account.id, album, event, decode::heard(update, &bot)),
            None => vec![event],
        }
    }

    async fn get_updates(&self, account: &ChannelAccount, cursor: Option<&str>) -> Result<Value, ApiError> {
        let wait = account.setting("poll_timeout_seconds").and_then(|s| s.trim().parse().ok()).unwrap_or(POLL_SECONDS);
        let wait = wait.clamp(1, 50);
        let mut body = json!({"timeout": wait, "allowed_updates": ALLOWED_UPDATES});
        if let Some(offset) = cursor.and_then(|c| c.parse::<i64>().ok()) {
            body["offset"] = json!(offset);
        }
        self.api.call_waiting(account, "getUpdates", &body, Duration::from_secs(wait)).await
    }
}

/// Chat and, in a forum, topic.
fn target(address: &str) -> Option<(i64, Option<i64>)> {
    match address.split_once('/') {
        Some((chat, topic)) => Some((chat.parse().ok()?, Some(topic.parse().ok()?))),
        None => Some((address.parse().ok()?, None)),
    }
}

fn to(address: &str) -> Result<Value, Failure> {
    let (chat, topic) =
        target(address).ok_or_else(|| Failure::reject("telegram.bad_address", "the address is no chat id"))?;
    Ok(match topic {
        Some(topic) => json!({"chat_id": chat, "message_thread_id": topic}),
        None => json!({"chat_id": chat}),
    })
}

#[async_trait]
impl ChannelDriver for Telegram {
    fn kind(&self) -> ChannelKind {
        ChannelKind::of(NAME)
    }

    fn fields(&self) -> &'static [SettingField] {
        FIELDS
    }

    /// 30 a second for a bot, one a second to a chat after a short burst. The lower limit of groups (20 a minute) is
    /// left to Telegram's own `retry_after`.
    fn pacing(&self, account: &ChannelAccount) -> Pacing {
        Pacing { per_second: rate(account, RATE), peer_interval: Duration::from_secs(1), peer_burst: 3 }
    }

    fn handshake(&self, _account: &ChannelAccount, _request: &WebhookRequest<'_>) -> Handshake {
        Handshake::Unsupported
    }

    fn receive(
        &self,
        account: &ChannelAccount,
        request: &WebhookRequest<'_>,
    ) -> Result<Vec<ChannelEvent>, WebhookRejection> {
        let secret = account.secret("webhook_secret").unwrap_or_default();
        let token = request.headers.get("x-telegram-bot-api-secret-token").map_or("", String::as_str);
        let right: bool = token.as_bytes().ct_eq(secret.as_bytes()).into();
        if secret.is_empty() || !right {
            return Err(WebhookRejection::Unauthenticated);
        }
        let update: Value =
            serde_json::from_slice(request.body).map_err(|e| WebhookRejection::Malformed(format!("not JSON: {e}")))?;
        if !update.is_object() {
            return Err(WebhookRejection::Malformed("not a JSON object".to_owned()));
        }
        Ok(self.decode(account, &update))
    }

    fn render(&self, markdown: &str, citations: &[Citation]) -> Vec<Part> {
        markup::render(markdown, citations, Dialect::TelegramHtml, LIMIT)
    }

    fn render_rich(&self, rich: &Rich) -> Vec<Part> {
        rich::parts(rich, LIMIT).unwrap_or_else(|| self.render(&rich.words(), &[]))
    }

    /// In two steps: Telegram tells the path, for an hour. It hands out no file above 20 MB.
    async fn fetch(&self, account: &ChannelAccount, reference: &str, most: u64) -> Result<Fetched, Failure> {
        let told =
            self.api.call(account, "getFile", &json!({"file_id": reference})).await.map_err(ApiError::failure)?;
        let size = told.get("file_size").and_then(Value::as_u64);
        if size.is_some_and(|size| size > most) {
            return Err(Failure::reject("telegram.file_too_large", "the file is larger than it may be"));
        }
        let path = text(&told, "/file_path").ok_or_else(|| Failure::reject("telegram.no_file", "no path was told"))?;
        let file = self.api.file(Download::of(api::file_address(account, path)?, most)).await?;
        match file.status {
            200 => Ok(Fetched::File { bytes: file.bytes, mime: None }),
            429 | 500.. => Err(Failure::retry("telegram.no_file", format!("HTTP {}", file.status))),
            status => Err(Failure::reject("telegram.no_file", format!("HTTP {status}"))),
        }
    }

    async fn send(&self, delivery: Delivery<'_>) -> Result<Sent, SendError> {
        let mut body = to(&delivery.to.address).map_err(SendError::Refused)?;
        let (method, words, beside) = rich::call(delivery.part);
        for (name, value) in beside.as_object().into_iter().flatten() {
            body[name.as_str()] = value.clone();
        }
        if !delivery.part.text.is_empty() {
            let said = rich::place_of_words(method, &mut body);
            said[words] = json!(delivery.part.text);
            said["parse_mode"] = json!("HTML");
        }
        if method == "sendMessage" {
            body["link_preview_options"] = json!({"is_disabled": true});
        }
        self.drafts.spoke(delivery.account.id, delivery.to);
        // At most one change of chat and one of markup: each refusal proves that nothing was sent.
        let (mut moved, mut plain) = (false, false);
        loop {
            match self.api.send(delivery.account, method, &body, delivery.leaves_within).await {
                Ok(message) => {
                    let chat = id(&body, "/chat_id").unwrap_or_default();
                    // Of an album, the first file's stands for all.
                    let number = id(&message, "/message_id").or_else(|| id(&message, "/0/message_id"));
                    let provider_message_id = number.map(|m| decode::sent_id(&chat, &m));
                    return Ok(Sent { provider_message_id });
                }
                Err(ApiError::Refused(r)) if r.migrate_to.is_some() && !moved => {
                    moved = true;
                    body["chat_id"] = json!(r.migrate_to);
                }
                Err(ApiError::Refused(r)) if r.says("can't parse entities") && !plain => {
                    plain = true;
                    let said = rich::place_of_words(method, &mut body);
                    said[words] = json!(delivery.part.plain);
                    if let Some(said) = said.as_object_mut() {
                        said.remove("parse_mode");
                    }
                }
                Err(ApiError::Refused(r)) if r.says("message is not modified") => {
                    return Ok(Sent { provider_message_id: None });
                }
                // One file is none that Telegram takes, and so none of them went out: the others may.
                Err(ApiError::Refused(r)) if r.code == 400 && method == rich::ALBUM => {
                    return Err(SendError::Apart(ApiError::Refused(r).failure()));
                }
                Err(error) => return Err(error.send_error()),
            }
        }
    }

    /// Shows "typing" for 5 seconds. If the last message was a pressed button, its press is answered first, which
    /// stops the button's own sign of waiting.
    async fn typing(&self, account: &ChannelAccount, to_peer: &Peer, last_message: &str) -> Result<(), Failure> {
        let answered = match decode::callback_of(last_message) {
            Some(query) => {
                let body = json!({"callback_query_id": query});
                self.api.call(account, "answerCallbackQuery", &body).await.map(drop).map_err(ApiError::failure)
            }
            None => Ok(()),
        };
        let mut body = to(&to_peer.address)?;
        body["action"] = json!("typing");
        self.api.call(account, "sendChatAction", &body).await.map_err(ApiError::failure)?;
        answered
    }

    fn drafts_every(&self, account: &ChannelAccount, to: &Peer) -> Option<Duration> {
        self.drafts.every(account, to)
    }

    async fn draft(&self, draft: Draft<'_>) -> Result<(), Failure> {
        self.show(draft).await
    }

    fn amends(&self, to: &Peer) -> bool {
        edit::is_group(to)
    }

    fn amends_every(&self, account: &ChannelAccount, to: &Peer) -> Option<Duration> {
        self.drafts.edits_every(account, to)
    }

    async fn begin(&self, draft: Draft<'_>) -> Result<Sent, SendError> {
        self.send_so_far(draft).await
    }

    async fn amend(&self, draft: Draft<'_>, message: &str) -> Result<(), SendError> {
        self.edit_so_far(draft, message).await
    }

    async fn replace(&self, delivery: Delivery<'_>, message: &str) -> Result<Replaced, SendError> {
        self.edit_to_reply(delivery, message).await
    }

    async fn withdraw(&self, account: &ChannelAccount, _to: &Peer, message: &str) -> Result<(), Failure> {
        self.delete(account, message).await
    }

    fn polls(&self, account: &ChannelAccount) -> bool {
        account.setting("mode") != Some("webhook")
    }

    async fn poll(&self, account: &ChannelAccount, cursor: Option<String>) -> Result<Polled, Failure> {
        if self.username(account).is_none()
            && let Err(error) = self.get_me(account).await
        {
            // Only mentions in groups need the name: that is no reason to leave messages unread.
            let failure = error.failure();
            tracing::warn!(channel.id = %account.id, failure.code = failure.code, "bot name not known yet");
        }
        let began = tokio::time::Instant::now();
        let updates = match self.get_updates(account, cursor.as_deref()).await {
            Err(ApiError::Refused(r)) if r.code == 409 && r.description.to_ascii_lowercase().contains("webhook") => {
                tracing::info!(channel.id = %account.id, "webhook removed, because the account polls");
                self.api
                    .call(account, "deleteWebhook", &json!({"drop_pending_updates": false}))
                    .await
                    .map_err(ApiError::failure)?;
                self.get_updates(account, cursor.as_deref()).await
            }
            other => other,
        };
        let updates = updates.map_err(ApiError::failure)?;
        let updates = updates.as_array().map_or(&[][..], Vec::as_slice);
        if updates.is_empty() {
            tokio::time::sleep(IDLE.saturating_sub(began.elapsed())).await;
        }
        let last = updates.iter().filter_map(|u| u.get("update_id").and_then(Value::as_i64)).max();
        let cursor = last.map(|l| l.saturating_add(1).to_string()).or(cursor);
        Ok(Polled { events: updates.iter().flat_map(|u| self.decode(account, u)).collect(), cursor })
    }

    async fn register_webhook(&self, account: &ChannelAccount, url: &str) -> Result<bool, Failure> {
        if self.polls(account) {
            return Ok(false);
        }
        let secret = account
            .secret("webhook_secret")
            .filter(|s| !s.is_empty())
            .ok_or_else(|| Failure::fatal("telegram.bad_settings", "webhook_secret is not set"))?;
        let body = json!({"url": url, "secret_token": secret, "allowed_updates": ALLOWED_UPDATES});
        self.api.call(account, "setWebhook", &body).await.map_err(ApiError::failure)?;
        Ok(true)
    }

    async fn check(&self, account: &ChannelAccount) -> Result<String, Failure> {
        let name = self.get_me(account).await.map_err(ApiError::failure)?;
        Ok(if name.is_empty() { account.name.clone() } else { format!("@{name}") })
    }
}
