//! What other programs can do here: each is one of our endpoints, under a name and words that models understand.

use crate::simulations::{LONGEST_SCENARIO, MOST_TRIALS};
use axum::http::Method;
use colloquy_domain::access::Action;
use serde_json::{Value, json};

/// A tool, and the endpoint that it is.
pub struct Offered {
    pub name: &'static str,
    pub description: &'static str,
    pub method: Method,
    /// Below `/api`. What stands in braces is taken from the arguments; the rest of them is the query or the body.
    pub path: &'static str,
    /// It is offered to whoever may do this.
    pub action: Action,
    /// The properties of its arguments.
    properties: fn() -> Value,
    required: &'static [&'static str],
}

impl Offered {
    /// JSON Schema of the arguments.
    pub fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": (self.properties)(),
            "required": self.required,
            "additionalProperties": false,
        })
    }

    /// Whether it changes nothing.
    pub fn reads(&self) -> bool {
        self.method == Method::GET || self.name == "search_knowledge"
    }
}

fn page(kind: &str) -> Value {
    json!({
        "limit": { "type": "integer", "minimum": 1, "maximum": 100, "description": format!("How many {kind}; 20 when left out.") },
        "page": { "type": "integer", "minimum": 1, "description": "From 1; the first when left out." },
    })
}

fn with(mut more: Value, properties: &Value) -> Value {
    if let (Value::Object(more), Value::Object(properties)) = (&mut more, properties) {
        more.extend(properties.clone());
    }
    more
}

/// All of them.
pub const ALL: &[Offered] = &[
    Offered {
        name: "list_agents",
        description: "The AI agents of this team: their names, what they are told to be, the knowledge and the tools they have.",
        method: Method::GET,
        path: "/agents",
        action: Action::ViewAgents,
        properties: || page("agents"),
        required: &[],
    },
    Offered {
        name: "ask_agent",
        description: "Says something to an AI agent and waits for its answer, with the passages that it cites. The answer names a \
                      `session`: give it back to go on with the same conversation.",
        method: Method::POST,
        path: "/chat",
        action: Action::UseAgents,
        properties: || {
            json!({
                "message": { "type": "string", "minLength": 1, "maxLength": 8000 },
                "agent": { "type": "string", "description": "Name or id; the team's first agent when left out." },
                "session": { "type": "string", "description": "The `session` of an earlier answer." },
            })
        },
        required: &["message"],
    },
    Offered {
        name: "list_knowledge_bases",
        description: "The knowledge bases of this team, into which its documents were uploaded.",
        method: Method::GET,
        path: "/knowledge-bases",
        action: Action::ViewKnowledge,
        properties: || page("knowledge bases"),
        required: &[],
    },
    Offered {
        name: "search_knowledge",
        description: "Searches the documents of a knowledge base, by meaning and by words; answers with passages, their documents \
                      and pages.",
        method: Method::POST,
        path: "/knowledge-bases/{knowledge_base}/search",
        action: Action::ViewKnowledge,
        properties: || {
            json!({
                "knowledge_base": { "type": "string", "description": "Name or id, such as `default`." },
                "query": { "type": "string", "minLength": 1, "maxLength": 1000 },
                "limit": { "type": "integer", "minimum": 1, "maximum": 50 },
                "language": { "type": "string", "enum": ["en", "fr"], "description": "Detected from the query when left out." },
            })
        },
        required: &["knowledge_base", "query"],
    },
    Offered {
        name: "list_conversations",
        description: "Conversations with people, those in which something happened last first.",
        method: Method::GET,
        path: "/conversations",
        action: Action::ViewConversations,
        properties: || {
            let search = json!({ "search": { "type": "string", "description": "How a word of the person's name begins, or a piece of a number." } });
            with(page("conversations"), &search)
        },
        required: &[],
    },
    Offered {
        name: "read_conversation",
        description: "What was said in a conversation.",
        method: Method::GET,
        path: "/conversations/{conversation}/messages",
        action: Action::ViewConversations,
        properties: || {
            let id = json!({ "conversation": { "type": "string", "description": "Its id." } });
            with(page("messages"), &id)
        },
        required: &["conversation"],
    },
    Offered {
        name: "send_message",
        description: "Says something to the person of a conversation, in the name of the team, over the channel on which they \
                      wrote. It is really sent.",
        method: Method::POST,
        path: "/conversations/{conversation}/messages",
        action: Action::ManageConversations,
        properties: || {
            json!({
                "conversation": { "type": "string", "description": "Its id." },
                "text": { "type": "string", "minLength": 1, "maxLength": 8000 },
            })
        },
        required: &["conversation", "text"],
    },
    Offered {
        name: "list_simulation_examples",
        description: "Scenarios to start from, as YAML (`convsim/1`): who writes what to which agent, what goes wrong, and what must \
                      be true in the end.",
        method: Method::GET,
        path: "/simulation-examples",
        action: Action::ViewAgents,
        properties: || json!({}),
        required: &[],
    },
    Offered {
        name: "run_simulation",
        description: "Runs a scenario in simulated worlds, apart from everything real: nobody is written to. The answer names the \
                      simulation's `id`; `read_simulation` says when it is done.",
        method: Method::POST,
        path: "/simulations",
        action: Action::ManageAgents,
        properties: || {
            json!({
                "scenario": { "type": "string", "minLength": 1, "maxLength": LONGEST_SCENARIO,
                    "description": "YAML (`convsim/1`), as in `list_simulation_examples`. It names no files and no servers." },
                "trials": { "type": "integer", "minimum": 1, "maximum": MOST_TRIALS,
                    "description": "Runs, each with the next seed; the scenario's when left out." },
                "seed": { "type": "integer", "minimum": 0, "maximum": u32::MAX,
                    "description": "Of the first run: the same seed makes the same run." },
            })
        },
        required: &["scenario"],
    },
    Offered {
        name: "read_simulation",
        description: "How far a simulation is: `state` (`running`, `done` or `failed`, with its `cause`), how many runs there were \
                      (`ran`) and how many passed.",
        method: Method::GET,
        path: "/simulations/{simulation}",
        action: Action::ViewAgents,
        properties: || json!({ "simulation": { "type": "string", "description": "Its id." } }),
        required: &["simulation"],
    },
    Offered {
        name: "read_simulation_runs",
        description: "What the runs of a simulation showed: verdict, broken promises and unmet expectations, what was answered.",
        method: Method::GET,
        path: "/simulations/{simulation}/runs",
        action: Action::ViewAgents,
        properties: || {
            let id = json!({ "simulation": { "type": "string", "description": "Its id." } });
            with(page("runs"), &id)
        },
        required: &["simulation"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{registry::Access, routes};
    use std::collections::BTreeSet;

    #[test]
    fn each_is_an_endpoint_that_asks_for_the_same_right() {
        let endpoints = routes::endpoints();
        // Names of parameters may differ: models are told better ones.
        let shape = |path: &str| {
            path.split('/').map(|p| if p.starts_with('{') { "{}" } else { p }).collect::<Vec<_>>().join("/")
        };
        for tool in ALL {
            let whole = shape(&format!("/api{}", tool.path));
            let endpoint = endpoints.iter().find(|(path, e)| e.method == tool.method && shape(path) == whole);
            let (_, endpoint) = endpoint.unwrap_or_else(|| panic!("{} is no endpoint", tool.name));
            assert!([Access::May(tool.action), Access::Open].contains(&endpoint.access), "{}", tool.name);
        }
    }

    #[test]
    fn what_stands_in_a_path_is_required() {
        for tool in ALL {
            let schema = tool.schema();
            let named: BTreeSet<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            let braces = tool.path.split('/').filter_map(|p| p.strip_prefix('{')?.strip_suffix('}'));
            for name in braces.chain(tool.required.iter().copied()) {
                assert!(named.contains(name) && tool.required.contains(&name), "{}: {name}", tool.name);
            }
        }
    }
}
