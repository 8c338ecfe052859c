//! The endpoints, as the server describes them.

use super::callers::Caller;
use crate::support::client::Client;
use reqwest::Method;
use serde_json::Value;

#[derive(Debug, Clone)]
pub struct Endpoint {
    pub method: Method,
    /// Where it lies: its usual place, then the others.
    pub paths: Vec<String>,
    /// What a key needs, and the lowest role; `None` for endpoints that know nobody.
    pub access: Option<(String, String)>,
    /// Names of what can be asked for in the query.
    pub query: Vec<String>,
    /// Its answer goes on for as long as somebody listens.
    pub streams: bool,
    /// The media type that it reads, with its schema.
    pub reads: Option<(String, Value)>,
}

/// From the lowest to the highest.
const ROLES: [&str; 4] = ["operator", "admin", "owner", "platform_admin"];

/// Where a role stands among the others.
pub fn rank(role: &str) -> usize {
    ROLES.iter().position(|r| *r == role).unwrap_or_else(|| panic!("no role: {role}"))
}

impl Endpoint {
    /// The table's answer, as the description tells it.
    pub fn allows(&self, caller: &Caller) -> bool {
        let Some((scope, role)) = &self.access else { return true };
        caller.may(scope, role)
    }

    pub fn is_last(&self) -> bool {
        self.paths[0].ends_with("/logout")
    }
}

/// Those that end a session come last.
pub async fn described(api: &Client) -> Vec<Endpoint> {
    let document = api.get("/api/openapi.json").await.body;
    let paths = document["paths"].as_object().expect("a description");
    let mut all = Vec::new();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().unwrap() {
            all.push(one(path, method, operation));
        }
    }
    all.sort_by_key(Endpoint::is_last);
    assert!(all.len() > 80, "the whole API is described: {}", all.len());
    all
}

fn one(path: &str, method: &str, operation: &Value) -> Endpoint {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let others = operation["x-also-at"].as_array().into_iter().flatten().map(text);
    let content = operation["requestBody"]["content"].as_object();
    let media = content.map(|c| c.iter().find(|(m, _)| *m == "application/json").or_else(|| c.iter().next()).unwrap());
    let query = operation["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "query");
    Endpoint {
        method: method.to_uppercase().parse().unwrap(),
        paths: std::iter::once(path.to_owned()).chain(others).collect(),
        access: operation.get("x-scope").map(|scope| (text(scope), text(&operation["x-role"]))),
        query: query.map(|p| text(&p["name"])).collect(),
        streams: operation["responses"]["200"]["content"].get("text/event-stream").is_some(),
        reads: media.map(|(media, content)| (media.clone(), content["schema"].clone())),
    }
}
