//! Simulations: one run after another.

use super::{Step, read};
use crate::{auth::Tenant, error::ApiResult, state::Api};
use colloquy_domain::{failure::Failure, ids::SimulationId, ports::StoreError};
use colloquy_store::{Job, JobKind, JobState, SimulationRun, SimulationState};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// A run that could not be begun is tried so often.
const TRIES: u32 = 5;
const AGAIN: Duration = Duration::from_secs(2);

/// How far a simulation is. Version 1.
#[derive(Serialize, Deserialize)]
struct Detail {
    v: u16,
    simulation: SimulationId,
    /// Runs that were made.
    ran: u32,
    tries: u32,
}

/// # Errors
/// The store's.
pub async fn start(tenant: &Tenant, simulation: SimulationId) -> ApiResult<Job> {
    let step = Step::of(JobState::Running, &Detail { v: 1, simulation, ran: 0, tries: 0 }, Duration::ZERO)?;
    Ok(tenant.store.create_job(JobKind::Simulation, &step.detail).await?)
}

pub(super) async fn step(api: &Api, tenant: &Tenant, job: &Job) -> Result<Step, StoreError> {
    let mut at: Detail = read(job)?;
    let simulation = match tenant.store.simulation(at.simulation).await {
        Ok(simulation) => simulation,
        // Deleted: nobody wants to know any more.
        Err(StoreError::NotFound(_)) => return Step::of(JobState::Done, &at, Duration::ZERO),
        Err(e) => return Err(e),
    };
    if at.ran >= simulation.what.trials {
        tenant.store.end_simulation(simulation.id, SimulationState::Done, None).await?;
        return Step::of(JobState::Done, &at, Duration::ZERO);
    }
    let seed = u64::from(simulation.what.seed) + u64::from(at.ran);
    match api.simulator.run(&simulation.what.scenario, seed).await {
        Ok(run) => {
            let json = serde_json::to_string(&run).map_err(|e| StoreError::Broken(format!("a run: {e}")))?;
            let made = SimulationRun { place: at.ran, verdict: run.verdict, run: json };
            tenant.store.add_simulation_run(simulation.id, made).await?;
            (at.ran, at.tries) = (at.ran + 1, 0);
            Step::of(JobState::Running, &at, Duration::ZERO)
        }
        Err(failure) if failure.is_retry() && at.tries + 1 < TRIES => {
            at.tries += 1;
            Step::of(JobState::Running, &at, AGAIN)
        }
        Err(Failure { code, detail, .. }) => {
            let cause = Some(format!("{code}: {detail}"));
            tenant.store.end_simulation(simulation.id, SimulationState::Failed, cause).await?;
            Step::of(JobState::Failed, &at, Duration::ZERO)
        }
    }
}

pub(super) fn show(job: &Job) -> ApiResult<Value> {
    let at: Detail = read(job)?;
    Ok(json!({ "simulation": at.simulation.to_string(), "ran": at.ran }))
}
