//! The registry of endpoints and the layers around them.

use crate::{
    endpoints::{
        agents, answers, ask, channels, chat, chat_page, conversations, dead_letters, documents, health, jobs,
        knowledge_bases, progress, proposals, unanswered, webhook,
    },
    error::ApiError,
    state::Api,
};
use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use std::sync::Arc;
use tower_http::{catch_panic::CatchPanicLayer, set_header::SetResponseHeaderLayer};

/// Bytes of a JSON body or a webhook (Meta's largest is 3 MB).
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// All endpoints, ready to serve.
pub fn router(api: Arc<Api>) -> Router {
    let uploads = DefaultBodyLimit::max(api.options.max_upload);
    let resources = Router::new()
        .route("/agents", get(agents::list).post(agents::create))
        .route("/agents/{id}", get(agents::show).put(agents::replace).patch(agents::update).delete(agents::remove))
        .route("/agents/{id}/train", post(agents::train))
        .route("/ask", post(ask::post))
        .route("/channels", get(channels::list).post(channels::create))
        .route(
            "/channels/{id}",
            get(channels::show).put(channels::update).patch(channels::update).delete(channels::remove),
        )
        .route("/channels/{id}/test", post(channels::test))
        .route("/chat", post(chat::post))
        .route("/conversations", get(conversations::list))
        .route("/conversations/{id}", get(conversations::show).put(conversations::update).patch(conversations::update))
        .route("/conversations/{id}/messages", get(conversations::messages))
        .route("/dead-letters", get(dead_letters::list))
        .route("/dead-letters/{id}", get(dead_letters::show))
        .route("/dead-letters/{id}/replay", post(dead_letters::replay))
        .route("/documents", get(documents::list).post(documents::add).layer(uploads.clone()))
        .route("/documents/{id}", get(documents::show_document).delete(documents::remove))
        .route("/documents/{id}/process", post(documents::process))
        .route("/documents/{id}/answers", get(answers::list))
        .route("/documents/{id}/progress", get(progress::get))
        .route("/documents/{id}/versions", get(answers::versions))
        .route("/jobs/{id}", get(jobs::show))
        .route("/knowledge-bases", get(knowledge_bases::list).post(knowledge_bases::create))
        .route(
            "/knowledge-bases/{id}",
            get(knowledge_bases::show).put(knowledge_bases::rename).delete(knowledge_bases::remove),
        )
        .route("/knowledge-bases/{id}/search", post(knowledge_bases::search))
        .route("/knowledge-bases/{id}/proposals", get(proposals::list).post(proposals::create).layer(uploads))
        .route("/proposals/{id}", get(proposals::show).delete(proposals::discard))
        .route("/proposals/{id}/answers", get(proposals::answers))
        .route("/proposals/{id}/promote", post(proposals::promote))
        .route("/knowledge-bases/{id}/unanswered", get(unanswered::list))
        .route("/knowledge-bases/{id}/unanswered/{topic}", get(unanswered::show).patch(unanswered::mark))
        .route("/health", get(health::health));
    Router::new()
        .nest("/api", resources)
        .route("/chat/{channel}", get(chat_page::get))
        .route("/health", get(health::health))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/health/detailed", get(health::detailed))
        .route("/webhooks/{channel}", get(webhook::verify).post(webhook::receive))
        .fallback(|| async { ApiError::not_found("endpoint") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "this endpoint has no such method")
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(CatchPanicLayer::custom(|_| {
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "something went wrong on our side")
                .into_response()
        }))
        .layer(fixed("x-content-type-options", "nosniff"))
        .layer(fixed("referrer-policy", "no-referrer"))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), request_id))
        .with_state(api)
}

fn fixed(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from_static(value))
}

/// Names each request in its answer and, where the answer is an error, in its body.
async fn request_id(
    axum::extract::State(api): axum::extract::State<Arc<Api>>,
    request: Request,
    next: Next,
) -> Response {
    let id = api.ids.uuid().to_string();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let status = response.status();
    if status.is_server_error() {
        tracing::error!(request.id = id, http.method = %method, http.path = path, http.status = status.as_u16(), "failed");
    } else {
        tracing::debug!(request.id = id, http.method = %method, http.path = path, http.status = status.as_u16(), "answered");
    }
    if status.is_client_error() || status.is_server_error() {
        response = with_request_id(response, &id).await;
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of the body was not read: no further request can follow it.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// Errors are small JSON bodies of ours: read again, they get the request's id.
async fn with_request_id(response: Response, id: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, 64 * 1024).await else {
        return (parts, Body::empty()).into_response();
    };
    match serde_json::from_slice::<serde_json::Value>(&bytes) {
        Ok(mut json) if json.is_object() => {
            json["requestId"] = id.into();
            parts.headers.remove(header::CONTENT_LENGTH);
            (parts, Body::from(json.to_string())).into_response()
        }
        _ => (parts, Body::from(bytes)).into_response(),
    }
}
