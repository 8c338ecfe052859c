//! How endpoints are registered: method, path, and what they let their caller do, in one line each.

use crate::{auth::Needs, state::Api};
use axum::{
    Extension, Router,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, on},
};
use colloquy_domain::access::Action;
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
}

/// Endpoints on their way into a router.
#[derive(Default)]
pub struct Endpoints {
    router: Router<Arc<Api>>,
    known: Vec<Endpoint>,
}

macro_rules! methods {
    ($($name:ident: $method:ident;)*) => {
        $(pub fn $name<H: Handler<T, Arc<Api>>, T: 'static>(self, path: &'static str, access: Access, handler: H) -> Self {
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
        H: Handler<T, Arc<Api>>,
        T: 'static,
    {
        let route = on(filter, handler);
        let route = match access {
            Access::May(action) => route.layer(Extension(Needs(action))),
            Access::Open => route,
        };
        self.router = self.router.route(path, route);
        self.known.push(Endpoint { method, path, access });
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
