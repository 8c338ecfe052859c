//! The description of the API, and its page.

use crate::support::server::{Place, Server};
use reqwest::Method;
use serde_json::Value;

// req: S1-API-1
#[tokio::test]
async fn the_description_is_served_printed_and_committed_and_its_page_asks_no_other_server() {
    let server = Server::start().await;
    let api = &server.api;
    let served = api.attempt(api.bare(Method::GET, "/api/openapi.json")).await.unwrap().body;
    assert_eq!(served["openapi"], "3.1.0");
    assert_eq!(Place::default().run(&["openapi"]).await.json(), served);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let committed: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(committed == served);

    let page = api.attempt(api.bare(Method::GET, "/api/docs")).await.unwrap();
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!page.text.contains("http"), "nothing from elsewhere: {}", page.text);
    let named = page.text.split(['"']).filter(|w| w.starts_with("docs/"));
    let mut files = 0;
    for name in named {
        let file = api.attempt(api.bare(Method::GET, &format!("/api/{name}"))).await.unwrap();
        assert!(file.status.is_success() && !file.text.is_empty(), "{name}: {}", file.status);
        files += 1;
    }
    assert_eq!(files, 4);
    assert_eq!(api.attempt(api.bare(Method::GET, "/api/docs/nothing.js")).await.unwrap().status, 404);
}
