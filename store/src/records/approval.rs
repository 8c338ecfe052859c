use super::{read, write};
use crate::error::unreadable;
use colloquy_domain::{
    agent::Approvals,
    approval::{Origin, Taint, Why},
    ids::DocumentId,
    ports::StoreError,
};
use serde::{Deserialize, Serialize};

/// Why a person is asked.
#[derive(Debug, Serialize, Deserialize)]
pub struct WhyRecord {
    v: u16,
    policy: ApprovalsRecord,
    taints: Vec<TaintRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TaintRecord {
    argument: String,
    #[serde(flatten)]
    origin: OriginRecord,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
enum OriginRecord {
    Document { document: DocumentId, name: String, page: Option<u32> },
    Tool { tool: String },
    Reply,
    Image,
}

/// See [`Approvals`]; agents from before it have its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalsRecord {
    Never,
    #[default]
    Tainted,
    Unsafe,
}

impl WhyRecord {
    const VERSION: u16 = 1;

    pub(crate) fn json(why: &Why) -> Result<String, StoreError> {
        let taint = |t: &Taint| TaintRecord {
            argument: t.argument.clone(),
            origin: match t.origin.clone() {
                Origin::Document { document, name, page } => OriginRecord::Document { document, name, page },
                Origin::Tool { name } => OriginRecord::Tool { tool: name },
                Origin::Reply => OriginRecord::Reply,
                Origin::Image => OriginRecord::Image,
            },
        };
        write(&Self { v: Self::VERSION, policy: why.policy.into(), taints: why.taints.iter().map(taint).collect() })
    }

    pub(crate) fn parse(text: &str) -> Result<Why, StoreError> {
        let r: Self = read("why of an approval", text)?;
        if r.v != Self::VERSION {
            return Err(unreadable("why of an approval: unknown version"));
        }
        let taint = |t: TaintRecord| Taint {
            argument: t.argument,
            origin: match t.origin {
                OriginRecord::Document { document, name, page } => Origin::Document { document, name, page },
                OriginRecord::Tool { tool } => Origin::Tool { name: tool },
                OriginRecord::Reply => Origin::Reply,
                OriginRecord::Image => Origin::Image,
            },
        };
        Ok(Why { policy: r.policy.into(), taints: r.taints.into_iter().map(taint).collect() })
    }
}

impl From<Approvals> for ApprovalsRecord {
    fn from(a: Approvals) -> Self {
        match a {
            Approvals::Never => Self::Never,
            Approvals::Tainted => Self::Tainted,
            Approvals::Unsafe => Self::Unsafe,
        }
    }
}

impl From<ApprovalsRecord> for Approvals {
    fn from(r: ApprovalsRecord) -> Self {
        match r {
            ApprovalsRecord::Never => Self::Never,
            ApprovalsRecord::Tainted => Self::Tainted,
            ApprovalsRecord::Unsafe => Self::Unsafe,
        }
    }
}
