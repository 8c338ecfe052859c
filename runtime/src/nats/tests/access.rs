//! Who is let in, how, and what is said when one is not.

use super::{at, lanes, server::NatsServer, text, wait::until};
use crate::nats::{Connection, JetStreamLog, NatsAuth, NatsError, NatsOptions, NatsRelay, NatsTls, inspect};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use colloquy_domain::{
    channel::Secret,
    placement::{Lane, NodeId},
    ports::{Ids, IngressLog},
    time::Timestamp,
};
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

fn with(server: &NatsServer, auth: NatsAuth) -> NatsOptions {
    NatsOptions { auth, ..at(server) }
}

/// Connects and uses JetStream.
async fn works(options: &NatsOptions) {
    let connection = Connection::connect(options).await.expect("let in");
    let log = JetStreamLog::open(connection, &lanes(1), &super::Random).await.expect("opened");
    log.append(vec![text("p", "1")]).await.expect("append");
}

async fn refused(options: &NatsOptions) -> NatsError {
    Connection::connect(options).await.expect_err("not let in")
}

// req: S2-SEC-1
#[tokio::test]
async fn a_token() {
    let server = NatsServer::start_with("authorization { token: s3cret }").await;
    works(&with(&server, NatsAuth::Token(Secret::new("s3cret")))).await;
    let mut inside = at(&server);
    inside.servers = vec![format!("nats://s3cret@127.0.0.1:{}", server.port())];
    works(&inside).await;
    let told = refused(&with(&server, NatsAuth::Token(Secret::new("wr0ng")))).await.to_string();
    assert!(
        told.contains("the token") && told.contains(&server.port().to_string()) && !told.contains("wr0ng"),
        "{told}"
    );
    let told = refused(&at(&server)).await.to_string();
    assert!(told.contains("without credentials"), "{told}");
}

/// Those that docs/DEPLOYMENT.md names.
#[tokio::test]
async fn the_documented_permissions_are_enough() {
    let server = NatsServer::start_with(
        "authorization { users: [ { user: u, password: p, permissions: { \
         publish: [\"colloquy.>\", \"$JS.API.>\"], subscribe: [\"colloquy.signal\", \"_INBOX.>\"] } } ] }",
    )
    .await;
    let options = with(&server, NatsAuth::UserPassword { user: "u".into(), password: Secret::new("p") });
    let connection = Connection::connect(&options).await.expect("let in");
    let log = JetStreamLog::open(connection.clone(), &lanes(2), &super::Random).await.expect("opened");
    log.append(vec![text("p", "1"), text("q", "2")]).await.expect("append");
    for lane in [Lane(0), Lane(1)] {
        let read = log.read(lane, 0, 9).await.expect("read");
        let cursor = read.last().map_or(0, |e| e.offset);
        log.wait(lane, cursor).await;
        log.trim(lane, cursor, Timestamp(i64::MAX)).await.expect("trim");
    }
    NatsRelay::start(connection.clone(), "colloquy", NodeId(super::Random.uuid())).await.expect("signals");
    let found = inspect(&connection, &lanes(2)).await.expect("inspected");
    assert!(found.jetstream.is_ok() && found.lanes.len() == 2, "{found:?}");
}

#[tokio::test]
async fn a_user_and_a_password() {
    let server = NatsServer::start_with("authorization { user: ann, password: \"p@ss/word\" }").await;
    let auth = |password: &str| NatsAuth::UserPassword { user: "ann".into(), password: Secret::new(password) };
    works(&with(&server, auth("p@ss/word"))).await;
    let mut inside = at(&server);
    inside.servers = vec![format!("nats://ann:p%40ss%2Fword@127.0.0.1:{}", server.port())];
    works(&inside).await;
    let options = with(&server, auth("guessed"));
    let told = format!("{:?} {}", options, refused(&options).await);
    assert!(told.contains("the user or its password") && !told.contains("guessed"), "{told}");
}

#[tokio::test]
async fn an_nkey() {
    let key = KeyPair::new_user();
    let server =
        NatsServer::start_with(&format!("authorization {{ users: [ {{ nkey: {} }} ] }}", key.public_key())).await;
    let seed = key.seed().expect("a seed");
    let file = server.file("user.nk", format!("# made by nk\n{seed}\n"));
    works(&with(&server, NatsAuth::NkeySeedFile(file))).await;
    let other = server.file("other.nk", KeyPair::new_user().seed().expect("a seed"));
    assert!(refused(&with(&server, NatsAuth::NkeySeedFile(other))).await.to_string().contains("the NKey"));
    let empty = server.file("empty.nk", "nothing");
    let told = refused(&with(&server, NatsAuth::NkeySeedFile(empty))).await.to_string();
    assert!(told.contains("empty.nk") && told.contains("no NKey seed"), "{told}");
    let told = refused(&with(&server, NatsAuth::NkeySeedFile("/nowhere/user.nk".into()))).await.to_string();
    assert!(told.contains("/nowhere/user.nk"), "{told}");
}

/// A JWT as NATS wants it: signed by an NKey.
fn jwt(by: &KeyPair, about: &KeyPair, name: &str, nats: Value) -> String {
    let claims = json!({
        "iss": by.public_key(), "sub": about.public_key(), "name": name, "iat": 1_757_000_000, "nats": nats, "jti": name,
    });
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).expect("JSON"));
    let said = format!("{}.{}", encoded(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), encoded(&claims));
    let signature = by.sign(said.as_bytes()).expect("signed");
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn a_credentials_file() {
    let (operator, system, account, user) =
        (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account(), KeyPair::new_user());
    let unlimited = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
    });
    let operator_jwt = jwt(&operator, &operator, "op", json!({"type": "operator", "version": 2}));
    let account_jwt = jwt(&operator, &account, "app", json!({"type": "account", "version": 2, "limits": unlimited}));
    let system_jwt = jwt(
        &operator,
        &system,
        "sys",
        json!({"type": "account", "version": 2, "limits": {"subs": -1,
        "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1}}),
    );
    let rights = json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1});
    let user_jwt = jwt(&account, &user, "colloquy", rights.clone());
    let server = NatsServer::start_with(&format!(
        "operator: {operator_jwt}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{}: {account_jwt}\n{}: {system_jwt}\n}}",
        system.public_key(),
        account.public_key(),
        system.public_key(),
    ))
    .await;
    let credentials = |jwt: &str, key: &KeyPair| {
        format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            key.seed().expect("a seed")
        )
    };
    let file = server.file("user.creds", credentials(&user_jwt, &user));
    works(&with(&server, NatsAuth::CredentialsFile(file))).await;
    let stranger = KeyPair::new_account();
    let forged = server.file("forged.creds", credentials(&jwt(&stranger, &user, "colloquy", rights), &user));
    assert!(matches!(refused(&with(&server, NatsAuth::CredentialsFile(forged))).await, NatsError::Refused { .. }));
    let empty = server.file("empty.creds", "nothing");
    assert!(refused(&with(&server, NatsAuth::CredentialsFile(empty))).await.to_string().contains("empty.creds"));
}

/// A server that shows a certificate of a test authority, and wants one of it from clients.
struct Tls {
    server: NatsServer,
    files: NatsTls,
    /// Where the files are.
    _dir: TempDir,
}

impl Tls {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, content: String| -> PathBuf {
            let path = dir.path().join(name);
            std::fs::write(&path, content).expect("a file");
            path
        };
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_file = write("ca.pem", authority.self_signed(&authority_key).expect("signed").pem());
        let issuer = Issuer::new(authority, authority_key);
        let signed = |name: &str, names: Vec<String>, usage| {
            let key = rcgen::KeyPair::generate().expect("a key");
            let mut params = CertificateParams::new(names).expect("parameters");
            params.extended_key_usages = vec![usage];
            let certificate = params.signed_by(&key, &issuer).expect("signed");
            (write(&format!("{name}.pem"), certificate.pem()), write(&format!("{name}.key"), key.serialize_pem()))
        };
        let (cert, key) = signed("server", vec!["127.0.0.1".into()], ExtendedKeyUsagePurpose::ServerAuth);
        let (cert_file, key_file) = signed("client", vec!["colloquy".into()], ExtendedKeyUsagePurpose::ClientAuth);
        let server = NatsServer::start_with(&format!(
            "tls {{ cert_file: {cert:?}, key_file: {key:?}, ca_file: {ca_file:?}, verify: true }}"
        ))
        .await;
        let files = NatsTls { ca_file: Some(ca_file), cert_file: Some(cert_file), key_file: Some(key_file) };
        Self { server, files, _dir: dir }
    }
}

#[tokio::test]
async fn tls_with_a_private_authority_on_both_sides() {
    let Tls { server, files, _dir } = Tls::start().await;
    let options = |scheme: &str, tls: NatsTls| NatsOptions {
        servers: vec![format!("{scheme}://127.0.0.1:{}", server.port())],
        tls,
        ..at(&server)
    };
    works(&options("tls", files.clone())).await;
    works(&options("nats", files.clone())).await;
    let told = refused(&options("tls", NatsTls::default())).await.to_string();
    assert!(told.contains("certificate") && told.contains("127.0.0.1"), "an authority that nobody knows: {told}");
    let nameless = NatsTls { ca_file: files.ca_file, ..NatsTls::default() };
    assert!(Connection::connect(&options("tls", nameless)).await.is_err(), "the server wants a certificate, too");
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_in_the_clear() {
    let server = NatsServer::start().await;
    let options = NatsOptions { servers: vec![format!("tls://s3cret@127.0.0.1:{}", server.port())], ..at(&server) };
    let told = refused(&options).await.to_string();
    assert!(told.contains("127.0.0.1") && !told.contains("s3cret"), "{told}");
}

#[tokio::test]
async fn nobody_there_names_the_place() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let options =
        NatsOptions { servers: vec![format!("nats://ann:hidden@127.0.0.1:{free}")], ..NatsOptions::default() };
    let told = refused(&options).await.to_string();
    assert!(told.contains(&format!("127.0.0.1:{free}")) && !told.contains("hidden"), "{told}");
}

#[tokio::test]
async fn a_lost_connection_comes_back_with_its_credentials() {
    let mut server = NatsServer::start_with("authorization { token: s3cret }").await;
    let connection = Connection::connect(&with(&server, NatsAuth::Token(Secret::new("s3cret")))).await.expect("let in");
    for _ in 0..2 {
        assert!(connection.is_up());
        server.kill().await;
        until("the loss", async || (!connection.is_up()).then_some(())).await;
        server.restart().await;
        until("the return", async || connection.is_up().then_some(())).await;
    }
}
