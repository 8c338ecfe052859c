//! Scenarios that teams have run, and what each run showed.

use super::{Actor, Page, PageRequest, TenantStore, audit::read_actor, found};
use crate::{
    db,
    error::{store_error, unreadable},
    ports::small,
    sql::simulations as sql,
};
use colloquy_domain::{ids::SimulationId, ports::StoreError, time::Timestamp};
use futures::FutureExt;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulationState {
    Running,
    Done,
    /// It could not be gone on with.
    Failed,
}

impl SimulationState {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Running, Self::Done, Self::Failed].into_iter().find(|s| s.name() == name)
    }
}

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSimulation {
    pub name: String,
    /// As YAML.
    pub scenario: String,
    /// Of the first run.
    pub seed: u32,
    pub trials: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    pub id: SimulationId,
    pub what: NewSimulation,
    pub state: SimulationState,
    pub cause: Option<String>,
    pub by: Actor,
    /// Runs that were made, and those of them that passed.
    pub ran: u32,
    pub passed: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulationRun {
    /// Counted from 0.
    pub place: u32,
    pub verdict: String,
    /// What it showed: JSON of whoever ran it.
    pub run: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    scenario: String,
    seed: i64,
    trials: i64,
    state: String,
    cause: Option<String>,
    author_kind: String,
    author_id: Option<Uuid>,
    created_at: i64,
    updated_at: i64,
    ran: i64,
    passed: i64,
}

impl Row {
    fn simulation(self) -> Result<Simulation, StoreError> {
        let Self { name, scenario, seed, trials, .. } = self;
        Ok(Simulation {
            id: SimulationId::new(self.id),
            what: NewSimulation { name, scenario, seed: small(seed), trials: small(trials) },
            state: SimulationState::named(&self.state).ok_or_else(|| unreadable("state of a simulation"))?,
            cause: self.cause,
            by: read_actor(&self.author_kind, self.author_id)?,
            ran: small(self.ran),
            passed: small(self.passed),
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

type RunRow = (i64, String, String);

fn run((place, verdict, run): RunRow) -> SimulationRun {
    SimulationRun { place: small(place), verdict, run }
}

impl TenantStore {
    /// # Errors
    /// The store's.
    pub async fn add_simulation(&self, new: NewSimulation, by: Actor) -> Result<Simulation, StoreError> {
        let (id, now, (kind, author)) = (self.store.uuid(), self.store.now().millis(), by.parts());
        let query = db::query(sql::ADD).bind(self.key()).bind(id).bind(new.name).bind(new.scenario);
        let query = query.bind(i64::from(new.seed)).bind(i64::from(new.trials)).bind(kind).bind(author).bind(now);
        self.tell(move |conn| {
            let query = query.clone();
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await?;
        self.simulation(SimulationId::new(id)).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn simulation(&self, id: SimulationId) -> Result<Simulation, StoreError> {
        let row: Option<Row> = self.one(sql::GET, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("simulation"))?.simulation()
    }

    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn simulations(&self, request: PageRequest) -> Result<Page<Simulation>, StoreError> {
        let page: Page<Row> = self.page(sql::LIST, sql::COUNT, request).await?;
        page.try_map(Row::simulation)
    }

    /// Nothing happens to one that is over or gone.
    ///
    /// # Errors
    /// The store's.
    pub async fn end_simulation(
        &self,
        id: SimulationId,
        state: SimulationState,
        cause: Option<String>,
    ) -> Result<(), StoreError> {
        let now = self.store.now().millis();
        let query = db::query(sql::END).bind(self.key()).bind(id.uuid()).bind(state.name()).bind(cause).bind(now);
        self.tell(move |conn| {
            let query = query.clone();
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }

    /// With all that it showed; one that is running ends.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn delete_simulation(&self, id: SimulationId) -> Result<(), StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            async move {
                let runs = db::query(sql::DELETE_RUNS).bind(tenant).bind(id.uuid());
                runs.execute(&mut *conn).await.map_err(store_error)?;
                let query = db::query(sql::DELETE).bind(tenant).bind(id.uuid());
                found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "simulation")
            }
            .boxed()
        })
        .await
    }

    /// # Errors
    /// The store's.
    pub async fn add_simulation_run(&self, id: SimulationId, made: SimulationRun) -> Result<(), StoreError> {
        let now = self.store.now().millis();
        let query = db::query(sql::ADD_RUN).bind(self.key()).bind(id.uuid()).bind(i64::from(made.place));
        let query = query.bind(made.verdict).bind(made.run).bind(now);
        self.tell(move |conn| {
            let query = query.clone();
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn simulation_run(&self, id: SimulationId, place: u32) -> Result<SimulationRun, StoreError> {
        let query = db::query_as(sql::RUN).bind(self.key()).bind(id.uuid()).bind(i64::from(place));
        let row: Option<RunRow> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        row.map(run).ok_or(StoreError::NotFound("run"))
    }

    /// In their order.
    ///
    /// # Errors
    /// The store's.
    pub async fn simulation_runs(
        &self,
        id: SimulationId,
        request: PageRequest,
    ) -> Result<Page<SimulationRun>, StoreError> {
        let query = db::query_as(sql::RUNS).bind(self.key()).bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<RunRow> = query.bind(id.uuid()).fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_scalar(sql::COUNT_RUNS).bind(self.key()).bind(id.uuid());
        let total: i64 = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Page::new(rows, request, total).try_map(|row| Ok(run(row)))
    }
}
