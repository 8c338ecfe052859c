//! `GET/POST /api/simulations`, `GET/DELETE /api/simulations/{id}`, `GET /api/simulations/{id}/runs`,
//! `GET /api/simulations/{id}/report`, `GET /api/simulations/{id}/compare`, `GET /api/simulation-examples`: conversations
//! that are tried before customers have them.

use super::approvals::Decider;
use crate::{
    answer::{Accepted, Deleted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, Detail, accepted, ok},
    jobs,
    page::list as page,
    simulations::{About, Compared, Example, LONGEST_SCENARIO, MOST_TRIALS, SimulatedRun},
    state::Api,
    time::rfc3339,
};
use axum::{
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use colloquy_domain::{failure::Failure, ids::SimulationId};
use colloquy_store::{NewSimulation, Simulation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// A scenario (`convsim/1`), as YAML. It names no files and no servers.
    scenario: String,
    /// Runs, each with the next seed; the scenario's if absent.
    trials: Option<u32>,
    /// Of the first run; the scenario's if absent.
    seed: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    /// The scenario's.
    name: String,
    scenario: String,
    seed: u32,
    trials: u32,
    /// `running`, `done` or `failed`.
    state: &'static str,
    /// Why it could not be gone on with.
    cause: Option<String>,
    author: Decider,
    ran: u32,
    passed: u32,
    created_at: String,
    updated_at: String,
}

impl From<Simulation> for Out {
    fn from(s: Simulation) -> Self {
        let NewSimulation { name, scenario, seed, trials } = s.what;
        Self {
            id: s.id.to_string(),
            name,
            scenario,
            seed,
            trials,
            state: s.state.name(),
            cause: s.cause,
            author: s.by.into(),
            ran: s.ran,
            passed: s.passed,
            created_at: rfc3339(s.created_at),
            updated_at: rfc3339(s.updated_at),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct ExampleOut {
    name: &'static str,
    /// As YAML.
    scenario: &'static str,
}

impl From<Example> for ExampleOut {
    fn from(e: Example) -> Self {
        Self { name: e.name, scenario: e.scenario }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Examples {
    examples: Vec<ExampleOut>,
}

/// Scenarios to start from.
pub async fn examples(State(api): State<Arc<Api>>, _: Tenant) -> ApiResult<Of<Examples>> {
    ok(Examples { examples: api.simulator.examples().into_iter().map(ExampleOut::from).collect() })
}

pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Body(request): Body<Request>,
) -> ApiResult<Accepted<Out>> {
    let Request { scenario, trials, seed } = request;
    if scenario.len() > LONGEST_SCENARIO {
        return Err(ApiError::invalid("scenario", format!("must have at most {LONGEST_SCENARIO} bytes")));
    }
    let About { name, seed: own_seed, trials: own_trials } = api.simulator.check(&scenario).await.map_err(wrong)?;
    let mut problems = Vec::new();
    let trials = trials.unwrap_or(own_trials);
    if !(1..=MOST_TRIALS).contains(&trials) {
        problems.push(Detail::new("trials", format!("must be between 1 and {MOST_TRIALS}")));
    }
    let Some(seed) = seed.or_else(|| u32::try_from(own_seed).ok()) else {
        return Err(ApiError::invalid("seed", "must be less than 4294967296"));
    };
    if !problems.is_empty() {
        return Err(ApiError::validation(problems));
    }
    let new = NewSimulation { name, scenario, seed, trials };
    let simulation = tenant.store.add_simulation(new, tenant.who.actor()).await?;
    jobs::start_simulation(&tenant, simulation.id).await?;
    accepted(Out::from(simulation))
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    page("simulations", tenant.store.simulations(at.into()).await?, Out::from)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(Out::from(find(&tenant, &id).await?))
}

/// With what it showed; one that runs ends.
pub async fn remove(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Deleted>> {
    let id = id.parse::<SimulationId>()?;
    tenant.store.delete_simulation(id).await?;
    ok(Deleted::of(id))
}

#[derive(Serialize, JsonSchema)]
pub struct RunOut {
    /// Counted from 0.
    place: u32,
    /// None if it is of a version that this one does not read.
    #[serde(flatten)]
    run: Option<SimulatedRun>,
}

pub async fn runs(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    at: PageOf,
) -> ApiResult<Listed<RunOut>> {
    let simulation = find(&tenant, &id).await?;
    let runs = tenant.store.simulation_runs(simulation.id, at.into()).await?;
    page("runs", runs, |r| RunOut { place: r.place, run: serde_json::from_str(&r.run).ok() })
}

#[derive(Deserialize, JsonSchema)]
pub struct Which {
    /// Which run, counted from 0.
    #[serde(default)]
    run: u32,
}

/// The timeline of a run, made again from its seed: a page that needs nothing but itself.
pub async fn report(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Query(Which { run }): Query<Which>,
) -> ApiResult<Response> {
    let simulation = find(&tenant, &id).await?;
    let run = tenant.store.simulation_run(simulation.id, run).await?;
    let seed = u64::from(simulation.what.seed) + u64::from(run.place);
    let page = api.simulator.page(&simulation.what.scenario, seed).await.map_err(wrong)?;
    let named = format!("attachment; filename=\"simulation-{seed}.html\"");
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, named)];
    Ok((headers, page).into_response())
}

#[derive(Deserialize, JsonSchema)]
pub struct Other {
    /// The simulation that it is held against.
    with: String,
}

/// This one (a) and another (b) that has the same conversations, on this one's seed.
pub async fn compare(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Query(Other { with }): Query<Other>,
) -> ApiResult<Of<Compared>> {
    let (a, b) = (find(&tenant, &id).await?, find(&tenant, &with).await?);
    let compared = api.simulator.compare(&a.what.scenario, &b.what.scenario, a.what.seed.into()).await;
    ok(compared.map_err(wrong)?)
}

async fn find(tenant: &Tenant, id: &str) -> ApiResult<Simulation> {
    Ok(tenant.store.simulation(id.parse::<SimulationId>()?).await?)
}

fn wrong(failure: Failure) -> ApiError {
    match failure.code.as_str() {
        "simulation.scenario" => ApiError::invalid("scenario", failure.detail),
        _ => failure.into(),
    }
}
