use super::{Page, PageRequest, TenantStore};
use crate::{
    db,
    error::{store_error, unreadable},
    sql::people as sql,
};
use colloquy_domain::{ids::UserId, ports::StoreError, time::Timestamp};
use futures::FutureExt;
use uuid::Uuid;

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    User(UserId),
    /// An API key, by its id.
    Key(Uuid),
    /// The installation itself, or its command line.
    System,
}

impl Actor {
    pub(crate) const fn parts(self) -> (&'static str, Option<Uuid>) {
        match self {
            Self::User(id) => ("user", Some(id.uuid())),
            Self::Key(id) => ("key", Some(id)),
            Self::System => ("system", None),
        }
    }
}

/// One act of administration. Never holds a secret or what somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    pub actor: Actor,
    /// For example `agent.updated`.
    pub action: String,
    /// On what: an id, or a name.
    pub target: String,
    /// For example, which fields.
    pub detail: String,
}

/// An act as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    pub id: Uuid,
    pub act: Act,
    pub at: Timestamp,
}

type Row = (Uuid, String, Option<Uuid>, String, String, String, i64);

fn line((id, kind, actor, action, target, detail, at): Row) -> Result<AuditLine, StoreError> {
    let actor = read_actor(&kind, actor)?;
    Ok(AuditLine { id, act: Act { actor, action, target, detail }, at: Timestamp(at) })
}

pub(super) fn read_actor(kind: &str, actor: Option<Uuid>) -> Result<Actor, StoreError> {
    match (kind, actor) {
        ("user", Some(id)) => Ok(Actor::User(UserId::new(id))),
        ("key", Some(id)) => Ok(Actor::Key(id)),
        ("system", None) => Ok(Actor::System),
        _ => Err(unreadable("actor")),
    }
}

impl TenantStore {
    /// # Errors
    /// The store's.
    pub async fn note(&self, act: Act) -> Result<(), StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let act = act.clone();
            async move {
                let (kind, actor) = act.actor.parts();
                let query = db::query(sql::ADD_AUDIT).bind(id).bind(tenant).bind(kind).bind(actor);
                let query = query.bind(act.action).bind(act.target).bind(act.detail).bind(now);
                query.execute(conn).await.map(|_| ()).map_err(store_error)
            }
            .boxed()
        })
        .await
    }

    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn audit(&self, request: PageRequest) -> Result<Page<AuditLine>, StoreError> {
        let page: Page<Row> = self.page(sql::AUDIT, sql::COUNT_AUDIT, request).await?;
        page.try_map(line)
    }
}
