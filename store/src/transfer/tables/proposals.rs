//! Documents that were proposed, and what would be answered with them.

use super::{
    Kind::{Int, Text, Uuid},
    Table, table,
};

pub(super) const PROPOSALS: Table = table(
    "proposals",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("knowledge_base_id", Uuid),
        ("state", Text),
        ("questions", Int),
        ("created_at", Int),
        ("updated_at", Int),
    ],
);

pub(super) const PROPOSAL_ANSWERS: Table = table(
    "proposal_answers",
    2,
    &[
        ("proposal_id", Uuid),
        ("place", Int),
        ("tenant_id", Uuid),
        ("conversation_id", Uuid),
        ("turn", Int),
        ("question", Text),
        ("before", Text),
        ("after", Text),
        ("change", Text),
        ("asked_at", Int),
    ],
);
