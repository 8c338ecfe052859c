//! Scenarios that teams have run.

pub(crate) const ADD: &str = "INSERT INTO simulations (tenant_id, id, name, scenario, seed, trials, state, author_kind, \
     author_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $8, $9, $9)";

pub(crate) const GET: &str = "SELECT s.id, s.name, s.scenario, s.seed, s.trials, s.state, s.cause, s.author_kind, \
     s.author_id, s.created_at, s.updated_at, (SELECT COUNT(*) FROM simulation_runs r WHERE r.simulation_id = s.id \
     AND r.tenant_id = s.tenant_id) AS ran, (SELECT COUNT(*) FROM simulation_runs r WHERE r.simulation_id = s.id \
     AND r.tenant_id = s.tenant_id AND r.verdict = 'pass') AS passed \
     FROM simulations s WHERE s.tenant_id = $1 AND s.id = $2";

/// The newest first.
pub(crate) const LIST: &str = "SELECT s.id, s.name, s.scenario, s.seed, s.trials, s.state, s.cause, s.author_kind, \
     s.author_id, s.created_at, s.updated_at, (SELECT COUNT(*) FROM simulation_runs r WHERE r.simulation_id = s.id \
     AND r.tenant_id = s.tenant_id) AS ran, (SELECT COUNT(*) FROM simulation_runs r WHERE r.simulation_id = s.id \
     AND r.tenant_id = s.tenant_id AND r.verdict = 'pass') AS passed \
     FROM simulations s WHERE s.tenant_id = $1 ORDER BY s.id DESC LIMIT $2 OFFSET $3";
pub(crate) const COUNT: &str = "SELECT COUNT(*) FROM simulations WHERE tenant_id = $1";

pub(crate) const END: &str = "UPDATE simulations SET state = $3, cause = $4, updated_at = $5 WHERE tenant_id = $1 \
     AND id = $2 AND state = 'running'";

pub(crate) const DELETE_RUNS: &str = "DELETE FROM simulation_runs WHERE tenant_id = $1 AND simulation_id = $2";
pub(crate) const DELETE: &str = "DELETE FROM simulations WHERE tenant_id = $1 AND id = $2";

/// A repeated step writes the same place; one that was deleted meanwhile takes no more.
pub(crate) const ADD_RUN: &str = "INSERT INTO simulation_runs (simulation_id, place, tenant_id, verdict, run, ran_at) \
     SELECT s.id, $3, s.tenant_id, $4, $5, $6 FROM simulations s WHERE s.tenant_id = $1 AND s.id = $2 \
     ON CONFLICT (simulation_id, place) DO NOTHING";

pub(crate) const RUN: &str =
    "SELECT place, verdict, run FROM simulation_runs WHERE simulation_id = $2 AND tenant_id = $1 AND place = $3";

pub(crate) const RUNS: &str = "SELECT place, verdict, run FROM simulation_runs \
     WHERE simulation_id = $4 AND tenant_id = $1 ORDER BY place LIMIT $2 OFFSET $3";
pub(crate) const COUNT_RUNS: &str = "SELECT COUNT(*) FROM simulation_runs WHERE simulation_id = $2 AND tenant_id = $1";
