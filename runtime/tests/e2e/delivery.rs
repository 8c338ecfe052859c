//! From a WhatsApp message to its reply at the Graph API: once, in order, through the provider's troubles.

use crate::support::{
    graph::{Fault, Graph},
    meta::{self, Text},
    server::Server,
    wait::{USUAL, until},
};
use serde_json::{Value, json};
use std::time::Duration;

const PERSON: &str = "15550007";

/// A server with a WhatsApp number that echoes, and the stand-in for Meta.
struct Shop {
    graph: Graph,
    server: Server,
    channel: String,
}

impl Shop {
    async fn open() -> Self {
        let graph = Graph::start().await;
        let server = Server::start().await;
        server.api.agent("Echo", "scripted", &[]).await;
        let channel = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;
        Self { graph, server, channel }
    }

    async fn deliver(&self, payload: &Value) {
        let answer = meta::deliver(&self.server.api, &self.channel, payload).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    async fn write(&self, id: &str, text: &str) {
        self.deliver(&meta::texts(&[Text::new(PERSON, id, text)])).await;
    }

    async fn idle(&self) {
        self.server.idle(USUAL).await;
    }

    /// The lines of the agent in the conversation with [`PERSON`].
    async fn replies(&self) -> Vec<Value> {
        let Some(conversation) = self.server.api.conversation(PERSON).await else { return Vec::new() };
        let lines = self.server.api.transcript(conversation["id"].as_str().unwrap()).await;
        lines.into_iter().filter(|l| l["speaker"] == "agent").collect()
    }

    async fn until_status(&self, status: &str) {
        until(&format!("the status {status}"), async || {
            self.replies().await.last().is_some_and(|l| l["status"] == status).then_some(())
        })
        .await;
    }
}

// req: C-CHN-1
// req: S2-WHK-4
// req: S3-JOB-1
#[tokio::test]
async fn a_message_is_answered_exactly_once_however_often_it_is_delivered() {
    let shop = Shop::open().await;
    let payload = meta::texts(&[Text::new(PERSON, "wamid.A", "Hello there")]);
    for _ in 0..3 {
        shop.deliver(&payload).await;
    }
    until("the reply", async || (shop.graph.texts_to(PERSON) == ["Hello there"]).then_some(())).await;
    shop.deliver(&payload).await;
    shop.idle().await;
    assert_eq!(shop.graph.texts_to(PERSON), ["Hello there"]);
    let replies = shop.replies().await;
    assert_eq!((replies.len(), &replies[0]["status"]), (1, &json!("sent")));
    assert!(shop.graph.signals() > 0, "it was marked read, and typing was shown");
    let sent = &shop.graph.sent()[0];
    for reached in ["delivered", "read", "delivered"] {
        shop.deliver(&meta::statuses(reached, std::slice::from_ref(sent))).await;
    }
    assert_eq!(shop.replies().await[0]["status"], "read", "statuses only move forward");
    assert!(shop.graph.complaints().is_empty(), "{:?}", shop.graph.complaints());
}

// req: S1-WHK-1
#[tokio::test]
async fn a_page_answers_on_messenger() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_messenger(&server.api, "Echo", &graph.url).await;
    let payload = meta::page_text(&Text::new("7001", "m_1", "Bonjour"));
    for _ in 0..2 {
        assert_eq!(meta::deliver(&server.api, &channel, &payload).await.unwrap().status, 200);
    }
    until("the reply", async || (graph.texts_to("7001") == ["Bonjour"]).then_some(())).await;
    server.idle(USUAL).await;
    assert_eq!((graph.sent().len(), graph.complaints()), (1, Vec::new()));
}

#[tokio::test]
async fn a_burst_of_one_person_keeps_its_order() {
    let shop = Shop::open().await;
    for first in (0..30).step_by(3) {
        let burst: Vec<_> =
            (first..first + 3).map(|n| Text::new(PERSON, &format!("wamid.{n}"), &format!("no {n:02}"))).collect();
        shop.deliver(&meta::texts(&burst)).await;
    }
    shop.idle().await;
    let conversation = shop.server.api.conversation(PERSON).await.unwrap();
    let lines = shop.server.api.transcript(conversation["id"].as_str().unwrap()).await;
    let received: Vec<_> =
        lines.iter().filter(|l| l["speaker"] == "person").map(|l| l["text"].as_str().unwrap()).collect();
    let expected: Vec<_> = (0..30).map(|n| format!("no {n:02}")).collect();
    assert_eq!(received, expected);
    let texts = shop.graph.texts_to(PERSON);
    assert!(texts.is_sorted() && texts.last().map(String::as_str) == Some("no 29"), "{texts:?}");
    let answered = lines.iter().filter(|l| l["outcome"]["outcome"] == "answered").count();
    assert_eq!(texts.len(), answered, "one reply for each turn");
}

// req: S3-JOB-3
#[tokio::test]
async fn passing_troubles_of_the_provider_are_waited_out() {
    let shop = Shop::open().await;
    shop.graph.next(Fault::Error { status: 500, code: 131_000, message: "Something went wrong" });
    shop.graph.next(Fault::TooMany { retry_after: 1 });
    shop.write("wamid.1", "persistent").await;
    shop.until_status("sent").await;
    assert_eq!((shop.graph.texts_to(PERSON), shop.graph.attempts()), (vec!["persistent".to_owned()], 3));
}

// req: S3-JOB-3
// req: S2-OUT-1
#[tokio::test]
async fn what_cannot_be_delivered_is_kept_and_delivered_when_somebody_replays_it() {
    let shop = Shop::open().await;
    shop.graph.always(Fault::Error { status: 400, code: 131_026, message: "Message undeliverable" });
    shop.write("wamid.1", "to nobody").await;
    shop.until_status("failed").await;
    let place = &shop.server.place;
    let listed = place.run(&["dead-letters", "list", "--json"]).await;
    let letters = listed.json();
    assert_eq!((listed.code, letters.as_array().map(Vec::len)), (Some(0), Some(1)), "{listed:?}");
    assert_eq!((&letters[0]["what"], &letters[0]["cause"]["code"]), (&json!("delivery"), &json!("whatsapp.recipient")));
    assert_eq!((shop.graph.sent().len(), shop.graph.attempts()), (0, 1), "a final refusal is not tried again");

    shop.graph.heal();
    let id = letters[0]["id"].as_str().unwrap();
    let replayed = place.run(&["dead-letters", "replay", id, "--json"]).await;
    assert_eq!((replayed.code, replayed.json()["replayed"].clone()), (Some(0), json!([id])), "{replayed:?}");
    shop.until_status("sent").await;
    assert_eq!(shop.graph.texts_to(PERSON), ["to nobody"]);
    let again = place.run(&["dead-letters", "replay", id, "--json"]).await;
    assert_eq!(again.code, Some(1), "once is enough: {again:?}");
    assert!(again.stdout.contains("replayed already"), "{again:?}");
    assert_eq!(place.run(&["dead-letters", "list", "--json"]).await.json(), json!([]));
}

#[tokio::test]
async fn a_reply_of_unknown_outcome_is_not_repeated_and_a_status_settles_it() {
    let shop = Shop::open().await;
    shop.graph.next(Fault::TakenThenClosed);
    shop.write("wamid.1", "perhaps").await;
    shop.until_status("uncertain").await;
    shop.write("wamid.2", "after it").await;
    shop.until_status("sent").await;
    assert_eq!(shop.graph.texts_to(PERSON), ["perhaps", "after it"], "sent once, and what follows is not held up");
    let sent = &shop.graph.sent()[..1];
    shop.deliver(&meta::statuses("delivered", sent)).await;
    assert_eq!(shop.replies().await[0]["status"], "delivered", "Meta's own word settles it");
}

#[tokio::test]
async fn nothing_overtakes_a_reply_that_waits() {
    let shop = Shop::open().await;
    shop.graph.next(Fault::TooMany { retry_after: 2 });
    shop.write("wamid.1", "first").await;
    until("the refusal", async || (shop.graph.attempts() == 1).then_some(())).await;
    shop.write("wamid.2", "second").await;
    let other = meta::texts(&[Text::new("15550008", "wamid.3", "somebody else")]);
    shop.deliver(&other).await;
    until("the other person's reply", async || (shop.graph.texts_to("15550008").len() == 1).then_some(())).await;
    shop.idle().await;
    assert_eq!(shop.graph.texts_to(PERSON), ["first", "second"]);
    let order: Vec<_> = shop.graph.sent().into_iter().map(|s| s.text).collect();
    assert_eq!(order[0], "somebody else", "others do not wait for it");
}

#[tokio::test]
async fn a_refused_account_loses_nothing_and_is_not_hammered() {
    let shop = Shop::open().await;
    shop.graph.always(Fault::Error { status: 401, code: 190, message: "Access token expired" });
    shop.write("wamid.1", "patience").await;
    until("the refusal", async || (shop.graph.attempts() == 1).then_some(())).await;
    shop.write("wamid.2", "more patience").await;
    until("the second answer", async || (shop.replies().await.len() == 2).then_some(())).await;
    let statuses: Vec<_> = shop.replies().await.iter().map(|l| l["status"].clone()).collect();
    assert_eq!((statuses, shop.graph.attempts()), (vec![json!("queued"); 2], 1), "both wait");
    let letters = shop.server.api.list("/api/dead-letters", "dead_letters").await;
    assert!(letters.is_empty(), "{letters:?}");
}

#[tokio::test]
async fn an_orderly_stop_ends_what_is_under_way() {
    let mut shop = Shop::open().await;
    shop.graph.next(Fault::Slow(Duration::from_millis(1500)));
    shop.write("wamid.1", "the last word").await;
    until("the delivery", async || (shop.graph.attempts() == 1).then_some(())).await;
    assert!(shop.server.stop().await.success());
    shop.server.restart().await;
    shop.idle().await;
    assert_eq!(shop.replies().await[0]["status"], "sent", "its answer was waited for");
    assert_eq!(shop.graph.texts_to(PERSON), ["the last word"]);
}

#[tokio::test]
async fn a_change_of_settings_ends_what_is_under_way_and_repeats_what_was_refused() {
    let shop = Shop::open().await;
    let change = async |name: &str| {
        shop.server.api.patch(&format!("/api/channels/{}", shop.channel), &json!({ "name": name })).await.data();
    };
    shop.graph.next(Fault::Slow(Duration::from_millis(700)));
    shop.write("wamid.1", "one").await;
    until("the first delivery", async || (shop.graph.attempts() == 1).then_some(())).await;
    change("The shop").await;
    change("The corner shop").await;
    shop.until_status("sent").await;
    shop.graph.next(Fault::SlowError { wait: Duration::from_millis(700), status: 503, code: 131_016 });
    shop.write("wamid.2", "two").await;
    until("the refused delivery", async || (shop.graph.attempts() == 2).then_some(())).await;
    change("The shop").await;
    shop.until_status("sent").await;
    assert_eq!(shop.graph.texts_to(PERSON), ["one", "two"]);
}
