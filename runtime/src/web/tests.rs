use super::*;
use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::Redirect,
    routing::get,
};
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};
use tokio::net::TcpListener;

/// A site on this machine, and how often it was called.
async fn site() -> (SocketAddr, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let counted = {
        let calls = Arc::clone(&calls);
        move || calls.fetch_add(1, Ordering::SeqCst)
    };
    let to = move |path: String| async move { Redirect::temporary(&path) };
    let port = address.port();
    let site = Router::new()
        .route("/", get(async || ([("content-type", "Text/HTML; charset=utf-8")], "hello")))
        .route("/agent", get(async |headers: HeaderMap| headers["user-agent"].to_str().unwrap().to_owned()))
        .route("/large", get(async || vec![b'x'; 100_000]))
        .route("/none", get(async || (StatusCode::NOT_FOUND, "no")))
        .route("/round", get(move || to("/round".into())))
        .route("/on", get(move || to("/".into())))
        .route("/inside", get(move || to(format!("http://127.0.0.1:{port}/"))))
        .route("/mapped", get(move || to(format!("http://[::ffff:127.0.0.1]:{port}/"))))
        .route("/file", get(move || to("file:///etc/passwd".into())))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_secs(600)).await))
        .layer(axum::middleware::from_fn(move |request, next: axum::middleware::Next| {
            counted();
            next.run(request)
        }));
    tokio::spawn(async move { axum::serve(listener, site).await });
    (address, calls)
}

fn internet(private: &[&str]) -> Internet {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let hosts: Vec<String> = private.iter().map(|h| (*h).to_owned()).collect();
    Internet::new(Egress::with_private_hosts(&hosts)).unwrap()
}

async fn read(internet: &Internet, url: String) -> Result<WebResponse, Failure> {
    internet.get(WebRequest { url, accept: "text/html", most: 50_000, timeout: Duration::from_secs(20) }).await
}

// req: S1-DOC-1
#[tokio::test]
async fn nothing_inside_is_called_by_address_or_by_name() {
    let (address, calls) = site().await;
    let port = address.port();
    let internet = internet(&[]);
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
    ] {
        let refused = read(&internet, format!("http://{host}:{port}/")).await.expect_err(host);
        assert_eq!((refused.code.as_str(), refused.is_retry()), ("egress.private", false), "{host}: {refused}");
    }
    for (url, code) in [
        ("ftp://example.com/", "web.url"),
        ("file:///etc/passwd", "web.url"),
        ("http://user:secret@example.com/", "web.url"),
        ("example.com", "web.url"),
        ("http://169.254.169.254/latest/meta-data", "egress.private"),
    ] {
        assert_eq!(read(&internet, url.to_owned()).await.expect_err(url).code, code);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0, "not even connected");
}

// req: S1-DOC-1
#[tokio::test]
async fn redirects_are_judged_like_the_first_address() {
    let (address, _) = site().await;
    let port = address.port();
    let internet = internet(&["localhost"]);
    let page = read(&internet, format!("http://localhost:{port}/on")).await.expect("a page");
    assert_eq!((page.status, page.content_type.as_str(), &page.body[..]), (200, "text/html", &b"hello"[..]));
    assert_eq!(page.url, format!("http://localhost:{port}/"));
    for (path, code) in
        [("inside", "egress.private"), ("mapped", "egress.private"), ("file", "web.url"), ("round", "web.redirects")]
    {
        let refused = read(&internet, format!("http://localhost:{port}/{path}")).await.expect_err(path);
        assert_eq!(refused.code, code, "{path}: {refused}");
    }
}

#[tokio::test]
async fn only_so_much_and_only_so_long() {
    let (address, _) = site().await;
    let base = format!("http://localhost:{}", address.port());
    let internet = internet(&["localhost"]);
    assert_eq!(read(&internet, format!("{base}/large")).await.expect_err("large").code, "web.too_large");
    let slow =
        WebRequest { url: format!("{base}/slow"), accept: "text/html", most: 9, timeout: Duration::from_millis(200) };
    let late = internet.get(slow).await.expect_err("slow");
    assert_eq!((late.code.as_str(), late.is_retry()), ("web.timeout", true));
    assert_eq!(read(&internet, format!("{base}/none")).await.expect("an answer").status, 404);
    let agent = read(&internet, format!("{base}/agent")).await.expect("an answer");
    assert!(agent.body.starts_with(b"colloquy/"));
    drop(internet);
    let gone = {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap().port()
    };
    let internet = self::internet(&["localhost"]);
    let failed = read(&internet, format!("http://localhost:{gone}/")).await.expect_err("nobody listens");
    assert_eq!((failed.code.as_str(), failed.is_retry()), ("web.unreachable", true));
}
