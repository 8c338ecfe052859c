//! The commands that look after a cluster: what they find, and what they refuse.

use crate::{
    support::{history::check, server::Place, traffic::Crowd, wait::USUAL},
    town::Town,
};
use colloquy_rag::testkit::{Standin, StandinOptions};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

const CROWD: Crowd = Crowd { people: 4, visitors: 0, times: 1, pause: 900 };

/// The findings with this name.
fn named<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|c| c["name"] == name).unwrap_or_else(|| panic!("no {name} in {report}"))
}

// req: S1-OPS-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_looks_at_each_engine_and_names_the_one_that_is_gone() {
    let mut town = Town::start(1).await;
    let report = town.nodes[0].place.run(&["doctor", "--json"]).await;
    let (code, report) = (report.code, report.json());
    for engine in ["database", "row security", "clock", "nodes", "nats", "qdrant"] {
        assert_eq!(named(&report, engine)["status"], "ok", "{report}");
    }
    assert_eq!((code, &report["status"]), (Some(0), &json!("warn")), "no embedding model is a warning: {report}");
    assert_eq!(named(&report, "nodes")["message"], "1 alive: node-0", "looking makes no node");
    assert!(named(&report, "nats")["hint"].as_str().unwrap().contains("sync_interval: always"), "{report}");
    let migrated = town.nodes[0].place.run(&["migrate"]).await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    assert!(migrated.stdout.contains("is up to date") && !migrated.stdout.contains('@'), "{migrated:?}");

    town.engines.nats.kill().await;
    let ran = town.nodes[0].place.run(&["doctor", "--json"]).await;
    let report = ran.json();
    assert_eq!((ran.code, &report["status"]), (Some(1), &json!("fail")), "{report}");
    let nats = named(&report, "nats");
    let port = town.engines.nats.port().to_string();
    assert!(nats["status"] == "fail" && nats["message"].as_str().unwrap().contains(&port), "{report}");
    for engine in ["database", "qdrant"] {
        assert_eq!(named(&report, engine)["status"], "ok", "{report}");
    }
}

/// A vector store with a certificate of an authority that only the installation knows.
// req: S2-SEC-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vector_store_is_trusted_by_its_authority_and_not_without() {
    let place = Place::default();
    let (mut authority, key) = (CertificateParams::new(Vec::new()).unwrap(), KeyPair::generate().unwrap());
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = place.file("ca.pem", authority.self_signed(&key).unwrap().pem()).display().to_string();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let identity = Some((cert.pem(), key.serialize_pem()));
    let vectors = tempfile::tempdir().unwrap();
    let served = Standin::start(vectors.path(), StandinOptions { identity, ..StandinOptions::default() }).unwrap();
    assert!(served.url().starts_with("https://"));

    let place = place.with("QDRANT_URL", &served.url());
    let looked = place.run(&["doctor", "--json"]).await.json();
    assert_eq!(named(&looked, "qdrant")["status"], "fail", "{looked}");
    assert_eq!(served.calls(), 0, "nothing was said to somebody unknown");
    let looked = place.with("SSL_CERT_FILE", &ca).run(&["doctor", "--json"]).await.json();
    assert_eq!(named(&looked, "qdrant")["status"], "ok", "{looked}");
}

/// The disk of NATS is lost: nodes refuse to go on until a person accepts it. Reading a log again changes nothing.
// req: S2-WHK-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_log_is_accepted_by_a_person_and_by_nobody_else() {
    let mut town = Town::start(2).await;
    let senders = town.senders(CROWD);
    town.goes_on(20).await;
    let unsure = town.nodes[0].place.run(&["reset-log"]).await;
    assert!(unsure.code == Some(2) && unsure.stderr.contains("--yes"), "{unsure:?}");
    let beside = town.nodes[0].place.run(&["reset-log", "--yes"]).await;
    assert!(beside.code == Some(1) && beside.stderr.contains("node-1"), "{beside:?}");
    town.stage.end();
    let accepted = senders.accepted().await;
    town.nodes[0].idle(USUAL).await;

    stop_all(&mut town).await;
    reset(&town).await;
    start_all(&mut town).await;
    town.nodes[0].idle(USUAL).await;
    check("a log read twice", &town.nodes[0].api, &town.engines.graph, &accepted, CROWD.people).await;

    stop_all(&mut town).await;
    town.engines.nats.kill().await;
    town.engines.nats.forget();
    town.engines.nats.restart().await;
    let refused = town.nodes[0].place.run(&["serve", "--port", "0"]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("colloquy reset-log"), "{refused:?}");
    let found = town.nodes[0].place.run(&["doctor", "--json"]).await.json();
    assert!(named(&found, "nats")["hint"].as_str().unwrap().contains("colloquy reset-log"), "{found}");
    reset(&town).await;
    start_all(&mut town).await;
    let body = json!({ "agent": "Echo", "session": "s", "message_id": "m", "message": "still there?" });
    let api = &town.nodes[1].api;
    let answer = api.attempt(api.request(reqwest::Method::POST, "/api/chat").json(&body)).await.unwrap();
    assert!(answer.text.contains("still there?"), "{}", answer.text);
}

async fn stop_all(town: &mut Town) {
    for node in &mut town.nodes {
        assert!(node.stop().await.success());
    }
}

async fn reset(town: &Town) {
    let reset = town.nodes[0].place.run(&["reset-log", "--yes"]).await;
    assert_eq!(reset.code, Some(0), "{reset:?}");
}

async fn start_all(town: &mut Town) {
    for node in 0..town.nodes.len() {
        town.restart(node).await;
    }
    town.shared().await;
}
