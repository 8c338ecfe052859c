//! Telegram: answers that are seen while they are written.

use crate::support::{
    server::{Place, Server},
    telegram::{self, Telegram},
    wait::{USUAL, until},
};
use axum::{Router, body::Body, http::header, response::IntoResponse, routing::post};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::{io, net::Ipv4Addr, time::Duration};
use tokio::net::TcpListener;

const GROUP: i64 = -100_200;
/// Behind an answer that goes on.
const GOES_ON: &str = " …";
const WORDS: [&str; 6] = ["We ", "are ", "**open** ", "from ", "nine ", "on."];
const ANSWER: &str = "We are <b>open</b> from nine on.";

/// How a model answers.
#[derive(Clone, Copy)]
enum Answers {
    Whole,
    /// It breaks off after a few words, whoever asks.
    Broken,
}

/// A model that takes its time between words; gives back where it is.
async fn slow_model(between: Duration, answers: Answers) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let answer = move || async move {
        let chunk = |delta: Value, end: Value| {
            let chunk = json!({
                "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{ "index": 0, "delta": delta, "finish_reason": end }],
            });
            format!("data: {chunk}\n\n")
        };
        let words = WORDS.iter().map(|word| Ok(chunk(json!({ "role": "assistant", "content": word }), Value::Null)));
        let parts: Vec<Result<String, io::Error>> = match answers {
            Answers::Whole => {
                words.chain([Ok(chunk(json!({}), json!("stop"))), Ok("data: [DONE]\n\n".to_owned())]).collect()
            }
            Answers::Broken => words.take(3).chain([Err(io::ErrorKind::ConnectionReset.into())]).collect(),
        };
        let body = stream::iter(parts).then(move |part| async move {
            tokio::time::sleep(between).await;
            part
        });
        ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
    };
    let router = Router::new().route("/v1/chat/completions", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn started() -> Server {
    started_with(Duration::from_millis(450), Answers::Whole).await
}

async fn started_with(between: Duration, answers: Answers) -> Server {
    let url = slow_model(between, answers).await;
    let place = Place::default().with("OPENAI_BASE_URL", &url).with("OPENAI_API_KEY", "sk-model");
    let server = Server::start_on(place.with("OPENAI_MODEL", "slow")).await;
    server.api.agent("Desk", "openai", &[]).await;
    server
}

/// A question in the group.
fn asked(update: i64) -> Value {
    let fields = json!({
        "chat": { "id": GROUP, "type": "supergroup", "title": "Team" }, "text": "/open when are you open?",
    });
    telegram::message(update, 77, &fields)
}

/// Slow enough for a few edits.
const SLOW: Duration = Duration::from_millis(1_600);

// req: C-CHN-1
#[tokio::test]
async fn an_answer_is_seen_while_it_is_written_and_comes_once() {
    let (telegram, server) = (Telegram::start().await, started().await);
    let channel = telegram::connect(&server.api, "Desk", &telegram).await;
    telegram::deliver(&server.api, &channel, &telegram::message(1, 77, &json!({ "text": "When are you open?" }))).await;
    until("the answer", async || (telegram.taken("sendMessage").len() == 1).then_some(())).await;
    server.idle(USUAL).await;
    let drafts = telegram.taken("sendMessageDraft");
    assert!(drafts.len() >= 2, "{drafts:?}");
    let shown: Vec<&str> = drafts.iter().map(|d| d["text"].as_str().unwrap()).collect();
    let mut longer = shown.clone();
    longer.sort_by_key(|text| text.len());
    longer.dedup();
    assert_eq!(shown, longer, "each shows more than the one before");
    assert!(shown.iter().all(|text| ANSWER.starts_with(text)), "{shown:?}");
    assert!(drafts.iter().all(|d| d["draft_id"] == drafts[0]["draft_id"] && d["draft_id"] != 0), "{drafts:?}");
    let sent = telegram.taken("sendMessage");
    assert_eq!((sent.len(), &sent[0]["text"]), (1, &json!(ANSWER)));
    let order = telegram.order(&["sendMessage", "sendMessageDraft"]);
    assert_eq!(order.last().map(String::as_str), Some("sendMessage"), "no draft behind the answer: {order:?}");
}

// req: C-CHN-1
#[tokio::test]
async fn where_drafts_are_refused_and_in_groups_the_answer_comes_all_the_same() {
    let (telegram, server) = (Telegram::start().await, started().await);
    let channel = telegram::connect(&server.api, "Desk", &telegram).await;
    telegram.refuse("sendMessageDraft", 400, "Bad Request: TEXTDRAFT_PEER_INVALID");
    telegram::deliver(&server.api, &channel, &telegram::message(1, 77, &json!({ "text": "When are you open?" }))).await;
    telegram::deliver(&server.api, &channel, &asked(2)).await;
    until("both answers", async || {
        (telegram.standing(77) == [ANSWER] && telegram.standing(GROUP) == [ANSWER]).then_some(())
    })
    .await;
    server.idle(USUAL).await;
    assert_eq!(telegram.taken("sendMessage").len(), 2);
}

/// A crash while an answer is written: the draft was nothing, and the answer comes once.
// req: C-CHN-1
#[tokio::test]
async fn a_crash_while_an_answer_is_shown_loses_and_doubles_nothing() {
    let (telegram, mut server) = (Telegram::start().await, started().await);
    let channel = telegram::connect(&server.api, "Desk", &telegram).await;
    telegram::deliver(&server.api, &channel, &telegram::message(1, 77, &json!({ "text": "When are you open?" }))).await;
    until("a draft", async || (!telegram.taken("sendMessageDraft").is_empty()).then_some(())).await;
    server.kill().await;
    assert!(telegram.taken("sendMessage").is_empty());
    server.restart().await;
    until("the answer", async || (telegram.taken("sendMessage").len() == 1).then_some(())).await;
    server.idle(USUAL).await;
    let sent = telegram.taken("sendMessage");
    assert_eq!((sent.len(), &sent[0]["text"]), (1, &json!(ANSWER)));
}

// req: C-CHN-1
#[tokio::test]
async fn in_a_group_an_answer_is_one_message_that_grows() {
    let (telegram, server) = (Telegram::start().await, started_with(SLOW, Answers::Whole).await);
    let channel = telegram::connect(&server.api, "Desk", &telegram).await;
    telegram::deliver(&server.api, &channel, &asked(1)).await;
    let begun = until("its first words", async || telegram.standing(GROUP).pop()).await;
    assert!(begun.ends_with(GOES_ON) && ANSWER.starts_with(begun.trim_end_matches(GOES_ON)), "{begun}");
    until("the answer", async || (telegram.standing(GROUP) == [ANSWER]).then_some(())).await;
    server.idle(USUAL).await;
    let edits: Vec<String> =
        telegram.taken("editMessageText").iter().map(|e| e["text"].as_str().unwrap().to_owned()).collect();
    assert!((2..=3).contains(&edits.len()), "one in four seconds, and the answer: {edits:?}");
    assert!(edits[0].ends_with(GOES_ON) && edits[0].len() > begun.len(), "{edits:?}");
    assert_eq!((edits.last().unwrap().as_str(), telegram.taken("sendMessage").len()), (ANSWER, 1));
    assert_eq!(telegram.standing(GROUP), [ANSWER]);
}

/// kill -9 while the answer stands half-written, and once more: one message in the end.
// req: C-CHN-1
#[tokio::test]
async fn after_a_crash_the_answer_takes_the_place_of_its_first_words() {
    let (telegram, mut server) = (Telegram::start().await, started_with(SLOW, Answers::Whole).await);
    let channel = telegram::connect(&server.api, "Desk", &telegram).await;
    telegram::deliver(&server.api, &channel, &asked(1)).await;
    for edits in 1..=2 {
        until("an edit", async || (telegram.taken("editMessageText").len() >= edits).then_some(())).await;
        // What came of it is written down by then.
        tokio::time::sleep(Duration::from_millis(400)).await;
        server.kill().await;
        assert!(telegram.standing(GROUP)[0].ends_with(GOES_ON), "{:?}", telegram.standing(GROUP));
        server.restart().await;
    }
    until("the answer", async || (telegram.standing(GROUP) == [ANSWER]).then_some(())).await;
    server.idle(USUAL).await;
    assert_eq!(
        (telegram.standing(GROUP).as_slice(), telegram.taken("sendMessage").len()),
        (&[ANSWER.to_owned()][..], 1)
    );
}

// req: C-CHN-1
#[tokio::test]
async fn what_stands_of_an_answer_that_fails_becomes_the_word_of_that() {
    let (telegram, server) = (Telegram::start().await, started_with(SLOW, Answers::Broken).await);
    let channel = telegram::connect(&server.api, "Desk", &telegram).await;
    telegram::deliver(&server.api, &channel, &asked(1)).await;
    until("its first words", async || telegram.standing(GROUP).pop()).await;
    let said = until("the end of it", async || telegram.standing(GROUP).pop().filter(|s| !s.ends_with(GOES_ON))).await;
    server.idle(USUAL).await;
    assert!(!ANSWER.starts_with(&said), "{said}");
    assert_eq!((telegram.standing(GROUP), telegram.taken("sendMessage").len()), (vec![said], 1));
}

/// Somebody deletes the half-written message: the answer comes all the same, once.
// req: C-CHN-1
#[tokio::test]
async fn an_answer_whose_first_words_were_deleted_is_sent_anew() {
    let (telegram, server) = (Telegram::start().await, started_with(SLOW, Answers::Whole).await);
    let channel = telegram::connect(&server.api, "Desk", &telegram).await;
    telegram::deliver(&server.api, &channel, &asked(1)).await;
    until("its first words", async || telegram.standing(GROUP).pop()).await;
    telegram.clear(GROUP);
    until("the answer", async || (telegram.standing(GROUP) == [ANSWER]).then_some(())).await;
    server.idle(USUAL).await;
    assert_eq!(
        (telegram.standing(GROUP).as_slice(), telegram.taken("sendMessage").len()),
        (&[ANSWER.to_owned()][..], 2)
    );
}

/// Files of one message go out together, and one by one where Telegram takes them only so.
// req: S3-MSG-2
#[tokio::test]
async fn several_files_are_an_album() {
    let (telegram, server) = (Telegram::start().await, Server::start().await);
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = telegram::connect(api, "Echo", &telegram).await;
    telegram::deliver(api, &channel, &telegram::message(1, 77, &json!({ "text": "Hello" }))).await;
    until("an answer", async || (telegram.taken("sendMessage").len() == 1).then_some(())).await;
    let url = |n: u32, ending: &str| format!("https://files.example/{n}.{ending}");
    let files = json!([{ "mediaUrl": url(1, "jpg") }, { "mediaUrl": url(2, "mp4") }, { "mediaUrl": url(3, "pdf") }]);
    let album = json!({ "channelId": channel, "to": "77", "content": { "media": files, "caption": "Our *rooms*" } });
    let said = api.post("/api/messages", &album).await.data();
    assert_eq!((&said["type"], &said["content"]["media"][1]["type"]), (&json!("ALBUM"), &json!("video")), "{said}");
    until("the album", async || (telegram.taken("sendDocument").len() == 1).then_some(())).await;
    let sent = telegram.taken("sendMediaGroup");
    assert_eq!(
        sent[0]["media"],
        json!([
            { "type": "photo", "media": url(1, "jpg"), "caption": "Our <i>rooms</i>", "parse_mode": "HTML" },
            { "type": "video", "media": url(2, "mp4") },
        ])
    );
    assert_eq!(telegram.order(&["sendMediaGroup", "sendDocument"]), ["sendMediaGroup", "sendDocument"]);
    let status =
        async |id: &serde_json::Value| api.get(&format!("/api/messages/{}", id.as_str().unwrap())).await.data();
    until("its status", async || (status(&said["id"]).await["status"] == "SENT").then_some(())).await;

    let description = "Bad Request: failed to send message #2 with the error message \"WEBPAGE_MEDIA_EMPTY\"";
    telegram.refuse("sendMediaGroup", 400, description);
    telegram.refuse("sendVideo", 400, "Bad Request: failed to get HTTP URL content");
    let said = api.post("/api/messages", &album).await.data();
    let failed =
        until("what came of it", async || Some(status(&said["id"]).await).filter(|s| s["status"] == "FAILED")).await;
    assert_eq!(telegram.taken("sendMediaGroup").len(), 1);
    let photos = telegram.taken("sendPhoto");
    assert_eq!(
        (photos.len(), &photos[0]["caption"]),
        (1, &json!("Our <i>rooms</i>")),
        "one by one, to the one that cannot be"
    );
    assert!(failed.to_string().contains("file 2 of 3"), "{failed}");

    for (wrong, field) in [
        (json!([{ "mediaUrl": url(1, "jpg") }]), "content.media"),
        (json!([{ "mediaUrl": url(1, "jpg") }, { "mediaUrl": "ftp://x" }]), "content.media[1].mediaUrl"),
        (
            json!([{ "mediaUrl": url(1, "jpg"), "type": "song" }, { "mediaUrl": url(2, "jpg") }]),
            "content.media[0].type",
        ),
    ] {
        let body = json!({ "channelId": channel, "to": "77", "type": "album", "content": { "media": wrong } });
        assert_eq!(api.post("/api/messages", &body).await.fields(), [field], "{wrong}");
    }
}
