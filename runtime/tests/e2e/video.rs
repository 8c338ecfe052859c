//! Sessions with an avatar, before stand-ins of both providers that count what runs: what runs is paid for.

use crate::support::{
    avatars::Avatars,
    client::{Answer, Client},
    server::{Place, Server},
    services::{Fault, Services},
    wait::{USUAL, until, within},
};
use axum::{Router, extract::State};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

type Heard = Arc<Mutex<Vec<Value>>>;

/// The program with an avatar, an agent that calls tools, a public web chat, and somebody who is told of events.
struct Studio {
    avatars: Avatars,
    _model: Services,
    server: Server,
    channel: String,
    heard: Heard,
}

async fn hear(State(heard): State<Heard>, body: String) {
    heard.lock().unwrap().push(serde_json::from_str(&body).unwrap());
}

impl Studio {
    async fn open(provider: &str) -> Self {
        let (avatars, model) = (Avatars::start().await, Services::start().await);
        // Looking counts as chatting does.
        let place = Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost").with("COLLOQUY_LIMIT_CHAT", "0");
        let place = place.with("OPENAI_BASE_URL", &format!("{}/v1", model.url)).with("OPENAI_API_KEY", "sk-model");
        let server = Server::start_on(place.with("OPENAI_MODEL", "stand-in")).await;
        let api = &server.api;
        api.put("/api/integrations/avatar", &avatars.settings(provider)).await.data();
        let tools = ["start_video", "hand_over"];
        let agent = json!({ "name": "Desk", "model": { "provider": "openai" }, "tools": tools, "gather_quiet_ms": 0 });
        assert_eq!(api.post("/api/agents", &agent).await.status, 201);
        let chat = json!({ "kind": "webchat", "name": "Site", "agent": "Desk", "settings": { "public": "true" } });
        let channel = api.post("/api/channels", &chat).await.data()["id"].as_str().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let heard = Heard::default();
        let site = Router::new().fallback(hear).with_state(Arc::clone(&heard));
        tokio::spawn(async move { axum::serve(listener, site).await });
        let asked = json!({ "url": url, "events": ["video.started", "video.ended", "error.occurred"] });
        assert_eq!(api.post("/api/webhook-endpoints", &asked).await.status, 201);
        Self { avatars, _model: model, server, channel, heard }
    }

    async fn hears(&self, kind: &str) -> Value {
        let told = || self.heard.lock().unwrap().iter().find(|e| e["eventType"] == kind).map(|e| e["data"].clone());
        until(kind, async || told()).await
    }

    fn told(&self) -> Vec<Value> {
        self.heard.lock().unwrap().iter().map(|e| e["eventType"].clone()).collect()
    }

    /// As a visitor asks, who has no key.
    async fn visitor(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.server.api.bare(method, path);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        self.server.api.attempt(request).await.unwrap()
    }

    fn mine(&self, session: &str) -> Value {
        json!({ "channel": self.channel, "session": session })
    }

    async fn begin(&self, session: &str) -> Answer {
        self.visitor(Method::POST, "/api/video/session", Some(self.mine(session))).await
    }

    async fn status(&self, id: &str) -> Value {
        self.server.api.get(&format!("/api/video/session/{id}")).await.data()["status"].take()
    }
}

fn id(session: &Value) -> String {
    session["sessionId"].as_str().unwrap().to_owned()
}

// req: S0-VID-1
// req: S0-VID-2
// req: S0-AV-1
// req: S0-EVT-1
#[tokio::test]
async fn a_visitor_joins_an_avatar_that_says_the_agents_answers_and_ends_it() {
    let studio = Studio::open("heygen").await;
    let made = studio.begin("v1").await;
    assert_eq!((made.status.as_u16(), &made.headers["cache-control"]), (201, &"no-store".parse().unwrap()), "{made:?}");
    let made = made.data();
    let id = id(&made);
    assert_eq!(
        (&made["provider"], &made["status"], &made["session"]),
        (&json!("heygen"), &json!("live"), &json!("v1"))
    );
    assert_eq!(made["url"], "wss://heygen.livekit.cloud");
    assert!(made["accessToken"].as_str().unwrap().starts_with("room-"), "{made}");
    assert_eq!((studio.begin("v1").await.data()["sessionId"].take(), studio.avatars.opened()), (json!(id), 1));

    let path = format!("/api/video/session/{id}");
    let mut said = studio.mine("v1");
    said["message"] = json!("Are **you** open?");
    said["message_id"] = json!("m1");
    for by in ["avatar", "before"] {
        let answer = studio.visitor(Method::POST, &format!("{path}/messages"), Some(said.clone())).await.data();
        assert_eq!((&answer["outcome"], &answer["spoken"]["by"]), (&json!("answered"), &json!(by)), "{answer}");
        assert!(answer["reply"]["text"].as_str().unwrap().contains("**you**"), "{answer}");
    }
    let spoken = studio.avatars.spoken();
    assert_eq!(spoken.len(), 1, "said once: {spoken:?}");
    assert!(spoken[0].1.contains("Are you open?"), "read out without marks: {spoken:?}");
    let conversation = studio.server.api.conversation("v1").await.expect("as any other message");
    assert_eq!(studio.server.api.transcript(conversation["id"].as_str().unwrap()).await.len(), 2);
    let told = studio.hears("video.started").await;
    assert_eq!((&told["video"]["sessionId"], &told["video"]["status"]), (&json!(id), &json!("live")));

    let mine = format!("{path}?channel={}&session=v1", studio.channel);
    assert_eq!(studio.visitor(Method::GET, &mine, None).await.data()["accessToken"], made["accessToken"]);
    for _ in 0..2 {
        let ended = studio.visitor(Method::DELETE, &mine, None).await;
        assert_eq!((ended.status.as_u16(), &ended.body["data"]["status"]), (200, &json!("ended")), "{ended:?}");
        assert_eq!(ended.body["data"]["accessToken"], Value::Null);
    }
    assert_eq!((studio.avatars.running(), studio.avatars.stopped().len()), (0, 1));
    let told = studio.hears("video.ended").await;
    let about = (&told["video"]["endReason"], &told["conversationId"]);
    assert_eq!(about, (&json!("asked"), &conversation["id"]));
    let late = studio.visitor(Method::POST, &format!("{path}/messages"), Some(said)).await;
    assert_eq!((late.status.as_u16(), &late.body["code"]), (409, &json!("VIDEO_NOT_LIVE")), "{late:?}");
}

// req: S0-VID-1
// req: S0-AV-1
#[tokio::test]
async fn with_liveavatar_the_page_is_told_what_to_send_into_the_room() {
    let studio = Studio::open("liveavatar").await;
    let api = &studio.server.api;
    let tried = api.post("/api/integrations/avatar/test", &json!({})).await.data();
    assert_eq!((&tried["ok"], &tried["found"]), (&json!(true), &json!("signed in; sessions running: 0")));
    let made = api.post("/api/video/session", &studio.mine("v1")).await.data();
    assert_eq!(made["url"], "wss://live.livekit.cloud");
    let path = format!("/api/video/session/{}", id(&made));
    let answer = api.post(&format!("{path}/messages"), &json!({ "message": "Hello" })).await.data();
    let command = &answer["spoken"]["command"];
    assert_eq!((&answer["spoken"]["by"], &command["topic"]), (&json!("page"), &json!("agent-control")), "{answer}");
    assert_eq!(command["event"]["event_type"], "avatar.speak_text");
    assert!(command["event"]["text"].as_str().unwrap().contains("Hello"), "{answer}");
    assert_eq!(studio.avatars.alive(), 1);
    let listed = api.list("/api/video/sessions", "sessions").await;
    assert_eq!((listed.len(), &listed[0]["status"], &listed[0]["accessToken"]), (1, &json!("live"), &Value::Null));
    assert_eq!(api.delete(&path).await.data()["endReason"], "asked");
    assert_eq!(studio.avatars.running(), 0);
}

// req: S0-TOOL-1
// req: S0-VID-1
#[tokio::test]
async fn an_agent_brings_an_avatar_into_a_web_chat_and_the_answer_says_which() {
    let studio = Studio::open("heygen").await;
    let api = &studio.server.api;
    let say = async |message: &str| {
        api.chat(&json!({ "channel": studio.channel, "session": "v1", "message": message })).await.data()
    };
    assert_eq!(say("Hello").await["video_session"], Value::Null);
    let answer = say("Let me see you <<{\"name\":\"start_video\",\"arguments\":{}}>>").await;
    assert!(answer["reply"]["text"].as_str().unwrap().contains("live"), "{answer}");
    let video = answer["video_session"].as_str().unwrap();
    assert_eq!((studio.status(video).await, studio.avatars.running()), (json!("live"), 1));
    assert_eq!(say("Thank you").await["video_session"], video, "for as long as it goes on");
    api.delete(&format!("/api/video/session/{video}")).await.data();
    assert_eq!(say("Bye").await["video_session"], Value::Null);
}

// req: S0-VID-1
// req: S0-VID-2
// req: S0-EVT-1
#[tokio::test]
async fn a_program_that_is_killed_while_it_opens_a_session_ends_it_when_it_comes_back() {
    let mut studio = Studio::open("liveavatar").await;
    studio.avatars.next("start", Fault::Hang);
    let request = studio.server.api.request(Method::POST, "/api/video/session").json(&studio.mine("v1"));
    let asked = tokio::spawn(request.send());
    until("the session", async || (studio.avatars.running() == 1).then_some(())).await;
    studio.server.kill().await;
    assert!(asked.await.unwrap().is_err(), "nobody was answered");
    studio.server.restart().await;
    within(2 * USUAL, "the end of it", async || (studio.avatars.running() == 0).then_some(())).await;
    let failed = async || studio.server.api.list("/api/video/sessions", "sessions").await.pop();
    let session = until("it to be told", async || failed().await.filter(|s| s["status"] == "failed")).await;
    assert_eq!((&session["cause"], &session["endReason"]), (&json!("video.cut_short"), &json!("failed")));
    assert_eq!(studio.hears("error.occurred").await["video"]["sessionId"], session["sessionId"]);
    assert_eq!(studio.begin("v1").await.status, 201, "there is room again");
}

// req: S0-VID-1
// req: S0-EVT-1
#[tokio::test]
async fn a_session_that_may_have_been_opened_under_no_known_name_is_uncertain_and_told() {
    let studio = Studio::open("heygen").await;
    studio.avatars.next("new", Fault::Cut);
    let asked = studio.begin("v1").await;
    assert_eq!((asked.status.as_u16(), &asked.body["data"]["status"]), (202, &json!("uncertain")), "{asked:?}");
    let told = studio.hears("error.occurred").await;
    assert_eq!((&told["code"], &told["video"]["status"]), (&json!("heygen.no_answer"), &json!("uncertain")));
}

// req: S0-VID-2
#[tokio::test]
async fn a_forgotten_session_is_ended_however_its_provider_and_the_program_fare() {
    let mut studio = Studio::open("heygen").await;
    studio.avatars.lasts(3);
    let made = studio.begin("v1").await.data();
    // Nobody can be told that it ends, and the program is killed while it tries.
    studio.avatars.down(true);
    until("its end", async || (studio.status(&id(&made)).await == "ending").then_some(())).await;
    studio.server.kill().await;
    studio.server.restart().await;
    assert_eq!((studio.status(&id(&made)).await, studio.avatars.running()), (json!("ending"), 1));
    studio.avatars.down(false);
    within(2 * USUAL, "its end", async || (studio.status(&id(&made)).await == "ended").then_some(())).await;
    assert_eq!((studio.avatars.running(), studio.avatars.stopped().len()), (0, 1));
    let told = studio.hears("video.ended").await;
    assert_eq!(told["video"]["endReason"], "expired");
    assert_eq!(studio.told(), ["video.started", "video.ended"], "each is told once");
}

// req: S0-VID-1
// req: S0-SEC-1
#[tokio::test]
async fn who_may_not_open_a_session_is_told_why() {
    let studio = Studio::open("heygen").await;
    let (api, refused) = (&studio.server.api, |answer: Answer| (answer.status.as_u16(), answer.body["code"].clone()));
    // A stranger, who knows neither the session nor its web chat.
    let made = studio.begin("v1").await.data();
    let path = format!("/api/video/session/{}", id(&made));
    assert_eq!(studio.visitor(Method::GET, &path, None).await.status, 401);
    let strange = format!("{path}?channel={}&session=v2", studio.channel);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(studio.visitor(method, &strange, None).await.status, 404);
    }
    let mut said = studio.mine("v2");
    said["message"] = json!("Hello");
    assert_eq!(studio.visitor(Method::POST, &format!("{path}/messages"), Some(said)).await.status, 404);
    let words = json!({ "message": " ", "colour": "red" });
    assert_eq!(api.post(&format!("{path}/messages"), &words).await.status, 400);
    assert_eq!(api.post("/api/video/session", &json!({ "session": "a b" })).await.fields(), ["session"]);

    assert_eq!(studio.begin("v2").await.status, 201);
    assert_eq!(refused(studio.begin("v3").await), (409, json!("VIDEO_LIMIT")));
    let french = api.bare(Method::POST, "/api/video/session").header("accept-language", "fr").json(&studio.mine("v3"));
    let french = api.attempt(french).await.unwrap();
    assert!(french.body["message"].as_str().unwrap().contains("sessions vidéo"), "{french:?}");
    for session in ["v1", "v2"] {
        let id = id(&studio.begin(session).await.data());
        api.delete(&format!("/api/video/session/{id}")).await.data();
    }

    // Secrets are kept and never shown.
    let shown = api.get("/api/integrations/avatar").await;
    assert!(!shown.text.contains("key-of") && shown.text.contains("***"), "{}", shown.text);
    let mut wrong = studio.avatars.settings("heygen");
    wrong["avatarId"] = json!("Nobody");
    api.put("/api/integrations/avatar", &wrong).await.data();
    assert_eq!(refused(studio.begin("v4").await), (502, json!("AVATAR_REFUSED")));
    wrong["apiKey"] = json!("stale");
    api.put("/api/integrations/avatar", &wrong).await.data();
    let tried = api.post("/api/integrations/avatar/test", &json!({})).await.data();
    assert_eq!((&tried["ok"], &tried["code"]), (&json!(false), &json!("heygen.unauthorized")));
    let settings = json!({ "provider": "fax", "apiKey": "x", "avatarId": "y", "maxMinutes": "0", "quality": "best" });
    let mut fields = api.put("/api/integrations/avatar", &settings).await.fields();
    fields.sort();
    assert_eq!(fields, ["maxMinutes", "provider", "quality"]);
    api.delete("/api/integrations/avatar").await.data();
    assert_eq!(refused(studio.begin("v5").await), (409, json!("AVATAR_NOT_CONFIGURED")));
    assert_eq!(studio.avatars.running(), 0);
}

async fn erase(api: &Client, peer: &str) {
    let conversation = api.conversation(peer).await.unwrap();
    let contact = conversation["contact"].as_str().unwrap();
    api.post(&format!("/api/contacts/{contact}/erase"), &json!({})).await.data();
}

// req: S0-VID-2
#[tokio::test]
async fn who_is_erased_leaves_no_session_behind_that_runs() {
    let studio = Studio::open("heygen").await;
    let api = &studio.server.api;
    api.chat(&json!({ "channel": studio.channel, "session": "v1", "message": "Hello" })).await.data();
    let id = id(&studio.begin("v1").await.data());
    erase(api, "v1").await;
    until("its end", async || (studio.avatars.running() == 0).then_some(())).await;
    let left = until("its row", async || {
        let row = api.get(&format!("/api/video/session/{id}")).await.data();
        (row["status"] == "ended").then_some(row)
    })
    .await;
    assert_eq!(left["session"], "", "whose it was is not kept");
}
