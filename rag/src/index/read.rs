//! Reads, on one consistent view of the shard.

use super::{
    layout::{self, DENSE, DocumentKey, ORDINAL, Scope, Stored, WORDS},
    store,
};
use crate::{embed::Vector, sparse::Sparse};
use colloquy_domain::failure::Failure;
use qdrant_edge::{
    Condition, CountRequest, EdgeShard, Filter, HasIdCondition, NamedQuery, PointId, QueryEnum, QueryRequest, Record,
    ScoringQuery, ScrollRequest, SparseVector, VectorInternal, WithPayloadInterface, WithVector,
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Points of one page of a scroll.
const PAGE: usize = 512;

/// A point that a search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub id: Uuid,
    /// Cosine or BM25, as the search was.
    pub score: f32,
}

/// A consistent view.
pub struct Reader<'a> {
    shard: &'a EdgeShard,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(shard: &'a EdgeShard) -> Self {
        Self { shard }
    }

    /// The best passages by BM25, best first.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub fn by_words(&self, scope: &Scope, words: &Sparse, limit: usize) -> Result<Vec<Hit>, Failure> {
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let vector = SparseVector::new(words.indices.clone(), words.values.clone())
            .map_err(|e| Failure::reject("index.query", e.to_string()))?;
        self.search(VectorInternal::Sparse(vector), WORDS, layout::live_in(scope), limit)
    }

    /// The best passages by cosine, best first.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub fn by_meaning(&self, scope: &Scope, vector: &Vector, limit: usize) -> Result<Vec<Hit>, Failure> {
        self.search(VectorInternal::Dense(vector.clone()), DENSE, layout::live_in(scope), limit)
    }

    /// The cosine of each of the named passages that has a vector.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub fn cosines(&self, scope: &Scope, vector: &Vector, ids: &[Uuid]) -> Result<Vec<Hit>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut filter = layout::live_in(scope);
        let has_id: HasIdCondition = ids.iter().map(|id| PointId::Uuid(*id)).collect();
        filter.must.get_or_insert_default().push(Condition::HasId(has_id));
        self.search(VectorInternal::Dense(vector.clone()), DENSE, filter, ids.len())
    }

    /// What is stored under `ids`, in their order; missing ones are left out.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub fn load(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, Stored)>, Failure> {
        let ids: Vec<PointId> = ids.iter().map(|id| PointId::Uuid(*id)).collect();
        let records = self.shard.retrieve(&ids, Some(WithPayloadInterface::Bool(true)), None).map_err(store)?;
        records.into_iter().map(|r| Ok((uuid_of(&r)?, stored_of(r)?))).collect()
    }

    /// How many passages a filter-free look finds: visible and staged, of all tenants.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub fn count(&self) -> Result<usize, Failure> {
        self.shard.count(CountRequest { filter: None, exact: true }).map_err(store)
    }

    pub(super) fn ordinals(&self, key: DocumentKey, generation: &str) -> Result<BTreeSet<u32>, Failure> {
        let fields = WithPayloadInterface::Fields(vec![layout::path(ORDINAL)]);
        let records = self.scroll(layout::of_generation(key, generation), fields)?;
        let ordinal = |r: &Record| r.payload.as_ref()?.0.get(ORDINAL)?.as_u64().and_then(|n| u32::try_from(n).ok());
        Ok(records.iter().filter_map(ordinal).collect())
    }

    pub(super) fn outdated(&self, model: &str) -> Result<Vec<DocumentKey>, Failure> {
        let records = self.scroll(layout::of_other_models(model), WithPayloadInterface::Bool(true))?;
        records.into_iter().map(|r| Ok(stored_of(r)?.key())).collect()
    }

    fn search(&self, vector: VectorInternal, using: &str, filter: Filter, limit: usize) -> Result<Vec<Hit>, Failure> {
        let request = QueryRequest {
            prefetches: Vec::new(),
            query: Some(ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery {
                query: vector,
                using: Some(using.to_owned()),
            }))),
            filter: Some(filter),
            score_threshold: None,
            limit,
            offset: 0,
            params: None,
            with_vector: WithVector::Bool(false),
            with_payload: WithPayloadInterface::Bool(false),
        };
        let points = self.shard.query(request).map_err(store)?;
        Ok(points
            .into_iter()
            .filter_map(|p| match p.id {
                PointId::Uuid(id) => Some(Hit { id, score: p.score }),
                PointId::NumId(_) => None,
            })
            .collect())
    }

    fn scroll(&self, filter: Filter, fields: WithPayloadInterface) -> Result<Vec<Record>, Failure> {
        let (mut all, mut offset) = (Vec::new(), None);
        loop {
            let request = ScrollRequest {
                offset,
                limit: Some(PAGE),
                filter: Some(filter.clone()),
                with_payload: Some(fields.clone()),
                ..ScrollRequest::default()
            };
            let (records, next) = self.shard.scroll(request).map_err(store)?;
            all.extend(records);
            match next {
                Some(next) => offset = Some(next),
                None => return Ok(all),
            }
        }
    }
}

fn uuid_of(record: &Record) -> Result<Uuid, Failure> {
    match record.id {
        PointId::Uuid(id) => Ok(id),
        PointId::NumId(n) => Err(Failure::fatal("index.layout", format!("a point has the number {n} for an id"))),
    }
}

fn stored_of(record: Record) -> Result<Stored, Failure> {
    let payload = record.payload.map(|p| p.0).unwrap_or_default();
    let payload = serde_json::Value::Object(payload.into_iter().collect());
    serde_json::from_value(payload).map_err(|e| Failure::fatal("index.layout", format!("a stored passage: {e}")))
}
