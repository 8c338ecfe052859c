//! Answers in groups while they are written: messages that are edited.

use crate::support::{account, answering, at, driver, outbox, part, peer, requests, with};
use colloquy_domain::{
    channel::{ChannelAccount, Delivery, Draft, Replaced, SendError, Sent},
    message::Peer,
    ports::ChannelDriver,
    time::Timestamp,
};
use serde_json::{Value, json};
use std::time::Duration;

const TOPIC: &str = "-100200/9";
const NAME: &str = "-100200:31";

fn draft<'a>(account: &'a ChannelAccount, to: &'a Peer, text: &'a str) -> Draft<'a> {
    Draft { account, to, turn: 4, text, leaves_within: Duration::from_secs(5) }
}

fn refusal(description: &str) -> Value {
    json!({"ok": false, "error_code": 400, "description": description})
}

async fn replaced(driver: &dyn ChannelDriver, account: &ChannelAccount) -> Result<Replaced, SendError> {
    let (to, part) = (peer(TOPIC), part("<b>all</b>", "all"));
    let delivery = Delivery {
        account,
        to: &to,
        part: &part,
        template: None,
        outbox: outbox(),
        last_inbound_at: Timestamp(0),
        by_person: false,
        now: Timestamp(0),
        leaves_within: Duration::from_secs(5),
    };
    driver.replace(delivery, NAME).await
}

#[test]
fn only_groups_get_them_and_only_where_they_are_wanted() {
    let (driver, account) = (driver("telegram"), account("telegram"));
    for (address, group) in [("-100200", true), (TOPIC, true), ("77", false), ("nobody", false)] {
        assert_eq!(driver.amends(&peer(address)), group, "{address}");
        assert_eq!(driver.amends_every(&account, &peer(address)).is_some(), group, "{address}");
    }
    let off = with(account, "stream_edits", "off");
    assert!(driver.amends(&peer(TOPIC)), "what stands already is found all the same");
    assert_eq!(driver.amends_every(&off, &peer(TOPIC)), None);
}

// req: C-CHN-1
#[tokio::test]
async fn the_first_words_are_a_message_in_their_topic_and_then_edited_one_in_four_seconds_for_the_group() {
    let taken = json!({"ok": true, "result": {"message_id": 31, "chat": {"id": -100_200}}});
    let server = answering(200, taken).await;
    let (driver, account) = (driver("telegram"), at(&server, "telegram"));
    let begun = driver.begin(draft(&account, &peer(TOPIC), "We are **open")).await;
    assert_eq!(begun, Ok(Sent { provider_message_id: Some(NAME.to_owned()) }));
    let soon = driver.amend(draft(&account, &peer("-100200/10"), "We are **open** from"), NAME).await;
    let Err(SendError::Refused(failure)) = soon else { panic!("{soon:?}") };
    assert!(failure.is_retry() && failure.code == "telegram.group_pace", "a topic of the same group: {failure}");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(4)).await;
    tokio::time::resume();
    let text = "We are **open** from";
    driver.amend(draft(&account, &peer(TOPIC), text), NAME).await.expect("edited");
    assert_eq!(
        replaced(&*driver, &account).await,
        Ok(Replaced::Stands(Sent { provider_message_id: Some(NAME.into()) }))
    );
    driver.withdraw(&account, &peer(TOPIC), NAME).await.expect("taken away");
    let asked: Vec<String> = requests(&server)
        .await
        .iter()
        .map(|(path, body)| format!("{} {body}", path.rsplit('/').next().unwrap_or_default()))
        .collect();
    insta::assert_snapshot!(asked.join("\n"));
}

#[tokio::test]
async fn what_comes_of_putting_a_reply_in_its_place() {
    let stands = Ok(Replaced::Stands(Sent { provider_message_id: Some(NAME.to_owned()) }));
    for (description, expected) in [
        ("Bad Request: message is not modified: same content", stands),
        ("Bad Request: message to edit not found", Ok(Replaced::Gone)),
        ("Bad Request: MESSAGE_ID_INVALID", Ok(Replaced::Gone)),
    ] {
        let server = answering(400, refusal(description)).await;
        assert_eq!(replaced(&*driver("telegram"), &at(&server, "telegram")).await, expected, "{description}");
    }
    // Whatever may have arrived may be repeated: it is never uncertain.
    for status in [500, 503, 504] {
        let server = answering(status, json!("<html>")).await;
        let failed = replaced(&*driver("telegram"), &at(&server, "telegram")).await;
        assert!(matches!(&failed, Err(SendError::Refused(f)) if f.is_retry()), "{status}: {failed:?}");
    }
    let server = answering(401, json!({"ok": false, "error_code": 401, "description": "Unauthorized"})).await;
    let down = replaced(&*driver("telegram"), &at(&server, "telegram")).await;
    assert!(matches!(down, Err(SendError::AccountDown(_))), "{down:?}");
}

#[tokio::test]
async fn a_group_that_asks_to_wait_gets_no_more_of_it_meanwhile() {
    let slow =
        json!({"ok": false, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 17}});
    let server = answering(429, slow).await;
    let (driver, account) = (driver("telegram"), at(&server, "telegram"));
    let refused = driver.begin(draft(&account, &peer(TOPIC), "We")).await;
    assert!(matches!(&refused, Err(SendError::Refused(f)) if f.is_retry()), "{refused:?}");
    assert_eq!(driver.amends_every(&account, &peer(TOPIC)), None);
}

/// Replies are counted: a group that is answered often is shown less of it.
#[tokio::test]
async fn what_a_group_takes_in_a_minute_is_left_to_replies() {
    let taken = json!({"ok": true, "result": {"message_id": 31, "chat": {"id": -100_200}}});
    let server = answering(200, taken).await;
    let (driver, account) = (driver("telegram"), at(&server, "telegram"));
    for _ in 0..14 {
        replaced(&*driver, &account).await.expect("a reply");
    }
    let refused = driver.begin(draft(&account, &peer(TOPIC), "We")).await;
    assert!(matches!(&refused, Err(SendError::Refused(f)) if f.code == "telegram.group_pace"), "{refused:?}");
    replaced(&*driver, &account).await.expect("replies go on");
}
