//! Instagram Direct: Messenger's platform with limits of its own; on graph.facebook.com with a linked page, or on
//! graph.instagram.com with a login of its own.

use crate::{
    http::{ChannelOptions, Http, rate},
    lenient::text,
    markup::{self, Dialect},
    meta::{self, Control, Graph, Own, Platform},
};
use async_trait::async_trait;
use colloquy_domain::{
    channel::{
        ChannelAccount, ChannelEvent, ChannelKind, Delivery, Fetched, Handshake, Pacing, Part, Polled, SendError, Sent,
        SettingField, WebhookRejection, WebhookRequest,
    },
    failure::Failure,
    message::Peer,
    outbound::Citation,
    ports::ChannelDriver,
    rich::Rich,
    time::Timestamp,
};
use serde_json::{Value, json};
use std::time::Duration;

const NAME: &str = "instagram";
/// The app id of the inbox that Meta gives to each professional account.
const INBOX: &str = "1217981644879628";
/// Where accounts without a page log in: there, no other program shares conversations.
const WITHOUT_PAGE: &str = "graph.instagram.com";
/// UTF-8 bytes of a text message.
const LIMIT: usize = 1000;

const FIELDS: &[SettingField] = &[
    SettingField {
        name: "instagram_id",
        required: false,
        secret: false,
        help: "Id of the professional account; the one that the access token belongs to if neither this nor the external id is set.",
    },
    SettingField {
        name: "app_id",
        required: false,
        secret: false,
        help: "Id of your app: words that the account sends through another app are a person's, and silence the agent.",
    },
    SettingField {
        name: "hand_over_to",
        required: false,
        secret: false,
        help: "Where people answer who take over from the agent: `instagram_inbox`, or the id of another app. If not set, they answer in this console. Only for accounts that are linked to a page.",
    },
    meta::ACCESS_TOKEN,
    meta::APP_SECRET,
    meta::VERIFY_TOKEN,
    meta::HUMAN_AGENT,
    meta::MESSAGES_PER_SECOND,
    meta::GRAPH_VERSION,
    meta::API_BASE,
];

pub(crate) struct Instagram {
    graph: Graph,
}

impl Instagram {
    pub(crate) fn new(options: &ChannelOptions) -> Self {
        Self { graph: Graph::new(Http::new(options), NAME, meta::classify) }
    }

    /// At the page that the access token is of.
    fn control(&self) -> Control<'_> {
        Control { graph: &self.graph, name: NAME, page: "me" }
    }

    async fn post(&self, account: &ChannelAccount, body: &Value) -> Result<Value, meta::CallError> {
        self.graph.post(account, &[professional(account).unwrap_or("me"), "messages"], body).await
    }
}

fn professional(account: &ChannelAccount) -> Option<&str> {
    meta::account_id(account, "instagram_id")
}

fn own(account: &ChannelAccount) -> Own<'_> {
    Own {
        platform: Platform::Instagram,
        account: professional(account),
        app: account.setting("app_id"),
        hands_to: hands_to(account),
    }
}

fn has_page(account: &ChannelAccount) -> bool {
    !account.setting("api_base").is_some_and(|base| base.contains(WITHOUT_PAGE))
}

fn hands_to(account: &ChannelAccount) -> Option<&str> {
    meta::hands_to(account, ("instagram_inbox", INBOX)).filter(|_| has_page(account))
}

#[async_trait]
impl ChannelDriver for Instagram {
    fn kind(&self) -> ChannelKind {
        ChannelKind::of(NAME)
    }

    fn fields(&self) -> &'static [SettingField] {
        FIELDS
    }

    fn reply_window(&self) -> Option<Duration> {
        Some(meta::WINDOW)
    }

    fn pacing(&self, account: &ChannelAccount) -> Pacing {
        Pacing { per_second: rate(account, 100), peer_interval: Duration::ZERO, peer_burst: 1 }
    }

    fn own_id<'a>(&self, account: &'a ChannelAccount) -> Option<&'a str> {
        professional(account)
    }

    fn person_window(&self, account: &ChannelAccount) -> Option<Duration> {
        Some(meta::person_window(account))
    }

    fn handshake(&self, account: &ChannelAccount, request: &WebhookRequest<'_>) -> Handshake {
        meta::handshake(account, request)
    }

    fn receive(
        &self,
        account: &ChannelAccount,
        request: &WebhookRequest<'_>,
    ) -> Result<Vec<ChannelEvent>, WebhookRejection> {
        let payload = meta::verified(account, request)?;
        Ok(meta::events(&payload, own(account)))
    }

    fn render(&self, markdown: &str, citations: &[Citation]) -> Vec<Part> {
        markup::render(markdown, citations, Dialect::Instagram, LIMIT)
    }

    fn render_rich(&self, rich: &Rich) -> Vec<Part> {
        let shown = || meta::parts(rich, Platform::Instagram, Dialect::Instagram, LIMIT);
        self.render_each(rich).or_else(shown).unwrap_or_else(|| self.render(&rich.words(), &[]))
    }

    /// The address that the payload named.
    async fn fetch(&self, _account: &ChannelAccount, reference: &str, _most: u64) -> Result<Fetched, Failure> {
        Ok(Fetched::At(reference.to_owned()))
    }

    async fn send(&self, delivery: Delivery<'_>) -> Result<Sent, SendError> {
        let mut body = meta::tagged(NAME, &delivery)?;
        body["recipient"] = json!({"id": delivery.to.address});
        body["message"] = meta::compose(&delivery, Platform::Instagram);
        let path = [professional(delivery.account).unwrap_or("me"), "messages"];
        let answer = self.control().send(&delivery, &path, &body).await?;
        Ok(Sent { provider_message_id: text(&answer, "/message_id").map(str::to_owned) })
    }

    /// Marks what was written as seen, and shows "typing".
    async fn typing(&self, account: &ChannelAccount, to: &Peer, _last_message: &str) -> Result<(), Failure> {
        for action in ["mark_seen", "typing_on"] {
            let body = json!({"recipient": {"id": to.address}, "sender_action": action});
            self.post(account, &body).await.map_err(|e| e.failure(NAME))?;
        }
        Ok(())
    }

    fn passes_control(&self, account: &ChannelAccount) -> bool {
        hands_to(account).is_some()
    }

    async fn pass_control(&self, account: &ChannelAccount, to: &Peer) -> Result<(), Failure> {
        let Some(app) = hands_to(account) else { return Ok(()) };
        self.control().pass(account, to, app).await
    }

    async fn take_control(&self, account: &ChannelAccount, to: &Peer) -> Result<(), Failure> {
        if has_page(account) { self.control().take(account, to).await } else { Ok(()) }
    }

    async fn poll(&self, _account: &ChannelAccount, _cursor: Option<String>) -> Result<Polled, Failure> {
        Err(Failure::fatal("messenger.not_polled", "Instagram delivers by webhook only"))
    }

    async fn token_expires(&self, account: &ChannelAccount) -> Result<Option<Timestamp>, Failure> {
        self.graph.token_expires(account).await.map_err(|e| e.failure(NAME))
    }

    async fn check(&self, account: &ChannelAccount) -> Result<String, Failure> {
        let own = professional(account).unwrap_or("me");
        let answer = self.graph.get(account, &[own], "username").await.map_err(|e| e.failure(NAME))?;
        Ok(text(&answer, "/username").map_or_else(|| own.to_owned(), |name| format!("@{name}")))
    }
}
