//! The benchmark of a cluster on engines of the test's own, with its report at the end:
//! `cargo test --release -p colloquy --test cluster -- --ignored --nocapture measure`.

use crate::{
    common::postgres,
    support::{nats::NatsServer, server::Place},
};
use std::process::Stdio;

/// Seconds for each measurement.
const SECONDS: &str = "9";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "for a quiet machine and a release build: it takes minutes and every core"]
async fn the_limits_of_the_engines_and_what_nodes_make_of_them() {
    let (postgres, nats) = (postgres::Server::start(), NatsServer::start().await);
    let database = postgres.database();
    postgres.sql("postgres", "ALTER ROLE colloquy CREATEDB");
    let databases = "SELECT datname FROM pg_database ORDER BY datname";
    let before = postgres.sql("postgres", databases);
    let place = Place::default().with("DATABASE_URL", &postgres.url(&database)).with("NATS_URL", &nats.url());
    let mut bench = place.command(&["bench", "cluster", "--seconds", SECONDS]);
    let ended = bench.stdout(Stdio::inherit()).stderr(Stdio::inherit()).status().await.unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!(postgres.sql("postgres", databases), before, "the scratch databases are gone");
}
