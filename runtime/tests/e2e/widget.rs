//! What a page of somebody else's needs of the server: the script, and what a visitor hears, says of themselves and sends.

use crate::support::{
    client::{Answer, Client},
    server::{Place, Server},
    stream::{Stream, Told},
    wait::until,
};
use reqwest::{
    Method, StatusCode,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a picture";

/// A public web chat whose agent repeats what it is told.
async fn public_chat(api: &Client, settings: Value) -> String {
    let agent = api.agent("Echo", "scripted", &[]).await;
    let channel = json!({ "kind": "webchat", "name": "Site", "agent": agent, "settings": settings });
    api.post("/api/channels", &channel).await.data()["id"].as_str().unwrap().to_owned()
}

/// As a visitor does, without any credential.
async fn said(api: &Client, body: Value) -> Answer {
    api.attempt(api.bare(Method::POST, "/api/chat").json(&body)).await.unwrap()
}

async fn listen(api: &Client, query: &str) -> Stream {
    Stream::of(api.bare(Method::GET, &format!("/api/chat/events?{query}"))).await
}

/// What comes next that is kept: when the agent writes is nobody's promise.
async fn told(stream: &mut Stream) -> Told {
    loop {
        let told = stream.next().await.expect("the stream goes on");
        if told.name != "typing" {
            return told;
        }
    }
}

async fn lines(stream: &mut Stream, count: usize) -> Vec<Told> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(stream.until("message").await);
    }
    all
}

fn texts(lines: &[Told]) -> Vec<(&str, &str)> {
    lines.iter().map(|l| (l.data["speaker"].as_str().unwrap(), l.data["text"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn pages_of_every_origin_may_load_the_script_and_keep_it() {
    let server = Server::start_on(Place::default().with("COLLOQUY_CORS_ORIGINS", "https://shop.example")).await;
    let api = &server.api;
    for origin in ["https://shop.example", "https://elsewhere.example"] {
        let script = api.attempt(api.bare(Method::GET, "/widget.js").header("origin", origin)).await.unwrap();
        assert_eq!(script.status, StatusCode::OK);
        assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
        assert!(["*", origin].contains(&script.headers["access-control-allow-origin"].to_str().unwrap()));
        assert_eq!(script.headers["cross-origin-resource-policy"], "cross-origin");
        assert_eq!(script.headers["cache-control"], "public, max-age=600");
        assert!(script.text.contains("window.Colloquy") && !script.text.contains("innerHTML"));
        let tag = script.headers["etag"].to_str().unwrap();
        let again = api.bare(Method::GET, "/widget.js").header("if-none-match", tag);
        assert_eq!(api.attempt(again).await.unwrap().status, StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn a_visitor_hears_their_own_conversation_as_it_goes_on_and_nothing_else() {
    let mut server = Server::start().await;
    let channel = public_chat(&server.api, json!({ "public": "true" })).await;
    let own = format!("channel={channel}&session=own");
    let mut stream = listen(&server.api, &own).await;
    let mut stranger = listen(&server.api, &format!("channel={channel}&session=stranger")).await;
    said(&server.api, json!({ "channel": channel, "session": "own", "message": "hello" })).await.data();
    let begun = [told(&mut stream).await, told(&mut stream).await, told(&mut stream).await];
    let (first, mode): (Vec<Told>, Vec<Told>) = begun.into_iter().partition(|t| t.name == "message");
    assert_eq!(mode[0].data, json!({ "mode": "agent" }));
    assert_eq!(texts(&first)[0], ("person", "hello"));
    assert_eq!(first[1].data["speaker"], "agent");
    assert_eq!(first[1].id, Some(first[1].data["position"].to_string()));

    let conversation = server.api.conversation("own").await.unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/conversations/{conversation}");
    server.api.post(&format!("{path}/notes"), &json!({ "text": "a secret of the team" })).await.data();
    server.api.patch(&path, &json!({ "tags": ["vip"] })).await.data();
    server.api.post(&format!("{path}/messages"), &json!({ "text": "Ann here." })).await.data();
    let mode = told(&mut stream).await;
    assert_eq!((mode.name.as_str(), &mode.data), ("mode", &json!({ "mode": "operator" })), "neither note nor tag");
    let ann = told(&mut stream).await;
    assert_eq!(texts(std::slice::from_ref(&ann)), [("operator", "Ann here.")]);
    let mut known: Vec<&String> = ann.data.as_object().unwrap().keys().collect();
    known.sort();
    assert_eq!(known, ["at", "file", "position", "speaker", "text"], "no ids, no names");
    server.api.patch(&path, &json!({ "mode": "agent" })).await.data();
    assert_eq!(stream.until("mode").await.data, json!({ "mode": "agent" }));

    // The stranger's own is the first that they hear.
    said(&server.api, json!({ "channel": channel, "session": "stranger", "message": "mine" })).await.data();
    assert_eq!(texts(&lines(&mut stranger, 1).await), [("person", "mine")]);

    // Who comes back, on whichever way, hears what they missed, once.
    server.stop().await;
    assert_eq!(stream.until("session:end").await.data["reason"], "SERVER_STOPPING");
    server.restart().await;
    let after = first[1].data["position"].to_string();
    let mut back = listen(&server.api, &format!("{own}&after={after}")).await;
    assert_eq!(lines(&mut back, 1).await, std::slice::from_ref(&ann));
    let request = server.api.bare(Method::GET, &format!("/api/chat/events?{own}"));
    let mut back = Stream::of(request.header("last-event-id", &after)).await;
    assert_eq!(lines(&mut back, 1).await, [ann]);
    said(&server.api, json!({ "channel": channel, "session": "own", "message": "again" })).await.data();
    assert_eq!(texts(&lines(&mut back, 1).await), [("person", "again")]);
}

#[tokio::test]
async fn a_channel_that_is_not_public_has_no_visitors() {
    let server = Server::start().await;
    let api = &server.api;
    let channel = public_chat(api, json!({ "public": "true" })).await;
    let agent =
        api.list("/api/agents", "agents").await.into_iter().find(|a| a["name"] == "Echo").unwrap()["id"].clone();
    let private = json!({ "kind": "webchat", "name": "Inside", "agent": agent });
    let private = api.post("/api/channels", &private).await.data()["id"].as_str().unwrap().to_owned();
    let refused = async |query: &str| {
        let answer = api.attempt(api.bare(Method::GET, &format!("/api/chat/events?{query}"))).await.unwrap();
        (answer.status.as_u16(), answer.fields())
    };
    for closed in [private.as_str(), "0190a0a0-0000-7000-8000-000000000000", "nothing"] {
        assert_eq!(refused(&format!("channel={closed}&session=s")).await.0, 404, "{closed}");
    }
    assert_eq!(refused(&format!("channel={channel}&session=a%20b")).await, (400, vec!["session".to_owned()]));
    // Who hears already is told when it is over.
    let mut stream = listen(api, &format!("channel={channel}&session=s")).await;
    api.patch(&format!("/api/channels/{channel}"), &json!({ "settings": { "public": "false" } })).await.data();
    assert_eq!(stream.until("session:end").await.data["reason"], "NOT_FOUND");
}

#[tokio::test]
async fn what_a_visitor_says_of_themselves_is_kept_as_unverified() {
    let server = Server::start().await;
    let api = &server.api;
    let channel = public_chat(api, json!({ "public": "true" })).await;
    let say = async |session: &str, visitor: Value| {
        said(api, json!({ "channel": channel, "session": session, "message": "hello", "visitor": visitor })).await
    };
    assert_eq!(say("s", json!({ "email": "nothing" })).await.fields(), ["visitor.email"]);
    assert_eq!(say("s", json!({ "name": " " })).await.fields(), ["visitor.name"]);
    assert!(!say("s", json!({ "role": "owner" })).await.status.is_success());
    // Somebody whom the team knows by this address: to say it does not make one of them.
    let known = json!({ "name": "Zoe Known", "email": "zoe@people.example" });
    let known = api.post("/api/contacts", &known).await.data()["id"].as_str().unwrap().to_owned();
    say("s", json!({ "name": "Zoe", "email": "Zoe@People.example" })).await.data();
    let conversation = api.conversation("s").await.unwrap();
    let contact = conversation["contact"].as_str().unwrap().to_owned();
    assert_ne!(contact, known);
    let contact = until("the address", async || {
        let contact = api.get(&format!("/api/contacts/{contact}")).await.data();
        (!contact["attributes"]["email_unverified"].is_null()).then_some(contact)
    })
    .await;
    assert_eq!((&contact["name"], &contact["email"]), (&json!("Zoe"), &Value::Null));
    assert_eq!(contact["attributes"], json!({ "email_unverified": "zoe@people.example" }));
}

#[tokio::test]
async fn a_file_of_a_visitor_reaches_the_team_if_the_channel_takes_files() {
    let server = Server::start().await;
    let api = &server.api;
    let channel = public_chat(api, json!({ "public": "true", "files": "true" })).await;
    let send = async |channel: &str, id: &str, name: &str, bytes: &[u8]| {
        let file = Part::bytes(bytes.to_vec()).file_name(name.to_owned());
        let form = Form::new().text("channel", channel.to_owned()).text("session", "s");
        let form = form.text("message_id", id.to_owned()).part("file", file);
        api.attempt(api.bare(Method::POST, "/api/chat/files").multipart(form)).await.unwrap()
    };
    for (name, bytes) in [("page.html", &b"<p>"[..]), ("picture.png", b"<p>"), ("empty.txt", b"")] {
        assert_eq!(send(&channel, "no", name, bytes).await.fields(), ["file"], "{name}");
    }
    let large = [PNG, &vec![0; 6 << 20]].concat();
    assert_eq!(send(&channel, "no", "large.png", &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    // Said twice, it is there once.
    for _ in 0..2 {
        send(&channel, "one", "kettle.png", PNG).await.data();
    }
    let conversation = api.conversation("s").await.unwrap()["id"].as_str().unwrap().to_owned();
    let line = until("the file", async || {
        let lines = api.transcript(&conversation).await;
        let files: Vec<Value> = lines.into_iter().filter(|l| !l["attachment"].is_null()).collect();
        assert!(files.len() <= 1, "{files:?}");
        files.into_iter().next()
    })
    .await;
    let attachment = format!("/api/attachments/{}", line["attachment"].as_str().unwrap());
    let kept = until("the file to be kept", async || {
        let about = api.get(&attachment).await.data();
        assert_ne!(about["state"], "refused", "{about}");
        (about["state"] == "kept").then_some(about)
    })
    .await;
    assert_eq!((&kept["name"], &kept["mime"]), (&json!("kettle.png"), &json!("image/png")));
    let content = api.request(Method::GET, &format!("{attachment}/content")).send().await.unwrap();
    assert_eq!(content.bytes().await.unwrap(), PNG);
    let path = format!("/api/chat/messages?channel={channel}&session=s");
    let told = api.attempt(api.bare(Method::GET, &path)).await.unwrap().data();
    assert_eq!(told["messages"][0]["file"], json!({ "name": "kettle.png", "media": "image" }));
    assert_eq!(told["files"], true);
    // Nothing of it stays where it first lay.
    until("the first copy to be gone", async || {
        let files = std::fs::read_dir(server.place.data_dir().join("files")).unwrap();
        let folders = files.filter_map(|f| std::fs::read_dir(f.unwrap().path()).ok()).flatten();
        let first = folders.filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().starts_with("upload-"));
        (first.count() == 0).then_some(())
    })
    .await;

    api.patch(&format!("/api/channels/{channel}"), &json!({ "settings": { "files": "false" } })).await.data();
    until("the channel to take no more", async || {
        (send(&channel, "two", "kettle.png", PNG).await.status == StatusCode::FORBIDDEN).then_some(())
    })
    .await;
}
