//! Knowledge: what searches may show, and what there must be in the end.

use super::Watch;
use crate::{
    scenario::{Expectations, Scenario},
    world::{Core, Document, status},
};
use colloquy_domain::{
    conversation::Commit,
    ids::DocumentId,
    knowledge::{DocumentStatus, Passage},
    model::Speaker,
    testkit::Piece,
};
use std::collections::BTreeSet;

impl Watch {
    /// A search showed these.
    pub fn found(&self, core: &Core, who: &str, found: &[Passage]) {
        let documents: BTreeSet<DocumentId> = found.iter().map(|p| p.document).collect();
        for document in documents.into_iter().filter_map(|id| core.library.document(id)) {
            let shown = shown(core, &document);
            if !document.editions.contains(&shown) {
                self.broken(core, "knowledge.torn", who, format!("{}: {} passages", document.called, shown.len()));
            }
        }
    }

    /// A conversation was given these, and may cite them.
    pub fn given(&self, who: &str, passages: &[Passage]) {
        let mut state = self.state();
        let given = state.given.entry(who.to_owned()).or_default();
        given.extend(passages.iter().map(|p| (p.document, p.offset)));
    }

    /// A conversation is about to say something.
    pub fn citing(&self, core: &Core, who: &str, commit: &Commit) {
        for citation in commit.messages.iter().flat_map(|m| &m.citations) {
            let place = (citation.document, citation.offset);
            let is_given = self.state().given.get(who).is_some_and(|given| given.contains(&place));
            if !is_given {
                self.broken(core, "citation.given", who, format!("{}@{}", citation.name, citation.offset));
            }
        }
    }

    fn retrieved(&self) -> BTreeSet<DocumentId> {
        self.state().given.values().flatten().map(|(document, _)| *document).collect()
    }
}

fn shown(core: &Core, document: &Document) -> Vec<Piece> {
    core.library.knowledge.visible(document.tenant, document.base, document.id)
}

/// Every document is as it was uploaded last, or failed and is as it was before, or is gone.
pub fn at_rest(core: &Core) {
    for document in core.library.documents() {
        let (shown, called) = (shown(core, &document), &document.called);
        if document.deleted {
            if !shown.is_empty() {
                core.watch.broken(core, "knowledge.deleted", called, format!("{} passages are left", shown.len()));
            }
            continue;
        }
        let whole = match status(&core.store, document.id) {
            Some(DocumentStatus::Ready) => document.editions.last() == Some(&shown),
            Some(DocumentStatus::Failed) => shown.is_empty() || document.editions.contains(&shown),
            _ => false,
        };
        if !whole {
            let detail = format!("{:?} with {} passages", status(&core.store, document.id), shown.len());
            core.watch.broken(core, "knowledge.lost", called, detail);
        }
    }
}

/// Expectations that were not met, in words.
pub fn unmet(core: &Core, scenario: &Scenario) -> Vec<String> {
    let Expectations { citations, recall, abstain, .. } = &scenario.expect;
    let lines = || core.news().into_iter().flat_map(|(_, _, lines)| lines).filter(|l| l.speaker == Speaker::Agent);
    let cited: BTreeSet<String> = lines().flat_map(|l| l.citations).map(|c| c.name).collect();
    let retrieved = core.watch.retrieved();
    let mut unmet = Vec::new();
    for name in citations.required.iter().filter(|n| !cited.contains(*n)) {
        unmet.push(format!("citations.required: {name} was not cited"));
    }
    for name in citations.forbidden.iter().filter(|n| cited.contains(*n)) {
        unmet.push(format!("citations.forbidden: {name} was cited"));
    }
    let documents = core.library.documents();
    let found = |name: &String| documents.iter().any(|d| d.name == *name && retrieved.contains(&d.id));
    for name in recall.iter().filter(|n| !found(n)) {
        unmet.push(format!("recall: {name} was not among the passages"));
    }
    let abstained = lines().filter(|l| l.abstained).count() as u64;
    if let Some(wanted) = abstain.filter(|wanted| *wanted != abstained) {
        unmet.push(format!("abstain: {abstained} answers say that they do not know, instead of {wanted}"));
    }
    unmet
}
