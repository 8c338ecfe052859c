//! `show_menu`: what can be ordered now.

use super::shown;
use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    ports::Concierge,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

pub(crate) struct ShowMenu(pub(crate) Arc<dyn Concierge>);

#[async_trait]
impl Tool for ShowMenu {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "show_menu".into(),
            description: "What can be ordered now, with prices.".into(),
            parameters: json!({ "type": "object", "properties": {}, "additionalProperties": false }).to_string(),
            effect: EffectClass::Read,
            timeout: Duration::from_secs(10),
        }
    }

    async fn run(&self, _: Value, inv: &ToolInvocation) -> ToolResult {
        let (items, currency) = match self.0.menu(inv.tenant).await {
            Ok(found) => found,
            Err(failure) => return ToolResult::failed(failure),
        };
        let item = |m: &colloquy_domain::commerce::MenuItem| {
            let d = &m.details;
            json!({
                "name": d.name, "description": d.description, "category": d.category,
                "price": shown::price(d.price, &currency),
            })
        };
        ToolResult::done(json!({ "items": items.iter().map(item).collect::<Vec<_>>() }).to_string())
    }
}
