//! How endpoints are registered: method, path, and what they let their caller do, in one line each.

use crate::{
    auth::Needs,
    openapi::{Described, Operation, Success, read, written},
    state::Api,
};
use axum::{
    Extension, Router,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, on},
};
use colloquy_domain::access::Action;
use schemars::JsonSchema;
use std::sync::Arc;

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Whoever may do this, in their own tenant.
    May(Action),
    /// Everybody: it knows nobody, or looks itself at who asks.
    Open,
}

/// One endpoint, as it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub method: Method,
    /// With `{names}` where parameters stand.
    pub path: &'static str,
    pub access: Access,
    /// What it reads and answers.
    pub says: Operation,
}

/// Endpoints on their way into a router.
#[derive(Default)]
pub struct Endpoints {
    router: Router<Arc<Api>>,
    known: Vec<Endpoint>,
}

macro_rules! methods {
    ($($name:ident: $method:ident;)*) => {
        $(pub fn $name<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
        where
            H: Handler<T, Arc<Api>> + Described<T>,
            T: 'static,
        {
            self.add(Method::$method, MethodFilter::$method, path, access, handler)
        })*
    };
}

impl Endpoints {
    methods! {
        get: GET;
        post: POST;
        put: PUT;
        patch: PATCH;
        delete: DELETE;
    }

    fn add<H, T>(mut self, method: Method, filter: MethodFilter, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Arc<Api>> + Described<T>,
        T: 'static,
    {
        let route = on(filter, handler);
        let route = match access {
            Access::May(action) => route.layer(Extension(Needs(action))),
            Access::Open => route,
        };
        self.router = self.router.route(path, route);
        self.known.push(Endpoint { method, path, access, says: H::operation() });
        self
    }

    /// The endpoint before reads this, too: its handler reads the body by itself.
    pub fn reading<T: JsonSchema>(self, media: &'static str) -> Self {
        self.saying(|says| says.reads.push((media, read::<T>())))
    }

    /// The endpoint before answers this: its handler makes the response by itself.
    pub fn answering<T: JsonSchema>(self, media: &'static str) -> Self {
        self.saying(|says| says.answers = Success::Other(media, written::<T>()))
    }

    fn saying(mut self, what: impl FnOnce(&mut Operation)) -> Self {
        if let Some(last) = self.known.last_mut() {
            what(&mut last.says);
        }
        self
    }

    /// All of `other`, too.
    pub fn and(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.known.extend(other.known);
        self
    }

    pub fn parts(self) -> (Router<Arc<Api>>, Vec<Endpoint>) {
        (self.router, self.known)
    }
}
