//! Signals between nodes.

use super::{connected, server::NatsServer, wait::until};
use crate::nats::NatsRelay;
use colloquy_domain::{
    placement::NodeId,
    ports::{InboxHint, Relay, Signal},
};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;
use uuid::Uuid;

struct Node {
    relay: NatsRelay,
    heard: Arc<Mutex<Vec<Signal>>>,
    listening: JoinHandle<()>,
}

impl Node {
    async fn start(server: &NatsServer, number: u128, prefix: &str) -> Self {
        let node = NodeId(Uuid::from_u128(number));
        let (relay, inbox) = NatsRelay::start(connected(server).await, prefix, node).await.expect("started");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = heard.clone();
        let listening = tokio::spawn(inbox.run(move |signal| into.lock().expect("a list").push(signal)));
        Self { relay, heard, listening }
    }

    fn has_heard(&self, signal: &Signal) -> Option<()> {
        self.heard.lock().expect("a list").contains(signal).then_some(())
    }
}

fn look(n: u128) -> Signal {
    use colloquy_domain::ids::{ConversationId, TenantId};
    let id = Uuid::from_u128(n);
    Signal::Look(vec![InboxHint { tenant: TenantId::new(id), conversation: ConversationId::new(id) }])
}

#[tokio::test]
async fn others_hear_it_in_order_and_oneself_does_not() {
    let server = NatsServer::start().await;
    let (a, b) = (Node::start(&server, 1, "one").await, Node::start(&server, 2, "one").await);
    let stranger = Node::start(&server, 3, "two").await;
    for n in 0..100 {
        a.relay.tell(look(n));
    }
    until("the last signal", async || b.has_heard(&look(99))).await;
    assert_eq!(*b.heard.lock().expect("a list"), (0..100).map(look).collect::<Vec<_>>());
    b.relay.tell(Signal::Released);
    until("the answer", async || a.has_heard(&Signal::Released)).await;
    assert_eq!(*a.heard.lock().expect("a list"), [Signal::Released], "not what it told itself");
    assert!(stranger.heard.lock().expect("a list").is_empty(), "another installation on the same server");
}

#[tokio::test]
async fn signals_flow_again_after_a_restart_of_the_server() {
    let mut server = NatsServer::start().await;
    let (a, b) = (Node::start(&server, 1, "one").await, Node::start(&server, 2, "one").await);
    server.kill().await;
    // Far more than may wait: telling never blocks.
    for n in 0..20_000 {
        a.relay.tell(look(n));
    }
    server.restart().await;
    until("a signal after the restart", async || {
        a.relay.tell(Signal::WakeIngestion);
        b.has_heard(&Signal::WakeIngestion)
    })
    .await;
    assert!(!b.listening.is_finished());
}

#[tokio::test]
async fn what_is_not_understood_is_left_out() {
    let server = NatsServer::start().await;
    let connection = connected(&server).await;
    let b = Node::start(&server, 2, "one").await;
    let from = Uuid::from_u128(9);
    for message in [
        "garbage".to_owned(),
        format!(r#"{{"v":7,"from":"{from}","signal":{{"kind":"released"}}}}"#),
        format!(r#"{{"v":1,"from":"{from}","signal":{{"kind":"from_the_future"}}}}"#),
        format!(r#"{{"v":1,"from":"{from}","signal":{{"kind":"released","new_field":1}}}}"#),
    ] {
        connection.client().publish("one.signal", message.into()).await.expect("published");
    }
    until("the one that is understood", async || b.has_heard(&Signal::Released)).await;
    assert_eq!(b.heard.lock().expect("a list").len(), 1);
}

#[tokio::test]
async fn a_server_that_forbids_it_is_named_at_the_start() {
    let server = NatsServer::start_with(
        "authorization { users: [ { user: u, password: p, permissions: { publish: \"other.>\", subscribe: \">\" } } ] }\n\
         no_auth_user: u",
    )
    .await;
    let node = NodeId(Uuid::from_u128(1));
    let told = NatsRelay::start(connected(&server).await, "one", node).await.expect_err("forbidden").to_string();
    assert!(told.contains("one.signal"), "{told}");
}
