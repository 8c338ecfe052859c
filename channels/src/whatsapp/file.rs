//! Files that people sent: where one lies is asked first, and asked again when the answer got too old.

use super::NAME;
use crate::{
    http::Downloaded,
    lenient::text,
    meta::{CallError, Graph},
};
use colloquy_domain::{
    channel::{ChannelAccount, Fetched},
    failure::Failure,
};
use reqwest::Url;
use serde_json::Value;

pub(super) async fn fetch(
    graph: &Graph,
    account: &ChannelAccount,
    reference: &str,
    most: u64,
) -> Result<Fetched, Failure> {
    let mut tries = 0;
    loop {
        let told = graph.get(account, &[reference], "url,mime_type,sha256,file_size").await.map_err(of_file)?;
        let size = told.get("file_size").and_then(|s| s.as_u64().or_else(|| s.as_str()?.parse().ok()));
        if size.is_some_and(|size| size > most) {
            return Err(Failure::reject("whatsapp.file_too_large", "the file is larger than it may be"));
        }
        let file = bytes(graph, account, &told, most).await?;
        match file.status {
            200 => {
                let mime = text(&told, "/mime_type").map(str::to_owned).or(file.mime);
                return Ok(Fetched::File { bytes: file.bytes, mime });
            }
            // The address lives for a few minutes.
            404 if tries == 0 => tries += 1,
            429 | 500.. => return Err(Failure::retry("whatsapp.no_file", format!("HTTP {}", file.status))),
            status => return Err(Failure::reject("whatsapp.no_file", format!("HTTP {status}"))),
        }
    }
}

async fn bytes(graph: &Graph, account: &ChannelAccount, told: &Value, most: u64) -> Result<Downloaded, Failure> {
    let url = text(told, "/url").and_then(|u| Url::parse(u).ok());
    let url = url.ok_or_else(|| Failure::reject("whatsapp.no_file", "no address was told"))?;
    graph.download(account, url, most).await.map_err(of_file)
}

/// One file that is gone is no reason to think that the account is down.
fn of_file(error: CallError) -> Failure {
    match error {
        CallError::Settings(f) => f,
        error => error.failure(NAME),
    }
}
