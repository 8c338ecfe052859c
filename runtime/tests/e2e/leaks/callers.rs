//! Everybody who can ask: each role, a key of each scope and of all, and nobody.

use super::endpoints::{Endpoint, rank};
use crate::support::client::Client;
use serde_json::json;
use std::collections::BTreeSet;

pub struct Caller {
    pub name: String,
    pub api: Client,
    who: Who,
    /// Among the keys.
    place: usize,
}

/// One of so many keys that lack a scope tries each endpoint that needs it.
const STRANGERS: usize = 12;

enum Who {
    Person(usize),
    Key(String),
    Nobody,
}

impl Caller {
    /// Whether the table lets them do what needs this scope of a key, or this role.
    pub fn may(&self, scope: &str, role: &str) -> bool {
        match &self.who {
            Who::Person(own) => *own >= rank(role),
            Who::Key(own) if own == "*" => !scope.starts_with("platform:"),
            Who::Key(own) => own == scope,
            Who::Nobody => false,
        }
    }

    pub fn sees_all_tenants(&self) -> bool {
        matches!(&self.who, Who::Person(role) if *role == rank("platform_admin"))
            || matches!(&self.who, Who::Key(scope) if scope.starts_with("platform:"))
    }

    pub const fn is_known(&self) -> bool {
        !matches!(self.who, Who::Nobody)
    }

    /// Whether this one tries an endpoint that needs `scope`. Everybody tries everything, but keys of one scope: those try
    /// what they may, and a few of them what they may not.
    pub fn tries(&self, scope: Option<&str>, place: usize) -> bool {
        match (&self.who, scope) {
            (Who::Key(own), Some(scope)) if own != "*" && own != scope => {
                (self.place + place).is_multiple_of(STRANGERS)
            }
            (Who::Key(own), None) => own == "*",
            _ => true,
        }
    }

    /// No key of one scope.
    pub fn is_somebody(&self) -> bool {
        matches!(&self.who, Who::Person(_)) || self.name == "key *"
    }

    /// Who may do everything of a tenant tries everything; the others show that they may not do more.
    pub fn is_thorough(&self) -> bool {
        matches!(&self.who, Who::Person(role) if *role == rank("owner")) || self.name == "key *"
    }
}

/// `people` are the tokens of one person of each role; keys are made by the platform's administrator, who has all scopes.
pub async fn callers(maker: &Client, people: &[(&'static str, String)], all: &[Endpoint]) -> Vec<Caller> {
    let person = |(role, token): &(&'static str, String)| Caller {
        name: (*role).to_owned(),
        api: maker.with_key(token),
        who: Who::Person(rank(role)),
        place: 0,
    };
    let mut callers =
        vec![Caller { name: "nobody".to_owned(), api: maker.with_key("clq_nobody"), who: Who::Nobody, place: 0 }];
    let scopes: BTreeSet<_> = all.iter().filter_map(|e| e.access.as_ref()).map(|(scope, _)| scope.as_str()).collect();
    for (place, scope) in scopes.into_iter().chain(["*"]).enumerate() {
        let made = maker.post("/api/api-keys", &json!({ "name": scope, "scopes": [scope] })).await.data();
        let api = maker.with_key(made["key"].as_str().unwrap());
        callers.push(Caller { name: format!("key {scope}"), api, who: Who::Key(scope.to_owned()), place });
    }
    callers.extend(people.iter().map(person));
    callers
}
