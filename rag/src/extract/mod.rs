//! Extraction in a child process that may be killed: `child` runs there, `parent` starts and watches it.

mod child;
mod parent;
mod public;

pub use crate::formats::ExtractLimits;
pub use child::{ORPHANED, limit_this_process, run_in_child};
pub use parent::Extractor;
pub use public::public_json;
