//! Message templates, ours and those that providers keep.

use super::{Page, PageRequest, TenantStore, found};
use crate::{
    db::{self, Conn},
    error::{conflict_on, store_error, unreadable},
    records,
    sql::templates as sql,
};
use colloquy_domain::{
    channel::TemplateUpdate,
    ids::{ChannelId, TemplateId},
    ports::StoreError,
    template::{Category, Registered, Template, TemplateStatus},
    time::Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

/// A template as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTemplate {
    pub id: TemplateId,
    /// Whose provider approves it; none for texts of our own.
    pub channel: Option<ChannelId>,
    pub template: Template,
    pub status: TemplateStatus,
    /// Why it was rejected.
    pub reason: Option<String>,
    pub provider_id: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a synchronisation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Synchronised {
    pub added: u64,
    pub changed: u64,
    /// The provider has them no more.
    pub missing: u64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    channel_id: Option<Uuid>,
    name: String,
    language: String,
    category: String,
    components: String,
    status: String,
    reason: Option<String>,
    provider_id: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn template(self) -> Result<KeptTemplate, StoreError> {
        let categories = [Category::Marketing, Category::Utility, Category::Authentication];
        let category = categories.into_iter().find(|c| c.name() == self.category);
        let template = Template {
            name: self.name,
            category: category.ok_or_else(|| unreadable("category"))?,
            language: self.language,
            components: records::read("components", &self.components)?,
        };
        Ok(KeptTemplate {
            id: TemplateId::new(self.id),
            channel: self.channel_id.map(ChannelId::new),
            template,
            status: TemplateStatus::named(&self.status).ok_or_else(|| unreadable("status of a template"))?,
            reason: self.reason,
            provider_id: self.provider_id,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

impl TenantStore {
    /// One of our own, or one that the channel's provider was handed.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is one of this name and language, or the store's.
    pub async fn create_template(
        &self,
        template: Template,
        at_provider: Option<(ChannelId, Registered)>,
    ) -> Result<KeptTemplate, StoreError> {
        let (id, now) = (TemplateId::new(self.store.uuid()), self.store.now());
        let (channel, registered) = at_provider.unzip();
        let kept = KeptTemplate {
            id,
            channel,
            template,
            status: registered.as_ref().map_or(TemplateStatus::Local, |r| r.status),
            reason: registered.as_ref().and_then(|r| r.reason.clone()),
            provider_id: registered.map(|r| r.id),
            created_at: now,
            updated_at: now,
        };
        let tenant = self.key();
        self.tell(move |conn| {
            let kept = kept.clone();
            async move { add(conn, tenant, &kept).await }.boxed()
        })
        .await?;
        self.template(id).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn template(&self, id: TemplateId) -> Result<KeptTemplate, StoreError> {
        let row: Option<Row> = self.one(sql::TEMPLATE, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("template"))?.template()
    }

    /// The oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn templates(&self, request: PageRequest) -> Result<Page<KeptTemplate>, StoreError> {
        let page: Page<Row> = self.page(sql::TEMPLATES, sql::COUNT, request).await?;
        page.try_map(Row::template)
    }

    /// What a channel can send under a name, in all its languages; the channel's own first.
    ///
    /// # Errors
    /// The store's.
    pub async fn templates_named(&self, channel: ChannelId, name: &str) -> Result<Vec<KeptTemplate>, StoreError> {
        let query = db::query_as(sql::BY_NAME).bind(self.key()).bind(name).bind(channel.uuid());
        let rows: Vec<Row> = query.fetch_all(self.reads()).await.map_err(store_error)?;
        rows.into_iter().map(Row::template).collect()
    }

    /// Category and components, status, reason and the provider's id; name, language and channel stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn update_template(&self, kept: KeptTemplate) -> Result<KeptTemplate, StoreError> {
        let (tenant, now, id) = (self.key(), self.store.now().millis(), kept.id);
        self.tell(move |conn| {
            let kept = kept.clone();
            async move { set(conn, tenant, &kept, now).await }.boxed()
        })
        .await?;
        self.template(id).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn delete_template(&self, id: TemplateId) -> Result<(), StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            let query = db::query(sql::DELETE).bind(tenant).bind(id.uuid());
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "template") }.boxed()
        })
        .await
    }

    /// What a provider told by itself; words that are older than those before change nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn template_told(&self, update: TemplateUpdate) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            let query = db::query(sql::TOLD).bind(tenant).bind(update.id.clone()).bind(update.status.name());
            let query = query.bind(update.reason.clone()).bind(update.at.millis()).bind(now);
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }

    /// Makes the channel's templates those that its provider has.
    ///
    /// # Errors
    /// The store's.
    pub async fn synchronise_templates(
        &self,
        channel: ChannelId,
        all: Vec<Registered>,
    ) -> Result<Synchronised, StoreError> {
        let (tenant, now) = (self.key(), self.store.now());
        let fresh: Vec<(Uuid, Registered)> = all.into_iter().map(|r| (self.store.uuid(), r)).collect();
        self.tell(move |conn| {
            let fresh = fresh.clone();
            async move { synchronise(conn, tenant, channel, fresh, now).await }.boxed()
        })
        .await
    }
}

async fn add(conn: &mut Conn, tenant: Uuid, kept: &KeptTemplate) -> Result<(), StoreError> {
    let t = &kept.template;
    let query = db::query(sql::ADD).bind(kept.id.uuid()).bind(tenant).bind(kept.channel.map(ChannelId::uuid));
    let query = query.bind(t.name.clone()).bind(t.language.clone()).bind(t.category.name());
    let query = query.bind(records::write(&t.components)?).bind(kept.status.name()).bind(kept.reason.clone());
    let query = query.bind(kept.provider_id.clone()).bind(kept.created_at.millis());
    query.execute(conn).await.map(|_| ()).map_err(conflict_on("name"))
}

async fn set(conn: &mut Conn, tenant: Uuid, kept: &KeptTemplate, now: i64) -> Result<(), StoreError> {
    let query = db::query(sql::SET).bind(tenant).bind(kept.id.uuid()).bind(kept.template.category.name());
    let query = query.bind(records::write(&kept.template.components)?).bind(kept.status.name());
    let query = query.bind(kept.reason.clone()).bind(kept.provider_id.clone()).bind(now);
    found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "template")
}

async fn synchronise(
    conn: &mut Conn,
    tenant: Uuid,
    channel: ChannelId,
    all: Vec<(Uuid, Registered)>,
    now: Timestamp,
) -> Result<Synchronised, StoreError> {
    let query = db::query_as(sql::OF_CHANNEL).bind(tenant).bind(channel.uuid());
    let rows: Vec<Row> = query.fetch_all(&mut *conn).await.map_err(store_error)?;
    let mut known = rows.into_iter().map(Row::template).collect::<Result<Vec<_>, _>>()?;
    let mut done = Synchronised::default();
    for (id, registered) in all {
        let Registered { id: provider_id, status, reason, template } = registered;
        let same = |k: &KeptTemplate| k.template.name == template.name && k.template.language == template.language;
        let before = known.iter().position(same).map(|place| known.swap_remove(place));
        let kept = KeptTemplate {
            id: before.as_ref().map_or(TemplateId::new(id), |k| k.id),
            channel: Some(channel),
            template,
            status,
            reason,
            provider_id: Some(provider_id),
            created_at: before.as_ref().map_or(now, |k| k.created_at),
            updated_at: before.as_ref().map_or(now, |k| k.updated_at),
        };
        match before {
            None => {
                add(conn, tenant, &kept).await?;
                done.added += 1;
            }
            Some(before) if before != kept => {
                set(conn, tenant, &kept, now.millis()).await?;
                done.changed += 1;
            }
            Some(_) => {}
        }
    }
    for gone in known.into_iter().filter(|k| k.status != TemplateStatus::Deleted) {
        set(conn, tenant, &KeptTemplate { status: TemplateStatus::Deleted, ..gone }, now.millis()).await?;
        done.missing += 1;
    }
    Ok(done)
}
