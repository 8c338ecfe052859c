//! Which points an operation is about, said once for every store.

use super::point::{BASE, DOCUMENT, DocumentKey, GENERATION, LIVE, MODEL, ORDINAL, Scope, TENANT};
use uuid::Uuid;

/// A condition on one point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Is(&'static str, String),
    OneOf(&'static str, Vec<String>),
    Flag(&'static str, bool),
    Number(&'static str, i64),
    Ids(Vec<Uuid>),
    /// The key has no value.
    Unset(&'static str),
    /// All of these together.
    All(Vec<Test>),
    /// At least one of these.
    Any(Vec<Test>),
}

/// Points for which every condition of `all` holds and none of `none`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Where {
    pub all: Vec<Test>,
    pub none: Vec<Test>,
}

impl Where {
    pub(super) const fn all(all: Vec<Test>) -> Self {
        Self { all, none: Vec::new() }
    }

    pub(super) fn and(mut self, test: Test) -> Self {
        self.all.push(test);
        self
    }

    pub(super) fn but_not(mut self, tests: impl IntoIterator<Item = Test>) -> Self {
        self.none.extend(tests);
        self
    }
}

/// The tenant's points of the named bases.
pub(super) fn within(scope: &Scope) -> Where {
    let bases = scope.bases.iter().map(ToString::to_string).collect();
    Where::all(vec![Test::Is(TENANT, scope.tenant.to_string()), Test::OneOf(BASE, bases)])
}

/// What a query may see: the tenant's live passages in the named bases, but for documents that are passed over. There is no other way to a query's filter.
pub(super) fn live_in(scope: &Scope) -> Where {
    let without: Vec<String> = scope.without.iter().map(ToString::to_string).collect();
    let without = (!without.is_empty()).then_some(Test::OneOf(DOCUMENT, without));
    within(scope).and(Test::Flag(LIVE, true)).but_not(without)
}

pub(super) fn of_document(key: DocumentKey) -> Where {
    Where::all(vec![
        Test::Is(TENANT, key.tenant.to_string()),
        Test::Is(BASE, key.base.to_string()),
        Test::Is(DOCUMENT, key.document.to_string()),
    ])
}

pub(super) fn of_generation(key: DocumentKey, generation: &str) -> Where {
    of_document(key).and(Test::Is(GENERATION, generation.to_owned()))
}

pub(super) fn of_other_generations(key: DocumentKey, generation: &str) -> Where {
    of_document(key).but_not([Test::Is(GENERATION, generation.to_owned())])
}

/// The first live passage of each document that another model made.
pub(super) fn of_other_models(model: &str) -> Where {
    Where::all(vec![Test::Flag(LIVE, true), Test::Number(ORDINAL, 0)]).but_not([Test::Is(MODEL, model.to_owned())])
}
