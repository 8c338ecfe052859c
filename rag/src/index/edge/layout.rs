//! The common layout in the shard's own terms.

use crate::{
    index::{
        filter::{Test, Where},
        point::{DENSE, INDEXES, Indexed, LIVE, Point, WORDS, dense_of},
    },
    models::manifest::DEFAULT_MODEL,
};
use colloquy_domain::failure::Failure;
use qdrant_edge::{
    BoolIndexParams, Condition, CreateIndex, CreateVectorName, DenseVectorConfig, Distance, EdgeConfig, EdgeShard,
    EdgeSparseVectorParams, EdgeVectorParams, FieldCondition, FieldIndexOperations, Filter, IsEmptyCondition, JsonPath,
    KeywordIndexParams, Match, Modifier, OperationError, Payload, PayloadFieldSchema, PayloadOps, PayloadSchemaParams,
    PointId, PointInsertOperations, PointOperations, PointStruct, SetPayloadOp, UpdateOperation, Vector as EdgeVector,
    VectorNameConfig, VectorNameOperations,
};
use std::{collections::HashMap, path::Path};

pub(super) fn upsert(points: Vec<Point>) -> Result<UpdateOperation, OperationError> {
    let points = points.into_iter().map(|p| point(p).map(Into::into)).collect::<Result<Vec<_>, OperationError>>()?;
    Ok(UpdateOperation::PointOperation(PointOperations::UpsertPoints(PointInsertOperations::PointsList(points))))
}

fn point(point: Point) -> Result<PointStruct, OperationError> {
    let words = EdgeVector::new_sparse(point.words.indices, point.words.values)?;
    let mut vectors = vec![(WORDS.to_owned(), words)];
    if let Some(dense) = point.dense {
        vectors.push((dense_of(dense.len()), EdgeVector::new_dense(dense)));
    }
    let payload = serde_json::to_value(&point.stored).map_err(|e| OperationError::service_error(e.to_string()))?;
    Ok(PointStruct::new(PointId::Uuid(point.id), vectors, payload))
}

/// Makes room for dense vectors of this length; what has room for them already stays as it is.
pub(super) fn widen(dimension: usize) -> UpdateOperation {
    let dense =
        DenseVectorConfig { size: dimension, distance: Distance::Cosine, multivector_config: None, datatype: None };
    let create = CreateVectorName { vector_name: dense_of(dimension), config: VectorNameConfig::dense(dense) };
    UpdateOperation::VectorNameOperation(VectorNameOperations::CreateVectorName(create))
}

/// Makes points visible.
pub(super) fn show(which: &Where) -> UpdateOperation {
    UpdateOperation::PayloadOperation(PayloadOps::SetPayload(SetPayloadOp {
        payload: Payload([(LIVE.to_owned(), serde_json::Value::Bool(true))].into_iter().collect()),
        points: None,
        filter: Some(filter(which)),
        key: None,
    }))
}

pub(super) fn delete(which: &Where) -> UpdateOperation {
    UpdateOperation::PointOperation(PointOperations::DeletePointsByFilter(filter(which)))
}

pub(super) fn filter(which: &Where) -> Filter {
    let none: Vec<Condition> = which.none.iter().map(condition).collect();
    Filter {
        must: Some(which.all.iter().map(condition).collect()),
        must_not: (!none.is_empty()).then_some(none),
        ..Filter::new()
    }
}

fn condition(test: &Test) -> Condition {
    match test {
        Test::Is(key, value) => field(key, Match::from(value.clone())),
        Test::OneOf(key, values) => field(key, Match::from(values.clone())),
        Test::Flag(key, value) => field(key, Match::from(*value)),
        Test::Number(key, value) => field(key, Match::from(*value)),
        Test::Ids(ids) => Condition::HasId(ids.iter().map(|id| PointId::Uuid(*id)).collect()),
        Test::All(tests) => {
            Condition::Filter(Filter { must: Some(tests.iter().map(condition).collect()), ..Filter::new() })
        }
        Test::Any(tests) => {
            Condition::Filter(Filter { should: Some(tests.iter().map(condition).collect()), ..Filter::new() })
        }
        Test::Unset(key) => Condition::IsEmpty(IsEmptyCondition::from(path(key))),
    }
}

fn field(key: &str, value: Match) -> Condition {
    Condition::Field(FieldCondition::new_match(path(key), value))
}

pub(super) fn path(key: &str) -> JsonPath {
    key.parse().expect("a plain key is a path")
}

/// Opens or creates the shard with its vectors and payload indexes.
pub(super) fn open_shard(dir: &Path) -> Result<EdgeShard, Failure> {
    let bad = |e: &dyn std::fmt::Display| Failure::fatal("index.open", format!("{}: {e}", dir.display()));
    std::fs::create_dir_all(dir).map_err(|e| bad(&e))?;
    let shard = if dir.join("edge_config.json").exists() {
        EdgeShard::load(dir, None).map_err(|e| bad(&e))?
    } else {
        EdgeShard::new(dir, config()).map_err(|e| bad(&e))?
    };
    let there = shard.info().payload_schema;
    for (key, indexed) in INDEXES {
        if !there.contains_key(&path(key)) {
            let create = CreateIndex { field_name: path(key), field_schema: Some(schema(indexed)) };
            let create = UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(create));
            shard.update(create).map_err(|e| bad(&e))?;
        }
    }
    shard.flush();
    Ok(shard)
}

fn config() -> EdgeConfig {
    let dense = EdgeVectorParams::builder(DEFAULT_MODEL.dimension, Distance::Cosine).build();
    let words = EdgeSparseVectorParams::builder().modifier(Modifier::Idf).build();
    EdgeConfig {
        vectors: HashMap::from([(DENSE.to_owned(), dense)]),
        sparse_vectors: HashMap::from([(WORDS.to_owned(), words)]),
        ..EdgeConfig::default()
    }
}

fn schema(indexed: Indexed) -> PayloadFieldSchema {
    let keyword = |is_tenant: bool, enable_hnsw: bool| {
        PayloadSchemaParams::Keyword(KeywordIndexParams {
            is_tenant: is_tenant.then_some(true),
            enable_hnsw: Some(enable_hnsw),
            ..Default::default()
        })
    };
    PayloadFieldSchema::FieldParams(match indexed {
        Indexed::Tenant => keyword(true, true),
        Indexed::Narrowing => keyword(false, true),
        Indexed::Lookup => keyword(false, false),
        Indexed::Flag => PayloadSchemaParams::Bool(BoolIndexParams::default()),
    })
}
