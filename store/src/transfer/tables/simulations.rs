//! Scenarios that teams have run.

use super::{
    Kind::{Int, Text, Uuid},
    Table, table,
};

pub(super) const SIMULATIONS: Table = table(
    "simulations",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("name", Text),
        ("scenario", Text),
        ("seed", Int),
        ("trials", Int),
        ("state", Text),
        ("cause", Text),
        ("author_kind", Text),
        ("author_id", Uuid),
        ("created_at", Int),
        ("updated_at", Int),
    ],
);

pub(super) const SIMULATION_RUNS: Table = table(
    "simulation_runs",
    2,
    &[("simulation_id", Uuid), ("place", Int), ("tenant_id", Uuid), ("verdict", Text), ("run", Text), ("ran_at", Int)],
);
