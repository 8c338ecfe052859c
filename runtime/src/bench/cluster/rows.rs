//! Who is written to: tenants, each with an agent that answers at once and WhatsApp accounts.

use super::{
    super::{
        neighbour::QUIET,
        rig::{APP_SECRET, profile},
    },
    load::Account,
};
use crate::machine::{MachineClock, MachineIds};
use colloquy_domain::{
    channel::{ChannelAccount, ChannelKind, Secret},
    ids::{AgentId, ChannelId, TenantId},
    ports::Ids,
};
use colloquy_store::{Actor, Database, PostgresOptions, SecretKey, Store, StoreOptions};
use std::{collections::BTreeMap, sync::Arc};

/// Accounts of a tenant: enough that each node has some.
const ACCOUNTS: usize = 12;
/// Messages a second that an account may send: more than there will be.
const RATE: &str = "1000000";

/// The accounts by their tenants.
pub struct Accounts {
    /// The usual tenant's, who is the loud one as well.
    pub usual: Vec<Account>,
    /// One for each quiet tenant, which has no other.
    pub quiet: Vec<Account>,
}

/// What nodes and the one who prepares their database have in common.
pub fn store_options(key: SecretKey) -> StoreOptions {
    StoreOptions { clock: Arc::new(MachineClock), ids: Arc::new(MachineIds), secret_key: key, placement: None }
}

/// Writes the rows before any node runs. Replies go to `graph`.
///
/// # Errors
/// The store's.
pub async fn prepare(database: &Secret, key: SecretKey, graph: &str) -> anyhow::Result<Accounts> {
    let database = Database::Postgres(PostgresOptions::new(database.clone()));
    let store = Store::open(database, store_options(key)).await?;
    let usual = store.installation().ensure_default_tenant().await?.id;
    let mut accounts = Accounts { usual: tenant(&store, usual, graph, 0, ACCOUNTS).await?, quiet: Vec::new() };
    for n in 0..QUIET {
        let quiet = store.installation().create_tenant(&format!("quiet-{n}"), &format!("Quiet {n}")).await?.id;
        accounts.quiet.extend(tenant(&store, quiet, graph, ACCOUNTS + n, 1).await?);
    }
    store.close().await;
    Ok(accounts)
}

async fn tenant(
    store: &Store,
    tenant: TenantId,
    graph: &str,
    first: usize,
    count: usize,
) -> anyhow::Result<Vec<Account>> {
    let rows = store.tenant(tenant);
    let agent = AgentId::new(MachineIds.uuid());
    rows.create_agent(profile(tenant, agent), Actor::System).await?;
    let mut accounts = Vec::with_capacity(count);
    for number in first..first + count {
        let phone = format!("{}", 100_000_000_000_001 + number);
        let pairs = |of: [(&str, &str); 2]| of.map(|(k, v)| (k.to_owned(), v.to_owned()));
        let secrets = [("access_token", "token"), ("app_secret", APP_SECRET), ("verify_token", "word")];
        let account = ChannelAccount {
            tenant,
            id: ChannelId::new(MachineIds.uuid()),
            kind: ChannelKind::of("whatsapp"),
            name: format!("Account {number}"),
            agent,
            external_id: Some(phone.clone()),
            settings: BTreeMap::from(pairs([("api_base", graph), ("messages_per_second", RATE)])),
            secrets: secrets.into_iter().map(|(k, v)| (k.to_owned(), Secret::new(v))).collect(),
            enabled: true,
        };
        accounts.push(Account { channel: account.id, phone });
        rows.create_channel(account, false).await?;
    }
    Ok(accounts)
}
