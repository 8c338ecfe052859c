//! Marks of documents that are being replaced, in a small collection beside the passages.
//!
//! A replacement takes several operations, and the server offers no transaction over them. Each document that was ever
//! replaced has a note: while a replacement is under way it says which passages readers are to overlook, afterwards it
//! says which replacement was the last. Each base has a stamp, changed at the end of every replacement in it.
//!
//! A reader looks at the stamps and the notes under way before and after its queries ([`Board`]). When nothing changed,
//! what it saw is one consistent view. Otherwise it runs again and looks at the notes of the very documents that it
//! found: replacements of others do not concern it.

use super::convert;
use crate::index::{
    DocumentKey, Scope,
    filter::{Test, Where, within},
    point::{BASE, DOCUMENT, GENERATION, hashed, key_parts},
};
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
};
use qdrant_client::qdrant::{
    CreateCollection, CreateCollectionBuilder, NamedVectors, PointStruct, SparseVectorParamsBuilder,
    SparseVectorsConfigBuilder,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Payload keys of a note.
pub(super) const SWITCH: &str = "switch";
pub(super) const PHASE: &str = "phase";

pub(super) const SHOWING: &str = "showing";
pub(super) const SHOWN: &str = "shown";
pub(super) const DONE: &str = "done";
/// In place of a phase, so that one index finds what a reader looks at.
const STAMP: &str = "stamp";

/// The newest replacement of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    #[serde(rename = "tenant_id")]
    pub tenant: TenantId,
    #[serde(rename = "kb_id")]
    pub base: KnowledgeBaseId,
    #[serde(rename = "document_id")]
    pub document: DocumentId,
    pub generation: String,
    /// How many passages the generation has.
    pub passages: u32,
    /// The other generations that were there when the replacement began.
    pub replaces: Vec<String>,
    /// Which replacements had shown those then: what somebody shows again later is not this one's to remove.
    #[serde(default)]
    pub replaces_shown_by: Vec<String>,
    /// The generations of which nothing was visible then, the new one included.
    pub hidden: Vec<String>,
    pub phase: Phase,
    /// Unique to this replacement: another process that begins one of the same document writes another.
    pub switch: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// The new passages are being made live; readers overlook what they did not see before.
    Showing,
    /// The old passages are being removed; readers overlook them.
    Shown,
    /// Only the new passages are there.
    Done,
}

/// Which replacement ended last in a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    #[serde(rename = "tenant_id")]
    tenant: TenantId,
    #[serde(rename = "kb_id")]
    base: KnowledgeBaseId,
    phase: String,
    stamp: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Entry {
    Note(Note),
    Stamp(Stamp),
}

/// What of a scope a reader looks at.
pub(super) fn looked_at(scope: &Scope) -> Where {
    within(scope).and(Test::OneOf(PHASE, [SHOWING, SHOWN, STAMP].map(str::to_owned).into()))
}

/// What is noted for one scope at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Board {
    under_way: BTreeMap<DocumentKey, Note>,
    stamps: BTreeMap<KnowledgeBaseId, String>,
    /// The notes of documents that were found before, if they have one; read after the rest.
    watched: BTreeMap<DocumentKey, Option<Note>>,
}

impl Board {
    pub(super) fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Note(note) => {
                self.under_way.insert(note.key(), note);
            }
            Entry::Stamp(stamp) => {
                self.stamps.insert(stamp.base, stamp.stamp);
            }
        }
    }

    pub(super) fn watch(&mut self, keys: &BTreeSet<DocumentKey>, notes: Vec<Note>) {
        self.watched = keys.iter().map(|key| (*key, None)).collect();
        self.watched.extend(notes.into_iter().map(|note| (note.key(), Some(note))));
    }

    pub(super) fn watched(&self) -> impl Iterator<Item = DocumentKey> + '_ {
        self.watched.keys().copied()
    }

    /// Passages that readers overlook at present. New passages of documents that are not watched are not among them:
    /// where one is found, the reader runs again and watches it. To overlook them everywhere would make every reader
    /// depend on every replacement.
    pub(super) fn overlooked(&self) -> impl Iterator<Item = Test> + '_ {
        let others = self.under_way.iter().filter(|(key, _)| !self.watched.contains_key(key));
        let old = others.map(|(_, note)| note).filter(|note| note.phase == Phase::Shown);
        old.chain(self.watched.values().flatten()).filter_map(Note::overlooked)
    }

    /// Whether nothing at all changed between `self` and `after`, and the documents `found` in between were whole.
    pub(super) fn is_quiet(&self, after: &Self, found: &BTreeSet<DocumentKey>) -> bool {
        let whole = |key: &DocumentKey| {
            self.under_way.get(key).is_none_or(|n| n.phase == Phase::Shown || self.watched.contains_key(key))
        };
        self.stamps == after.stamps && self.under_way == after.under_way && found.iter().all(whole)
    }

    /// Whether none of the documents `found` changed between `self` and `after`, which watches them.
    pub(super) fn still_holds(&self, after: &Self, found: &BTreeSet<DocumentKey>) -> bool {
        let same = |key: &DocumentKey| match (self.known(key), after.watched.get(key)) {
            (Some(None), Some(None)) => true,
            (Some(Some(before)), Some(Some(now))) => {
                let whole = match before.phase {
                    Phase::Showing => now.phase == Phase::Showing && self.watched.contains_key(key),
                    Phase::Shown | Phase::Done => now.phase != Phase::Showing,
                };
                whole && before.switch == now.switch
            }
            _ => false,
        };
        // A document whose new passages were overlooked may be one that should have been found.
        let hidden = self.watched.iter().filter(|(_, n)| n.as_ref().is_some_and(|n| n.phase == Phase::Showing));
        found.iter().all(same) && hidden.map(|(key, _)| key).all(same)
    }

    /// `None` when it is not known what is noted of the document.
    fn known(&self, key: &DocumentKey) -> Option<Option<&Note>> {
        self.watched.get(key).map(Option::as_ref).or_else(|| self.under_way.get(key).map(Some))
    }
}

impl Note {
    pub(super) const fn key(&self) -> DocumentKey {
        DocumentKey { tenant: self.tenant, base: self.base, document: self.document }
    }

    fn overlooked(&self) -> Option<Test> {
        let which = match self.phase {
            Phase::Showing => Test::OneOf(GENERATION, self.hidden.clone()),
            Phase::Shown => Test::OneOf(GENERATION, self.replaces.clone()),
            Phase::Done => return None,
        };
        let document = Test::Is(DOCUMENT, self.document.to_string());
        Some(Test::All(vec![Test::Is(BASE, self.base.to_string()), document, which]))
    }

    pub(super) fn point(&self) -> Result<PointStruct, Failure> {
        Ok(PointStruct::new(convert::point_id(id_of(self.key())), NamedVectors::default(), convert::payload(self)?))
    }

    /// This note's point, as long as no other replacement has taken its place.
    pub(super) fn itself(&self) -> Where {
        Where::all(vec![Test::Ids(vec![id_of(self.key())]), Test::Is(SWITCH, self.switch.clone())])
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp { tenant: self.tenant, base: self.base, phase: STAMP.to_owned(), stamp: self.switch.clone() }
    }
}

impl Stamp {
    pub(super) fn point(&self) -> Result<PointStruct, Failure> {
        let id = hashed(&[b"stamp", self.tenant.uuid().as_bytes(), self.base.uuid().as_bytes()]);
        Ok(PointStruct::new(convert::point_id(id), NamedVectors::default(), convert::payload(self)?))
    }
}

/// A document has one note.
pub(super) fn id_of(key: DocumentKey) -> Uuid {
    let parts = key_parts(key);
    let [tenant, base, document] = parts.each_ref().map(Uuid::as_bytes);
    hashed(&[b"note", tenant, base, document])
}

pub(super) fn collection(name: &str) -> CreateCollection {
    let mut sparse = SparseVectorsConfigBuilder::default();
    // Its points have no vectors, but not every server creates a collection without any.
    sparse.add_named_vector_params("unused", SparseVectorParamsBuilder::default());
    CreateCollectionBuilder::new(name).sparse_vectors_config(sparse).shard_number(1).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(document: u128) -> DocumentKey {
        DocumentKey {
            tenant: TenantId::new(Uuid::from_u128(1)),
            base: KnowledgeBaseId::new(Uuid::from_u128(2)),
            document: DocumentId::new(Uuid::from_u128(document)),
        }
    }

    fn note(switch: &str, phase: Phase) -> Note {
        let DocumentKey { tenant, base, document } = key(3);
        let (generation, switch) = ("new".to_owned(), switch.to_owned());
        let (replaces, hidden) = (vec!["old".to_owned()], vec!["new".to_owned()]);
        let replaces_shown_by = Vec::new();
        Note { tenant, base, document, generation, passages: 1, replaces, replaces_shown_by, hidden, phase, switch }
    }

    fn stamp(stamp: &str) -> Stamp {
        note(stamp, Phase::Done).stamp()
    }

    /// A base stamped `ended` with a replacement under way.
    fn board(ended: &str, under_way: Option<Note>) -> Board {
        let mut board = Board::default();
        board.add(Entry::Stamp(stamp(ended)));
        under_way.into_iter().for_each(|n| board.add(Entry::Note(n)));
        board
    }

    fn watching(mut board: Board, note: Option<Note>) -> Board {
        board.watch(&[key(3)].into(), note.into_iter().collect());
        board
    }

    #[test]
    fn a_quiet_base_needs_no_second_look() {
        let (found, other) = ([key(3)].into(), [key(4)].into());
        let (showing, shown) = (note("b", Phase::Showing), note("b", Phase::Shown));
        for (before, after, of_it, of_another) in [
            (board("a", None), board("a", None), true, true),
            (board("a", Some(shown.clone())), board("a", Some(shown.clone())), true, true),
            // Old and new passages may both have been found, but of this document alone.
            (board("a", Some(showing.clone())), board("a", Some(showing.clone())), false, true),
            // Begun, changed, ended, and begun and ended in between.
            (board("a", None), board("a", Some(showing.clone())), false, false),
            (board("a", Some(showing.clone())), board("a", Some(shown.clone())), false, false),
            (board("a", Some(shown)), board("b", None), false, false),
            (board("a", None), board("b", None), false, false),
        ] {
            assert_eq!(before.is_quiet(&after, &found), of_it, "{before:?} {after:?}");
            assert_eq!(before.is_quiet(&after, &other), of_another, "{before:?} {after:?}");
        }
        let watched = watching(board("a", Some(showing.clone())), Some(showing.clone()));
        assert!(watched.is_quiet(&board("a", Some(showing)), &found), "its new passages were overlooked");
    }

    #[test]
    fn in_a_busy_base_only_the_documents_that_were_found_count() {
        let found: BTreeSet<DocumentKey> = [key(3)].into();
        let at = |phase| Some(note("b", phase));
        let later = || Some(note("c", Phase::Done));
        for (before, after, holds) in [
            (None, None, true),
            (at(Phase::Done), at(Phase::Done), true),
            (at(Phase::Shown), at(Phase::Done), true),
            (at(Phase::Showing), at(Phase::Showing), true),
            (at(Phase::Showing), at(Phase::Shown), false),
            (at(Phase::Showing), at(Phase::Done), false),
            (at(Phase::Done), later(), false),
            (None, at(Phase::Showing), false),
            (at(Phase::Done), None, false),
        ] {
            let after = watching(board("z", None), after);
            let watched = watching(board("a", None), before.clone());
            assert_eq!(watched.still_holds(&after, &found), holds, "{before:?} {after:?}");
            // Without having been watched, it is not known that it did not change.
            assert!(!board("a", None).still_holds(&after, &found));
        }
        // Nothing found is no excuse when what should have been found was overlooked.
        let before = watching(board("a", None), at(Phase::Showing));
        assert!(!before.still_holds(&watching(board("z", None), at(Phase::Shown)), &BTreeSet::new()));
        // The old passages of what is shown are always overlooked.
        let before = board("a", at(Phase::Shown));
        assert!(before.still_holds(&watching(board("b", None), at(Phase::Done)), &found));
    }

    #[test]
    fn only_what_must_be_is_overlooked() {
        let count = |board: &Board| board.overlooked().count();
        assert_eq!(count(&board("a", Some(note("b", Phase::Showing)))), 0);
        assert_eq!(count(&board("a", Some(note("b", Phase::Shown)))), 1);
        let (showing, done) = (Some(note("b", Phase::Showing)), Some(note("b", Phase::Done)));
        assert_eq!(count(&watching(board("a", showing.clone()), showing)), 1);
        assert_eq!(count(&watching(board("a", Some(note("b", Phase::Shown))), done)), 0, "the later look counts");
    }

    #[test]
    fn entries_are_told_apart_as_they_are_stored() {
        let stored = convert::payload(&note("b", Phase::Showing)).expect("stored");
        let Entry::Note(read) = convert::content(stored.into()).expect("read") else { panic!("a note") };
        assert_eq!(read, note("b", Phase::Showing));
        let stored = convert::payload(&stamp("a")).expect("stored");
        let Entry::Stamp(read) = convert::content(stored.into()).expect("read") else { panic!("a stamp") };
        assert_eq!(read, stamp("a"));
    }
}
