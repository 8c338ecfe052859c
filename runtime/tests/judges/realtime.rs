//! The Socket.io server before npm's `socket.io-client`, the reference client.

use crate::{
    install,
    judge::Judge,
    support::{
        client::Client,
        server::{Place, Server},
        wait::until,
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::process::Command;

/// A judge, a server, and a tenant on it whose agent repeats what it is told.
struct Scene {
    judge: Judge,
    server: Server,
    ann: Client,
    owner: Value,
}

impl Scene {
    async fn start(place: Place) -> Self {
        let judge = Judge::start(
            Command::new("node").arg(install::script("realtime.cjs")).env("NODE_PATH", install::node_modules()),
        );
        let server = Server::start_on(place).await;
        let owner = register(&server.api, "Team", "ann@team.example").await;
        let ann = server.api.with_key(owner["token"].as_str().unwrap());
        ann.agent("Echo", "scripted", &[]).await;
        Self { judge, server, ann, owner }
    }

    /// A key of the tenant that may do this.
    async fn key(&self, scopes: &[&str]) -> Value {
        self.ann.post("/api/api-keys", &json!({ "name": "k", "scopes": scopes })).await.data()["key"].clone()
    }

    async fn connect(&mut self, client: &str, auth: Value) -> Value {
        self.connect_by(client, auth, "websocket", json!({})).await
    }

    async fn connect_by(&mut self, client: &str, auth: Value, transport: &str, headers: Value) -> Value {
        let url = self.server.api.url.clone();
        let how = json!({ "client": client, "url": url, "auth": auth, "transports": [transport], "headers": headers });
        self.judge.ask("connect", how).await
    }

    async fn emit(&mut self, client: &str, event: &str, body: Value) -> Value {
        self.judge.ask("emit", json!({ "client": client, "event": event, "body": body })).await
    }

    /// What this client heard under these names so far.
    async fn heard(&mut self, client: &str, names: &[&str]) -> Vec<Value> {
        let Value::Array(all) = self.judge.ask("heard", json!({ "client": client })).await else { panic!("no list") };
        all.into_iter().filter(|h| names.contains(&h["event"].as_str().unwrap())).collect()
    }

    async fn hears(&mut self, client: &str, names: &[&str], count: usize) -> Vec<Value> {
        until(&format!("{count} of {names:?} for {client}"), async || {
            Some(self.heard(client, names).await).filter(|h| h.len() >= count)
        })
        .await
    }

    async fn say(&self, text: &str) {
        let body = json!({ "agent": "Echo", "session": "s", "message": text });
        assert_eq!(self.ann.chat(&body).await.data()["outcome"], "answered");
    }

    async fn conversation(&self) -> String {
        self.ann.list("/api/conversations", "conversations").await[0]["id"].as_str().unwrap().to_owned()
    }
}

async fn register(api: &Client, team: &str, email: &str) -> Value {
    let body = json!({ "tenantName": team, "email": email, "password": "SecurePass123!", "name": "Ann" });
    api.attempt(api.bare(Method::POST, "/api/auth/register").json(&body)).await.unwrap().data()
}

fn texts(heard: &[Value]) -> Vec<String> {
    heard.iter().map(|h| h["body"]["message"]["content"]["text"].as_str().unwrap().to_owned()).collect()
}

fn ids(heard: &[Value]) -> Vec<String> {
    heard.iter().map(|h| h["body"]["eventId"].as_str().unwrap().to_owned()).collect()
}

// req: S1-WS-1
// req: S1-WS-5
// req: S3-WS-1
#[tokio::test]
async fn both_families_of_names_carry_what_happens_with_one_event_id() {
    let mut scene = Scene::start(Place::default()).await;
    scene.say("first").await;
    let conversation = scene.conversation().await;
    let token = scene.owner["token"].clone();
    assert_eq!(scene.connect("ann", json!({ "token": token })).await, Value::Null);
    let key = scene.key(&["conversations:read", "conversations:write"]).await;
    let polling = json!({ "token": key, "names": "kebab-case" });
    assert_eq!(scene.connect_by("desk", polling, "polling", json!({})).await, Value::Null);

    let joined = scene.emit("ann", "join_conversation", json!({ "conversationId": conversation })).await;
    assert_eq!(
        (&joined["success"], &joined["data"]["conversationId"]),
        (&json!(true), &json!(conversation)),
        "{joined}"
    );
    assert_eq!(scene.emit("desk", "join-conversation", json!(conversation)).await["success"], true);
    scene.say("second").await;
    let snake = scene.hears("ann", &["new_message"], 2).await;
    let kebab = scene.hears("ann", &["message:new"], 2).await;
    assert_eq!((ids(&snake), &texts(&snake)[0]), (ids(&kebab), &"second".to_owned()));
    let response = scene.hears("ann", &["agent_response"], 1).await;
    assert_eq!(response[0]["body"], snake[1]["body"], "the agent's, under its own name, too");
    assert_eq!(ids(&scene.hears("desk", &["message:new"], 2).await), ids(&kebab));
    assert!(scene.heard("desk", &["new_message", "agent_response"]).await.is_empty(), "one family was picked");

    // What is said over a socket is what is said over HTTP.
    let words = json!({ "conversationId": conversation, "text": "Ann here." });
    let said = scene.emit("ann", "send_message", words).await;
    assert_eq!((&said["data"]["speaker"], &said["data"]["author"]), (&json!("operator"), &scene.owner["user"]["id"]));
    let heard = scene.hears("desk", &["message:new"], 3).await;
    assert_eq!((&heard[2]["body"]["message"]["id"], &texts(&heard)[2]), (&said["data"]["id"], &"Ann here.".to_owned()));
    let changes = scene.hears("desk", &["conversation:updated"], 2).await;
    let reasons: Vec<&Value> = changes.iter().map(|c| &c["body"]["reason"]).collect();
    assert_eq!(reasons, ["handed_over", "assigned"]);
    assert_eq!(changes[1]["body"]["conversation"]["assignedTo"], scene.owner["user"]["id"]);

    let wrong = scene.emit("ann", "send-message", json!({ "conversationId": conversation, "text": " " })).await;
    assert_eq!((&wrong["success"], &wrong["details"][0]["field"]), (&json!(false), &json!("text")));
    let nameless = scene.emit("ann", "send_message", json!({ "text": "to nobody" })).await;
    assert_eq!(nameless["code"], "VALIDATION_FAILED");
    assert_eq!(scene.emit("ann", "sing", json!({})).await["code"], "UNKNOWN_EVENT");
    assert_eq!(scene.emit("desk", "leave-conversation", json!(conversation)).await["success"], true);
    scene.emit("ann", "send_message", json!({ "conversationId": conversation, "text": "Still here." })).await;
    scene.hears("ann", &["new_message"], 4).await;
    assert_eq!(scene.heard("desk", &["message:new"]).await.len(), 3, "who left hears nothing");
}

// req: S1-RT-1
// req: S1-WS-1
// req: S3-WS-1
#[tokio::test]
async fn people_see_who_is_there_and_who_writes() {
    let mut scene = Scene::start(Place::default()).await;
    scene.say("first").await;
    let conversation = scene.conversation().await;
    let auth = json!({ "token": scene.owner["token"], "conversations": [conversation] });
    assert_eq!(scene.connect("ann", auth).await, Value::Null);
    let key = scene.key(&["conversations:read"]).await;
    assert_eq!(scene.connect("desk", json!({ "token": key, "conversations": "all" })).await, Value::Null);
    let user = scene.owner["user"]["id"].clone();
    let ann = json!([{ "userId": user, "name": "Ann", "conversations": [conversation] }]);
    let there = until("Ann is seen", async || {
        let there = scene.emit("desk", "presence", json!({ "conversationId": conversation })).await;
        (there["data"]["online"] == ann).then_some(there)
    });
    there.await;

    scene.emit("ann", "typing_start", json!({ "conversationId": conversation })).await;
    scene.emit("ann", "typing-stop", json!(conversation)).await;
    let typing = scene.hears("desk", &["typing:start", "typing:stop"], 2).await;
    assert_eq!((&typing[0]["event"], &typing[1]["event"]), (&json!("typing:start"), &json!("typing:stop")));
    let both = scene.hears("desk", &["user_typing"], 2).await;
    assert_eq!(ids(&both), ids(&typing));
    assert_eq!((&both[0]["body"]["userId"], &both[0]["body"]["typing"]), (&user, &json!(true)));
    assert!(scene.heard("ann", &["user_typing"]).await.is_empty(), "nobody hears themselves");
    scene.say("And the agent?").await;
    let agent = scene.hears("ann", &["typing:start", "typing:stop"], 2).await;
    assert_eq!((&agent[0]["body"]["speaker"], &agent[1]["body"]["typing"]), (&json!("agent"), &json!(false)));

    let refused = scene.emit("desk", "send_message", json!({ "conversationId": conversation, "text": "no" })).await;
    assert_eq!(refused["code"], "FORBIDDEN", "a key that may only read");
    scene.judge.ask("disconnect", json!({ "client": "ann" })).await;
    until("Ann is gone", async || {
        let news = scene.heard("desk", &["presence:updated"]).await;
        (news.last()?["body"]["online"] == json!([])).then_some(())
    })
    .await;
}

// req: S1-RT-1
// req: S2-SEC-1
#[tokio::test]
async fn who_may_not_is_refused_by_name() {
    let place = Place::default().with("COLLOQUY_CORS_ORIGINS", "https://desk.example");
    let mut scene = Scene::start(place).await;
    scene.say("first").await;
    let conversation = scene.conversation().await;
    let why = |answer: Value| answer.as_str().unwrap_or_default().split(':').next().unwrap().to_owned();
    assert_eq!(why(scene.connect("none", json!({})).await), "TOKEN_MISSING");
    assert_eq!(why(scene.connect("wrong", json!({ "token": "a.b.c" })).await), "TOKEN_INVALID");
    let key = scene.key(&["agents:read"]).await;
    assert_eq!(why(scene.connect("agents", json!({ "token": key })).await), "FORBIDDEN");
    let token = scene.owner["token"].clone();
    let auth = json!({ "token": token });
    let evil = json!({ "origin": "https://evil.example" });
    assert_eq!(why(scene.connect_by("evil", auth.clone(), "websocket", evil).await), "FORBIDDEN");
    let named = json!({ "origin": "https://desk.example" });
    assert_eq!(scene.connect_by("page", auth, "websocket", named).await, Value::Null);
    let preflight = scene.server.api.bare(Method::GET, "/socket.io/?EIO=4&transport=polling");
    let opened = scene.server.api.attempt(preflight.header("origin", "https://desk.example")).await.unwrap();
    assert_eq!(opened.headers["access-control-allow-origin"], "https://desk.example");

    let other = register(&scene.server.api, "Another", "bob@another.example").await;
    assert_eq!(scene.connect("bob", json!({ "token": other["token"] })).await, Value::Null);
    let refused = scene.emit("bob", "join_conversation", json!({ "conversationId": conversation })).await;
    assert_eq!((&refused["success"], &refused["code"]), (&json!(false), &json!("NOT_FOUND")));
    let said = scene.emit("bob", "send_message", json!({ "conversationId": conversation, "text": "x" })).await;
    assert_eq!(said["code"], "NOT_FOUND");
    let typing = scene.emit("bob", "typing_start", json!({ "conversationId": conversation })).await;
    assert_eq!(typing["code"], "NOT_JOINED");
    let foreign = scene.emit("page", "authenticate", json!({ "token": other["token"] })).await;
    assert_eq!(foreign["code"], "FORBIDDEN");

    // Who is signed out is cut off.
    scene.ann.post("/api/auth/logout", &json!({})).await.data();
    let end = scene.hears("page", &["session_end"], 1).await;
    assert_eq!(end[0]["body"]["reason"], "TOKEN_INVALID");
    until("the end", async || {
        (scene.judge.ask("ended", json!({ "client": "page" })).await == "io server disconnect").then_some(())
    })
    .await;
}

// req: S1-RT-1
// req: S3-JOB-1
#[tokio::test]
async fn who_comes_back_with_the_last_event_gets_the_rest_once() {
    let mut scene = Scene::start(Place::default()).await;
    scene.say("first").await;
    let conversation = scene.conversation().await;
    let token = scene.owner["token"].clone();
    scene.connect("ann", json!({ "token": token, "conversations": [conversation] })).await;
    scene.say("second").await;
    let before = scene.hears("ann", &["new_message"], 2).await;
    let last = ids(&before)[1].clone();
    scene.judge.ask("disconnect", json!({ "client": "ann" })).await;
    scene.say("third").await;

    // Joined in the handshake, joined later, and joined with an event of its own.
    let auth = json!({ "token": token, "lastEventId": last, "conversations": [conversation] });
    scene.connect("at once", auth).await;
    scene.connect("later", json!({ "token": token, "lastEventId": last })).await;
    let joined = scene.emit("later", "join_conversation", json!({ "conversationId": conversation })).await;
    assert_eq!(joined["data"]["missed"], 2, "{joined}");
    scene.connect("by room", json!({ "token": token })).await;
    let join = json!({ "conversationId": conversation, "lastEventId": last });
    assert_eq!(scene.emit("by room", "join_conversation", join.clone()).await["data"]["missed"], 2);
    assert_eq!(scene.emit("by room", "join_conversation", join).await["data"]["missed"], 0, "it is there already");
    scene.say("fourth").await;
    let mut all = Vec::new();
    for client in ["at once", "later", "by room"] {
        let heard = scene.hears(client, &["new_message"], 4).await;
        assert_eq!((&texts(&heard)[0], &texts(&heard)[2]), (&"third".to_owned(), &"fourth".to_owned()), "{client}");
        all.push(ids(&heard));
    }
    assert!(all.iter().all(|ids| *ids == all[0] && ids.len() == 4), "{all:?}");

    // A server that stops says so, in time, and the next one knows where everybody was.
    let stopped = tokio::time::timeout(Duration::from_secs(10), scene.server.stop()).await;
    assert!(stopped.expect("open sockets hold the server up").success());
    let end = scene.hears("later", &["session:end"], 1).await;
    assert_eq!(end[0]["body"]["reason"], "SERVER_STOPPING");
    scene.server.restart().await;
    scene.ann = scene.server.api.with_key(token.as_str().unwrap());
    scene.say("fifth").await;
    let auth = json!({ "token": token, "lastEventId": all[0][3], "conversations": [conversation] });
    assert_eq!(scene.connect("later", auth).await, Value::Null);
    let heard = scene.hears("later", &["new_message"], 2).await;
    assert_eq!((&texts(&heard)[0], heard.len()), (&"fifth".to_owned(), 2));
}

/// Somebody without a token is a visitor of one public web chat, or nobody.
#[tokio::test]
async fn a_visitors_socket_hears_their_own_conversation_and_does_nothing() {
    let mut scene = Scene::start(Place::default()).await;
    scene.say("of somebody else").await;
    let agent = scene.ann.list("/api/agents", "agents").await[0]["id"].clone();
    let public = json!({ "kind": "webchat", "name": "Site", "agent": agent, "settings": { "public": "true" } });
    let channel = scene.ann.post("/api/channels", &public).await.data()["id"].clone();
    let visitor = json!({ "channel": channel, "session": "visitor" });
    assert_eq!(scene.connect("visitor", visitor.clone()).await, Value::Null);
    for (refused, why) in [
        (json!({ "channel": "nothing", "session": "visitor" }), "NOT_FOUND"),
        (json!({ "channel": channel }), "VALIDATION_FAILED"),
        (json!({}), "TOKEN_MISSING"),
    ] {
        let told = scene.connect("refused", refused).await;
        assert!(told.as_str().unwrap().starts_with(why), "{told}");
    }
    let hello = json!({ "channel": channel, "session": "visitor", "message": "hello" });
    let conversation = scene.ann.chat(&hello).await.data()["conversation"].as_str().unwrap().to_owned();
    let path = format!("/api/conversations/{conversation}/messages");
    scene.ann.post(&path, &json!({ "text": "Ann here." })).await.data();
    scene.say("of somebody else again").await;
    let heard = scene.hears("visitor", &["message"], 3).await;
    let speakers: Vec<&Value> = heard.iter().map(|h| &h["body"]["speaker"]).collect();
    assert_eq!(speakers, ["person", "agent", "operator"]);
    let modes = scene.hears("visitor", &["mode"], 2).await;
    assert_eq!((&modes[0]["body"]["mode"], &modes[1]["body"]["mode"]), (&json!("agent"), &json!("operator")));
    let asked = scene.emit("visitor", "join_conversation", json!("all")).await;
    assert_eq!(asked["code"], "UNKNOWN_EVENT");

    // Who comes back hears what came behind what they know.
    let after = heard[1]["body"]["position"].clone();
    assert_eq!(
        scene.connect("again", json!({ "channel": channel, "session": "visitor", "after": after })).await,
        Value::Null
    );
    assert_eq!(scene.hears("again", &["message"], 1).await[0]["body"], heard[2]["body"]);
    let known = ["message", "mode", "typing", "connect", "disconnect"];
    let Value::Array(all) = scene.judge.ask("heard", json!({ "client": "visitor" })).await else { panic!("no list") };
    let foreign: Vec<&Value> = all.iter().filter(|h| !known.contains(&h["event"].as_str().unwrap())).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}
