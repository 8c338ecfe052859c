//! Collections: each one embedded shard.

use super::{Service, blocking, convert, internal};
use qdrant_client::qdrant::{
    ChangeAliases, CollectionClusterInfoRequest, CollectionClusterInfoResponse, CollectionConfig,
    CollectionDescription, CollectionExists, CollectionExistsRequest, CollectionExistsResponse, CollectionInfo,
    CollectionOperationResponse, CollectionParams, CreateCollection, CreateShardKeyRequest, CreateShardKeyResponse,
    DeleteCollection, DeleteShardKeyRequest, DeleteShardKeyResponse, GetCollectionInfoRequest,
    GetCollectionInfoResponse, ListAliasesRequest, ListAliasesResponse, ListCollectionAliasesRequest,
    ListCollectionsRequest, ListCollectionsResponse, ListShardKeysRequest, ListShardKeysResponse, PayloadSchemaInfo,
    UpdateCollection, UpdateCollectionClusterSetupRequest, UpdateCollectionClusterSetupResponse, VectorParams,
    collections_server, vectors_config,
};
use qdrant_edge::EdgeShard;
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tonic::{Request, Response, Status};

pub(super) struct Collections {
    dir: PathBuf,
    open: Mutex<BTreeMap<String, Arc<Collection>>>,
}

pub(super) struct Collection {
    pub shard: EdgeShard,
    params: CollectionParams,
    pub indexes: Mutex<HashMap<String, PayloadSchemaInfo>>,
    /// Dense vectors that it was given later.
    pub widened: Mutex<HashMap<String, VectorParams>>,
}

impl Collections {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), open: Mutex::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Arc<Collection>>) -> T) -> T {
        work(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn get(&self, name: &str) -> Result<Arc<Collection>, Status> {
        self.with(|open| open.get(name).cloned())
            .ok_or_else(|| Status::not_found(format!("Not found: Collection `{name}` doesn't exist!")))
    }

    fn create(&self, create: CreateCollection) -> Result<(), Status> {
        self.with(|open| {
            let name = create.collection_name.clone();
            if open.contains_key(&name) {
                return Err(Status::already_exists(format!("Wrong input: Collection `{name}` already exists!")));
            }
            let dir = self.dir.join(&name);
            std::fs::create_dir_all(&dir).map_err(internal)?;
            let shard = EdgeShard::new(&dir, convert::config(&create)?).map_err(internal)?;
            let params = CollectionParams {
                shard_number: create.shard_number.unwrap_or(1),
                vectors_config: create.vectors_config,
                sparse_vectors_config: create.sparse_vectors_config,
                ..CollectionParams::default()
            };
            open.insert(
                name,
                Arc::new(Collection { shard, params, indexes: Mutex::default(), widened: Mutex::default() }),
            );
            Ok(())
        })
    }

    fn delete(&self, name: &str) -> Result<bool, Status> {
        let Some(gone) = self.with(|open| open.remove(name)) else { return Ok(false) };
        drop(gone);
        std::fs::remove_dir_all(self.dir.join(name)).map_err(internal)?;
        Ok(true)
    }
}

impl Collection {
    fn params(&self) -> CollectionParams {
        let mut params = self.params.clone();
        if let Some(vectors_config::Config::ParamsMap(map)) =
            params.vectors_config.as_mut().and_then(|c| c.config.as_mut())
        {
            map.map.extend(self.widened.lock().unwrap_or_else(PoisonError::into_inner).clone());
        }
        params
    }
}

#[tonic::async_trait]
impl collections_server::Collections for Service {
    async fn get(
        &self,
        request: Request<GetCollectionInfoRequest>,
    ) -> Result<Response<GetCollectionInfoResponse>, Status> {
        let request = self.admit(request).await?;
        let collection = self.collections.get(&request.collection_name)?;
        let info = CollectionInfo {
            status: 1,
            segments_count: 1,
            config: Some(CollectionConfig { params: Some(collection.params()), ..CollectionConfig::default() }),
            payload_schema: collection.indexes.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ..CollectionInfo::default()
        };
        Ok(Response::new(GetCollectionInfoResponse { result: Some(info), time: 0.0 }))
    }

    async fn list(
        &self,
        request: Request<ListCollectionsRequest>,
    ) -> Result<Response<ListCollectionsResponse>, Status> {
        self.admit(request).await?;
        let names: Vec<String> = self.collections.with(|open| open.keys().cloned().collect());
        let collections = names.into_iter().map(|name| CollectionDescription { name }).collect();
        Ok(Response::new(ListCollectionsResponse { collections, time: 0.0 }))
    }

    async fn create(
        &self,
        request: Request<CreateCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        let request = self.admit(request).await?;
        let collections = Arc::clone(&self.collections);
        blocking(move || collections.create(request)).await?;
        Ok(Response::new(CollectionOperationResponse { result: true, time: 0.0 }))
    }

    async fn delete(
        &self,
        request: Request<DeleteCollection>,
    ) -> Result<Response<CollectionOperationResponse>, Status> {
        let request = self.admit(request).await?;
        let collections = Arc::clone(&self.collections);
        let result = blocking(move || collections.delete(&request.collection_name)).await?;
        Ok(Response::new(CollectionOperationResponse { result, time: 0.0 }))
    }

    async fn collection_exists(
        &self,
        request: Request<CollectionExistsRequest>,
    ) -> Result<Response<CollectionExistsResponse>, Status> {
        let request = self.admit(request).await?;
        let exists = self.collections.get(&request.collection_name).is_ok();
        Ok(Response::new(CollectionExistsResponse { result: Some(CollectionExists { exists }), time: 0.0 }))
    }

    super::unserved::unserved! {
        update(UpdateCollection) -> CollectionOperationResponse;
        update_aliases(ChangeAliases) -> CollectionOperationResponse;
        list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse;
        list_aliases(ListAliasesRequest) -> ListAliasesResponse;
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse;
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse;
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse;
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse;
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
    }
}
