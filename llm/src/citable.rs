//! The passages of a request in the order that citations number them: the same as in the domain's `Turn::citable`.

use colloquy_domain::{knowledge::Passage, model::CompletionRequest};

/// The passages of the turn, then those that its tools found, each once.
pub(crate) fn citable(request: &CompletionRequest) -> Vec<&Passage> {
    let found = request.steps.iter().flat_map(|s| s.results.iter().flatten()).flat_map(|r| &r.passages);
    let mut all: Vec<&Passage> = Vec::new();
    for passage in request.passages.iter().chain(found) {
        if place(&all, passage).is_none() {
            all.push(passage);
        }
    }
    all
}

/// Where a passage stands in such a list, from 0.
pub(crate) fn place(all: &[&Passage], passage: &Passage) -> Option<usize> {
    all.iter().position(|p| p.document == passage.document && p.offset == passage.offset)
}
