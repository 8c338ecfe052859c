//! What a point looks like: its id, vectors and payload, and the filters over them.

use crate::{embed::Vector, models::manifest::DEFAULT_MODEL, sparse::Sparse};
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
};
use qdrant_edge::{
    BoolIndexParams, Condition, CreateIndex, Distance, EdgeConfig, EdgeShard, EdgeSparseVectorParams, EdgeVectorParams,
    FieldCondition, FieldIndexOperations, Filter, JsonPath, KeywordIndexParams, Match, Modifier, OperationError,
    PayloadFieldSchema, PayloadSchemaParams, PointId, PointInsertOperations, PointOperations, PointStruct,
    UpdateOperation, Vector as EdgeVector,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, path::Path};
use uuid::Uuid;

pub(super) const DENSE: &str = "dense";
pub(super) const WORDS: &str = "words";

/// Payload keys with an index: without one, a filter reads the payload of every candidate.
const TENANT: &str = "tenant_id";
const BASE: &str = "kb_id";
const DOCUMENT: &str = "document_id";
const GENERATION: &str = "generation";
const MODEL: &str = "model";
pub(super) const LIVE: &str = "live";
pub(super) const ORDINAL: &str = "ordinal";

/// `model` of a passage that was indexed by words alone.
pub(crate) const NO_MODEL: &str = "none";

/// A document of a knowledge base of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DocumentKey {
    pub tenant: TenantId,
    pub base: KnowledgeBaseId,
    pub document: DocumentId,
}

/// Where a query may look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub tenant: TenantId,
    pub bases: Vec<KnowledgeBaseId>,
}

/// A passage as stored: everything that a reader or a citation needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    #[serde(rename = "tenant_id")]
    pub tenant: TenantId,
    #[serde(rename = "kb_id")]
    pub base: KnowledgeBaseId,
    #[serde(rename = "document_id")]
    pub document: DocumentId,
    /// Which content, model and pipeline it came from.
    pub generation: String,
    /// Whether readers see it.
    pub live: bool,
    /// The embedding model, or `none`.
    pub model: String,
    /// How its words were analysed: `en`, `fr` or `xx`.
    pub script: String,
    pub ordinal: u32,
    pub name: String,
    pub headings: Vec<String>,
    pub page: Option<u32>,
    /// Characters.
    pub offset: u64,
    pub text: String,
}

/// A passage to write.
#[derive(Debug, Clone)]
pub struct NewPassage {
    pub stored: Stored,
    pub words: Sparse,
    /// `None` without an embedding model.
    pub dense: Option<Vector>,
}

impl Stored {
    #[must_use]
    pub const fn key(&self) -> DocumentKey {
        DocumentKey { tenant: self.tenant, base: self.base, document: self.document }
    }
}

/// The same passage of the same generation always has the same id, so that writing it twice leaves one.
fn point_id(stored: &Stored) -> Uuid {
    let mut hash = Sha256::new();
    for part in [stored.tenant.uuid(), stored.base.uuid(), stored.document.uuid()] {
        hash.update(part.as_bytes());
    }
    hash.update(stored.generation.as_bytes());
    hash.update(stored.ordinal.to_be_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

pub(super) fn upsert(passages: Vec<NewPassage>) -> Result<UpdateOperation, OperationError> {
    let points = passages.into_iter().map(|p| point(p).map(Into::into)).collect::<Result<Vec<_>, OperationError>>()?;
    Ok(UpdateOperation::PointOperation(PointOperations::UpsertPoints(PointInsertOperations::PointsList(points))))
}

fn point(passage: NewPassage) -> Result<PointStruct, OperationError> {
    let id = PointId::Uuid(point_id(&passage.stored));
    let words = EdgeVector::new_sparse(passage.words.indices, passage.words.values)?;
    let mut vectors = vec![(WORDS, words)];
    if let Some(dense) = passage.dense {
        vectors.push((DENSE, EdgeVector::new_dense(dense)));
    }
    let payload = serde_json::to_value(&passage.stored).map_err(|e| OperationError::service_error(e.to_string()))?;
    Ok(PointStruct::new(id, vectors, payload))
}

pub(super) const fn delete(filter: Filter) -> UpdateOperation {
    UpdateOperation::PointOperation(PointOperations::DeletePointsByFilter(filter))
}

/// What a query may see: the tenant's live passages in the named bases. There is no other way to a query's filter.
pub(super) fn live_in(scope: &Scope) -> Filter {
    let bases: Vec<String> = scope.bases.iter().map(ToString::to_string).collect();
    must(vec![
        equals(TENANT, scope.tenant.to_string()),
        field(BASE, Match::from(bases)),
        field(LIVE, Match::from(true)),
    ])
}

pub(super) fn of_document(key: DocumentKey) -> Filter {
    must(vec![
        equals(TENANT, key.tenant.to_string()),
        equals(BASE, key.base.to_string()),
        equals(DOCUMENT, key.document.to_string()),
    ])
}

pub(super) fn of_generation(key: DocumentKey, generation: &str) -> Filter {
    let mut filter = of_document(key);
    filter.must.get_or_insert_default().push(equals(GENERATION, generation.to_owned()));
    filter
}

pub(super) fn of_other_generations(key: DocumentKey, generation: &str) -> Filter {
    let mut filter = of_document(key);
    filter.must_not = Some(vec![equals(GENERATION, generation.to_owned())]);
    filter
}

/// The first live passage of each document that another model made.
pub(super) fn of_other_models(model: &str) -> Filter {
    let mut filter = must(vec![field(LIVE, Match::from(true)), field(ORDINAL, Match::from(0_i64))]);
    filter.must_not = Some(vec![equals(MODEL, model.to_owned())]);
    filter
}

pub(super) fn must(conditions: Vec<Condition>) -> Filter {
    Filter { must: Some(conditions), ..Filter::new() }
}

fn equals(key: &str, value: String) -> Condition {
    field(key, Match::from(value))
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
    for (key, schema) in indexes() {
        if !there.contains_key(&path(key)) {
            let create = CreateIndex { field_name: path(key), field_schema: Some(schema) };
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

fn indexes() -> [(&'static str, PayloadFieldSchema); 6] {
    let keyword = |is_tenant: bool, enable_hnsw: bool| {
        let params = KeywordIndexParams {
            is_tenant: is_tenant.then_some(true),
            enable_hnsw: Some(enable_hnsw),
            ..Default::default()
        };
        PayloadFieldSchema::FieldParams(PayloadSchemaParams::Keyword(params))
    };
    let flag = PayloadFieldSchema::FieldParams(PayloadSchemaParams::Bool(BoolIndexParams::default()));
    [
        (TENANT, keyword(true, true)),
        (BASE, keyword(false, true)),
        // Never searched within: no vector links for their values.
        (DOCUMENT, keyword(false, false)),
        (GENERATION, keyword(false, false)),
        (MODEL, keyword(false, false)),
        (LIVE, flag),
    ]
}
