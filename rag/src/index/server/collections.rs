//! The collections: their names, and how they are created and brought up to date.

use super::{
    client::{Client, Kind},
    note,
};
use crate::{
    index::point::{BASE, DENSE, DOCUMENT, INDEXES, Indexed, LAYOUT, TENANT, WORDS, dense_of},
    models::manifest::DEFAULT_MODEL,
};
use colloquy_domain::failure::{Failure, Verdict};
use qdrant_client::qdrant::{
    BoolIndexParamsBuilder, CollectionInfo, CreateCollection, CreateCollectionBuilder,
    CreateFieldIndexCollectionBuilder, CreateVectorNameRequestBuilder, DenseVectorCreationConfigBuilder, Distance,
    FieldType, KeywordIndexParamsBuilder, Modifier, SparseVectorParamsBuilder, SparseVectorsConfigBuilder,
    VectorParams, VectorParamsBuilder, VectorsConfigBuilder, payload_index_params::IndexParams, vectors_config,
};
use std::collections::HashSet;

/// The oldest server that has everything that is used here: the query API, tenants' indexes, links per payload index.
pub(super) const OLDEST: (u32, u32) = (1, 16);
/// The oldest server that gives a collection new vectors.
pub(super) const WIDENS: (u32, u32) = (1, 18);
/// A prefix's longest length.
const PREFIX: usize = 64;

/// Names of the collections of this layout.
pub(super) struct Names {
    pub passages: String,
    /// Documents that are being replaced, see [`note`].
    pub switches: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Result<Self, Failure> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if prefix.is_empty() || prefix.len() > PREFIX || !prefix.bytes().all(fits) {
            let what = "the prefix of the vector collections is 1 to 64 of a-z, 0-9, _ and -";
            return Err(Failure::fatal("index.config", what));
        }
        Ok(Self { passages: passages(prefix, LAYOUT), switches: format!("{prefix}-switches-v{LAYOUT}") })
    }
}

fn passages(prefix: &str, layout: u32) -> String {
    format!("{prefix}-passages-v{layout}")
}

/// # Errors
/// `index.version` (fatal) when the server is too old.
pub(super) async fn check_version(client: &Client) -> Result<(), Failure> {
    let reply = client.call(Kind::Read, || client.qdrant.health_check()).await?;
    let version = &reply.version;
    let mut parts = version.split(['.', '-', '+']).map(|part| part.parse::<u32>().ok());
    let found = parts.next().flatten().zip(parts.next().flatten());
    if found.is_some_and(|found| found >= OLDEST) {
        return Ok(());
    }
    let (major, minor) = OLDEST;
    let shown: String = version.chars().filter(char::is_ascii_graphic).take(40).collect();
    Err(Failure::fatal(
        "index.version",
        format!("vector store at {}: Qdrant {shown} is too old, {major}.{minor} or newer is needed", client.host()),
    ))
}

/// Creates what is missing; several processes may do so at once.
///
/// # Errors
/// `index.layout` (fatal) when a newer program's collections are there, or one of this name that does not fit.
pub(super) async fn prepare(client: &Client, prefix: &str, names: &Names) -> Result<(), Failure> {
    let there = client.call(Kind::Read, || client.qdrant.list_collections()).await?;
    let there: HashSet<String> = there.collections.into_iter().map(|c| c.name).collect();
    let newest = there
        .iter()
        .filter_map(|name| name.strip_prefix(prefix)?.strip_prefix("-passages-v")?.parse::<u32>().ok())
        .max();
    if let Some(newest) = newest.filter(|n| *n > LAYOUT) {
        let what = format!("the collections of {prefix} have layout {newest}, this program reads {LAYOUT}");
        return Err(Failure::fatal("index.layout", format!("vector store at {}: {what}", client.host())));
    }
    ensure(client, passages_collection(&names.passages), &INDEXES, &there).await?;
    ensure(client, note::collection(&names.switches), &SWITCH_INDEXES, &there).await?;
    let info = info(client, &names.passages).await?;
    if !fits(&info) {
        let what = format!("the collection {} has other vectors than this program's", names.passages);
        return Err(Failure::fatal("index.layout", format!("vector store at {}: {what}", client.host())));
    }
    Ok(())
}

/// Makes room for vectors of this length; several processes may do so at once.
///
/// # Errors
/// `index.version` (fatal) when the server is too old.
pub(super) async fn widen(client: &Client, passages: &str, dimension: usize) -> Result<(), Failure> {
    let name = dense_of(dimension);
    if dense(&info(client, passages).await?, &name).is_some() {
        return Ok(());
    }
    let config = DenseVectorCreationConfigBuilder::new(dimension as u64, Distance::Cosine);
    let create = CreateVectorNameRequestBuilder::new(passages, &name, config).wait(true).build();
    let created = client.call(Kind::Write, || client.qdrant.create_vector_name(create.clone())).await;
    if let Err(failure) = created {
        // Another process may have been faster.
        if dense(&info(client, passages).await?, &name).is_some() {
            return Ok(());
        }
        let (major, minor) = WIDENS;
        let what = format!("vectors of {dimension} numbers need Qdrant {major}.{minor} or newer");
        return Err(match failure.verdict {
            Verdict::Retry { .. } => failure,
            _ => Failure::fatal("index.version", format!("vector store at {}: {what} ({failure})", client.host())),
        });
    }
    tracing::info!(vectors.collection = passages, vectors.name = name, "room for vectors of another length");
    Ok(())
}

const SWITCH_INDEXES: [(&str, Indexed); 4] =
    [(TENANT, Indexed::Lookup), (BASE, Indexed::Lookup), (DOCUMENT, Indexed::Lookup), (note::PHASE, Indexed::Lookup)];

fn passages_collection(name: &str) -> CreateCollection {
    let mut dense = VectorsConfigBuilder::default();
    let size = DEFAULT_MODEL.dimension as u64;
    dense.add_named_vector_params(DENSE, VectorParamsBuilder::new(size, Distance::Cosine));
    let mut sparse = SparseVectorsConfigBuilder::default();
    sparse.add_named_vector_params(WORDS, SparseVectorParamsBuilder::default().modifier(Modifier::Idf));
    CreateCollectionBuilder::new(name)
        .vectors_config(dense)
        .sparse_vectors_config(sparse)
        // How rare a word is, is counted within a shard: with one, scores do not depend on which passages share it.
        .shard_number(1)
        .build()
}

async fn ensure(
    client: &Client,
    create: CreateCollection,
    indexes: &[(&str, Indexed)],
    there: &HashSet<String>,
) -> Result<(), Failure> {
    let name = create.collection_name.clone();
    if !there.contains(&name) {
        let created = client.call(Kind::Write, || client.qdrant.create_collection(create.clone())).await;
        if let Err(failure) = created {
            // Another process may have been faster.
            if !client.call(Kind::Read, || client.qdrant.collection_exists(name.clone())).await? {
                return Err(failure);
            }
        } else {
            tracing::info!(vectors.collection = name, "vector collection created");
        }
    }
    let indexed = info(client, &name).await?.payload_schema;
    for (key, how) in indexes.iter().filter(|(key, _)| !indexed.contains_key(*key)) {
        let (kind, params): (FieldType, IndexParams) = field(*how);
        let index = CreateFieldIndexCollectionBuilder::new(&name, *key, kind).field_index_params(params).wait(true);
        client.call(Kind::Write, || client.qdrant.create_field_index(index.clone())).await?;
    }
    Ok(())
}

fn field(how: Indexed) -> (FieldType, IndexParams) {
    let keyword = |is_tenant: bool, links: bool| {
        let params = KeywordIndexParamsBuilder::default().is_tenant(is_tenant).enable_hnsw(links);
        (FieldType::Keyword, IndexParams::KeywordIndexParams(params.build()))
    };
    match how {
        Indexed::Tenant => keyword(true, true),
        Indexed::Narrowing => keyword(false, true),
        Indexed::Lookup => keyword(false, false),
        Indexed::Flag => (FieldType::Bool, IndexParams::BoolIndexParams(BoolIndexParamsBuilder::default().build())),
    }
}

async fn info(client: &Client, name: &str) -> Result<CollectionInfo, Failure> {
    let answer = client.call(Kind::Read, || client.qdrant.collection_info(name)).await?;
    answer.result.ok_or_else(|| Failure::retry("index.unavailable", "the server says nothing of a collection"))
}

/// The dense vectors of this name.
fn dense<'a>(info: &'a CollectionInfo, name: &str) -> Option<&'a VectorParams> {
    match info.config.as_ref()?.params.as_ref()?.vectors_config.as_ref()?.config.as_ref()? {
        vectors_config::Config::ParamsMap(map) => map.map.get(name),
        vectors_config::Config::Params(_) => None,
    }
}

fn fits(info: &CollectionInfo) -> bool {
    let Some(params) = info.config.as_ref().and_then(|c| c.params.as_ref()) else { return false };
    let words = params.sparse_vectors_config.as_ref().and_then(|s| s.map.get(WORDS));
    dense(info, DENSE).is_some_and(|d| d.size == DEFAULT_MODEL.dimension as u64 && d.distance() == Distance::Cosine)
        && words.is_some_and(|w| w.modifier() == Modifier::Idf)
}
