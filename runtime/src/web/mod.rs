//! Reading pages and telling addresses that somebody named: only of the public internet, only so much, only so long.

mod guard;
mod outside;

use async_trait::async_trait;
use colloquy_domain::{
    egress::Egress,
    failure::Failure,
    ports::{Poster, Web, WebPost, WebRequest, WebResponse},
};
use guard::Guard;
pub use guard::refusal;
use reqwest::{Client, Response, Url, header, redirect::Policy};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// Time to reach a server.
const CONNECT: Duration = Duration::from_secs(10);
/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// The way to the internet, behind the guard.
pub struct Internet {
    client: Client,
    egress: Arc<Egress>,
}

impl Internet {
    /// # Errors
    /// The machine has no usable TLS.
    pub fn new(egress: Egress) -> anyhow::Result<Self> {
        let egress = Arc::new(egress);
        let client = Client::builder()
            // A proxy would resolve names by itself, behind the guard's back.
            .no_proxy()
            .dns_resolver(Arc::new(Guard(Arc::clone(&egress))))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .user_agent(concat!("colloquy/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, egress })
    }

    /// For whoever speaks a protocol of its own over it, after [`Internet::address`].
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Checks what can be checked before names are resolved; an address in the place of a name never is.
    ///
    /// # Errors
    /// Reject: `web.url`, `egress.private`.
    pub fn address(&self, url: &str) -> Result<Url, Failure> {
        let wrong = |why: &str| Failure::reject("web.url", why.to_owned());
        let url = Url::parse(url).map_err(|_| wrong("is not an address"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("only http and https addresses are read"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("addresses with a password are not read"));
        }
        let host = url.host_str().ok_or_else(|| wrong("has no host"))?;
        if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            self.egress.check(host.trim_matches(['[', ']']), ip)?;
        }
        Ok(url)
    }

    async fn follow(&self, request: &WebRequest) -> Result<WebResponse, Failure> {
        let mut url = self.address(&request.url)?;
        for _ in 0..=REDIRECTS {
            let asked = self.client.get(url.clone()).header(header::ACCEPT, request.accept);
            let response = asked.send().await.map_err(|e| failure(&e))?;
            let location = response.headers().get(header::LOCATION).filter(|_| response.status().is_redirection());
            match location {
                Some(to) => {
                    let to = to.to_str().ok().and_then(|to| url.join(to).ok());
                    let to = to.ok_or_else(|| Failure::reject("web.url", "it leads to what is no address"))?;
                    // As strictly as the first.
                    url = self.address(to.as_str())?;
                }
                None => return read(url, response, request.most).await,
            }
        }
        Err(Failure::reject("web.redirects", format!("it leads on more than {REDIRECTS} times")))
    }
}

#[async_trait]
impl Web for Internet {
    async fn get(&self, request: WebRequest) -> Result<WebResponse, Failure> {
        tokio::time::timeout(request.timeout, self.follow(&request))
            .await
            .unwrap_or_else(|_| Err(Failure::retry("web.timeout", "the page took too long")))
    }
}

#[async_trait]
impl Poster for Internet {
    async fn post(&self, post: WebPost) -> Result<u16, Failure> {
        let url = self.address(&post.url)?;
        let request = self.client.post(url).header(header::CONTENT_TYPE, "application/json").timeout(post.timeout);
        let request = post.headers.into_iter().fold(request, |r, (name, value)| r.header(name, value));
        let response = request.body(post.body).send().await.map_err(|e| failure(&e))?;
        Ok(response.status().as_u16())
    }
}

async fn read(url: Url, mut response: Response, most: u64) -> Result<WebResponse, Failure> {
    let too_large = || Failure::reject("web.too_large", format!("the page has more than {most} bytes"));
    if response.content_length().is_some_and(|n| n > most) {
        return Err(too_large());
    }
    let told = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let content_type = told.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| failure(&e))? {
        if (body.len() + chunk.len()) as u64 > most {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(WebResponse { url: url.into(), status, content_type, body })
}

/// The guard's refusal if it was one; otherwise what happened, without the address that errors of the client repeat.
fn failure(error: &reqwest::Error) -> Failure {
    if let Some(refused) = refusal(error) {
        return refused;
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let what = if error.is_timeout() { "web.timeout" } else { "web.unreachable" };
    Failure::retry(what, format!("the address cannot be reached: {cause}"))
}

#[cfg(test)]
mod tests;
