//! From the protocol's messages to the shard's types and back. What this crate does not send is refused, not guessed.

use qdrant_client::{
    Payload as Sent,
    qdrant::{
        self, CreateCollection, Distance as SentDistance, Modifier as SentModifier, NamedVectorsOutput,
        PayloadIndexParams, PointStruct, QueryPoints, RetrievedPoint, Value, VectorInput, VectorOutput, VectorParams,
        VectorsOutput, WithPayloadSelector, WithVectorsSelector, condition::ConditionOneOf,
        create_vector_name_request::VectorConfig, r#match::MatchValue, payload_index_params::IndexParams,
        point_id::PointIdOptions, query::Variant, vector_input, vector_output, vectors, vectors_config, vectors_output,
        with_payload_selector, with_vectors_selector,
    },
};
use qdrant_edge::{
    BoolIndexParams, Condition, DenseVectorConfig, Distance, EdgeConfig, EdgeSparseVectorParams, EdgeVectorParams,
    FieldCondition, Filter, IsEmptyCondition, JsonPath, KeywordIndexParams, Match, Modifier, NamedQuery, Payload,
    PayloadFieldSchema, PayloadSchemaParams, PointId, PointStructPersisted, QueryEnum, QueryRequest, Record,
    ScoredPoint, ScoringQuery, SparseVector, Vector, VectorInternal, VectorNameConfig, VectorStructInternal, Vectors,
    WithPayloadInterface, WithVector,
};
use std::collections::HashMap;
use tonic::Status;

fn unserved(what: &str) -> Status {
    Status::unimplemented(format!("the stand-in does not serve {what}"))
}

fn invalid(what: impl std::fmt::Display) -> Status {
    Status::invalid_argument(format!("Wrong input: {what}"))
}

pub(super) fn config(create: &CreateCollection) -> Result<EdgeConfig, Status> {
    let mut config = EdgeConfig::default();
    match create.vectors_config.as_ref().and_then(|c| c.config.as_ref()) {
        None => {}
        Some(vectors_config::Config::ParamsMap(map)) => {
            for (name, params) in &map.map {
                let distance = match params.distance() {
                    SentDistance::Cosine => Distance::Cosine,
                    _ => return Err(unserved("this distance")),
                };
                let size = usize::try_from(params.size).map_err(invalid)?;
                config.vectors.insert(name.clone(), EdgeVectorParams::builder(size, distance).build());
            }
        }
        Some(vectors_config::Config::Params(_)) => return Err(unserved("vectors without a name")),
    }
    for (name, params) in create.sparse_vectors_config.iter().flat_map(|c| &c.map) {
        let modifier = match params.modifier() {
            SentModifier::None => Modifier::None,
            SentModifier::Idf => Modifier::Idf,
        };
        config.sparse_vectors.insert(name.clone(), EdgeSparseVectorParams::builder().modifier(modifier).build());
    }
    Ok(config)
}

/// Vectors that a collection is given later, in the shard's terms and as they are told of.
pub(super) fn new_vector(config: Option<VectorConfig>) -> Result<(VectorNameConfig, VectorParams), Status> {
    let Some(VectorConfig::DenseConfig(sent)) = config else { return Err(unserved("new vectors of this kind")) };
    if sent.distance() != SentDistance::Cosine {
        return Err(unserved("this distance"));
    }
    let size = usize::try_from(sent.size).map_err(invalid)?;
    let dense = DenseVectorConfig { size, distance: Distance::Cosine, multivector_config: None, datatype: None };
    let told = VectorParams { size: sent.size, distance: sent.distance, ..VectorParams::default() };
    Ok((VectorNameConfig::dense(dense), told))
}

pub(super) fn schema(params: Option<&PayloadIndexParams>) -> Result<PayloadFieldSchema, Status> {
    Ok(PayloadFieldSchema::FieldParams(match params.and_then(|p| p.index_params.as_ref()) {
        Some(IndexParams::KeywordIndexParams(p)) => PayloadSchemaParams::Keyword(KeywordIndexParams {
            is_tenant: p.is_tenant.filter(|t| *t),
            enable_hnsw: p.enable_hnsw,
            ..KeywordIndexParams::default()
        }),
        Some(IndexParams::BoolIndexParams(_)) => PayloadSchemaParams::Bool(BoolIndexParams::default()),
        _ => return Err(unserved("this index")),
    }))
}

pub(super) fn path(key: &str) -> Result<JsonPath, Status> {
    key.parse().map_err(|()| invalid(format!("the path {key}")))
}

pub(super) fn id(id: qdrant::PointId) -> Result<PointId, Status> {
    match id.point_id_options {
        Some(PointIdOptions::Uuid(id)) => id.parse().map(PointId::Uuid).map_err(invalid),
        Some(PointIdOptions::Num(n)) => Ok(PointId::NumId(n)),
        None => Err(invalid("no id")),
    }
}

pub(super) fn sent_id(id: PointId) -> qdrant::PointId {
    match id {
        PointId::Uuid(id) => id.to_string().into(),
        PointId::NumId(n) => n.into(),
    }
}

pub(super) fn filter(sent: qdrant::Filter) -> Result<Filter, Status> {
    if sent.min_should.is_some() {
        return Err(unserved("`min_should`"));
    }
    let list = |conditions: Vec<qdrant::Condition>| -> Result<Option<Vec<Condition>>, Status> {
        let conditions = conditions.into_iter().map(condition).collect::<Result<Vec<_>, Status>>()?;
        Ok((!conditions.is_empty()).then_some(conditions))
    };
    let (should, must, must_not) = (list(sent.should)?, list(sent.must)?, list(sent.must_not)?);
    Ok(Filter { should, must, must_not, ..Filter::new() })
}

fn condition(sent: qdrant::Condition) -> Result<Condition, Status> {
    Ok(match sent.condition_one_of {
        Some(ConditionOneOf::Field(field)) => {
            let value = match field.r#match.and_then(|m| m.match_value) {
                Some(MatchValue::Keyword(value)) => Match::from(value),
                Some(MatchValue::Integer(value)) => Match::from(value),
                Some(MatchValue::Boolean(value)) => Match::from(value),
                Some(MatchValue::Keywords(values)) => Match::from(values.strings),
                _ => return Err(unserved("this match")),
            };
            Condition::Field(FieldCondition::new_match(path(&field.key)?, value))
        }
        Some(ConditionOneOf::HasId(ids)) => {
            let ids = ids.has_id.into_iter().map(id).collect::<Result<Vec<_>, Status>>()?;
            Condition::HasId(ids.into_iter().collect())
        }
        Some(ConditionOneOf::IsEmpty(empty)) => Condition::IsEmpty(IsEmptyCondition::from(path(&empty.key)?)),
        Some(ConditionOneOf::Filter(inner)) => Condition::Filter(filter(inner)?),
        _ => return Err(unserved("this condition")),
    })
}

pub(super) fn payload(sent: HashMap<String, Value>) -> Payload {
    let json = serde_json::Map::from(Sent::from(sent));
    Payload(json.into_iter().collect())
}

fn sent_payload(payload: Option<Payload>) -> HashMap<String, Value> {
    let payload = payload.map(|p| p.0).unwrap_or_default();
    payload.into_iter().map(|(key, value)| (key, Value::from(value))).collect()
}

pub(super) fn point(sent: PointStruct) -> Result<PointStructPersisted, Status> {
    let mut named = HashMap::new();
    match sent.vectors.and_then(|v| v.vectors_options) {
        None => {}
        Some(vectors::VectorsOptions::Vectors(sent)) => {
            for (name, vector) in sent.vectors {
                named.insert(name, sent_vector(vector)?);
            }
        }
        Some(vectors::VectorsOptions::Vector(_)) => return Err(unserved("vectors without a name")),
    }
    let id = id(sent.id.ok_or_else(|| invalid("no id"))?)?;
    let payload = serde_json::Value::Object(serde_json::Map::from(Sent::from(sent.payload)));
    Ok(qdrant_edge::PointStruct::new(id, Vectors::from(named), payload).into())
}

fn sent_vector(sent: qdrant::Vector) -> Result<Vector, Status> {
    match sent.vector {
        Some(qdrant::vector::Vector::Dense(v)) => Ok(Vector::new_dense(v.data)),
        Some(qdrant::vector::Vector::Sparse(v)) => Vector::new_sparse(v.indices, v.values).map_err(invalid),
        _ => Err(unserved("this kind of vector")),
    }
}

pub(super) fn with_payload(sent: Option<WithPayloadSelector>) -> Result<WithPayloadInterface, Status> {
    match sent.and_then(|s| s.selector_options) {
        None => Ok(WithPayloadInterface::Bool(false)),
        Some(with_payload_selector::SelectorOptions::Enable(all)) => Ok(WithPayloadInterface::Bool(all)),
        Some(with_payload_selector::SelectorOptions::Include(some)) => {
            let fields = some.fields.iter().map(|f| path(f)).collect::<Result<Vec<_>, Status>>()?;
            Ok(WithPayloadInterface::Fields(fields))
        }
        Some(with_payload_selector::SelectorOptions::Exclude(_)) => Err(unserved("payload but for some keys")),
    }
}

pub(super) fn with_vector(sent: Option<WithVectorsSelector>) -> Result<WithVector, Status> {
    match sent.and_then(|s| s.selector_options) {
        None => Ok(WithVector::Bool(false)),
        Some(with_vectors_selector::SelectorOptions::Enable(all)) => Ok(WithVector::Bool(all)),
        Some(with_vectors_selector::SelectorOptions::Include(_)) => Err(unserved("some vectors")),
    }
}

pub(super) fn record(record: Record) -> Result<RetrievedPoint, Status> {
    let vectors = match record.vector {
        None => None,
        Some(VectorStructInternal::Named(named)) => {
            let vectors =
                named.into_iter().map(|(name, v)| Ok((name, sent_back(v)?))).collect::<Result<_, Status>>()?;
            let vectors = vectors_output::VectorsOptions::Vectors(NamedVectorsOutput { vectors });
            Some(VectorsOutput { vectors_options: Some(vectors) })
        }
        Some(_) => return Err(unserved("vectors without a name")),
    };
    Ok(RetrievedPoint {
        id: Some(sent_id(record.id)),
        payload: sent_payload(record.payload),
        vectors,
        ..RetrievedPoint::default()
    })
}

fn sent_back(vector: VectorInternal) -> Result<VectorOutput, Status> {
    let vector = match vector {
        VectorInternal::Dense(data) => vector_output::Vector::Dense(qdrant::DenseVector { data }),
        VectorInternal::Sparse(v) => {
            vector_output::Vector::Sparse(qdrant::SparseVector { values: v.values, indices: v.indices })
        }
        VectorInternal::MultiDense(_) => return Err(unserved("this kind of vector")),
    };
    Ok(VectorOutput { vector: Some(vector), ..VectorOutput::default() })
}

pub(super) fn query(sent: QueryPoints) -> Result<QueryRequest, Status> {
    if !sent.prefetch.is_empty() {
        return Err(unserved("prefetches"));
    }
    let Some(Variant::Nearest(VectorInput { variant: Some(vector) })) = sent.query.and_then(|q| q.variant) else {
        return Err(unserved("this query"));
    };
    let query = match vector {
        vector_input::Variant::Dense(v) => VectorInternal::Dense(v.data),
        vector_input::Variant::Sparse(v) => {
            VectorInternal::Sparse(SparseVector::new(v.indices, v.values).map_err(invalid)?)
        }
        _ => return Err(unserved("this kind of vector")),
    };
    Ok(QueryRequest {
        prefetches: Vec::new(),
        query: Some(ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery { query, using: sent.using }))),
        filter: sent.filter.map(filter).transpose()?,
        score_threshold: None,
        limit: usize::try_from(sent.limit.unwrap_or(10)).map_err(invalid)?,
        offset: 0,
        params: None,
        with_vector: with_vector(sent.with_vectors)?,
        with_payload: with_payload(sent.with_payload)?,
    })
}

pub(super) fn scored(point: ScoredPoint) -> qdrant::ScoredPoint {
    qdrant::ScoredPoint {
        id: Some(sent_id(point.id)),
        payload: sent_payload(point.payload),
        score: point.score,
        version: point.version,
        ..qdrant::ScoredPoint::default()
    }
}
