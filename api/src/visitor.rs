//! Who a visitor of a web chat says they are. Nobody verified it: it says so where the team sees it, and opens nothing.

use crate::{endpoints::contacts, error::ApiResult, state::Api};
use colloquy_domain::channel::ChannelAccount;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};

/// The contact's attribute with the address; `email` itself is for what the team knows.
const ATTRIBUTE: &str = "email_unverified";
/// How often, and how many times, it is looked whether the visitor's first message has made their contact.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOKS: u32 = 120;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Visitor {
    /// As the team sees who writes; the first one names the contact.
    pub name: Option<String>,
    /// Kept as the contact's attribute `email_unverified`.
    pub email: Option<String>,
}

impl Visitor {
    /// As it is kept.
    ///
    /// # Errors
    /// What is wrong, naming the field.
    pub fn checked(self) -> ApiResult<Self> {
        let name = self.name.map(|text| contacts::name("visitor.name", &text)).transpose()?;
        let email = self.email.map(|text| contacts::email("visitor.email", &text)).transpose()?;
        Ok(Self { name, email })
    }
}

/// Keeps the address, as soon as there is a contact to keep it of. Pages say it with each message: what is not kept once
/// comes again.
pub fn introduce(api: &Arc<Api>, account: &ChannelAccount, session: &str, email: String) {
    let (store, channel, session) = (api.store.tenant(account.tenant), account.id, session.to_owned());
    tokio::spawn(async move {
        for _ in 0..LOOKS {
            match store.describe_contact(channel, &session, ATTRIBUTE, &email).await {
                Ok(true) => return,
                Ok(false) => tokio::time::sleep(LOOK_EVERY).await,
                Err(e) => {
                    tracing::warn!(tenant.id = %store.id(), error = %e, "what a visitor said of themselves not kept");
                    return;
                }
            }
        }
    });
}
