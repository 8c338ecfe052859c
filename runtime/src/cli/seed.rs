use super::create_admin::open_store;
use crate::{
    config::Config,
    exit::{CommandResult, Outcome},
    machine::{self, MachineIds},
    out,
};
use clap::Args;
use colloquy_api::new_user;
use colloquy_domain::{
    access::Role,
    agent::AgentProfile,
    channel::{ChannelAccount, ChannelKind},
    ids::{AgentId, ChannelId, TenantId},
    language::Language,
    ports::Ids as _,
};
use colloquy_store::{Actor, PageRequest, Store};
use std::collections::BTreeMap;

const SLUG: &str = "demo-hvac";
const NAME: &str = "Demo HVAC";
const AGENT: &str = "Receptionist";
const INSTRUCTIONS: &str = "You are the receptionist of Demo HVAC, a company that installs and repairs heating and air \
                            conditioning. Be brief and friendly. Ask for the address and the urgency of a repair, and hand \
                            over to a person whenever somebody smells gas.";
const PEOPLE: [(&str, &str, Role); 3] = [
    ("owner@demo-hvac.example", "Olivia Owner", Role::Owner),
    ("admin@demo-hvac.example", "Adam Admin", Role::Admin),
    ("operator@demo-hvac.example", "Oscar Operator", Role::Operator),
];

/// Make the demonstration tenant: people, an agent, a public web chat
///
/// The tenant `demo-hvac`, with an owner, an admin and an operator who share a password that is made now and shown once. What
/// is there already stays as it is. The server may be running.
///
/// Example:
///   colloquy seed
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Seed {}

impl Seed {
    pub async fn run(self, config: &Config) -> CommandResult {
        let (store, folder) = open_store(config, "seed").await?;
        let result = seed(&store, config).await;
        store.close().await;
        drop(folder);
        result
    }
}

async fn seed(store: &Store, config: &Config) -> CommandResult {
    let installation = store.installation();
    let tenant = match installation.tenant_by_slug(SLUG).await? {
        Some(tenant) => tenant,
        None => installation.create_tenant(SLUG, NAME).await?,
    };
    let password = hex::encode(&machine::key_bytes()?[..12]);
    let mut made = Vec::new();
    for (email, name, role) in PEOPLE {
        if installation.user_by_email(email).await?.is_none() {
            let user = Box::pin(new_user(email, name, password.clone(), role)).await?;
            store.tenant(tenant.id).create_user(user).await?;
            made.push(email);
        }
    }
    let channel = chat(store, tenant.id, config).await?;
    match made.as_slice() {
        [] => out::line(format_args!("The tenant {SLUG} and its people are there already.")),
        made => {
            out::line(format_args!("Tenant {SLUG}: {} can sign in.", made.join(", ")));
            out::line(format_args!("Password (shown only now): {password}"));
        }
    }
    out::line(format_args!("Web chat: /chat/{channel}"));
    Ok(Outcome::Done)
}

/// The tenant's agent with its web chat; made once.
async fn chat(store: &Store, tenant: TenantId, config: &Config) -> CommandResult<ChannelId> {
    let (rows, first) = (store.tenant(tenant), PageRequest::new(1, 1));
    if let Some(found) = rows.channels(first).await?.items.pop() {
        return Ok(found.account.id);
    }
    let agent = match rows.agents(first).await?.items.pop() {
        Some(found) => found.profile.id,
        None => {
            let id = AgentId::new(MachineIds.uuid());
            let base = rows.ensure_knowledge_base(SLUG).await?;
            let mut profile = AgentProfile::new(tenant, id, AGENT, config.default_model());
            profile.instructions = INSTRUCTIONS.to_owned();
            profile.language = Some(Language::En);
            profile.knowledge = vec![base.id];
            rows.create_agent(profile, Actor::System).await?;
            id
        }
    };
    let channel = ChannelId::new(MachineIds.uuid());
    let account = ChannelAccount {
        tenant,
        id: channel,
        kind: ChannelKind::of("webchat"),
        name: format!("{NAME} web chat"),
        agent,
        external_id: None,
        settings: BTreeMap::from([("public".to_owned(), "true".to_owned())]),
        secrets: BTreeMap::new(),
        enabled: true,
    };
    rows.create_channel(account, true).await?;
    Ok(channel)
}
