//! What servers say, in our terms.

use crate::web::refusal;
use colloquy_domain::{
    failure::Failure,
    tool::{EffectClass, ToolResult},
    tool_server::OfferedTool,
};
use rmcp::{
    model::{CallToolResult, ContentBlock, ResourceContents, Tool},
    service::{ClientInitializeError, ServiceError},
    transport::streamable_http_client::StreamableHttpError,
};
use std::error::Error;

/// What a model is given of an answer, in bytes: more would push out what was said.
const MOST: usize = 32 * 1024;
/// What a model is told of a tool, in bytes.
const LONGEST_DESCRIPTION: usize = 2_000;

/// What a later protocol may have.
const UNKNOWN: &str = "[something else]";

/// How the protocol's own servers refuse a session that they do not know (any more).
const NO_SESSION: i32 = -32000;

/// No answer of a tool.
#[derive(Debug)]
pub enum Lost {
    /// The server's own word that it did not do it.
    Refused(Failure),
    /// It was not called.
    NotSent(Failure),
    /// Whether it was called, and what came of that, is not known.
    Unknown(Failure),
}

impl Lost {
    pub fn failure(self) -> Failure {
        match self {
            Self::Refused(failure) | Self::NotSent(failure) | Self::Unknown(failure) => failure,
        }
    }
}

pub fn offered(tool: Tool) -> OfferedTool {
    let says = tool.annotations.unwrap_or_default();
    let effect = match (says.read_only_hint, says.idempotent_hint) {
        (Some(true), _) => EffectClass::Read,
        (_, Some(true)) => EffectClass::Idempotent,
        _ => EffectClass::Unsafe,
    };
    let description = tool.description.map(|d| cut(&d, LONGEST_DESCRIPTION).to_owned());
    OfferedTool {
        name: tool.name.into_owned(),
        description: description.or(tool.title).unwrap_or_default(),
        parameters: serde_json::Value::Object((*tool.input_schema).clone()).to_string(),
        effect,
    }
}

/// What a model reads: the words; of what is no text, only that it was there.
pub fn answered(result: CallToolResult) -> ToolResult {
    let mut words: Vec<String> = result.content.iter().map(said).collect();
    if let Some(structured) = result.structured_content.filter(|_| words.is_empty()) {
        words.push(structured.to_string());
    }
    let words = words.join("\n");
    let shown = cut(&words, MOST);
    let content = if shown.len() < words.len() { format!("{shown}\n[cut: it was longer]") } else { words };
    if result.is_error == Some(true) {
        ToolResult::failed(Failure::reject("mcp.tool_failed", content))
    } else {
        ToolResult::done(content)
    }
}

fn said(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => format!("[a picture, {}]", image.mime_type),
        ContentBlock::Audio(audio) => format!("[a recording, {}]", audio.mime_type),
        ContentBlock::Resource(embedded) => match &embedded.resource {
            ResourceContents::TextResourceContents { text, .. } => text.clone(),
            ResourceContents::BlobResourceContents { uri, .. } => format!("[a file, {uri}]"),
            _ => UNKNOWN.to_owned(),
        },
        ContentBlock::ResourceLink(link) => format!("[{}: {}]", link.name, link.uri),
        _ => UNKNOWN.to_owned(),
    }
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// What it means that a call has no answer.
pub fn lost(error: &ServiceError) -> Lost {
    match error {
        ServiceError::McpError(refused) => {
            let words = cut(&refused.message, MOST);
            let failure = Failure::reject("mcp.refused", format!("{} ({})", words, refused.code.0));
            let session = refused.code.0 == NO_SESSION && words.to_ascii_lowercase().contains("session");
            if session { Lost::NotSent(failure) } else { Lost::Refused(failure) }
        }
        other => explained(other).unwrap_or_else(|| {
            Lost::Unknown(Failure::retry("mcp.unreachable", "the connection to the server was lost"))
        }),
    }
}

/// Why there is no session.
pub fn lost_beginning(error: &ClientInitializeError) -> Failure {
    match error {
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => lost_beginning(fallback),
        ClientInitializeError::ConnectionClosed(_) => {
            Failure::retry("mcp.unreachable", "it ended before it said what it offers")
        }
        // It does not name its cause as one.
        ClientInitializeError::TransportError { error, .. } => explained(error).map_or_else(no_server, Lost::failure),
        _ => no_server(),
    }
}

fn no_server() -> Failure {
    Failure::reject("mcp.refused", "what answers there is no server of tools")
}

/// By the first cause that says something.
fn explained(error: &(dyn Error + 'static)) -> Option<Lost> {
    let mut at = Some(error);
    while let Some(e) = at {
        if let Some(of_transport) = e.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
            return by_transport(of_transport);
        }
        at = e.source();
    }
    None
}

fn by_transport(error: &StreamableHttpError<reqwest::Error>) -> Option<Lost> {
    let unreachable = |why: &str| Failure::retry("mcp.unreachable", why);
    Some(match error {
        StreamableHttpError::Client(client) => match refusal(client) {
            Some(refused) => Lost::NotSent(refused),
            None if client.is_connect() => Lost::NotSent(unreachable("the server cannot be reached")),
            None => Lost::Unknown(unreachable("the connection to the server was lost")),
        },
        StreamableHttpError::HttpStatus(answer) => {
            let failure = unreachable(&format!("the server answers {}", answer.status));
            if answer.status == 429 { Lost::NotSent(failure) } else { Lost::Unknown(failure) }
        }
        StreamableHttpError::AuthRequired(_) | StreamableHttpError::InsufficientScope(_) => {
            Lost::NotSent(Failure::reject("mcp.unauthorized", "the server refuses these credentials"))
        }
        StreamableHttpError::SessionExpired => Lost::NotSent(unreachable("the server forgot the session")),
        _ => return None,
    })
}
