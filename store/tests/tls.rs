//! PostgreSQL over TLS, with a private authority.
#![cfg(target_os = "linux")]

mod common;

use colloquy_domain::{
    channel::Secret,
    testkit::{ManualClock, SeqIds},
};
use colloquy_store::{Database, OpenError, PostgresOptions, SecretKey, Store, StoreOptions};
use common::postgres::{Server, Setup};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

/// An authority, and what it has signed.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let pem = params.self_signed(&key).expect("signed").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate and its key.
    fn signed(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.extended_key_usages = vec![usage];
        params.distinguished_name.push(DnType::CommonName, name);
        (params.signed_by(&key, &self.issuer).expect("signed").pem(), key.serialize_pem())
    }
}

/// A server on two addresses of this machine, whose certificate names the first.
struct Served {
    server: Server,
    named: Ipv4Addr,
    other: Ipv4Addr,
    database: String,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        // On the usual port: each server has addresses of its own.
        static STARTED: AtomicU8 = AtomicU8::new(1);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let address = || Ipv4Addr::new(127, 80 + STARTED.fetch_add(1, Ordering::Relaxed), high, low);
        let (named, other) = (address(), address());
        let authority = Authority::new();
        let (cert, key) = authority.signed(&named.to_string(), ExtendedKeyUsagePurpose::ServerAuth);
        let options = format!(
            "-c listen_addresses='{named},{other}' -c ssl=on -c ssl_cert_file={{dir}}/server.pem \
             -c ssl_key_file={{dir}}/server.key -c ssl_ca_file={{dir}}/ca.pem"
        );
        let files = [("ca.pem", authority.pem.as_str()), ("server.pem", &cert), ("server.key", &key)];
        let server = Server::start_as(Setup { files: &files, options: &options, ..Setup::default() });
        server.let_in("hostssl all all 127.0.0.0/8 trust");
        let database = server.database();
        let served = Self { server, named, other, database, authority, folder: tempfile::tempdir().expect("a folder") };
        served.file("ca.pem", &served.authority.pem);
        served
    }

    /// A file of the client's: its path.
    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path.display().to_string()
    }

    async fn open(&self, host: Ipv4Addr, parameters: &str) -> Result<Store, OpenError> {
        let url = format!("postgres://colloquy@{host}/{}?{parameters}", self.database);
        let options = StoreOptions {
            clock: Arc::new(ManualClock::default()),
            ids: Arc::new(SeqIds::default()),
            secret_key: SecretKey::from_bytes([0; 32]),
            placement: None,
        };
        Store::open(Database::Postgres(PostgresOptions::new(Secret::new(url))), options).await
    }

    async fn refused(&self, host: Ipv4Addr, parameters: &str) -> String {
        let told = self.open(host, parameters).await.err().expect("refused").to_string();
        assert!(told.contains(&host.to_string()), "it says where: {told}");
        told
    }
}

// req: S2-SEC-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_server_whose_certificate_is_trusted_and_fits_is_spoken_to() {
    let served = Served::start();
    let ca = served.file("ca.pem", &served.authority.pem);
    let full = format!("sslmode=verify-full&sslrootcert={ca}");
    let store = served.open(served.named, &full).await.expect("opens");
    store.installation().ensure_default_tenant().await.expect("written");
    store.installation().tenant_by_slug("default").await.expect("read");
    let encrypted = "SELECT COUNT(*), COUNT(*) FILTER (WHERE ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'colloquy'";
    let counted = served.server.sql("postgres", encrypted);
    let (all, some) = counted.split_once('|').expect("two numbers");
    assert!(all == some && all != "0", "writer and readers: {counted}");
    store.close().await;

    let told = served.refused(served.other, &full).await;
    assert!(told.contains("certificate"), "another name: {told}");
    let named = format!("sslmode=verify-ca&sslrootcert={ca}");
    served.open(served.other, &named).await.expect("the name does not matter then").close().await;

    let stranger = served.file("stranger.pem", &Authority::new().pem);
    for mode in ["verify-full", "verify-ca"] {
        let told = served.refused(served.named, &format!("sslmode={mode}&sslrootcert={stranger}")).await;
        assert!(told.contains("certificate"), "an authority that nobody knows: {told}");
    }
    let told = served.refused(served.named, "sslmode=verify-full&sslrootcert=/nowhere/ca.pem").await;
    assert!(told.contains("/nowhere/ca.pem"), "{told}");
    served.refused(served.named, "sslmode=disable").await;
}

// req: S2-SEC-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_ours_is_shown_where_the_server_wants_one() {
    let served = Served::start();
    served.server.let_in("hostssl all all 127.0.0.0/8 trust clientcert=verify-ca");
    let (cert, key) = served.authority.signed("colloquy", ExtendedKeyUsagePurpose::ClientAuth);
    let (cert, key) = (served.file("client.pem", &cert), served.file("client.key", &key));
    let full = format!("sslmode=verify-full&sslrootcert={}", served.file("ca.pem", &served.authority.pem));
    served.refused(served.named, &full).await;
    let with = format!("{full}&sslcert={cert}&sslkey={key}");
    served.open(served.named, &with).await.expect("opens").close().await;
}
