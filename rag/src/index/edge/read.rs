//! Reads, on one consistent view of the shard.

use super::{
    layout::{filter, path},
    store,
};
use crate::{
    embed::Vector,
    index::{
        Ask, Found, Hit,
        filter::{self as which, Test, Where},
        point::{DocumentKey, ORDINAL, Point, Scope, Stored, WORDS, dense_of, is_dense},
    },
    sparse::Sparse,
};
use colloquy_domain::failure::Failure;
use qdrant_edge::{
    CountRequest, EdgeShard, NamedQuery, PointId, QueryEnum, QueryRequest, Record, ScoringQuery, ScrollRequest,
    SparseVector, VectorInternal, VectorStructInternal, WithPayloadInterface, WithVector,
};
use std::{collections::BTreeSet, ops::Range};
use uuid::Uuid;

/// Points of one page of a scroll.
const PAGE: usize = 512;

/// The best passages of each question, by words and by meaning.
pub(in crate::index) fn candidates(
    shard: &EdgeShard,
    scope: &Scope,
    asks: &[Ask<'_>],
    limit: usize,
) -> Result<Vec<Found>, Failure> {
    let one = |ask: &Ask<'_>| {
        let Some(vector) = ask.vector else {
            return Ok(Found { words: by_words(shard, scope, ask.words, limit)?, meaning: Vec::new() });
        };
        // A person waits: both sides at once.
        let (words, meaning) = std::thread::scope(|threads| {
            let words = threads.spawn(|| by_words(shard, scope, ask.words, limit));
            let meaning = by_meaning(shard, vector, &which::comparable_in(scope), limit);
            (words.join(), meaning)
        });
        let words = words.map_err(|_| Failure::retry("index.panicked", "the search by words panicked"))??;
        Ok(Found { words, meaning: meaning? })
    };
    asks.iter().map(one).collect()
}

fn by_words(shard: &EdgeShard, scope: &Scope, words: &Sparse, limit: usize) -> Result<Vec<Hit>, Failure> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let vector = SparseVector::new(words.indices.clone(), words.values.clone())
        .map_err(|e| Failure::reject("index.query", e.to_string()))?;
    search(shard, VectorInternal::Sparse(vector), WORDS, &which::live_in(scope), limit)
}

fn by_meaning(shard: &EdgeShard, vector: &Vector, which: &Where, limit: usize) -> Result<Vec<Hit>, Failure> {
    search(shard, VectorInternal::Dense(vector.clone()), &dense_of(vector.len()), which, limit)
}

/// For each vector the cosine of each of the named passages that has one.
pub(in crate::index) fn cosines(
    shard: &EdgeShard,
    scope: &Scope,
    vectors: &[&Vector],
    ids: &[Uuid],
) -> Result<Vec<Hit>, Failure> {
    let which = which::comparable_in(scope).and(Test::Ids(ids.to_vec()));
    let mut all = Vec::new();
    for vector in vectors {
        all.extend(by_meaning(shard, vector, &which, ids.len())?);
    }
    Ok(all)
}

pub(in crate::index) fn load(shard: &EdgeShard, ids: &[Uuid]) -> Result<Vec<(Uuid, Stored)>, Failure> {
    let ids: Vec<PointId> = ids.iter().map(|id| PointId::Uuid(*id)).collect();
    let records = shard.retrieve(&ids, Some(WithPayloadInterface::Bool(true)), None).map_err(store)?;
    records.into_iter().map(|r| Ok((uuid_of(&r)?, stored_of(r)?))).collect()
}

/// The visible passages of a document that have these ordinals; others are left out.
pub(super) fn passages(shard: &EdgeShard, key: DocumentKey, ordinals: Range<u32>) -> Result<Vec<Stored>, Failure> {
    let found = scroll(shard, &which::first_of_document(key), &WithPayloadInterface::Bool(true))?;
    let Some(first) = found.into_iter().next().map(stored_of).transpose()? else { return Ok(Vec::new()) };
    let ids: Vec<Uuid> = ordinals.map(|n| first.sibling(n)).collect();
    Ok(load(shard, &ids)?.into_iter().map(|(_, stored)| stored).collect())
}

pub(super) fn count(shard: &EdgeShard) -> Result<usize, Failure> {
    shard.count(CountRequest { filter: None, exact: true }).map_err(store)
}

pub(super) fn ordinals(shard: &EdgeShard, key: DocumentKey, generation: &str) -> Result<BTreeSet<u32>, Failure> {
    let fields = WithPayloadInterface::Fields(vec![path(ORDINAL)]);
    let records = scroll(shard, &which::of_generation(key, generation), &fields)?;
    let ordinal = |r: &Record| r.payload.as_ref()?.0.get(ORDINAL)?.as_u64().and_then(|n| u32::try_from(n).ok());
    Ok(records.iter().filter_map(ordinal).collect())
}

pub(super) fn outdated(shard: &EdgeShard, model: &str) -> Result<Vec<DocumentKey>, Failure> {
    let records = scroll(shard, &which::of_other_models(model), &WithPayloadInterface::Bool(true))?;
    records.into_iter().map(|r| Ok(stored_of(r)?.key())).collect()
}

/// Up to `limit` whole points in the order of their ids, from `from` on, and where the next page begins.
pub(super) fn page(shard: &EdgeShard, from: Option<Uuid>, limit: usize) -> Result<(Vec<Point>, Option<Uuid>), Failure> {
    page_of(shard, None, from, limit)
}

/// As [`page`], of some points only.
pub(super) fn page_of(
    shard: &EdgeShard,
    which: Option<&Where>,
    from: Option<Uuid>,
    limit: usize,
) -> Result<(Vec<Point>, Option<Uuid>), Failure> {
    let request = ScrollRequest {
        offset: from.map(PointId::Uuid),
        limit: Some(limit),
        filter: which.map(filter),
        with_payload: Some(WithPayloadInterface::Bool(true)),
        with_vector: WithVector::Bool(true),
        ..ScrollRequest::default()
    };
    let (records, next) = shard.scroll(request).map_err(store)?;
    let points = records.into_iter().map(point_of).collect::<Result<Vec<Point>, Failure>>()?;
    Ok((points, next.map(uuid).transpose()?))
}

fn search(
    shard: &EdgeShard,
    vector: VectorInternal,
    using: &str,
    which: &Where,
    limit: usize,
) -> Result<Vec<Hit>, Failure> {
    let request = QueryRequest {
        prefetches: Vec::new(),
        query: Some(ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery {
            query: vector,
            using: Some(using.to_owned()),
        }))),
        filter: Some(filter(which)),
        score_threshold: None,
        limit,
        offset: 0,
        params: None,
        with_vector: WithVector::Bool(false),
        with_payload: WithPayloadInterface::Bool(false),
    };
    let points = shard.query(request).map_err(store)?;
    Ok(points
        .into_iter()
        .filter_map(|p| match p.id {
            PointId::Uuid(id) => Some(Hit { id, score: p.score }),
            PointId::NumId(_) => None,
        })
        .collect())
}

fn scroll(shard: &EdgeShard, which: &Where, fields: &WithPayloadInterface) -> Result<Vec<Record>, Failure> {
    let (mut all, mut offset) = (Vec::new(), None);
    loop {
        let request = ScrollRequest {
            offset,
            limit: Some(PAGE),
            filter: Some(filter(which)),
            with_payload: Some(fields.clone()),
            ..ScrollRequest::default()
        };
        let (records, next) = shard.scroll(request).map_err(store)?;
        all.extend(records);
        match next {
            Some(next) => offset = Some(next),
            None => return Ok(all),
        }
    }
}

fn uuid(id: PointId) -> Result<Uuid, Failure> {
    match id {
        PointId::Uuid(id) => Ok(id),
        PointId::NumId(n) => Err(Failure::fatal("index.layout", format!("a point has the number {n} for an id"))),
    }
}

fn uuid_of(record: &Record) -> Result<Uuid, Failure> {
    uuid(record.id)
}

fn stored_of(record: Record) -> Result<Stored, Failure> {
    let payload = record.payload.map(|p| p.0).unwrap_or_default();
    let payload = serde_json::Value::Object(payload.into_iter().collect());
    serde_json::from_value(payload).map_err(|e| Failure::fatal("index.layout", format!("a stored passage: {e}")))
}

fn point_of(mut record: Record) -> Result<Point, Failure> {
    let (mut words, mut dense) = (Sparse::default(), None);
    if let Some(VectorStructInternal::Named(vectors)) = record.vector.take() {
        for (name, vector) in vectors {
            match (name.as_str(), vector) {
                (WORDS, VectorInternal::Sparse(v)) => words = Sparse { indices: v.indices, values: v.values },
                (name, VectorInternal::Dense(v)) if is_dense(name) => dense = Some(v),
                (other, _) => {
                    return Err(Failure::fatal("index.layout", format!("a point has a vector named {other}")));
                }
            }
        }
    }
    Ok(Point { id: uuid_of(&record)?, stored: stored_of(record)?, words, dense })
}
