//! Documents from the web, work that goes on by itself, and proposals.

use crate::support::{
    client::Client,
    documents::{BIKES_TXT, HANDBOOK_MD},
    server::{Place, Server},
    wait::until,
};
use axum::{Router, http::StatusCode, routing::get};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A site on this machine; its port.
async fn site() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let html =
        |body: &str| ([("content-type", "text/html; charset=utf-8")], format!("<html><body>{body}</body></html>"));
    let bikes = html(&format!("<h1>Bicycles</h1><p>{BIKES_TXT}</p>"));
    let pool = html("<h1>Swimming pool</h1><p>The swimming pool is open from 8 to 20 and costs four euros.</p>");
    let urls: String = ["help/pool", "help/bikes", "secret/plans", "gone"]
        .iter()
        .map(|path| format!("<url><loc>http://localhost:{port}/{path}</loc></url>"))
        .collect();
    let inner = format!("<urlset>{urls}<url><loc>http://127.0.0.1:{port}/help/pool</loc></url></urlset>");
    let outer = format!("<sitemapindex><sitemap><loc>http://localhost:{port}/inner.xml</loc></sitemap></sitemapindex>");
    let site = Router::new()
        .route("/robots.txt", get(async || "User-agent: *\nDisallow: /secret"))
        .route("/help/bikes", get(async move || bikes))
        .route("/help/pool", get(async move || pool))
        .route("/secret/plans", get(async || "secret"))
        .route("/logo", get(async || ([("content-type", "image/png")], "x")))
        .route("/gone", get(async || StatusCode::GONE))
        .route("/sitemap.xml", get(async move || outer))
        .route("/inner.xml", get(async move || inner));
    tokio::spawn(async move { axum::serve(listener, site).await });
    port
}

/// A server that may read pages of this machine under its name.
async fn allowed() -> Server {
    Server::start_on(Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost")).await
}

async fn job(api: &Client, job: &Value) -> Value {
    let path = format!("/api/jobs/{}", job["id"].as_str().unwrap());
    until("the end of a job", async || {
        let now = api.get(&path).await.data();
        (now["state"] != "running").then_some(now)
    })
    .await
}

// req: S1-DOC-1
// req: C-KB-1
#[tokio::test]
async fn pages_are_read_by_their_address_and_nothing_inside_is() {
    let (port, server) = (site().await, allowed().await);
    let api = &server.api;
    let page = json!({ "kb": "web", "url": format!("http://localhost:{port}/help/pool") });
    let added = api.post("/api/documents", &page).await;
    assert_eq!(added.status, 201, "{added:?}");
    let document = added.data()["documents"][0].clone();
    assert_eq!(document["name"], "localhost/help/pool.html", "{document}");
    assert_eq!(api.finished(&document).await["status"], "ready");
    let answer = api.ask("web", "What does the swimming pool cost?").await;
    assert!(answer["answer"].as_str().unwrap().contains("four euros"), "{answer}");

    for (url, field) in [
        (format!("http://127.0.0.1:{port}/help/pool"), "url"),
        (format!("http://localhost:{port}/secret/plans"), "url"),
        (format!("http://localhost:{port}/logo"), "url"),
        (format!("http://localhost:{port}/gone"), "url"),
        ("file:///etc/passwd".to_owned(), "url"),
        ("http://169.254.169.254/latest/meta-data".to_owned(), "url"),
    ] {
        let refused = api.post("/api/documents", &json!({ "kb": "web", "url": url })).await;
        assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec![field.to_owned()]), "{url}: {refused:?}");
    }
    assert_eq!(api.post("/api/documents", &json!({ "kb": "web" })).await.status, 400);
    let strict = Server::start().await;
    let refused = strict.api.post("/api/documents", &page).await;
    assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["url".to_owned()]), "{refused:?}");
}

// req: S1-DOC-1
#[tokio::test]
async fn a_sitemap_is_read_politely_and_goes_on_after_a_restart() {
    let (port, mut server) = (site().await, allowed().await);
    let map = json!({ "kb": "web", "sitemap": format!("http://localhost:{port}/sitemap.xml") });
    let begun = server.api.post("/api/documents", &map).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    let begun = begun.data()["job"].clone();
    assert!(server.stop().await.success());
    server.restart().await;
    let api = &server.api;
    let done = job(api, &begun).await;
    assert_eq!((&done["state"], &done["found"], &done["waiting"]), (&json!("done"), &json!(4), &json!(0)), "{done}");
    assert_eq!(done["documents"].as_array().unwrap().len(), 2, "{done}");
    let wrong: Vec<_> = done["failed"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
    assert_eq!(wrong, ["web.robots", "web.status"], "{done}");
    for id in done["documents"].as_array().unwrap() {
        assert_eq!(api.finished(&json!({ "id": id })).await["status"], "ready");
    }
    let names: Vec<_> =
        api.list("/api/documents?kb=web", "documents").await.iter().map(|d| d["name"].clone()).collect();
    assert_eq!(names, ["localhost/help/bikes.html", "localhost/help/pool.html"]);
}

// req: S1-AGT-1
// req: S1-DOC-1
#[tokio::test]
async fn an_agent_is_trained_and_progress_is_streamed() {
    let server = Server::start().await;
    let api = &server.api;
    let bikes = api.learn("house", "bikes.txt", BIKES_TXT).await;
    api.learn("other", "handbook.md", HANDBOOK_MD).await;
    let agent = api.agent("House", "extractive", &["house"]).await;
    let begun = api.post(&format!("/api/agents/{agent}/train"), &json!({})).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    let begun = begun.data()["job"].clone();
    let done = job(api, &begun).await;
    assert_eq!((&done["state"], &done["total"], &done["ready"]), (&json!("done"), &json!(1), &json!(1)), "{done}");
    assert_eq!(api.get("/api/jobs/00000000-0000-7000-8000-000000000000").await.status, 404);

    let path = format!("/api/documents/{}", bikes["id"].as_str().unwrap());
    api.post(&format!("{path}/process"), &json!({})).await.data();
    let stream = api.get(&format!("{path}/progress")).await;
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    let names: Vec<&str> = stream.text.lines().filter_map(|l| l.strip_prefix("event: ")).collect();
    assert_eq!(names.last(), Some(&"ready"), "{}", stream.text);
    assert_eq!(api.get("/api/documents/00000000-0000-7000-8000-000000000000/progress").await.status, 404);
}

async fn propose(api: &Client, base: &str, name: &'static str, content: String) -> Value {
    let part = Part::bytes(content.into_bytes()).file_name(name);
    let form = Form::new().text("questions", "10").part("file", part);
    let request = api.request(reqwest::Method::POST, &format!("/api/knowledge-bases/{base}/proposals"));
    let made = api.attempt(request.multipart(form)).await.unwrap();
    assert_eq!(made.status, 202, "{made:?}");
    made.data()["proposal"].clone()
}

async fn reviewed(api: &Client, proposal: &Value) -> (String, Value) {
    let path = format!("/api/proposals/{}", proposal["id"].as_str().unwrap());
    let shown = until("the review", async || {
        let now = api.get(&path).await.data();
        (now["proposal"]["state"] == "ready").then_some(now)
    })
    .await;
    (path, shown)
}

// req: C-KB-1
#[tokio::test]
async fn a_proposal_shows_what_would_change_and_changes_nothing_before_it_is_promoted() {
    let mut server = Server::start().await;
    let api = server.api.clone();
    api.learn("house", "bikes.txt", BIKES_TXT).await;
    api.learn("house", "handbook.md", HANDBOOK_MD).await;
    api.agent("House", "extractive", &["house"]).await;
    let ask = async |api: &Client, session: &str, message: &str| {
        api.chat(&json!({ "agent": "House", "session": session, "message": message })).await.data()
    };
    const PRICE: &str = "What does a city bicycle cost per day?";
    ask(&api, "1", PRICE).await;
    ask(&api, "2", "How many days of paid leave do I have?").await;
    ask(&api, "3", "Who won the football world cup in 1998?").await;
    let base = api.list("/api/knowledge-bases", "knowledge_bases").await;
    let base = base.iter().find(|b| b["name"] == "house").unwrap()["id"].as_str().unwrap().to_owned();

    let proposal = propose(&api, &base, "bikes.txt", BIKES_TXT.replace("nine euros", "fourteen euros")).await;
    // What is under way goes on after a restart.
    assert!(server.stop().await.success());
    server.restart().await;
    let api = server.api.clone();
    let (path, shown) = reviewed(&api, &proposal).await;
    assert_eq!((&shown["asked"], &shown["changed"]), (&json!(3), &json!(1)), "{shown}");
    assert_eq!(
        (&shown["documents"][0]["name"], &shown["documents"][0]["replaces"]),
        (&json!("bikes.txt"), &json!(true))
    );
    let changed = api.list(&format!("{path}/answers?changed=true"), "answers").await;
    assert_eq!((&changed[0]["question"], &changed[0]["change"]), (&json!(PRICE), &json!("text")), "{changed:?}");
    assert!(changed[0]["before"]["text"].as_str().unwrap().contains("nine euros"), "{changed:?}");
    assert!(changed[0]["after"]["text"].as_str().unwrap().contains("fourteen euros"), "{changed:?}");
    assert_eq!(changed[0]["after"]["citations"][0]["document"], "bikes.txt", "{changed:?}");

    // Readers see nothing of it.
    let now = ask(&api, "4", PRICE).await;
    assert!(now["reply"]["text"].as_str().unwrap().contains("nine euros"), "{now}");
    assert_eq!(api.list("/api/documents", "documents").await.len(), 2);
    assert_eq!(
        api.list("/api/knowledge-bases", "knowledge_bases").await.iter().filter(|b| b["name"] != "default").count(),
        1
    );
    let draft = proposal["id"].as_str().unwrap();
    assert_eq!(api.get(&format!("/api/knowledge-bases/{draft}")).await.status, 404);

    api.post(&format!("{path}/promote"), &json!({})).await.data();
    for document in api.list("/api/documents", "documents").await {
        assert_eq!(api.finished(&document).await["status"], "ready");
    }
    let then = ask(&api, "5", PRICE).await;
    assert!(then["reply"]["text"].as_str().unwrap().contains("fourteen euros"), "{then}");
    assert_eq!(api.post(&format!("{path}/promote"), &json!({})).await.status, 409);
    assert_eq!(api.delete(&path).await.status, 409);
}

// req: C-KB-1
#[tokio::test]
async fn a_dropped_proposal_leaves_nothing() {
    let server = Server::start().await;
    let api = &server.api;
    api.learn("house", "handbook.md", HANDBOOK_MD).await;
    api.agent("House", "extractive", &["house"]).await;
    let question = json!({ "agent": "House", "session": "1", "message": "What does a city bicycle cost per day?" });
    assert_eq!(api.chat(&question).await.data()["reply"]["abstained"], true);
    let base = api.list("/api/knowledge-bases", "knowledge_bases").await;
    let base = base.iter().find(|b| b["name"] == "house").unwrap()["id"].as_str().unwrap().to_owned();
    let proposal = propose(api, &base, "bikes.txt", BIKES_TXT.to_owned()).await;
    let (path, shown) = reviewed(api, &proposal).await;
    assert_eq!(shown["documents"][0]["replaces"], false, "{shown}");
    let answers = api.list(&format!("{path}/answers"), "answers").await;
    assert_eq!(answers[0]["change"], "answered", "{answers:?}");
    assert_eq!(api.delete(&path).await.data()["state"], "dropped");
    let files = server.place.data_dir().join("files");
    let kept = std::fs::read_dir(files).unwrap().flat_map(|t| std::fs::read_dir(t.unwrap().path()).unwrap()).count();
    assert_eq!(kept, 1, "the bytes are gone as well");
    assert_eq!(api.list(&format!("/api/knowledge-bases/{base}/proposals"), "proposals").await.len(), 1);
    assert_eq!(api.ask("house", "What does a city bicycle cost per day?").await["abstained"], true);
}
