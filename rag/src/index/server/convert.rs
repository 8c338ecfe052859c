//! The common layout in the protocol's terms.

use crate::{
    embed::Vector,
    index::{
        Hit, Point, Stored,
        filter::{Test, Where},
        point::{WORDS, dense_of, is_dense},
    },
    sparse::Sparse,
};
use colloquy_domain::failure::Failure;
use qdrant_client::{
    Payload,
    qdrant::{
        Condition, Filter, NamedVectors, PayloadIncludeSelector, PointId, PointStruct, Query, QueryPoints,
        RetrievedPoint, ScoredPoint, Value, Vector as Sent, VectorInput, VectorOutput, point_id::PointIdOptions,
        vector_output, vectors_output,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::HashMap;
use uuid::Uuid;

pub(super) fn filter(which: &Where) -> Filter {
    Filter {
        must: which.all.iter().map(condition).collect(),
        must_not: which.none.iter().map(condition).collect(),
        ..Filter::default()
    }
}

fn condition(test: &Test) -> Condition {
    match test {
        Test::Is(key, value) => Condition::matches(*key, value.clone()),
        Test::OneOf(key, values) => Condition::matches(*key, values.clone()),
        Test::Flag(key, value) => Condition::matches(*key, *value),
        Test::Number(key, value) => Condition::matches(*key, *value),
        Test::Ids(ids) => Condition::has_id(ids.iter().copied().map(point_id)),
        Test::Unset(key) => Condition::is_empty(*key),
        Test::All(tests) => Filter::must(tests.iter().map(condition)).into(),
        Test::Any(tests) => Filter::should(tests.iter().map(condition)).into(),
    }
}

pub(super) fn point_id(id: Uuid) -> PointId {
    id.to_string().into()
}

pub(super) fn uuid(id: Option<PointId>) -> Result<Uuid, Failure> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Uuid(id)) => id.parse().map_err(|_| layout("a point's id is no UUID")),
        _ => Err(layout("a point has no UUID for an id")),
    }
}

pub(super) fn point(point: Point) -> Result<PointStruct, Failure> {
    let words = Sent::new_sparse(point.words.indices, point.words.values);
    let mut vectors = NamedVectors::default().add_vector(WORDS, words);
    if let Some(dense) = point.dense {
        vectors = vectors.add_vector(dense_of(dense.len()), Sent::new_dense(dense));
    }
    Ok(PointStruct::new(point_id(point.id), vectors, payload(&point.stored)?))
}

/// Some keys of the payload.
pub(super) fn only(keys: &[&str]) -> PayloadIncludeSelector {
    PayloadIncludeSelector { fields: keys.iter().map(|key| (*key).to_owned()).collect() }
}

pub(super) fn payload(content: &impl Serialize) -> Result<Payload, Failure> {
    let json = serde_json::to_value(content).map_err(|e| Failure::reject("index.request", e.to_string()))?;
    Payload::try_from(json).map_err(|_| Failure::reject("index.request", "a payload is an object"))
}

pub(super) fn content<T: DeserializeOwned>(payload: HashMap<String, Value>) -> Result<T, Failure> {
    let json = serde_json::Value::from(Payload::from(payload));
    serde_json::from_value(json).map_err(|e| layout(&format!("a stored payload: {e}")))
}

pub(super) fn stored(point: RetrievedPoint) -> Result<(Uuid, Stored), Failure> {
    Ok((uuid(point.id)?, content(point.payload)?))
}

/// A point with its vectors.
pub(super) fn whole(mut point: RetrievedPoint) -> Result<Point, Failure> {
    let (mut words, mut dense) = (Sparse::default(), None);
    let vectors = point.vectors.take().and_then(|v| v.vectors_options);
    if let Some(vectors_output::VectorsOptions::Vectors(named)) = vectors {
        for (name, vector) in named.vectors {
            match (name.as_str(), VectorOutput::into_vector(vector)) {
                (WORDS, vector_output::Vector::Sparse(v)) => {
                    words = Sparse { indices: v.indices, values: v.values };
                }
                (name, vector_output::Vector::Dense(v)) if is_dense(name) => dense = Some(v.data),
                _ => return Err(layout(&format!("a point has a vector named {name}"))),
            }
        }
    }
    let (id, stored) = stored(point)?;
    Ok(Point { id, stored, words, dense })
}

pub(super) fn by_words(collection: &str, words: &Sparse, filter: Filter, limit: usize) -> QueryPoints {
    let sparse = VectorInput::new_sparse(words.indices.clone(), words.values.clone());
    nearest(collection, sparse, WORDS, filter, limit)
}

pub(super) fn by_meaning(collection: &str, vector: &Vector, filter: Filter, limit: usize) -> QueryPoints {
    nearest(collection, VectorInput::new_dense(vector.clone()), &dense_of(vector.len()), filter, limit)
}

fn nearest(collection: &str, vector: VectorInput, using: &str, filter: Filter, limit: usize) -> QueryPoints {
    QueryPoints {
        collection_name: collection.to_owned(),
        query: Some(Query::new_nearest(vector)),
        using: Some(using.to_owned()),
        filter: Some(filter),
        limit: Some(limit as u64),
        with_payload: Some(false.into()),
        with_vectors: Some(false.into()),
        ..QueryPoints::default()
    }
}

pub(super) fn hits(points: Vec<ScoredPoint>) -> Result<Vec<Hit>, Failure> {
    points.into_iter().map(|p| Ok(Hit { id: uuid(p.id)?, score: p.score })).collect()
}

fn layout(what: &str) -> Failure {
    Failure::fatal("index.layout", what)
}
