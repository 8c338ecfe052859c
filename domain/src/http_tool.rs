//! Tools that are requests to somebody's HTTP interface: what is sent where, and how the answer is read.
//!
//! A request is made from templates: `{name}` stands for the argument of that name, and [`KEY`] for the call's idempotency
//! key. What fills them in and sends it is `tools/src/http`.

use crate::{tool::EffectClass, tool_server::OfferedTool};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Stands for the key that is the same for every run of the same call.
pub const KEY: &str = "idempotency_key";

/// One request that agents can make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments, as JSON text.
    pub parameters: String,
    pub method: Method,
    /// Behind the server's address; begins with a slash.
    pub path: String,
    /// An entry that is nothing but a placeholder without its argument is left out; so it is with headers and the body.
    pub query: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Option<BodyTemplate>,
    pub effect: EffectClass,
    /// JSON pointer to what of the answer a model reads; all of it if none.
    pub pick: Option<String>,
    /// Statuses that mean that it was done; 200 to 299 if none is named.
    pub success: Vec<u16>,
    /// The header that carries the call's idempotency key.
    pub key_header: Option<String>,
    pub lookup: Option<Lookup>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// JSON whose strings are templates. A string that is nothing but a placeholder becomes its argument, whatever its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyTemplate {
    /// As JSON text.
    pub json: String,
    /// Sent as the fields of a form.
    pub form: bool,
}

/// A request that tells whether a call whose answer was lost was carried out. It is a `GET`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// Statuses that mean that it was not carried out, and will not be.
    pub absent: Vec<u16>,
}

/// What an OpenAPI document offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub title: String,
    /// Where it is, if the document says so in full.
    pub url: Option<String>,
    pub operations: Vec<Operation>,
    pub left_out: Vec<LeftOut>,
}

/// An operation that cannot be made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// `POST /photos`
    pub what: String,
    pub why: String,
}

impl Method {
    pub const ALL: [Self; 6] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name().eq_ignore_ascii_case(name))
    }

    /// What HTTP says that requests of this method do, for who says nothing else.
    #[must_use]
    pub const fn effect(self) -> EffectClass {
        match self {
            Self::Get | Self::Head => EffectClass::Read,
            Self::Put | Self::Delete => EffectClass::Idempotent,
            Self::Post | Self::Patch => EffectClass::Unsafe,
        }
    }
}

impl Operation {
    #[must_use]
    pub fn offered(&self) -> OfferedTool {
        OfferedTool {
            name: self.name.clone(),
            description: self.description.clone(),
            parameters: self.parameters.clone(),
            effect: self.effect,
        }
    }

    #[must_use]
    pub fn is_success(&self, status: u16) -> bool {
        if self.success.is_empty() { (200..300).contains(&status) } else { self.success.contains(&status) }
    }
}
