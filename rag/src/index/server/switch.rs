//! Replacing a document's visible passages, so that readers everywhere see the old or the new, and a crash in the middle
//! is finished by whoever replaces the document next.
//!
//! 1. A note ([`Phase::Showing`]): readers overlook the new passages.
//! 2. The new passages are made live.
//! 3. The note becomes [`Phase::Shown`], if it is still this replacement's. This one write of one point is the moment
//!    at which the document changes for readers.
//! 4. The old passages, whose generations the note names, are removed; the base is stamped, and the note is
//!    [`Phase::Done`].
//!
//! A document is replaced by one process at a time: its owner. A former owner that goes on after its successor has
//! begun finds at step 3 that its passages or its note are gone, and gives up. At step 4 it removes only what it had seen
//! shown: each passage says which replacement showed it last, and what the successor showed since stays.

use super::{
    Server,
    client::Kind,
    convert,
    note::{self, DONE, Note, PHASE, Phase, SHOWING, SHOWN},
};
use crate::index::{
    DocumentKey,
    filter::{self, Test, Where},
    point::{GENERATION, LIVE, SHOWN_BY},
};
use colloquy_domain::failure::Failure;
use qdrant_client::{
    Payload,
    qdrant::{
        CountPointsBuilder, DeletePointsBuilder, GetPointsBuilder, PointStruct, ScrollPointsBuilder,
        SetPayloadPointsBuilder, UpsertPointsBuilder, Value, value,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// Points of one page of a scroll.
pub(super) const PAGE: u32 = 512;

/// What there is of a document beside one generation.
#[derive(Debug, Default)]
struct Others {
    replaces: Vec<String>,
    /// Which replacements showed it.
    shown_by: Vec<String>,
    /// Those of which nothing is visible.
    hidden: Vec<String>,
}

impl Server {
    pub(super) async fn switch(&self, key: DocumentKey, generation: String, passages: u32) -> Result<(), Failure> {
        if let Some(left) = self.notes([key]).await?.pop().filter(|n| n.phase != Phase::Done) {
            self.clear_up(left).await?;
        }
        let new = filter::of_generation(key, &generation);
        if self.count_of(Some(&new)).await? != u64::from(passages) {
            return Err(Failure::retry("index.incomplete", "not all passages of the document were written"));
        }
        let Others { replaces, shown_by: replaces_shown_by, mut hidden } =
            self.other_generations(key, &generation).await?;
        hidden.push(generation.clone());
        let live = self.count_of(Some(&new.clone().and(Test::Flag(LIVE, true)))).await?;
        // What readers see already must not be hidden from them.
        let phase = if live == u64::from(passages) { Phase::Shown } else { Phase::Showing };
        if phase == Phase::Shown && replaces.is_empty() {
            return Ok(());
        }
        let DocumentKey { tenant, base, document } = key;
        let switch = self.next_switch();
        if phase == Phase::Shown {
            // Shown again: whoever wanted to remove them must not any more.
            self.set(&self.names.passages, &new, [(SHOWN_BY, switch.clone().into())]).await?;
            if self.count_of(Some(&new.and(Test::Flag(LIVE, true)))).await? != u64::from(passages) {
                return Err(superseded());
            }
        }
        let note =
            Note { tenant, base, document, generation, passages, replaces, replaces_shown_by, hidden, phase, switch };
        self.put(note.point()?).await?;
        self.carry_out(note).await
    }

    /// Finishes what another call began and did not end, or takes it back when its passages are not all there.
    async fn clear_up(&self, left: Note) -> Result<(), Failure> {
        let new = filter::of_generation(left.key(), &left.generation);
        if left.phase == Phase::Shown || self.count_of(Some(&new)).await? == u64::from(left.passages) {
            return self.carry_out(left).await;
        }
        self.take_back(&left).await
    }

    /// Hides again what this replacement showed, and ends it.
    async fn take_back(&self, note: &Note) -> Result<(), Failure> {
        let mine = filter::of_generation(note.key(), &note.generation).and(Test::Is(SHOWN_BY, note.switch.clone()));
        self.set(&self.names.passages, &mine, [(LIVE, false.into())]).await?;
        self.set(&self.names.switches, &note.itself(), [(PHASE, DONE.into())]).await
    }

    async fn carry_out(&self, note: Note) -> Result<(), Failure> {
        if note.phase == Phase::Showing {
            let new = filter::of_generation(note.key(), &note.generation);
            let shown = [(LIVE, true.into()), (SHOWN_BY, note.switch.clone().into())];
            self.set(&self.names.passages, &new, shown).await?;
            if self.count_of(Some(&new)).await? != u64::from(note.passages) {
                return Err(superseded());
            }
            let mine = note.itself().and(Test::Is(PHASE, SHOWING.to_owned()));
            self.set(&self.names.switches, &mine, [(PHASE, SHOWN.into())]).await?;
            match self.notes([note.key()]).await?.pop().filter(|n| n.switch == note.switch).map(|n| n.phase) {
                Some(Phase::Shown) => {}
                // Somebody else finished it.
                Some(Phase::Done) => return Ok(()),
                Some(Phase::Showing) | None => return Err(superseded()),
            }
        }
        if !note.replaces.is_empty() {
            let old = filter::of_document(note.key()).and(Test::OneOf(GENERATION, note.replaces.clone()));
            let as_seen = Test::Any(vec![Test::Unset(SHOWN_BY), Test::OneOf(SHOWN_BY, note.replaces_shown_by.clone())]);
            self.remove(&self.names.passages, &old.clone().and(as_seen)).await?;
            if self.count_of(Some(&old.and(Test::Flag(LIVE, true)))).await? > 0 {
                // Somebody showed the old passages again: theirs is the later word.
                self.take_back(&note).await?;
                return Err(superseded());
            }
        }
        self.put(note.stamp().point()?).await?;
        self.set(&self.names.switches, &note.itself(), [(PHASE, DONE.into())]).await
    }

    pub(super) async fn forget(&self, key: DocumentKey) -> Result<(), Failure> {
        // The note last: without it, half of what it hides would show.
        self.remove(&self.names.passages, &filter::of_document(key)).await?;
        self.remove(&self.names.switches, &filter::of_document(key)).await
    }

    /// The notes of those of the documents that have one.
    pub(super) async fn notes(&self, keys: impl IntoIterator<Item = DocumentKey>) -> Result<Vec<Note>, Failure> {
        let ids: Vec<_> = keys.into_iter().map(|key| convert::point_id(note::id_of(key))).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let get = GetPointsBuilder::new(&self.names.switches, ids).with_payload(true).build();
        let answer = self.client.call(Kind::Read, || self.client.qdrant.get_points(get.clone())).await?;
        answer.result.into_iter().map(|p| convert::content(p.payload)).collect()
    }

    /// What there is of the document in other generations.
    async fn other_generations(&self, key: DocumentKey, generation: &str) -> Result<Others, Failure> {
        let which = convert::filter(&filter::of_other_generations(key, generation));
        let scroll = ScrollPointsBuilder::new(&self.names.passages)
            .filter(which)
            .limit(PAGE)
            .with_payload(convert::only(&[GENERATION, LIVE, SHOWN_BY]))
            .build();
        let (mut generations, mut shown_by): (BTreeMap<String, bool>, BTreeSet<String>) = Default::default();
        self.each_page(scroll, |mut point| {
            let live = point.payload.get(LIVE).and_then(Value::as_bool).unwrap_or_default();
            let mut text = |key: &str| match point.payload.remove(key).and_then(|v| v.kind) {
                Some(value::Kind::StringValue(text)) => Some(text),
                _ => None,
            };
            shown_by.extend(text(SHOWN_BY));
            if let Some(generation) = text(GENERATION) {
                *generations.entry(generation).or_default() |= live;
            }
            Ok(())
        })
        .await?;
        let hidden = generations.iter().filter(|(_, live)| !**live).map(|(generation, _)| generation.clone());
        let hidden = hidden.collect();
        Ok(Others { replaces: generations.into_keys().collect(), shown_by: shown_by.into_iter().collect(), hidden })
    }

    pub(super) async fn count_of(&self, which: Option<&Where>) -> Result<u64, Failure> {
        let mut count = CountPointsBuilder::new(&self.names.passages).exact(true);
        if let Some(which) = which {
            count = count.filter(convert::filter(which));
        }
        let count = count.build();
        let answer = self.client.call(Kind::Read, || self.client.qdrant.count(count.clone())).await?;
        answer.result.map(|r| r.count).ok_or_else(|| Failure::retry("index.unavailable", "a count without a number"))
    }

    async fn put(&self, point: PointStruct) -> Result<(), Failure> {
        let upsert = UpsertPointsBuilder::new(&self.names.switches, vec![point]).wait(true).build();
        self.client.call(Kind::Write, || self.client.qdrant.upsert_points(upsert.clone())).await?;
        Ok(())
    }

    async fn set<const N: usize>(
        &self,
        collection: &str,
        which: &Where,
        values: [(&str, Value); N],
    ) -> Result<(), Failure> {
        let set = SetPayloadPointsBuilder::new(collection, Payload::from(values))
            .points_selector(convert::filter(which))
            .wait(true)
            .build();
        self.client.call(Kind::Write, || self.client.qdrant.set_payload(set.clone())).await?;
        Ok(())
    }

    async fn remove(&self, collection: &str, which: &Where) -> Result<(), Failure> {
        let delete = DeletePointsBuilder::new(collection).points(convert::filter(which)).wait(true).build();
        self.client.call(Kind::Write, || self.client.qdrant.delete_points(delete.clone())).await?;
        Ok(())
    }
}

fn superseded() -> Failure {
    Failure::retry("index.superseded", "another process replaces the same document")
}

#[cfg(test)]
mod tests;
