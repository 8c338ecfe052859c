//! The suite that every ingress log passes.

use super::{connected, inbox, lanes, open, server::NatsServer};
use crate::nats::inspect;
use colloquy_domain::testkit::conformance::ingress_log_conformance;

async fn passes(server: &NatsServer, count: u8, atomic: bool) {
    let log = open(server, &lanes(count)).await;
    let found = inspect(&connected(server).await, &lanes(count)).await.expect("inspected");
    assert_eq!(found.lanes.iter().map(|l| l.atomic_batches).collect::<Vec<_>>(), vec![atomic; usize::from(count)]);
    let (store, fixture) = inbox();
    ingress_log_conformance(&log, &store, &fixture).await;
}

#[tokio::test]
async fn one_lane() {
    passes(&NatsServer::start().await, 1, true).await;
}

#[tokio::test]
async fn four_lanes() {
    passes(&NatsServer::start().await, 4, true).await;
}

#[tokio::test]
async fn without_atomic_batches() {
    let Some(server) = NatsServer::start_older().await else { return };
    passes(&server, 1, false).await;
    let Some(server) = NatsServer::start_older().await else { return };
    passes(&server, 4, false).await;
}
