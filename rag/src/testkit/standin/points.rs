//! Points: the calls in the shard's terms.

use super::{Service, blocking, collections::Collection, convert, internal};
use qdrant_client::qdrant::{
    BatchResult, ClearPayloadPoints, CountPoints, CountResponse, CountResult, CreateFieldIndexCollection,
    CreateVectorNameRequest, DeleteFieldIndexCollection, DeletePayloadPoints, DeletePointVectors, DeletePoints,
    DeleteVectorNameRequest, DiscoverBatchPoints, DiscoverBatchResponse, DiscoverPoints, DiscoverResponse, FacetCounts,
    FacetResponse, GetPoints, GetResponse, PayloadSchemaInfo, PointsOperationResponse, QueryBatchPoints,
    QueryBatchResponse, QueryGroupsResponse, QueryPointGroups, QueryPoints, QueryResponse, RecommendBatchPoints,
    RecommendBatchResponse, RecommendGroupsResponse, RecommendPointGroups, RecommendPoints, RecommendResponse,
    ScrollPoints, ScrollResponse, SearchBatchPoints, SearchBatchResponse, SearchGroupsResponse,
    SearchMatrixOffsetsResponse, SearchMatrixPairsResponse, SearchMatrixPoints, SearchPointGroups, SearchPoints,
    SearchResponse, SetPayloadPoints, UpdateBatchPoints, UpdateBatchResponse, UpdatePointVectors, UpdateResult,
    UpdateStatus, UpsertPoints, points_selector::PointsSelectorOneOf, points_server::Points,
};
use qdrant_edge::{
    CountRequest, CreateIndex, CreateVectorName, FieldIndexOperations, Filter, PayloadOps, PointInsertOperations,
    PointOperations, ScrollRequest, SetPayloadOp, UpdateOperation, VectorNameOperations,
};
use std::sync::PoisonError;
use tonic::{Request, Response, Status};

impl Service {
    /// Applies a change and answers when it has been.
    async fn change(
        &self,
        collection: &str,
        wait: Option<bool>,
        change: impl FnOnce(&Collection) -> Result<UpdateOperation, Status> + Send + 'static,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        if wait != Some(true) {
            return Err(Status::unimplemented("writes that are not waited for"));
        }
        let collection = self.collections.get(collection)?;
        blocking(move || {
            let operation = change(&collection)?;
            collection.shard.update(operation).map_err(internal)
        })
        .await?;
        self.faults.after_write()?;
        let result = UpdateResult { operation_id: Some(0), status: UpdateStatus::Completed.into() };
        Ok(Response::new(PointsOperationResponse { result: Some(result), ..PointsOperationResponse::default() }))
    }

    async fn on<T: Send + 'static>(
        &self,
        collection: &str,
        work: impl FnOnce(&Collection) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let collection = self.collections.get(collection)?;
        blocking(move || work(&collection)).await
    }
}

fn selected(selector: Option<qdrant_client::qdrant::PointsSelector>) -> Result<Filter, Status> {
    match selector.and_then(|s| s.points_selector_one_of) {
        Some(PointsSelectorOneOf::Filter(filter)) => convert::filter(filter),
        _ => Err(Status::unimplemented("points that are not selected by a filter")),
    }
}

#[tonic::async_trait]
impl Points for Service {
    async fn upsert(&self, request: Request<UpsertPoints>) -> Result<Response<PointsOperationResponse>, Status> {
        let UpsertPoints { collection_name, wait, points, .. } = self.admit(request).await?;
        self.change(&collection_name, wait, move |_| {
            let points = points.into_iter().map(convert::point).collect::<Result<Vec<_>, Status>>()?;
            let points = PointInsertOperations::PointsList(points);
            Ok(UpdateOperation::PointOperation(PointOperations::UpsertPoints(points)))
        })
        .await
    }

    async fn delete(&self, request: Request<DeletePoints>) -> Result<Response<PointsOperationResponse>, Status> {
        let DeletePoints { collection_name, wait, points, .. } = self.admit(request).await?;
        self.change(&collection_name, wait, move |_| {
            Ok(UpdateOperation::PointOperation(PointOperations::DeletePointsByFilter(selected(points)?)))
        })
        .await
    }

    async fn set_payload(
        &self,
        request: Request<SetPayloadPoints>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        let SetPayloadPoints { collection_name, wait, payload, points_selector, .. } = self.admit(request).await?;
        self.change(&collection_name, wait, move |_| {
            let (payload, filter) = (convert::payload(payload), Some(selected(points_selector)?));
            let set = SetPayloadOp { payload, points: None, filter, key: None };
            Ok(UpdateOperation::PayloadOperation(PayloadOps::SetPayload(set)))
        })
        .await
    }

    async fn create_field_index(
        &self,
        request: Request<CreateFieldIndexCollection>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        let CreateFieldIndexCollection { collection_name, wait, field_name, field_type, field_index_params, .. } =
            self.admit(request).await?;
        self.change(&collection_name, wait, move |collection| {
            let schema = convert::schema(field_index_params.as_ref())?;
            let info = PayloadSchemaInfo {
                data_type: field_type.unwrap_or_default() + 1,
                params: field_index_params,
                points: None,
            };
            let path = convert::path(&field_name)?;
            collection.indexes.lock().unwrap_or_else(PoisonError::into_inner).insert(field_name, info);
            let create = CreateIndex { field_name: path, field_schema: Some(schema) };
            Ok(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(create)))
        })
        .await
    }

    async fn create_vector_name(
        &self,
        request: Request<CreateVectorNameRequest>,
    ) -> Result<Response<PointsOperationResponse>, Status> {
        let CreateVectorNameRequest { collection_name, wait, vector_name, vector_config, .. } =
            self.admit(request).await?;
        self.change(&collection_name, wait, move |collection| {
            let (config, params) = convert::new_vector(vector_config)?;
            collection.widened.lock().unwrap_or_else(PoisonError::into_inner).insert(vector_name.clone(), params);
            let create = CreateVectorName { vector_name, config };
            Ok(UpdateOperation::VectorNameOperation(VectorNameOperations::CreateVectorName(create)))
        })
        .await
    }

    async fn get(&self, request: Request<GetPoints>) -> Result<Response<GetResponse>, Status> {
        let GetPoints { collection_name, ids, with_payload, .. } = self.admit(request).await?;
        let result = self
            .on(&collection_name, move |collection| {
                let ids = ids.into_iter().map(convert::id).collect::<Result<Vec<_>, Status>>()?;
                let with_payload = convert::with_payload(with_payload)?;
                let records = collection.shard.retrieve(&ids, Some(with_payload), None).map_err(internal)?;
                records.into_iter().map(convert::record).collect()
            })
            .await?;
        Ok(Response::new(GetResponse { result, ..GetResponse::default() }))
    }

    async fn scroll(&self, request: Request<ScrollPoints>) -> Result<Response<ScrollResponse>, Status> {
        let request = self.admit(request).await?;
        let name = request.collection_name.clone();
        let answer = self
            .on(&name, move |collection| {
                let scroll = ScrollRequest {
                    offset: request.offset.map(convert::id).transpose()?,
                    limit: request.limit.map(|n| n as usize),
                    filter: request.filter.map(convert::filter).transpose()?,
                    with_payload: Some(convert::with_payload(request.with_payload)?),
                    with_vector: convert::with_vector(request.with_vectors)?,
                    ..ScrollRequest::default()
                };
                let (records, next) = collection.shard.scroll(scroll).map_err(internal)?;
                Ok(ScrollResponse {
                    next_page_offset: next.map(convert::sent_id),
                    result: records.into_iter().map(convert::record).collect::<Result<Vec<_>, Status>>()?,
                    ..ScrollResponse::default()
                })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn count(&self, request: Request<CountPoints>) -> Result<Response<CountResponse>, Status> {
        let CountPoints { collection_name, filter, exact, .. } = self.admit(request).await?;
        let count = self
            .on(&collection_name, move |collection| {
                let filter = filter.map(convert::filter).transpose()?;
                collection.shard.count(CountRequest { filter, exact: exact.unwrap_or(true) }).map_err(internal)
            })
            .await?;
        let result = Some(CountResult { count: count as u64 });
        Ok(Response::new(CountResponse { result, ..CountResponse::default() }))
    }

    async fn query_batch(&self, request: Request<QueryBatchPoints>) -> Result<Response<QueryBatchResponse>, Status> {
        let QueryBatchPoints { collection_name, query_points, .. } = self.admit(request).await?;
        let result = self
            .on(&collection_name, move |collection| {
                let answer = |query| {
                    let points = collection.shard.query(convert::query(query)?).map_err(internal)?;
                    Ok(BatchResult { result: points.into_iter().map(convert::scored).collect() })
                };
                query_points.into_iter().map(answer).collect::<Result<Vec<BatchResult>, Status>>()
            })
            .await?;
        Ok(Response::new(QueryBatchResponse { result, ..QueryBatchResponse::default() }))
    }

    super::unserved::unserved! {
        update_vectors(UpdatePointVectors) -> PointsOperationResponse;
        delete_vectors(DeletePointVectors) -> PointsOperationResponse;
        overwrite_payload(SetPayloadPoints) -> PointsOperationResponse;
        delete_payload(DeletePayloadPoints) -> PointsOperationResponse;
        clear_payload(ClearPayloadPoints) -> PointsOperationResponse;
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse;
        delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse;
        search(SearchPoints) -> SearchResponse;
        search_batch(SearchBatchPoints) -> SearchBatchResponse;
        search_groups(SearchPointGroups) -> SearchGroupsResponse;
        recommend(RecommendPoints) -> RecommendResponse;
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse;
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse;
        discover(DiscoverPoints) -> DiscoverResponse;
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse;
        update_batch(UpdateBatchPoints) -> UpdateBatchResponse;
        query(QueryPoints) -> QueryResponse;
        query_groups(QueryPointGroups) -> QueryGroupsResponse;
        facet(FacetCounts) -> FacetResponse;
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse;
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
    }
}
