use super::*;
use async_trait::async_trait;
use colloquy_domain::testkit::ManualClock;

/// A site of (path, status, kind, body); keeps what it was asked.
struct Site(Vec<(&'static str, u16, &'static str, &'static str)>, Mutex<Vec<String>>);

#[async_trait]
impl Web for Site {
    async fn get(&self, request: WebRequest) -> Result<WebResponse, Failure> {
        self.1.lock().unwrap().push(request.url.clone());
        let path = request.url.strip_prefix("https://shop.example").unwrap_or(&request.url).to_owned();
        let found = self.0.iter().find(|(p, ..)| *p == path);
        let (status, kind, body) = found.map_or((404, "text/html", ""), |(_, s, k, b)| (*s, *k, *b));
        Ok(WebResponse { url: request.url, status, content_type: kind.into(), body: body.as_bytes().to_vec() })
    }
}

fn site(pages: &[(&'static str, u16, &'static str, &'static str)]) -> Arc<Site> {
    Arc::new(Site(pages.to_vec(), Mutex::default()))
}

fn visitor(web: &Arc<Site>) -> Visitor {
    Visitor::new(web.clone(), Arc::new(ManualClock::default()))
}

// req: S1-DOC-1
#[tokio::test]
async fn pages_are_named_by_their_address_and_format() {
    let web = site(&[
        ("/help/", 200, "text/html", "<p>Help</p>"),
        ("/prices.pdf", 200, "application/octet-stream", "%PDF"),
        ("/a?b=1", 200, "text/plain", "a"),
        ("/logo", 200, "image/png", "x"),
        ("/down", 503, "text/html", ""),
    ]);
    let visitor = visitor(&web);
    let name = async |path: &str| match visitor.page(&format!("https://shop.example{path}"), 1_000).await {
        Ok(page) => page.name,
        Err(e) => format!("{} {}", e.code, e.is_retry()),
    };
    assert_eq!(name("/help/").await, "shop.example/help.html");
    assert_eq!(name("/prices.pdf").await, "shop.example/prices.pdf");
    assert_eq!(name("/a?b=1").await, "shop.example/a?b=1.txt");
    assert_eq!(name("/logo").await, "web.kind false");
    assert_eq!(name("/none").await, "web.status false");
    assert_eq!(name("/down").await, "web.status true");
    let asked = web.1.lock().unwrap().iter().filter(|u| u.ends_with("/robots.txt")).count();
    assert_eq!(asked, 1, "once for a site");
    for bad in ["ftp://shop.example/", "file:///etc/passwd", "shop.example", ""] {
        assert_eq!(visitor.page(bad, 9).await.expect_err(bad).code, "web.url");
    }
}

// req: S1-DOC-1
#[tokio::test]
async fn what_a_site_does_not_let_us_read_is_not_read() {
    let map = "<urlset><url><loc>https://shop.example/a</loc></url><url><loc>https://other.example/b</loc></url>\
               <url><loc>http://169.254.169.254/latest</loc></url></urlset>";
    let web = site(&[
        ("/robots.txt", 200, "text/plain", "User-agent: *\nDisallow: /secret"),
        ("/secret/x", 200, "text/html", "secret"),
        ("/sitemap.xml", 200, "application/xml", map),
        ("/no.xml", 200, "text/html", "<html></html>"),
    ]);
    let visitor = visitor(&web);
    let refused = visitor.page("https://shop.example/secret/x", 99).await.expect_err("refused");
    assert_eq!(refused.code, "web.robots");
    assert!(!web.1.lock().unwrap().iter().any(|u| u.contains("secret")), "not even asked for");
    let found = visitor.sitemap("https://shop.example/sitemap.xml", 9).await.expect("a sitemap");
    assert_eq!(found.pages, ["https://shop.example/a"], "a site speaks for itself only");
    assert_eq!(visitor.sitemap("https://shop.example/no.xml", 9).await.expect_err("none").code, "web.sitemap");
}
