//! A tool's arguments as a request to its endpoint, and the endpoint's answer as the tool's.

use super::offered::Offered;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{Extensions, HeaderMap, HeaderName, Method, Request, StatusCode, header},
};
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Map, Value};
use std::net::SocketAddr;
use tower::ServiceExt;
use url::form_urlencoded;

/// Bytes of an answer that are read.
const MOST: usize = 4 << 20;
/// What the caller sends along: who they are, where they come from, which language they read.
const SENT_ALONG: [&str; 3] = ["authorization", "accept-language", "x-forwarded-for"];

/// Calls endpoints as its caller.
#[derive(Clone)]
pub(super) struct Called {
    inside: Router,
    headers: HeaderMap,
    connection: Option<ConnectInfo<SocketAddr>>,
}

impl Called {
    pub(super) fn new(inside: Router, from: &HeaderMap, extensions: &Extensions) -> Self {
        let mut headers = HeaderMap::new();
        for name in SENT_ALONG {
            headers.extend(from.get(name).map(|value| (HeaderName::from_static(name), value.clone())));
        }
        Self { inside, headers, connection: extensions.get().copied() }
    }

    pub(super) async fn call(&self, tool: &Offered, arguments: Map<String, Value>) -> CallToolResult {
        let (uri, rest) = match placed(tool.path, arguments) {
            Ok(placed) => placed,
            Err(missing) => return refused(&format!("VALIDATION_FAILED: {missing}: must be a text")),
        };
        let request = match self.request(tool.method.clone(), &uri, rest) {
            Ok(request) => request,
            Err(error) => return refused(&format!("MALFORMED: {error}")),
        };
        let Ok(answer) = self.inside.clone().oneshot(request).await;
        let status = answer.status();
        match to_bytes(answer.into_body(), MOST).await {
            Ok(body) => told(status, &body),
            Err(_) => refused("TOO_LARGE: the answer is too large: ask for less"),
        }
    }

    fn request(&self, method: Method, uri: &str, rest: Map<String, Value>) -> Result<Request<Body>, axum::http::Error> {
        let reads = method == Method::GET;
        let uri = if reads && !rest.is_empty() { format!("{uri}?{}", query(&rest)) } else { uri.to_owned() };
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(connection) = self.connection {
            request = request.extension(connection);
        }
        if reads {
            return request.body(Body::empty());
        }
        request.header(header::CONTENT_TYPE, "application/json").body(Value::Object(rest).to_string().into())
    }
}

/// The path with its parameters, and the arguments that are left.
fn placed(path: &str, mut arguments: Map<String, Value>) -> Result<(String, Map<String, Value>), String> {
    let mut uri = "/api".to_owned();
    for part in path.split('/').skip(1) {
        uri.push('/');
        match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            None => uri.push_str(part),
            Some(name) => match arguments.remove(name) {
                // A path of its own would be another endpoint.
                Some(Value::String(value)) if !value.is_empty() && value != "." && value != ".." => {
                    uri.extend(form_urlencoded::byte_serialize(value.as_bytes()).map(|s| s.replace('+', "%20")));
                }
                _ => return Err(name.to_owned()),
            },
        }
    }
    Ok((uri, arguments))
}

fn query(rest: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    form_urlencoded::Serializer::new(String::new()).extend_pairs(rest.iter().map(|(n, v)| (n, text(v)))).finish()
}

/// What the envelope holds, or the refusal in words.
fn told(status: StatusCode, body: &[u8]) -> CallToolResult {
    let envelope: Value = serde_json::from_slice(body).unwrap_or_default();
    if status.is_success() {
        let data = envelope.get("data").cloned().unwrap_or(envelope);
        return CallToolResult::success(vec![ContentBlock::text(data.to_string())]);
    }
    let words = |name: &str| envelope[name].as_str().unwrap_or_default();
    refused(&format!("{}: {}", words("code"), words("message")))
}

fn refused(words: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(words)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ApiError;
    use proptest::prelude::*;
    use serde_json::json;

    fn arguments(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn arguments_go_where_the_path_says_and_the_rest_is_left() {
        let (uri, rest) = placed("/a/{x}/b", arguments(json!({ "x": "my base", "y": 2 }))).unwrap();
        assert_eq!((uri.as_str(), rest), ("/api/a/my%20base/b", arguments(json!({ "y": 2 }))));
        for wrong in [json!({}), json!({ "x": 1 }), json!({ "x": "" }), json!({ "x": ".." })] {
            assert_eq!(placed("/a/{x}", arguments(wrong)).unwrap_err(), "x");
        }
        assert_eq!(query(&arguments(json!({ "a": "b&c", "n": 3 }))), "a=b%26c&n=3");
    }

    #[test]
    fn a_refusal_names_its_code_and_says_what_is_wrong() {
        let refusal = ApiError::invalid("text", "is needed");
        let told = told(refusal.status, refusal.body().to_string().as_bytes());
        let words = "VALIDATION_FAILED: Validation failed: text: is needed";
        assert_eq!(told, CallToolResult::error(vec![ContentBlock::text(words)]));
    }

    proptest! {
        #[test]
        fn no_argument_leaves_its_place_in_the_path(value in ".{1,40}") {
            if let Ok((uri, _)) = placed("/a/{x}/b", arguments(json!({ "x": value }))) {
                prop_assert_eq!(uri.split('/').count(), 5);
                prop_assert!(!uri.contains('?') && !uri.contains('#'));
                prop_assert!(uri.parse::<axum::http::Uri>().is_ok());
            }
        }
    }
}
