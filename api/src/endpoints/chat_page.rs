//! `GET /chat/{channel}`: a page to talk to a public web chat account. The widget is all of it (docs/WIDGET.md).

use super::chat::public_account;
use crate::{error::ApiResult, speech::Speech, state::Api};
use axum::{
    extract::{Path, State},
    http::header,
    response::{Html, IntoResponse},
};
use colloquy_domain::language::Language;
use std::sync::Arc;

const PAGE: &str = include_str!("chat_page.html");
/// Only the widget runs, and it speaks only to its own server. Last who may frame it: other origins are added.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'self'";

pub async fn get(State(api): State<Arc<Api>>, speech: Speech, Path(channel): Path<String>) -> ApiResult {
    let id = public_account(&api, &channel).await?.id;
    let (language, title) = match speech.0 {
        Language::En => ("en", "Chat"),
        Language::Fr => ("fr", "Discussion"),
    };
    // The id is a UUID that was parsed: nothing in it can leave its place in the page.
    let page =
        PAGE.replace("{{language}}", language).replace("{{title}}", title).replace("{{channel}}", &id.to_string());
    let policy = api.options.frame_origins.iter().fold(POLICY.to_owned(), |policy, origin| policy + " " + origin);
    Ok(([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response())
}
