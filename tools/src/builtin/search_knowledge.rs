//! `search_knowledge`: looks something up in the agent's documents.

use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    knowledge::{KnowledgeQuery, Narrow, Passage},
    ports::Knowledge,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Passages when the model names no limit.
const DEFAULT_LIMIT: usize = 5;
const HIGHEST_LIMIT: usize = 10;

pub(crate) struct SearchKnowledge {
    knowledge: Arc<dyn Knowledge>,
}

impl SearchKnowledge {
    pub(crate) fn new(knowledge: Arc<dyn Knowledge>) -> Self {
        Self { knowledge }
    }
}

#[async_trait]
impl Tool for SearchKnowledge {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "search_knowledge".into(),
            description: "Search the documents for passages about something. Use it when the passages that you have \
                          do not answer the question, or for a second subject."
                .into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "query": {
                        "type": "string", "minLength": 1, "maxLength": 1000,
                        "description": "A question or key words that make sense on their own."
                    },
                    "limit": {
                        "type": "integer", "minimum": 1, "maximum": HIGHEST_LIMIT,
                        "description": "Passages wanted; 5 when left out."
                    }
                },
                "required": ["query"],
                "additionalProperties": false
            })
            .to_string(),
            effect: EffectClass::Read,
            timeout: Duration::from_secs(20),
        }
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        let limit = args["limit"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(DEFAULT_LIMIT);
        let query = KnowledgeQuery {
            tenant: inv.tenant,
            bases: inv.bases.clone(),
            without: Vec::new(),
            text: args["query"].as_str().unwrap_or_default().to_owned(),
            previous: Vec::new(),
            rewritten: None,
            language: Some(inv.language),
            limit: limit.min(HIGHEST_LIMIT),
            narrow: Narrow::default(),
        };
        match self.knowledge.search(query).await {
            Ok(passages) => {
                let result = ToolResult::done(content(&passages));
                ToolResult { passages, ..result }
            }
            Err(failure) => ToolResult::failed(failure),
        }
    }
}

/// What was found and where, as data. Neither words nor numbers of the passages: the model is shown them with the
/// numbers by which this turn cites them, and only the assembly of its prompt knows those.
fn content(passages: &[Passage]) -> String {
    let found = passages
        .iter()
        .map(|p| Place { document: &p.name, page: p.page, section: p.headings.last().map(String::as_str) })
        .collect();
    serde_json::to_string(&Found { found }).unwrap_or_default()
}

#[derive(Serialize)]
struct Found<'a> {
    found: Vec<Place<'a>>,
}

#[derive(Serialize)]
struct Place<'a> {
    document: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<&'a str>,
}
