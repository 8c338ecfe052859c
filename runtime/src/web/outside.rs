//! Calls at services of others, behind the same guard.

use super::{Internet, failure, guard::refusal};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ports::{Outside, Unanswered, WebAnswer, WebCall},
};
use reqwest::{Method, Response};
use std::time::Duration;

/// The longest wait that another side can impose.
const LONGEST_WAIT: u64 = 3_600;

#[async_trait]
impl Outside for Internet {
    async fn call(&self, call: WebCall) -> Result<WebAnswer, Unanswered> {
        let url = self.address(&call.url).map_err(Unanswered::NotSent)?;
        let wrong = |_| Unanswered::NotSent(Failure::fatal("web.method", "no method of HTTP"));
        let method = Method::from_bytes(call.method.as_bytes()).map_err(wrong)?;
        let request = self.client.request(method, url).timeout(call.timeout);
        let request = call.headers.into_iter().fold(request, |r, (name, value)| r.header(name.as_ref(), value));
        let request = match call.body {
            Some(body) => request.body(body),
            None => request,
        };
        let response = request.send().await.map_err(|e| unanswered(&e))?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(&response));
        match read(response, call.most).await {
            Ok(body) => Ok(WebAnswer { status, retry_after, body }),
            // A refusal whose explanation got lost is still a refusal.
            Err(_) if (400..500).contains(&status) => Ok(WebAnswer { status, retry_after, body: Vec::new() }),
            Err(f) => Err(Unanswered::Lost(f)),
        }
    }
}

fn unanswered(error: &reqwest::Error) -> Unanswered {
    let never_left = error.is_connect() || error.is_builder() || refusal(error).is_some();
    if never_left { Unanswered::NotSent(failure(error)) } else { Unanswered::Lost(failure(error)) }
}

async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| failure(&e))? {
        if body.len() + chunk.len() > most {
            return Err(Failure::reject("web.too_large", "the answer is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: u64 = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}
