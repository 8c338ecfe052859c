//! A wrong configuration: everything that is wrong is told at once, before anything is done.

use crate::support::server::Place;

// req: S0-CFG-1
#[tokio::test]
async fn every_wrong_setting_is_named_at_once() {
    let place = Place::default()
        .with("PORT", "eighty")
        .with("COLLOQUY_LOG_FORMAT", "xml")
        .with("COLLOQUY_SECRET_KEY", "hunter2")
        .with("COLLOQUY_COLOUR", "red");
    place.file("colloquy.toml", "host = \"everywhere\"\nmax_active = 0\n");
    let ran = place.run(&["serve"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    for name in ["host", "max_active", "PORT", "COLLOQUY_LOG_FORMAT", "COLLOQUY_SECRET_KEY", "COLLOQUY_COLOUR"] {
        assert!(ran.stderr.contains(&format!("\n  {name}: ")), "{name} is not named: {}", ran.stderr);
    }
    assert!(ran.stderr.contains("6 problems") && !ran.stderr.contains("hunter2"), "{}", ran.stderr);
    assert!(!place.data_dir().exists(), "nothing was begun");
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let server = crate::support::server::Server::start().await;
    let ran = server.place.run(&["serve", "--port", "0"]).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("in use by `colloquy serve`"), "{}", ran.stderr);
    assert!(server.api.is_up().await, "the first is not disturbed");
}

// req: S1-DB-1
#[tokio::test]
async fn a_shared_database_needs_what_keeps_its_nodes_apart() {
    let place = Place::default().with("DATABASE_URL", "postgres://colloquy:hunter2@127.0.0.1:1/colloquy");
    let ran = place.run(&["serve", "--port", "0"]).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("nats_url") && !ran.stderr.contains("hunter2"), "{ran:?}");
}
