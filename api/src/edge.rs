//! What surrounds every endpoint: the request's id, the access log, figures, headers for browsers, errors in the
//! reader's language.

use crate::{error::ApiError, peer::direct, speech, state::Api};
use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use colloquy_domain::language::Language;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tower_http::{
    cors::{AllowOrigin, CorsLayer},
    set_header::SetResponseHeaderLayer,
};
use tracing::{Instrument as _, Span, field::Empty};

/// Answers are data; pages say themselves what they need.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// A year.
const ONLY_HTTPS: &str = "max-age=31536000";
/// How long a browser remembers what it may ask.
const PREFLIGHT: Duration = Duration::from_secs(3_600);
/// Characters of a request's id that a proxy gave.
const LONGEST_ID: usize = 64;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What somebody who listens to events saw last.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Puts all of it around the router.
pub fn around(router: Router<Arc<Api>>, api: &Arc<Api>) -> Router<Arc<Api>> {
    let https = api.options.public_url.starts_with("https://");
    let router = router
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(fixed(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"));
    let router = if https { router.layer(fixed(header::STRICT_TRANSPORT_SECURITY, ONLY_HTTPS)) } else { router };
    let router = match cors(&api.options.cors_origins) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.layer(middleware::from_fn_with_state(Arc::clone(api), observe))
}

fn fixed(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Browsers of the named origins may call; credentials go in a header, so cookies are none of it.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|o| o.parse().ok()).collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::ACCEPT_LANGUAGE,
                header::IF_MATCH,
                header::IF_NONE_MATCH,
                HeaderName::from_static("idempotency-key"),
                REQUEST_ID,
                LAST_EVENT_ID,
            ])
            .expose_headers([
                REQUEST_ID,
                header::RETRY_AFTER,
                header::ETAG,
                HeaderName::from_static("idempotent-replayed"),
            ])
            .max_age(PREFLIGHT)
    })
}

/// Names each request in its answer and, where the answer is an error, in its body; counts it, times it and logs it.
async fn observe(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let proxy = api.options.trusted_proxies.contains(&direct(request.extensions()));
    let given = proxy.then(|| given_id(request.headers())).flatten();
    let id = given.unwrap_or_else(|| api.ids.uuid().to_string());
    let method = known(request.method());
    // The template, never the path: that may hold what should not be told.
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let language = speech::wanted(request.headers());
    let begun = Instant::now();
    let span = span(&id, method, &route);
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status(), begun.elapsed());
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    api.metrics.answered(method, &route, status.as_u16(), took);
    log(&id, method, &route, status, took);
    if status.is_client_error() || status.is_server_error() {
        response = finish_error(response, &id, language).await;
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of the body was not read: no further request can follow it.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The request for who exports traces, in OpenTelemetry's names. What its handler does lies within.
fn span(id: &str, method: &str, route: &str) -> Span {
    tracing::info_span!(
        target: "trace", "request",
        otel.name = format!("{method} {route}"), otel.kind = "server", request.id = id,
        http.request.method = method, http.route = route,
        http.response.status_code = Empty, otel.status_code = Empty,
    )
}

/// One line for each request, under the target `access`, and what failed on our side for everybody who reads the log. No
/// address, no name, no path, nothing of the body.
fn log(id: &str, method: &str, route: &str, status: StatusCode, took: Duration) {
    let (status, ms) = (status.as_u16(), took.as_secs_f64() * 1_000.0);
    tracing::info!(
        target: "access",
        { request.id = id, http.method = method, http.route = route, http.status = status, ms },
        "answered"
    );
    if status >= 500 {
        tracing::error!(request.id = id, http.method = method, http.route = route, http.status = status, "failed");
    }
}

/// The methods that there are: anybody can invent others, and each would be a figure of its own.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

/// The id that a proxy gave the request, if it is one that can stand in a log.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fits = (1..=LONGEST_ID).contains(&id.len())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    fits.then(|| id.to_owned())
}

/// Errors are small JSON bodies of ours: read again, they get the request's id and their reader's language. What refused a
/// request before a handler saw it answers with text: that becomes the same envelope.
async fn finish_error(response: Response, id: &str, language: Language) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, 64 * 1024).await else {
        return (parts, Body::empty()).into_response();
    };
    let read = serde_json::from_slice::<serde_json::Value>(&bytes).ok().filter(serde_json::Value::is_object);
    let mut json = read.unwrap_or_else(|| {
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        foreign(parts.status, &String::from_utf8_lossy(&bytes)).body()
    });
    json["requestId"] = id.into();
    let french = json["code"].as_str().and_then(speech::french).filter(|_| language == Language::Fr);
    if let Some(sentence) = french {
        json["message"] = sentence.into();
        json["error"] = sentence.into();
        parts.headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static("fr"));
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    (parts, Body::from(json.to_string())).into_response()
}

/// What no handler of ours refused.
fn foreign(status: StatusCode, text: &str) -> ApiError {
    let code = match status {
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::PAYLOAD_TOO_LARGE => "TOO_LARGE",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "UNSUPPORTED_MEDIA_TYPE",
        status if status.is_server_error() => return ApiError::internal(),
        _ => "MALFORMED",
    };
    ApiError::new(status, code, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_that_can_stand_in_a_log_are_taken() {
        let of = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, id.parse().unwrap());
            given_id(&headers)
        };
        assert_eq!(of("4bf92f35-77.b_1").as_deref(), Some("4bf92f35-77.b_1"));
        for wrong in ["", "a b", "a\"b", "a=b", &"x".repeat(65)] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(given_id(&HeaderMap::new()), None);
    }

    #[test]
    fn invented_methods_are_one() {
        assert_eq!(known(&Method::from_bytes(b"SING").unwrap()), "OTHER");
        assert_eq!(known(&Method::PATCH), "PATCH");
    }
}
