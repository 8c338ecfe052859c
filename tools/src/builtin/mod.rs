//! The registry of built-in tools: one file and one line each.

mod hand_over;
mod search_knowledge;

use crate::tool::Tool;
use colloquy_domain::ports::Knowledge;
use std::sync::Arc;

pub(crate) fn all(knowledge: Arc<dyn Knowledge>) -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(search_knowledge::SearchKnowledge::new(knowledge)), Arc::new(hand_over::HandOver)]
}
