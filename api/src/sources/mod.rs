//! Documents that lie on the web: single pages, and what a sitemap names.

pub mod robots;
pub mod sitemap;

use colloquy_domain::{
    failure::Failure,
    ports::{Clock, Web, WebRequest, WebResponse},
    time::Timestamp,
};
use robots::Robots;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use url::Url;

/// For one page, redirects included.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a `robots.txt` (RFC 9309 asks for 500 KiB) and of a sitemap.
const ROBOTS: u64 = 500 << 10;
const SITEMAP: u64 = 50 << 20;
/// Characters that a document's name may have.
const LONGEST_NAME: usize = 255;
/// How long a `robots.txt` holds, and of how many sites it is remembered.
const REMEMBERED: Duration = Duration::from_secs(600);
const SITES: usize = 1_000;

/// What is read, and the ending that tells its format.
const KINDS: &[(&str, &str)] = &[
    ("text/html", "html"),
    ("application/xhtml+xml", "html"),
    ("application/pdf", "pdf"),
    ("text/markdown", "md"),
    ("text/csv", "csv"),
    ("text/plain", "txt"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
];

/// A page as a document.
#[derive(Debug)]
pub struct Page {
    /// Its address without the scheme, with the ending of its format.
    pub name: String,
    pub body: Vec<u8>,
}

/// Reads pages, as far as their sites let us.
pub struct Visitor {
    web: Arc<dyn Web>,
    clock: Arc<dyn Clock>,
    /// By scheme, host and port: since when.
    robots: Mutex<HashMap<String, (Timestamp, Arc<Robots>)>>,
}

impl Visitor {
    #[must_use]
    pub fn new(web: Arc<dyn Web>, clock: Arc<dyn Clock>) -> Self {
        Self { web, clock, robots: Mutex::default() }
    }

    /// # Errors
    /// The web's; reject `web.robots` (the site does not let us), `web.status`, `web.kind`; retry `web.status` of servers
    /// in trouble.
    pub async fn page(&self, address: &str, most: u64) -> Result<Page, Failure> {
        let url = parse(address)?;
        self.permitted(&url).await?;
        let accept =
            "text/html, application/xhtml+xml, application/pdf, text/markdown, text/plain, text/csv, */*;q=0.5";
        let response = self.get(url.as_str(), accept, most).await?;
        // Named by the address that was asked for: reading it again replaces it, wherever it leads by then.
        let name = name(&url, &response)?;
        Ok(Page { name, body: response.body })
    }

    /// # Errors
    /// As [`Self::page`]; reject `web.sitemap` for what is none.
    pub async fn sitemap(&self, address: &str, most: usize) -> Result<sitemap::Sitemap, Failure> {
        let url = parse(address)?;
        self.permitted(&url).await?;
        let response = self.get(url.as_str(), "application/xml, text/xml", SITEMAP).await?;
        let mut found = sitemap::parse(&response.body, most).map_err(|why| Failure::reject("web.sitemap", why))?;
        // A site speaks for itself only.
        let own = |address: &String| parse(address).is_ok_and(|u| u.origin() == url.origin());
        found.pages.retain(own);
        found.sitemaps.retain(own);
        Ok(found)
    }

    /// A file that a message names; it is no page, and no site asks that it be left alone.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub async fn file(&self, address: &str, most: u64) -> Result<WebResponse, Failure> {
        self.get(parse(address)?.as_str(), "*/*", most).await
    }

    /// What describes an interface, in JSON: it is there for programs.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub async fn description(&self, address: &str, most: u64) -> Result<WebResponse, Failure> {
        self.get(parse(address)?.as_str(), "application/json, application/yaml;q=0.9, */*;q=0.5", most).await
    }

    async fn get(&self, url: &str, accept: &'static str, most: u64) -> Result<WebResponse, Failure> {
        let response = self.web.get(WebRequest { url: url.to_owned(), accept, most, timeout: TIMEOUT }).await?;
        let status = response.status;
        let said = format!("the server answered {status}");
        match status {
            200..=299 => Ok(response),
            429 | 500..=599 => Err(Failure::retry("web.status", said)),
            _ => Err(Failure::reject("web.status", said)),
        }
    }

    async fn permitted(&self, url: &Url) -> Result<(), Failure> {
        let site = url.origin().ascii_serialization();
        let robots = self.robots_of(&site).await?;
        let path = url.query().map_or_else(|| url.path().to_owned(), |q| format!("{}?{q}", url.path()));
        if robots.allows(&path) {
            return Ok(());
        }
        Err(Failure::reject("web.robots", "the site's robots.txt does not let us read this page"))
    }

    async fn robots_of(&self, site: &str) -> Result<Arc<Robots>, Failure> {
        let now = self.clock.now();
        let lock = || self.robots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, robots)) = lock().get(site).filter(|(since, _)| now.since(*since) < REMEMBERED) {
            return Ok(Arc::clone(robots));
        }
        let asked = self.get(&format!("{site}/robots.txt"), "text/plain", ROBOTS).await;
        let robots = match asked {
            Ok(response) => Robots::parse(&String::from_utf8_lossy(&response.body)),
            // There is none.
            Err(e) if e.code == "web.status" && !e.is_retry() => Robots::default(),
            // One without an end is no reason to read nothing.
            Err(e) if e.code == "web.too_large" => Robots::default(),
            Err(e) => return Err(e),
        };
        let robots = Arc::new(robots);
        let mut remembered = lock();
        if remembered.len() >= SITES {
            remembered.clear();
        }
        remembered.insert(site.to_owned(), (now, Arc::clone(&robots)));
        Ok(robots)
    }
}

fn parse(address: &str) -> Result<Url, Failure> {
    let url = Url::parse(address.trim()).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
    url.ok_or_else(|| Failure::reject("web.url", "must be an http or https address"))
}

fn name(url: &Url, response: &WebResponse) -> Result<String, Failure> {
    let told = KINDS.iter().find(|(kind, _)| *kind == response.content_type).map(|(_, ending)| *ending);
    let path = url.path().trim_end_matches('/');
    let written = path.rsplit('/').next().and_then(|last| last.rsplit_once('.')).map(|(_, e)| e.to_ascii_lowercase());
    let written = written.and_then(|e| KINDS.iter().find(|(_, ending)| *ending == e).map(|(_, ending)| *ending));
    let unclear = matches!(response.content_type.as_str(), "" | "application/octet-stream" | "binary/octet-stream");
    let ending = told.or(written.filter(|_| unclear)).ok_or_else(|| {
        Failure::reject("web.kind", format!("content of the kind {:?} is not read", response.content_type))
    })?;
    let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
    let full = format!("{}{path}{query}", url.host_str().unwrap_or_default());
    let full = full.strip_suffix(&format!(".{ending}")).unwrap_or(&full);
    let kept: String = full.chars().filter(|c| !c.is_control()).take(LONGEST_NAME - 1 - ending.len()).collect();
    Ok(format!("{kept}.{ending}"))
}

#[cfg(test)]
mod tests;
