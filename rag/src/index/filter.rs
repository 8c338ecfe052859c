//! Which points an operation is about, said once for every store.

use super::point::{BASE, DOCUMENT, DocumentKey, GENERATION, LIVE, MODEL, NO_MODEL, ORDINAL, SCRIPT, Scope, TENANT};
use crate::sparse::Script;
use colloquy_domain::knowledge::Narrow;
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

/// What a query may see: the tenant's live passages in the named bases, but for documents that are passed over. There is
/// no other way to a query's filter.
pub(super) fn live_in(scope: &Scope) -> Where {
    let mut which = within(scope).and(Test::Flag(LIVE, true));
    let Narrow { documents, language } = &scope.narrow;
    if !documents.is_empty() {
        which = which.and(Test::OneOf(DOCUMENT, documents.iter().map(ToString::to_string).collect()));
    }
    if let Some(language) = language {
        which = which.and(Test::Is(SCRIPT, Script::of(*language).code().to_owned()));
    }
    let without: Vec<String> = scope.without.iter().map(ToString::to_string).collect();
    which.but_not((!without.is_empty()).then_some(Test::OneOf(DOCUMENT, without)))
}

/// Of these, the passages whose vectors can be compared with the question's.
pub(super) fn comparable_in(scope: &Scope) -> Where {
    live_in(scope).and(Test::Is(MODEL, scope.model.clone()))
}

pub(super) fn of_document(key: DocumentKey) -> Where {
    Where::all(vec![
        Test::Is(TENANT, key.tenant.to_string()),
        Test::Is(BASE, key.base.to_string()),
        Test::Is(DOCUMENT, key.document.to_string()),
    ])
}

/// The first passage of a document that readers see: the ids of the others follow from it.
pub(super) fn first_of_document(key: DocumentKey) -> Where {
    of_document(key).and(Test::Flag(LIVE, true)).and(Test::Number(ORDINAL, 0))
}

pub(super) fn of_generation(key: DocumentKey, generation: &str) -> Where {
    of_document(key).and(Test::Is(GENERATION, generation.to_owned()))
}

pub(super) fn of_other_generations(key: DocumentKey, generation: &str) -> Where {
    of_document(key).but_not([Test::Is(GENERATION, generation.to_owned())])
}

/// Live passages that another model made, or none.
pub(super) fn live_of_other_models(model: &str) -> Where {
    Where::all(vec![Test::Flag(LIVE, true)]).but_not([Test::Is(MODEL, model.to_owned())])
}

pub(super) fn without_vectors() -> Test {
    Test::Is(MODEL, NO_MODEL.to_owned())
}

/// Passages that this model made.
pub(super) fn of_model(model: &str) -> Where {
    Where::all(vec![Test::Is(MODEL, model.to_owned())])
}

/// Passages that this model made and nobody sees yet.
pub(super) fn hidden_of_model(model: &str) -> Where {
    of_model(model).and(Test::Flag(LIVE, false))
}

pub(super) fn of_all_other_models(model: &str) -> Where {
    Where::default().but_not([Test::Is(MODEL, model.to_owned())])
}

/// The first live passage of each document that another model made.
pub(super) fn of_other_models(model: &str) -> Where {
    Where::all(vec![Test::Flag(LIVE, true), Test::Number(ORDINAL, 0)]).but_not([Test::Is(MODEL, model.to_owned())])
}
