//! Messenger: webhooks by Meta's app, replies through the Graph API, plain text only.

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

const NAME: &str = "messenger";
/// The app id of the inbox that Meta gives to each page.
const PAGE_INBOX: &str = "263902037430900";
/// Characters of a text message.
const LIMIT: usize = 2000;

const FIELDS: &[SettingField] = &[
    SettingField {
        name: "page_id",
        required: false,
        secret: false,
        help: "Id of the page; the one that the access token belongs to if neither this nor the external id is set.",
    },
    SettingField {
        name: "app_id",
        required: true,
        secret: false,
        help: "Id of your app: words that the page sends through another app are a person's, and silence the agent.",
    },
    SettingField {
        name: "hand_over_to",
        required: false,
        secret: false,
        help: "Where people answer who take over from the agent: `page_inbox`, or the id of another app. If not set, they answer in this console.",
    },
    meta::ACCESS_TOKEN,
    meta::APP_SECRET,
    meta::VERIFY_TOKEN,
    meta::HUMAN_AGENT,
    meta::MESSAGES_PER_SECOND,
    meta::GRAPH_VERSION,
    meta::API_BASE,
];

pub(crate) struct Messenger {
    graph: Graph,
}

impl Messenger {
    pub(crate) fn new(options: &ChannelOptions) -> Self {
        Self { graph: Graph::new(Http::new(options), NAME, meta::classify) }
    }

    fn control<'a>(&'a self, account: &'a ChannelAccount) -> Control<'a> {
        Control { graph: &self.graph, name: NAME, page: page(account).unwrap_or("me") }
    }

    async fn post(&self, account: &ChannelAccount, body: &Value) -> Result<Value, meta::CallError> {
        self.graph.post(account, &[page(account).unwrap_or("me"), "messages"], body).await
    }
}

fn page(account: &ChannelAccount) -> Option<&str> {
    meta::account_id(account, "page_id")
}

fn own(account: &ChannelAccount) -> Own<'_> {
    Own {
        platform: Platform::Page,
        account: page(account),
        app: account.setting("app_id"),
        hands_to: hands_to(account),
    }
}

fn hands_to(account: &ChannelAccount) -> Option<&str> {
    meta::hands_to(account, ("page_inbox", PAGE_INBOX))
}

#[async_trait]
impl ChannelDriver for Messenger {
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
        Pacing { per_second: rate(account, 300), peer_interval: Duration::ZERO, peer_burst: 1 }
    }

    fn own_id<'a>(&self, account: &'a ChannelAccount) -> Option<&'a str> {
        page(account)
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
        markup::render(markdown, citations, Dialect::Plain, LIMIT)
    }

    fn render_rich(&self, rich: &Rich) -> Vec<Part> {
        let shown = || meta::parts(rich, Platform::Page, Dialect::Plain, LIMIT);
        self.render_each(rich).or_else(shown).unwrap_or_else(|| self.render(&rich.words(), &[]))
    }

    /// The address that the payload named.
    async fn fetch(&self, _account: &ChannelAccount, reference: &str, _most: u64) -> Result<Fetched, Failure> {
        Ok(Fetched::At(reference.to_owned()))
    }

    async fn send(&self, delivery: Delivery<'_>) -> Result<Sent, SendError> {
        let mut body = meta::tagged(NAME, &delivery)?;
        body["recipient"] = json!({"id": delivery.to.address});
        body["message"] = meta::compose(&delivery, Platform::Page);
        let path = [page(delivery.account).unwrap_or("me"), "messages"];
        let answer = self.control(delivery.account).send(&delivery, &path, &body).await?;
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
        self.control(account).pass(account, to, app).await
    }

    async fn take_control(&self, account: &ChannelAccount, to: &Peer) -> Result<(), Failure> {
        self.control(account).take(account, to).await
    }

    async fn poll(&self, _account: &ChannelAccount, _cursor: Option<String>) -> Result<Polled, Failure> {
        Err(Failure::fatal("messenger.not_polled", "Messenger delivers by webhook only"))
    }

    async fn token_expires(&self, account: &ChannelAccount) -> Result<Option<Timestamp>, Failure> {
        self.graph.token_expires(account).await.map_err(|e| e.failure(NAME))
    }

    async fn check(&self, account: &ChannelAccount) -> Result<String, Failure> {
        let page = page(account).unwrap_or("me");
        let answer = self.graph.get(account, &[page], "name").await.map_err(|e| e.failure(NAME))?;
        Ok(text(&answer, "/name").unwrap_or(page).to_owned())
    }
}
