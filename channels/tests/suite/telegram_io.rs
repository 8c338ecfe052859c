//! Sending, typing and polling against a stand-in for the Bot API.

use crate::support::{
    HOUR, SECRET, TOKEN, answering, at, driver, impatient, options, part, peer, requests, send, send_with, summary,
    verdict, with,
};
use colloquy_domain::{
    channel::{ChannelAccount, Draft},
    failure::{Failure, Verdict},
    ports::ChannelDriver,
};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_partial_json, path},
};

fn method(name: &str) -> String {
    format!("/bot{TOKEN}/{name}")
}

async fn answer(server: &MockServer, name: &str, status: u16, body: Value, times: u64) {
    let template = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(path(method(name))).respond_with(template).up_to_n_times(times).mount(server).await;
}

fn refusal(code: u16, description: &str) -> Value {
    json!({"ok": false, "error_code": code, "description": description})
}

async fn show(driver: &dyn ChannelDriver, account: &ChannelAccount, chat: &str, text: &str) -> Result<(), Failure> {
    driver.draft(Draft { account, to: &peer(chat), turn: 4, text, leaves_within: Duration::from_secs(5) }).await
}

// req: C-CHN-1
#[tokio::test]
async fn what_is_written_so_far_is_a_draft_in_private_chats_and_nothing_elsewhere() {
    let server = answering(200, json!({"ok": true, "result": true})).await;
    let (driver, account) = (driver("telegram"), at(&server, "telegram"));
    assert_eq!(driver.drafts_every(&account, &peer("77")), Some(Duration::from_secs(1)));
    for elsewhere in ["-100200", "-100200/9", "nobody"] {
        assert_eq!(driver.drafts_every(&account, &peer(elsewhere)), None, "{elsewhere}");
    }
    assert_eq!(driver.drafts_every(&with(account.clone(), "streaming", "off"), &peer("77")), None);
    show(&*driver, &account, "77", "We are **open from").await.expect("shown");
    let (path, body) = requests(&server).await.remove(0);
    assert_eq!(path, method("sendMessageDraft"));
    assert_eq!(
        body,
        json!({"chat_id": 77, "draft_id": 5, "text": "We are **open from", "parse_mode": "HTML"}),
        "what is not closed yet is shown as it stands"
    );
}

#[tokio::test]
async fn a_chat_whose_drafts_are_refused_is_left_alone_and_the_others_are_not() {
    let slow =
        json!({"ok": false, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 7}});
    for (status, body) in [(429, slow), (400, refusal(400, "Bad Request: TEXTDRAFT_PEER_INVALID"))] {
        let server = answering(status, body).await;
        let (driver, account) = (driver("telegram"), at(&server, "telegram"));
        show(&*driver, &account, "77", "We").await.expect_err("refused");
        assert_eq!(driver.drafts_every(&account, &peer("77")), None, "{status}");
        assert!(driver.drafts_every(&account, &peer("78")).is_some());
    }
}

#[tokio::test]
async fn drafts_leave_most_of_the_rate_to_replies() {
    let server = answering(200, json!({"ok": true, "result": true})).await;
    let (driver, account) = (driver("telegram"), with(at(&server, "telegram"), "messages_per_second", "6"));
    for chat in ["1", "2", "3", "4", "5"] {
        show(&*driver, &account, chat, "We").await.expect("shown, or passed over");
    }
    assert_eq!(requests(&server).await.len(), 2, "a third");
}

// req: C-CHN-1
#[tokio::test]
async fn a_part_goes_out_as_html_to_the_chat_and_topic() {
    let server = answering(200, json!({"ok": true, "result": {"message_id": 31}})).await;
    let sent = send(&at(&server, "telegram"), "-100200/9").await;
    assert_eq!(verdict(&sent), "sent -100200:31");
    let (path, body) = requests(&server).await.remove(0);
    assert_eq!(path, method("sendMessage"));
    let expected = json!({
        "chat_id": -100_200, "message_thread_id": 9, "text": "<b>hello</b>", "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": true},
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn refusals_carry_the_right_decision() {
    let table = [
        (
            429,
            json!({"ok": false, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 7}}),
            "refused retry 7s telegram.rate_limited",
        ),
        (400, refusal(400, "Bad Request: chat not found"), "refused reject telegram.bad_request"),
        (400, refusal(400, "Bad Request: message is not modified: same"), "sent -"),
        (403, refusal(403, "Forbidden: bot was blocked by the user"), "refused reject telegram.blocked"),
        (401, refusal(401, "Unauthorized"), "down fatal telegram.unauthorized"),
        (404, refusal(404, "Not Found"), "down fatal telegram.unauthorized"),
        (500, refusal(500, "Internal Server Error"), "uncertain retry telegram.server_error"),
        (503, json!("<html>"), "refused retry telegram.server_error"),
        (504, json!("<html>"), "uncertain retry telegram.server_error"),
        (502, json!("<html>"), "uncertain retry telegram.server_error"),
        (200, json!("<html>"), "uncertain retry telegram.no_answer"),
    ];
    for (status, body, expected) in table {
        let server = answering(status, body.clone()).await;
        let result = send(&at(&server, "telegram"), "77").await;
        assert_eq!(verdict(&result), expected, "{status} {body}");
        assert_eq!(requests(&server).await.len(), 1, "one attempt: repeating is the caller's");
        assert!(!format!("{result:?}").contains("AA-secret"));
    }
}

#[tokio::test]
async fn a_token_that_the_provider_repeats_is_not_passed_on() {
    let server = answering(400, refusal(400, &format!("Bad Request: wrong token {TOKEN}"))).await;
    let result = send(&at(&server, "telegram"), "77").await;
    assert!(!format!("{result:?}").contains(TOKEN), "{result:?}");
}

#[tokio::test]
async fn a_lost_answer_is_uncertain_and_an_unreachable_server_is_not() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_body_json(json!({"ok": true})).set_delay(Duration::from_secs(20));
    Mock::given(path(method("sendMessage"))).respond_with(slow).mount(&server).await;
    let account = at(&server, "telegram");
    let result = send_with(&impatient(), &account, "77", &part("a", "a"), HOUR).await;
    assert_eq!(verdict(&result), "uncertain retry telegram.no_answer");
    let unreachable = with(account, "api_base", "http://127.0.0.1:1");
    let result = send_with(&options(), &unreachable, "77", &part("a", "a"), HOUR).await;
    assert_eq!(verdict(&result), "refused retry telegram.unreachable");
    assert!(!format!("{result:?}").contains("AA-secret"));
}

#[tokio::test]
async fn markup_that_is_refused_is_sent_plain() {
    let server = MockServer::start().await;
    let html = Mock::given(path(method("sendMessage"))).and(body_partial_json(json!({"parse_mode": "HTML"})));
    let refused = refusal(400, "Bad Request: can't parse entities: unexpected end tag");
    html.respond_with(ResponseTemplate::new(400).set_body_json(refused)).mount(&server).await;
    answer(&server, "sendMessage", 200, json!({"ok": true, "result": {"message_id": 8}}), 9).await;
    assert_eq!(verdict(&send(&at(&server, "telegram"), "77").await), "sent 77:8");
    let (_, second) = requests(&server).await.remove(1);
    assert_eq!(second["text"], "hello");
    assert!(second.get("parse_mode").is_none());
}

#[tokio::test]
async fn a_group_that_became_a_supergroup_is_followed_once() {
    let server = MockServer::start().await;
    let moved = json!({"ok": false, "error_code": 400, "description": "Bad Request: group chat was upgraded", "parameters": {"migrate_to_chat_id": -100_777}});
    answer(&server, "sendMessage", 400, moved.clone(), 1).await;
    answer(&server, "sendMessage", 200, json!({"ok": true, "result": {"message_id": 8}}), 1).await;
    assert_eq!(verdict(&send(&at(&server, "telegram"), "-5").await), "sent -100777:8");
    assert_eq!(requests(&server).await[1].1["chat_id"], -100_777);
    // A server that always points elsewhere is not followed for ever.
    let server = answering(400, moved).await;
    assert_eq!(verdict(&send(&at(&server, "telegram"), "-5").await), "refused reject telegram.bad_request");
    assert_eq!(requests(&server).await.len(), 2);
}

#[tokio::test]
async fn an_address_that_is_no_chat_never_reaches_the_server() {
    let server = answering(200, json!({"ok": true})).await;
    assert_eq!(verdict(&send(&at(&server, "telegram"), "../me").await), "refused reject telegram.bad_address");
    assert!(requests(&server).await.is_empty());
}

#[tokio::test]
async fn typing_answers_a_pressed_button_first() {
    let server = MockServer::start().await;
    answer(&server, "answerCallbackQuery", 200, json!({"ok": true, "result": true}), 9).await;
    answer(&server, "sendChatAction", 500, refusal(500, "not here"), 9).await;
    let (driver, account) = (driver("telegram"), at(&server, "telegram"));
    let failure = driver.typing(&account, &peer("77"), "50:q1").await.expect_err("the action fails");
    assert!(failure.is_retry());
    let seen: Vec<_> = requests(&server).await;
    assert_eq!(seen[0], (method("answerCallbackQuery"), json!({"callback_query_id": "q1"})));
    assert_eq!(seen[1], (method("sendChatAction"), json!({"chat_id": 77, "action": "typing"})));
    let _ = driver.typing(&account, &peer("77"), "51").await;
    assert_eq!(requests(&server).await.len(), 3, "an ordinary message needs no answer");
}

// req: C-CHN-1
#[tokio::test]
async fn polling_goes_on_after_the_last_update() {
    let server = MockServer::start().await;
    answer(&server, "getMe", 200, json!({"ok": true, "result": {"username": "ConciergeBot"}}), 9).await;
    let chat = json!({"id": -5, "type": "group"});
    let updates = json!([
        {"update_id": 40, "message": {"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}, "text": "a"}},
        {"update_id": 42, "strange": {}},
        {"update_id": 41, "message": {"message_id": 2, "date": 1, "chat": chat, "text": "@conciergebot b"}},
    ]);
    answer(&server, "getUpdates", 200, json!({"ok": true, "result": updates}), 1).await;
    answer(&server, "getUpdates", 200, json!({"ok": true, "result": []}), 1).await;
    let (driver, account) = (driver("telegram"), with(at(&server, "telegram"), "poll_timeout_seconds", "25"));
    assert!(driver.polls(&account) && !driver.polls(&with(account.clone(), "mode", "webhook")));
    let polled = driver.poll(&account, None).await.expect("updates");
    assert_eq!(polled.cursor.as_deref(), Some("43"));
    let lines: Vec<_> = polled.events.iter().map(summary).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[1], "ignored strange");
    assert!(lines[2].starts_with("text \"b\""), "the name was asked of Telegram: {}", lines[2]);
    let polled = driver.poll(&account, polled.cursor).await.expect("nothing new");
    assert_eq!((polled.events.len(), polled.cursor.as_deref()), (0, Some("43")));
    let polls: Vec<Value> =
        requests(&server).await.into_iter().filter(|(p, _)| *p == method("getUpdates")).map(|(_, b)| b).collect();
    assert_eq!((&polls[0]["timeout"], polls[0].get("offset")), (&json!(25), None));
    assert_eq!(polls[1]["offset"], 43);
    assert!(polls[0]["allowed_updates"].as_array().expect("list").contains(&json!("callback_query")));
}

#[tokio::test]
async fn a_webhook_in_the_way_is_removed_and_another_poller_is_not_fought() {
    let server = MockServer::start().await;
    let conflict = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook";
    answer(&server, "getUpdates", 409, refusal(409, conflict), 1).await;
    answer(&server, "deleteWebhook", 200, json!({"ok": true, "result": true}), 1).await;
    answer(&server, "getUpdates", 200, json!({"ok": true, "result": [{"update_id": 1}]}), 1).await;
    let account = with(at(&server, "telegram"), "bot_username", "b");
    let polled = driver("telegram").poll(&account, None).await.expect("after the webhook is gone");
    assert_eq!(polled.cursor.as_deref(), Some("2"));

    let server = answering(409, refusal(409, "Conflict: terminated by other getUpdates request")).await;
    let account = with(at(&server, "telegram"), "bot_username", "b");
    let failure = driver("telegram").poll(&account, None).await.expect_err("conflict");
    assert_eq!((failure.code.as_str(), failure.is_retry()), ("telegram.conflict", true));
    assert_eq!(requests(&server).await.len(), 1);
}

#[tokio::test]
async fn a_wrong_token_is_fatal_for_the_poll_and_the_check() {
    let server = answering(401, refusal(401, "Unauthorized")).await;
    let account = at(&server, "telegram");
    for failure in [
        driver("telegram").poll(&account, None).await.expect_err("unauthorized"),
        driver("telegram").check(&account).await.expect_err("unauthorized"),
    ] {
        assert_eq!(failure.verdict, Verdict::Fatal);
    }
}

#[tokio::test]
async fn the_webhook_is_set_with_its_secret() {
    let server = answering(200, json!({"ok": true, "result": true})).await;
    let account = at(&server, "telegram");
    let url = "https://example.org/hook";
    assert_eq!(driver("telegram").register_webhook(&account, url).await, Ok(false), "a polling account has none");
    let mut account = account;
    account.settings.insert("mode".into(), "webhook".into());
    assert_eq!(driver("telegram").register_webhook(&account, url).await, Ok(true));
    let (path, body) = requests(&server).await.remove(0);
    assert_eq!(path, method("setWebhook"));
    assert_eq!((&body["url"], &body["secret_token"]), (&json!("https://example.org/hook"), &json!(SECRET)));
    let mut without = account;
    without.secrets.remove("webhook_secret");
    let failure = driver("telegram").register_webhook(&without, url).await;
    assert_eq!(failure.expect_err("no secret").verdict, Verdict::Fatal);
}
