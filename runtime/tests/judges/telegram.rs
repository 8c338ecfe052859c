//! Telegram: npm's `telegram-test-api` is the Bot API and the people who write to the bot.

use crate::{
    install,
    judge::Judge,
    support::{
        server::{Place, Server},
        wait::{USUAL, until},
    },
};
use axum::{Router, body::Bytes, extract::State, http::Uri};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    process::Command,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::sleep,
};

const TOKEN: &str = "666:the-bot-token";
const SECRET: &str = "the_webhook_secret";
const PERSON: u64 = 41;
/// How soon an update that was not accepted is delivered again.
const AGAIN: Duration = Duration::from_millis(100);

/// Telegram's delivery of webhooks, which the judge does more simply than Telegram: it sends no secret token, and gives
/// an update up when nobody takes it. This stands between the two, adds the header, and delivers each update in its
/// turn until it is accepted, and then once more, as happens where an answer gets lost.
struct Courier {
    url: String,
    /// Where the product is at the moment.
    product: Arc<Mutex<String>>,
    delivered: Arc<AtomicUsize>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

type Update = (Uri, Bytes);

impl Courier {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, updates) = unbounded_channel();
        let take = async |State(sender): State<UnboundedSender<Update>>, uri: Uri, body: Bytes| {
            sender.send((uri, body)).unwrap();
        };
        let router = Router::new().fallback(take).with_state(sender);
        let (product, delivered) = (Arc::default(), Arc::default());
        let tasks = [
            tokio::spawn(async { axum::serve(listener, router).await.unwrap() }),
            tokio::spawn(deliver(updates, Arc::clone(&product), Arc::clone(&delivered))),
        ];
        Self { url, product, delivered, tasks }
    }

    fn leads_to(&self, url: &str) {
        url.clone_into(&mut self.product.lock().unwrap());
    }
}

async fn deliver(mut updates: UnboundedReceiver<Update>, product: Arc<Mutex<String>>, delivered: Arc<AtomicUsize>) {
    let client = Client::new();
    while let Some((uri, body)) = updates.recv().await {
        for _ in 0..2 {
            loop {
                let url = format!("{}{}", product.lock().unwrap(), uri.path());
                let request = client.post(url).header("content-type", "application/json");
                let request = request.header("x-telegram-bot-api-secret-token", SECRET).body(body.clone());
                if request.send().await.is_ok_and(|r| r.status().is_success()) {
                    break;
                }
                sleep(AGAIN).await;
            }
            delivered.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// The product with a bot that echoes, the judge, and the courier if the bot is called by webhooks.
struct Bot {
    judge: Judge,
    server: Server,
    courier: Option<Courier>,
    channel: String,
}

impl Bot {
    async fn start(webhook: bool) -> Self {
        let modules = install::node_modules();
        let mut command = Command::new("node");
        let mut judge = Judge::start(command.arg(install::script("telegram.cjs")).env("NODE_PATH", modules));
        let telegram = judge.ask("url", json!({})).await;
        let mut place = Place::default();
        let courier = if webhook { Some(Courier::start().await) } else { None };
        if let Some(courier) = &courier {
            place = place.with("COLLOQUY_PUBLIC_URL", &courier.url);
        }
        let server = Server::start_on(place).await;
        if let Some(courier) = &courier {
            courier.leads_to(&server.api.url);
        }
        server.api.agent("Echo", "scripted", &[]).await;
        let settings = json!({
            "bot_token": TOKEN, "api_base": telegram, "webhook_secret": SECRET, "poll_timeout_seconds": "1",
            "mode": if webhook { "webhook" } else { "poll" },
        });
        let body = json!({ "kind": "telegram", "name": "Judged", "agent": "Echo", "settings": settings });
        let made = server.api.post("/api/channels", &body).await.data();
        assert_eq!(made["webhook_registered"], webhook, "{made}");
        let channel = made["id"].as_str().unwrap().to_owned();
        Self { judge, server, courier, channel }
    }

    async fn restart(&mut self) {
        self.server.restart().await;
        if let Some(courier) = &self.courier {
            courier.leads_to(&self.server.api.url);
        }
    }

    async fn ask(&mut self, question: &str, mut particulars: Value) -> Value {
        particulars["token"] = json!(TOKEN);
        if particulars.get("chat").is_none() {
            particulars["chat"] = json!(PERSON);
        }
        self.judge.ask(question, particulars).await
    }

    async fn write(&mut self, text: &str) {
        self.ask("text", json!({ "text": text })).await;
    }

    /// All texts that were sent to the chat, in order.
    async fn texts(&mut self, chat: u64) -> Vec<String> {
        let sent = self.ask("sent", json!({})).await;
        let to = sent.as_array().unwrap().iter().filter(|m| m["chat_id"] == chat);
        to.map(|m| m["text"].as_str().unwrap().to_owned()).collect()
    }

    async fn until_last_text(&mut self, text: &str) {
        until(text, async || (self.texts(PERSON).await.last().is_some_and(|t| t == text)).then_some(())).await;
    }

    async fn lines(&self, chat: u64) -> Vec<Value> {
        let conversation = self.server.api.conversation(&chat.to_string()).await;
        match conversation {
            Some(c) => self.server.api.transcript(c["id"].as_str().unwrap()).await,
            None => Vec::new(),
        }
    }

    async fn idle(&self) {
        self.server.idle(USUAL).await;
    }
}

/// Text, command and pressed button, in either mode.
async fn answers_all_kinds(webhook: bool) {
    let mut bot = Bot::start(webhook).await;
    let checked = bot.server.api.post(&format!("/api/channels/{}/test", bot.channel), &json!({})).await.data();
    assert_eq!(checked, json!({ "connected": true, "account": "@TestNameBot", "token_expires_at": null }));

    bot.write("Are *you* <open> & awake?").await;
    bot.until_last_text("Are <i>you</i> &lt;open&gt; &amp; awake?").await;
    bot.ask("command", json!({ "text": "/start ref" })).await;
    bot.until_last_text("/start ref").await;
    let button = json!({ "text": "Book it", "callback_data": "book:7" });
    let message = json!({ "message_id": 900, "text": "Shall I?", "reply_markup": { "inline_keyboard": [[button]] } });
    bot.ask("callback", json!({ "data": "book:7", "message": message })).await;
    bot.until_last_text("Book it").await;
    bot.idle().await;

    let lines = bot.lines(PERSON).await;
    let seen: Vec<_> = lines.iter().map(|l| (l["speaker"].as_str().unwrap(), l["kind"].as_str().unwrap())).collect();
    let expected = ["text", "command", "choice"].iter().flat_map(|kind| [("person", *kind), ("agent", "text")]);
    assert_eq!(seen, expected.collect::<Vec<_>>(), "{lines:?}");
    assert_eq!(bot.texts(PERSON).await.len(), 3, "nothing was said twice");
    let answered = bot.ask("calls", json!({ "method": "answerCallbackQuery" })).await;
    let answered = answered.as_array().unwrap();
    assert!(!answered.is_empty(), "the button no longer waits");
    assert!(answered.iter().all(|c| c["status"] == 200 && c["body"]["callback_query_id"] == "1"), "{answered:?}");
    // The judge knows no typing and answers 500: nothing came of it.
    let typing = bot.ask("calls", json!({ "method": "sendChatAction" })).await;
    assert!(typing.as_array().unwrap().iter().any(|c| c["status"] == 500), "{typing}");
    let dead = bot.server.api.list("/api/dead-letters", "dead_letters").await;
    assert!(dead.is_empty(), "{dead:?}");
}

// req: C-CHN-1
// req: S1-WHK-1
#[tokio::test]
async fn by_long_poll_text_command_and_button_are_answered() {
    answers_all_kinds(false).await;
}

// req: C-CHN-1
// req: S1-WHK-1
// req: S2-WHK-4
#[tokio::test]
async fn by_webhook_text_command_and_button_are_answered() {
    answers_all_kinds(true).await;
}

/// A burst of two people, then a kill at a moment when something is taken in and unanswered, and messages that come
/// while nobody is there.
async fn loses_nothing(webhook: bool) {
    let mut bot = Bot::start(webhook).await;
    let people = [PERSON, 42];
    for n in 0..4 {
        for chat in people {
            bot.ask("text", json!({ "chat": chat, "text": format!("{chat} burst {n}") })).await;
        }
    }
    // Taken in by the product, and, by its pace for one chat, surely not all answered.
    until("the burst in the product", async || {
        let waiting = bot.ask("unread", json!({})).await;
        let delivered = bot.courier.as_ref().is_none_or(|c| c.delivered.load(Ordering::SeqCst) >= 2 * 8);
        let lines = [bot.lines(people[0]).await, bot.lines(people[1]).await].concat();
        let taken = lines.iter().filter(|l| l["speaker"] == "person").count();
        (waiting == 0 && delivered && taken == 8).then_some(())
    })
    .await;
    bot.server.kill().await;
    // A last poll of the killed process is out of the judge's way before it is asked anything else.
    bot.ask("unread", json!({})).await;
    for n in 0..3 {
        bot.write(&format!("{PERSON} down {n}")).await;
    }
    bot.restart().await;
    until("all messages in the product", async || {
        let taken = bot.lines(PERSON).await.iter().filter(|l| l["speaker"] == "person").count();
        (taken == 7).then_some(())
    })
    .await;
    bot.idle().await;
    bot.write("still there?").await;
    bot.until_last_text("still there?").await;
    bot.idle().await;

    for chat in people {
        let own = if chat == PERSON { 3 } else { 0 };
        let mut written: Vec<String> = (0..4).map(|n| format!("{chat} burst {n}")).collect();
        written.extend((0..own).map(|n| format!("{chat} down {n}")));
        written.extend((own > 0).then(|| "still there?".to_owned()));
        every_message_is_settled_once(&mut bot, chat, &written).await;
    }
    let letters = bot.server.api.list("/api/dead-letters", "dead_letters").await;
    assert!(letters.iter().all(|l| l["what"] != "message"), "{letters:?}");
}

/// Checks that exactly these messages are in the chat's conversation and answered, in order, and that the judge got no
/// reply twice and every one that is not of unknown outcome.
async fn every_message_is_settled_once(bot: &mut Bot, chat: u64, written: &[String]) {
    let lines = bot.lines(chat).await;
    let people: Vec<&Value> = lines.iter().filter(|l| l["speaker"] == "person").collect();
    let said: Vec<&str> = people.iter().map(|l| l["text"].as_str().unwrap()).collect();
    assert_eq!(said, written, "every message, in order, once");
    let settled = |l: &&Value| ["answered", "merged"].iter().any(|o| l["outcome"]["outcome"] == *o);
    assert!(people.iter().all(settled), "{people:?}");
    let texts = bot.texts(chat).await;
    let places: Vec<_> = texts.iter().map(|t| written.iter().position(|w| w == t)).collect();
    let ascending = places.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(places.iter().all(Option::is_some) && ascending, "in order, none twice: {texts:?}");
    let replies: Vec<&Value> = lines.iter().filter(|l| l["speaker"] == "agent").collect();
    // A reply that was on its way when the product was killed: it may have arrived, and is not sent again.
    let unclear = replies.iter().filter(|l| l["status"] == "uncertain").count();
    let missing = replies.iter().filter(|l| !texts.iter().any(|t| l["text"] == **t));
    assert!(missing.clone().all(|l| l["status"] == "uncertain"), "{texts:?} {lines:?}");
    assert!(unclear <= 1, "one reply at a time is on its way to a chat: {lines:?}");
}

// req: C-CHN-1
// req: S2-WHK-4
// req: S3-JOB-3
#[tokio::test]
async fn by_long_poll_nothing_is_lost_or_said_twice_through_a_kill() {
    loses_nothing(false).await;
}

// req: C-CHN-1
// req: S2-WHK-4
// req: S3-JOB-3
#[tokio::test]
async fn by_webhook_nothing_is_lost_or_said_twice_through_a_kill() {
    loses_nothing(true).await;
}

// req: S2-WHK-5
#[tokio::test]
async fn what_the_judge_sends_without_the_secret_token_is_refused() {
    let mut bot = Bot::start(true).await;
    let registered = bot.ask("webhook", json!({})).await;
    let courier = bot.courier.as_ref().unwrap();
    assert_eq!(registered["url"], json!(format!("{}/webhooks/{}", courier.url, bot.channel)));
    assert_eq!(registered["secret_token"], SECRET);
    let update = json!({ "update_id": 1, "message": { "message_id": 1, "chat": { "id": PERSON, "type": "private" }, "text": "let me in" } });
    for secret in [None, Some("another")] {
        let mut request = bot.server.api.bare(Method::POST, &format!("/webhooks/{}", bot.channel)).json(&update);
        if let Some(secret) = secret {
            request = request.header("x-telegram-bot-api-secret-token", secret);
        }
        assert_eq!(bot.server.api.attempt(request).await.unwrap().status, StatusCode::UNAUTHORIZED);
    }
    bot.idle().await;
    assert!(bot.lines(PERSON).await.is_empty());
}
