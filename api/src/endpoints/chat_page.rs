//! `GET /chat/{channel}`: a page to talk to a public web chat account.

use super::chat::public_account;
use crate::{error::ApiResult, state::Api};
use axum::{
    extract::{Path, State},
    http::header,
    response::{Html, IntoResponse},
};
use std::sync::Arc;

const PAGE: &str = include_str!("chat_page.html");
/// Only the page itself runs, and it speaks only to its own server. Last who may frame it: other origins are added.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

pub async fn get(State(api): State<Arc<Api>>, Path(channel): Path<String>) -> ApiResult {
    let id = public_account(&api, &channel).await?.id;
    // The id is a UUID that was parsed: nothing in it can leave its place in the page.
    let page = PAGE.replace("{{channel}}", &id.to_string());
    let policy = api.options.frame_origins.iter().fold(POLICY.to_owned(), |policy, origin| policy + " " + origin);
    Ok(([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response())
}
