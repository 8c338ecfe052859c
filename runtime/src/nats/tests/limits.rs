//! Configuration, limits, and what `doctor` sees.

use super::{Random, account, connected, ids_of, lanes, open, rest, server::NatsServer, text, wait::until};
use crate::nats::{JetStreamLog, LogOptions, inspect};
use async_nats::jetstream;
use colloquy_domain::{
    placement::Lane,
    ports::{IngressLog, StoreError},
    time::Timestamp,
};
use std::sync::Arc;

#[tokio::test]
async fn a_full_log_refuses_and_takes_again_after_trimming() {
    let server = NatsServer::start().await;
    let log = open(&server, &LogOptions { max_bytes: Some(64 * 1024), ..lanes(1) }).await;
    let mut appended = Vec::new();
    let refused = loop {
        let id = format!("full-{}", appended.len());
        match log.append(vec![account().text("p", &id, &"x".repeat(1000), super::NOW)]).await {
            Ok(()) => appended.push(id),
            Err(error) => break error,
        }
        assert!(appended.len() < 1000, "64 KiB hold no thousand entries of a kilobyte");
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    let many: Vec<_> = (0..10).map(|n| account().text("p", &n.to_string(), &"x".repeat(1000), super::NOW)).collect();
    let refused = log.append(many).await.expect_err("a batch, too");
    assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    let held = rest(&log, 0, 0).await;
    assert_eq!(ids_of(&held), appended, "nothing was pushed out, nothing was half written");
    let half = held[held.len() / 2].offset;
    let trimmed = log.trim(Lane(0), half, Timestamp(i64::MAX)).await.expect("trim");
    assert_eq!(trimmed, held.len() as u64 / 2 + 1);
    log.append(vec![text("p", "after")]).await.expect("there is room again");
    assert_eq!(ids_of(&rest(&log, 0, half).await).last().map(String::as_str), Some("after"));
}

#[tokio::test]
async fn a_message_larger_than_the_server_takes_is_logged_in_parts() {
    let server = NatsServer::start_with("max_payload: 4096").await;
    let log = open(&server, &lanes(1)).await;
    let large = |id: &str| account().text("p", id, &"é".repeat(20_000), super::NOW);
    let entries = vec![text("p", "before"), large("large"), text("p", "after"), large("last")];
    log.append(entries.clone()).await.expect("logged");
    let held = rest(&log, 0, 0).await;
    assert_eq!(held.iter().map(|e| e.entry.clone()).collect::<Vec<_>>(), entries);
    // Another node reads on from each place, and parts are forgotten with what they belong to.
    let other = open(&server, &lanes(1)).await;
    for (n, entry) in held.iter().enumerate() {
        assert_eq!(rest(&other, 0, entry.offset).await, held[n + 1..]);
    }
    assert_eq!(log.trim(Lane(0), 0, Timestamp(i64::MAX)).await, Ok(0), "nothing was moved");
    assert_eq!(rest(&other, 0, 0).await, held);
    let end = held[3].offset;
    assert!(log.trim(Lane(0), end, super::NOW).await == Ok(0), "nothing is old");
    log.trim(Lane(0), end, Timestamp(i64::MAX)).await.expect("trim");
    assert_eq!(log.behind(Lane(0), 0).await, Ok(0));
    log.append(vec![large("again")]).await.expect("logged");
    assert_eq!(ids_of(&rest(&log, 0, end).await), ["again"]);
}

#[tokio::test]
async fn a_log_from_before_there_were_parts_takes_them() {
    let server = NatsServer::start_with("max_payload: 4096").await;
    let connection = connected(&server).await;
    open(&server, &lanes(1)).await.append(vec![text("p", "old")]).await.expect("append");
    let js = jetstream::new(connection.client().clone());
    let mut old = js.get_stream("colloquy_log_0").await.expect("there").cached_info().config.clone();
    old.subjects = vec!["colloquy.log.0".to_owned()];
    js.update_stream(old).await.expect("updated");
    let log = open(&server, &lanes(1)).await;
    log.append(vec![account().text("p", "large", &"x".repeat(9_000), super::NOW)]).await.expect("logged");
    assert_eq!(ids_of(&rest(&log, 0, 0).await), ["old", "large"]);
}

#[tokio::test]
async fn an_append_of_any_size_is_whole_and_in_order() {
    let current = NatsServer::start_with("max_payload: 16384").await;
    let older = NatsServer::start_older().await;
    for server in [Some(current), older].into_iter().flatten() {
        let log = open(&server, &lanes(1)).await;
        let entries: Vec<_> =
            (0..1500).map(|n| account().text("p", &n.to_string(), &"x".repeat(500), super::NOW)).collect();
        log.append(entries.clone()).await.expect("many messages");
        let read: Vec<_> = rest(&log, 0, 0).await.into_iter().map(|e| e.entry).collect();
        assert!(read == entries, "{} entries came back", read.len());
        let found = inspect(&connected(&server).await, &lanes(1)).await.expect("inspected");
        assert!((2..1500).contains(&found.lanes[0].messages), "they are batched: {found:?}");
    }
}

#[tokio::test]
async fn what_lies_behind_a_cursor_is_counted() {
    let server = NatsServer::start().await;
    let log = open(&server, &lanes(1)).await;
    assert_eq!(log.behind(Lane(0), 0).await, Ok(0));
    for n in 0..4 {
        log.append(vec![text("p", &n.to_string())]).await.expect("append");
    }
    let held = rest(&log, 0, 0).await;
    assert_eq!(log.behind(Lane(0), 0).await, Ok(4));
    assert_eq!(log.behind(Lane(0), held[2].offset).await, Ok(1));
    log.trim(Lane(0), held[1].offset, Timestamp(i64::MAX)).await.expect("trim");
    assert_eq!(log.behind(Lane(0), 0).await, Ok(2), "what is trimmed waits for nobody");
}

#[tokio::test]
async fn the_number_of_lanes_is_fixed() {
    let server = NatsServer::start().await;
    let log = open(&server, &lanes(3)).await;
    let refused = JetStreamLog::open(connected(&server).await, &lanes(8), &Random).await.err().expect("refused");
    let told = refused.to_string();
    assert!(told.contains("3 lanes") && told.contains("8 are configured"), "{told}");
    assert_eq!(open(&server, &lanes(3)).await.log_id(), log.log_id());
}

#[tokio::test]
async fn nodes_that_start_together_make_one_log() {
    let server = NatsServer::start().await;
    let options = LogOptions { prefix: "together".into(), ..lanes(4) };
    let openings = (0..6).map(|_| open(&server, &options));
    let logs = futures::future::join_all(openings.collect::<Vec<_>>()).await;
    assert!(logs.iter().all(|l| l.log_id() == logs[0].log_id()));
}

#[tokio::test]
async fn what_an_interrupted_start_left_is_finished() {
    let server = NatsServer::start().await;
    let connection = connected(&server).await;
    let log = open(&server, &lanes(4)).await;
    let js = jetstream::new(connection.client().clone());
    // As if the first start had ended after its second lane.
    let mut first = js.get_stream("colloquy_log_0").await.expect("there").cached_info().config.clone();
    first.metadata.insert("colloquy-log-complete".into(), "false".into());
    js.update_stream(first).await.expect("updated");
    js.delete_stream("colloquy_log_2").await.expect("deleted");
    js.delete_stream("colloquy_log_3").await.expect("deleted");
    let again = open(&server, &lanes(4)).await;
    assert_eq!(again.log_id(), log.log_id());
    assert_eq!(inspect(&connection, &lanes(4)).await.expect("inspected").lanes.len(), 4);
}

#[tokio::test]
async fn streams_are_brought_to_what_is_configured() {
    let server = NatsServer::start().await;
    let connection = connected(&server).await;
    let js = jetstream::new(connection.client().clone());
    open(&server, &lanes(2)).await;
    let mut loose = js.get_stream("colloquy_log_1").await.expect("there").cached_info().config.clone();
    loose.discard = jetstream::stream::DiscardPolicy::Old;
    loose.max_messages = 10;
    js.update_stream(loose).await.expect("updated");
    open(&server, &LogOptions { max_bytes: Some(1 << 20), ..lanes(2) }).await;
    for lane in 0..2 {
        let config = js.get_stream(format!("colloquy_log_{lane}")).await.expect("there").cached_info().config.clone();
        assert_eq!((config.max_bytes, config.max_messages), (1 << 20, -1));
        assert_eq!(config.discard, jetstream::stream::DiscardPolicy::New);
        assert!(config.allow_atomic_publish);
    }
}

#[tokio::test]
async fn a_stream_of_somebody_else_is_left_alone() {
    let server = NatsServer::start().await;
    let js = jetstream::new(connected(&server).await.client().clone());
    let theirs = jetstream::stream::Config {
        name: "colloquy_log_0".into(),
        subjects: vec!["orders.>".into()],
        ..Default::default()
    };
    js.create_stream(theirs.clone()).await.expect("made");
    let refused = JetStreamLog::open(connected(&server).await, &lanes(1), &Random).await.err().expect("refused");
    assert!(refused.to_string().contains("another prefix"), "{refused}");
    let config = js.get_stream("colloquy_log_0").await.expect("there").cached_info().config.clone();
    assert_eq!(config.subjects, theirs.subjects);
}

#[tokio::test]
async fn more_than_may_wait_is_refused_at_once() {
    let mut server = NatsServer::start().await;
    let log = Arc::new(open(&server, &lanes(1)).await);
    server.kill().await;
    let appends: Vec<_> = (0..6000)
        .map(|n| {
            let log = log.clone();
            tokio::spawn(async move { log.append(vec![text("p", &n.to_string())]).await })
        })
        .collect();
    let mut crowded = 0;
    for append in appends {
        let error = append.await.expect("a caller").expect_err("no server");
        let StoreError::Unavailable(told) = &error else { panic!("{error}") };
        crowded += usize::from(told.contains("too much waits"));
    }
    assert!(crowded > 1000, "{crowded} of 6000 were refused at once");
    server.restart().await;
    until("an append", async || log.append(vec![text("p", "after")]).await.ok()).await;
}

#[tokio::test]
async fn doctor_sees_the_servers_side() {
    let server = NatsServer::start().await;
    let connection = connected(&server).await;
    let before = inspect(&connection, &lanes(2)).await.expect("inspected");
    assert!(before.lanes.is_empty() && before.remarks.iter().any(|r| r.contains("not there yet")), "{before:?}");
    let log = open(&server, &lanes(2)).await;
    for n in 0..9 {
        log.append(vec![text("p", &n.to_string())]).await.expect("append");
    }
    let found = inspect(&connection, &lanes(2)).await.expect("inspected");
    assert!(found.server_version.starts_with("2.14"), "{found:?}");
    assert_eq!(found.jetstream.as_ref().map(|u| u.streams), Ok(2));
    assert_eq!(found.lanes.iter().map(|l| l.messages).sum::<u64>(), 9);
    assert!(found.lanes.iter().all(|l| l.on_disk && l.atomic_batches && l.log_id == Some(log.log_id())), "{found:?}");
    assert!(found.remarks.iter().any(|r| r.contains("sync_interval")), "{found:?}");
}

#[tokio::test]
async fn doctor_sees_an_old_server() {
    let Some(server) = NatsServer::start_older().await else { return };
    open(&server, &lanes(1)).await;
    let found = inspect(&connected(&server).await, &lanes(1)).await.expect("inspected");
    assert_eq!(found.jetstream.as_ref().map(|u| u.streams), Ok(1));
    assert!(found.lanes[0].log_id.is_some() && !found.lanes[0].atomic_batches, "{found:?}");
    assert!(found.remarks.iter().any(|r| r.contains("no atomic batches")), "{found:?}");
}

#[tokio::test]
async fn doctor_and_start_say_when_jetstream_is_off() {
    // An account without JetStream, on a server that has it.
    let server =
        NatsServer::start_with("accounts { PLAIN { users: [ { user: u, password: p } ] } }\nno_auth_user: u").await;
    let connection = connected(&server).await;
    let found = inspect(&connection, &lanes(1)).await.expect("inspected");
    assert!(found.jetstream.is_err(), "{found:?}");
    let refused = JetStreamLog::open(connection, &lanes(1), &Random).await.err().expect("refused");
    assert!(refused.to_string().contains("JetStream cannot be used"), "{refused}");
}
