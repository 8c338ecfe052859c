//! `GET/POST /api/menu`, `GET/PUT/DELETE /api/menu/{id}`.

use crate::{
    answer::{Created, Deleted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    commerce::Refusal,
    error::{ApiResult, created, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, State};
use colloquy_domain::{
    commerce::{MenuItem, MenuItemDetails},
    ids::MenuItemId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    id: String,
    name: String,
    description: String,
    category: String,
    price_cents: i64,
    available: bool,
    created_at: String,
    updated_at: String,
}

impl From<MenuItem> for Out {
    fn from(m: MenuItem) -> Self {
        Self {
            id: m.id.to_string(),
            name: m.details.name,
            description: m.details.description,
            category: m.details.category,
            price_cents: m.details.price,
            available: m.details.available,
            created_at: rfc3339(m.created_at),
            updated_at: rfc3339(m.updated_at),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Item {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    category: String,
    price_cents: i64,
    #[serde(default = "yes")]
    available: bool,
}

const fn yes() -> bool {
    true
}

impl Item {
    fn details(self) -> ApiResult<MenuItemDetails> {
        let details = MenuItemDetails {
            name: self.name,
            description: self.description,
            category: self.category,
            price: self.price_cents,
            available: self.available,
        };
        let wrong = details.wrong();
        if wrong.is_empty() { Ok(details) } else { Err(Refusal::Wrong(wrong).into()) }
    }
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    page("menu", tenant.store.menu_items(at.into()).await?, Out::from)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(Out::from(tenant.store.menu_item(id.parse::<MenuItemId>()?).await?))
}

pub async fn create(State(_): State<Arc<Api>>, tenant: Tenant, Body(item): Body<Item>) -> ApiResult<Created<Out>> {
    let made = tenant.store.create_menu_item(item.details()?).await?;
    tenant.note("menu_item.created", made.id, "").await?;
    created(Out::from(made))
}

pub async fn replace(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(item): Body<Item>,
) -> ApiResult<Of<Out>> {
    let changed = tenant.store.update_menu_item(id.parse::<MenuItemId>()?, item.details()?).await?;
    tenant.note("menu_item.changed", changed.id, "").await?;
    ok(Out::from(changed))
}

pub async fn remove(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Deleted>> {
    tenant.store.delete_menu_item(id.parse::<MenuItemId>()?).await?;
    tenant.note("menu_item.deleted", &id, "").await?;
    ok(Deleted::of(id))
}
