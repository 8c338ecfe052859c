//! Both providers of avatars before a scripted other side: what is asked for, and what each answer is taken for.

use super::tests::{Said, before, lost, not_sent, refused, unknown};
use colloquy_domain::{
    channel::Secret,
    commerce::{
        flow::Answer,
        settings::{Avatar, Connections, Provider},
    },
    ports::{Avatars, Joined, Reserved, Services, Spoken, WebCall},
    video::{AvatarAccount, AvatarProvider, Join},
};
use serde_json::{Value, json};
use std::time::Duration;

fn account(provider: AvatarProvider) -> AvatarAccount {
    AvatarAccount { provider, key: Secret::new("key-1"), base_url: None }
}

fn avatar(provider: AvatarProvider) -> Avatar {
    Avatar {
        account: account(provider),
        avatar: "Anna_public".into(),
        voice: Some("voice-1".into()),
        context: None,
        language: "fr".into(),
        quality: "medium".into(),
        most: 3,
        longest: Duration::from_secs(600),
        idle: Duration::from_secs(180),
    }
}

fn header<'a>(call: &'a WebCall, name: &str) -> Option<&'a str> {
    call.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

fn body(call: &WebCall) -> Value {
    serde_json::from_str(call.body.as_deref().unwrap_or("null")).unwrap()
}

/// What HeyGen answers to `streaming.new`, as its reference shows it.
fn new_session() -> Value {
    json!({ "code": 100, "message": "success", "data": {
        "session_id": "eba59f0d-71f5-11ef-b8af-d2e5560124bc", "sdp": null, "access_token": "eyJhbGc", "is_paid": true,
        "url": "wss://heygen-feapbkvq.livekit.cloud", "ice_servers": null, "ice_servers2": null,
        "session_duration_limit": 600, "realtime_endpoint": "wss://webrtc-signaling.heygen.io/v2-alpha",
    } })
}

// req: S0-AV-1
#[tokio::test]
async fn heygen_opens_a_session_in_two_calls_under_its_key() {
    let ok = json!({ "code": 100, "message": "success", "data": {} });
    let (services, outside) = before(vec![Ok((200, new_session())), Ok((200, ok))]);
    let reserved = services.reserve(&avatar(AvatarProvider::HeyGen)).await.unwrap();
    assert_eq!(reserved.external, "eba59f0d-71f5-11ef-b8af-d2e5560124bc");
    let joined = services.start(&account(AvatarProvider::HeyGen), &reserved).await.unwrap();
    assert_eq!(joined.join.url, "wss://heygen-feapbkvq.livekit.cloud");
    assert_eq!((joined.join.token.expose(), joined.longest), ("eyJhbGc", Some(Duration::from_secs(600))));
    insta::assert_snapshot!(outside.asked().join("\n"), @r"
    POST https://api.heygen.com/v1/streaming.new
    POST https://api.heygen.com/v1/streaming.start
    ");
    let calls = outside.calls.lock().unwrap();
    assert_eq!((header(&calls[0], "x-api-key"), header(&calls[0], "authorization")), (Some("key-1"), None));
    assert_eq!(header(&calls[0], "content-type"), Some("application/json"));
    let wanted = json!({ "version": "v2", "avatar_id": "Anna_public", "quality": "medium", "disable_idle_timeout": false,
        "activity_idle_timeout": 180, "voice": { "voice_id": "voice-1" } });
    assert_eq!(body(&calls[0]), wanted);
    assert_eq!(body(&calls[1]), json!({ "session_id": "eba59f0d-71f5-11ef-b8af-d2e5560124bc" }));
}

// req: S0-AV-1
#[tokio::test]
async fn liveavatar_gives_a_token_first_and_starts_by_it_and_not_by_the_key() {
    let token = json!({ "code": 1000, "message": "ok", "data": { "session_id": "s-1", "session_token": "grant-1" } });
    let started = json!({ "code": 1000, "message": "ok", "data": { "session_id": "s-1", "max_session_duration": 120,
        "livekit_url": "wss://live.livekit.cloud", "livekit_client_token": "client", "livekit_agent_token": "agent",
        "ws_url": "wss://x" } });
    let (services, outside) = before(vec![Ok((200, token)), Ok((201, started))]);
    let reserved = services.reserve(&avatar(AvatarProvider::LiveAvatar)).await.unwrap();
    let joined = services.start(&account(AvatarProvider::LiveAvatar), &reserved).await.unwrap();
    let join = Join { url: "wss://live.livekit.cloud".into(), token: Secret::new("client") };
    assert_eq!(joined, Joined { join, longest: Some(Duration::from_secs(120)) });
    insta::assert_snapshot!(outside.asked().join("\n"), @r"
    POST https://api.liveavatar.com/v1/sessions/token
    POST https://api.liveavatar.com/v1/sessions/start
    ");
    let calls = outside.calls.lock().unwrap();
    assert_eq!((header(&calls[0], "x-api-key"), header(&calls[0], "authorization")), (Some("key-1"), None));
    assert_eq!((header(&calls[1], "x-api-key"), header(&calls[1], "authorization")), (None, Some("Bearer grant-1")));
    let wanted = json!({ "mode": "FULL", "avatar_id": "Anna_public", "max_session_duration": 600,
        "avatar_persona": { "language": "fr", "voice_id": "voice-1" }, "interactivity_type": "PUSH_TO_TALK",
        "video_settings": { "quality": "medium", "encoding": "VP8" } });
    assert_eq!((body(&calls[0]), body(&calls[1])), (wanted, Value::Null));
}

// req: S0-AV-1
#[tokio::test]
async fn words_are_said_by_heygen_itself_and_by_the_page_with_liveavatar() {
    let said = json!({ "code": 100, "data": { "duration_ms": 1_200.5, "task_id": "t-1" } });
    let (services, outside) = before(vec![Ok((200, said)), Ok((200, json!({ "code": 1000, "data": null })))]);
    let by = services.speak(&account(AvatarProvider::HeyGen), "s-1", "Bonjour").await;
    assert_eq!(by, Ok(Spoken::ByProvider));
    let by = services.speak(&account(AvatarProvider::LiveAvatar), "s-2", "Bonjour").await;
    assert_eq!(by, Ok(Spoken::ByPage { topic: "agent-control", event: "avatar.speak_text" }));
    insta::assert_snapshot!(outside.asked().join("\n"), @r"
    POST https://api.heygen.com/v1/streaming.task
    POST https://api.liveavatar.com/v1/sessions/keep-alive
    ");
    let calls = outside.calls.lock().unwrap();
    let task = json!({ "session_id": "s-1", "text": "Bonjour", "task_type": "repeat", "task_mode": "async" });
    assert_eq!((body(&calls[0]), body(&calls[1])), (task, json!({ "session_id": "s-2" })));
}

async fn reserving(provider: AvatarProvider, said: Said) -> Result<Reserved, Answer> {
    before(vec![said]).0.reserve(&avatar(provider)).await
}

async fn stopping(provider: AvatarProvider, said: Said) -> Answer {
    before(vec![said]).0.stop(&account(provider), "s-1").await
}

async fn looking(provider: AvatarProvider, said: Said) -> Answer {
    Avatars::look(&before(vec![said]).0, &account(provider), "s-1").await
}

// req: S0-AV-1
#[tokio::test]
async fn answers_of_both_are_taken_for_what_they_say() {
    use AvatarProvider::{HeyGen, LiveAvatar};
    for provider in AvatarProvider::ALL {
        let code = |what: &str| format!("{}.{what}", provider.name());
        assert_eq!(reserving(provider, lost()).await, Err(unknown(&code("no_answer"))));
        assert_eq!(reserving(provider, Ok((503, Value::Null))).await, Err(unknown(&code("unavailable"))));
        let later = Answer::Later { code: code("unreachable"), after: None };
        assert_eq!(reserving(provider, not_sent()).await, Err(later));
        let slow = Answer::Later { code: code("rate_limited"), after: None };
        assert_eq!(reserving(provider, Ok((429, json!({})))).await, Err(slow));
        assert_eq!(
            reserving(provider, Ok((401, json!({ "code": 400_112 })))).await,
            Err(refused(&code("unauthorized")))
        );
        assert_eq!(reserving(provider, Ok((200, json!({ "data": {} })))).await, Err(unknown(&code("bad_response"))));
        assert_eq!(stopping(provider, Ok((200, json!({ "code": 100, "data": null })))).await, Answer::Happened);
        assert_eq!(stopping(provider, Ok((404, json!({})))).await, Answer::Absent);
        assert_eq!(stopping(provider, lost()).await, unknown(&code("no_answer")));
        assert_eq!(stopping(provider, Ok((401, json!({})))).await, refused(&code("unauthorized")));
        assert_eq!(
            looking(provider, Ok((403, json!({})))).await,
            unknown(&code("forbidden")),
            "no word of what is there"
        );
    }
    let unknown_avatar = json!({ "code": 10_013, "message": "avatar not found" });
    assert_eq!(reserving(HeyGen, Ok((400, unknown_avatar))).await, Err(refused("heygen.code_10013")));
    let gone = json!({ "code": 400_004, "message": "Session does not exist. SessionID: s-1" });
    assert_eq!(stopping(HeyGen, Ok((400, gone))).await, Answer::Absent);
    let listed =
        |id: &str| json!({ "code": 100, "data": { "sessions": [{ "session_id": id, "status": "connected" }] } });
    assert_eq!(looking(HeyGen, Ok((200, listed("s-1")))).await, Answer::Happened);
    assert_eq!(looking(HeyGen, Ok((200, listed("s-2")))).await, Answer::Absent);
    let listed = |n: usize| json!({ "data": { "count": n, "results": vec![json!({ "session_id": "s-2" }); n] } });
    assert_eq!(looking(LiveAvatar, Ok((200, listed(1)))).await, Answer::Absent);
    assert_eq!(
        looking(LiveAvatar, Ok((200, listed(100)))).await,
        unknown("liveavatar.bad_response"),
        "one page of more"
    );
}

// req: S0-AV-1
#[tokio::test]
async fn the_account_is_tried_at_its_own_address_and_only_if_there_is_one() {
    let (services, outside) = before(vec![Ok((200, json!({ "data": { "results": [] } })))]);
    let mut avatar = avatar(AvatarProvider::LiveAvatar);
    avatar.account.base_url = Some("https://avatars.example/base/".into());
    let with = Connections { avatar: Some(avatar), ..Connections::default() };
    let found = services.test(&with, Provider::Avatar).await;
    assert_eq!(found.as_deref(), Ok("signed in; sessions running: 0"));
    assert_eq!(outside.asked(), ["GET https://avatars.example/base/v1/sessions?type=active&page_size=100"]);
    let nothing = services.test(&Connections::default(), Provider::Avatar).await;
    assert_eq!(nothing.unwrap_err().code, "avatar.not_configured");
}
