//! People with two addresses at their provider (WhatsApp's numbers and business-scoped ids): what comes from the one is
//! theirs who is reached at the other.

use crate::state::Api;
use colloquy_domain::{
    channel::{AddressTie, ChannelAccount},
    ids::ChannelId,
    ports::{ChannelDriver, StoreError},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Every message of somebody ties their addresses again: the store is asked once in a while.
const REMEMBERED: Duration = Duration::from_secs(600);
const MOST: usize = 50_000;

/// What was tied lately: the address of each alias.
#[derive(Debug, Default)]
pub struct Aliases(Mutex<HashMap<(ChannelId, String), (String, Instant)>>);

impl Aliases {
    fn knows(&self, channel: ChannelId, tie: &AddressTie) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&(channel, tie.alias.clone()));
        found.is_some_and(|(address, since)| *address == tie.address && since.elapsed() < REMEMBERED)
    }

    fn learn(&self, channel: ChannelId, tie: AddressTie) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert((channel, tie.alias), (tie.address, Instant::now()));
    }
}

/// A provider says that both are one person's addresses.
///
/// # Errors
/// The store's.
pub async fn tied(api: &Api, account: &ChannelAccount, tie: AddressTie) -> Result<(), StoreError> {
    if api.aliases.knows(account.id, &tie) {
        return Ok(());
    }
    let known = api.store.tenant(account.tenant).of_alias(account.id, &tie.alias).await?;
    if !known.is_some_and(|k| k.address == tie.address && !k.kept_there) {
        tie_up(api, account, &tie).await?;
    }
    api.aliases.learn(account.id, tie);
    Ok(())
}

/// Where the person is known who wrote from this address.
///
/// # Errors
/// The store's.
pub async fn known_at(
    api: &Api,
    account: &ChannelAccount,
    driver: &dyn ChannelDriver,
    address: String,
) -> Result<String, StoreError> {
    if !driver.may_be_alias(&address) {
        return Ok(address);
    }
    let Some(known) = api.store.tenant(account.tenant).of_alias(account.id, &address).await? else {
        return Ok(address);
    };
    if known.kept_there {
        // Their first two messages came at the same time, each from another address.
        let tie = AddressTie { address: known.address.clone(), alias: address, at: api.clock.now() };
        tie_up(api, account, &tie).await?;
    }
    Ok(known.address)
}

async fn tie_up(api: &Api, account: &ChannelAccount, tie: &AddressTie) -> Result<(), StoreError> {
    let moved = api.store.tenant(account.tenant).tie_address(account.id, tie).await?;
    for conversation in moved.into_iter().flat_map(|m| m.conversations) {
        api.node.renew(account.tenant, conversation);
    }
    Ok(())
}
