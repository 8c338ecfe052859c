//! What conversations cost in memory, and what those that were active once cost the next message.

use super::{
    chat::{Chat, Times, settle},
    figures::Percentiles,
    rig::{Base, Rig},
};
use serde::Serialize;
use std::time::Duration;

/// Longer than it takes to activate [`ACTIVE`] conversations; after it they leave memory.
const IDLE: Duration = Duration::from_secs(30);
const ACTIVE: usize = 20_000;
const ONCE_ACTIVE: usize = 100_000;
/// Conversations before the first look: caches and pools have their size.
const WARM: usize = 2_000;
/// Messages, one after the other, whose times make a median.
const ASKED: usize = 400;

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Memory {
    /// In memory when it was measured.
    pub active: u64,
    /// `None` where this system does not tell.
    pub bytes_per_active: Option<f64>,
    /// Of as many other conversations, after the first ones left memory.
    pub bytes_per_active_again: Option<f64>,
    pub active_after_idle: u64,
    pub once_active: u64,
    /// Milliseconds of one message with an empty store, and behind `once_active` conversations: of someone new, and of
    /// someone who is back.
    pub message_when_empty: f64,
    pub message_of_new: f64,
    pub message_of_returning: f64,
}

/// # Errors
/// The application's.
pub async fn measure(base: &Base) -> anyhow::Result<Memory> {
    let rig = Rig::start(base, "memory", IDLE).await?;
    let chat = Chat::new(&rig);
    let mut found = Memory::default();
    median_of(&chat, "warm").await?;
    found.message_when_empty = median_of(&chat, "empty").await?;
    fill(&rig, &chat, "warm", WARM).await?;

    let before = (resident(), rig.app.node().active_conversations());
    fill(&rig, &chat, "first", ACTIVE).await?;
    found.active = rig.app.node().active_conversations() as u64;
    found.bytes_per_active = growth(before, found.active);
    found.active_after_idle = passivated(&rig).await;

    let empty = resident();
    fill(&rig, &chat, "second", ACTIVE).await?;
    found.bytes_per_active_again = growth((empty, 0), rig.app.node().active_conversations() as u64);

    let so_far = WARM + 2 * ACTIVE;
    fill(&rig, &chat, "rest", ONCE_ACTIVE - so_far).await?;
    passivated(&rig).await;
    found.once_active = ONCE_ACTIVE as u64;
    found.message_of_new = median_of(&chat, "new").await?;
    found.message_of_returning = median_of(&chat, "first-").await?;
    rig.stop().await;
    Ok(found)
}

async fn fill(rig: &Rig, chat: &Chat, name: &str, count: usize) -> anyhow::Result<()> {
    chat.write_all((0..count).map(|n| format!("{name}-{n}"))).await?;
    settle(rig).await
}

async fn median_of(chat: &Chat, name: &str) -> anyhow::Result<f64> {
    let mut times = Times::default();
    for n in 0..ASKED {
        times.add(chat.ask(&format!("{name}{n}")).await?);
    }
    Ok(Percentiles::of(times.added).p50)
}

/// Waits until all have left memory, for a while; how many have not.
async fn passivated(rig: &Rig) -> u64 {
    for _ in 0..400 {
        if rig.app.node().active_conversations() == 0 {
            break;
        }
        tokio::time::sleep(IDLE / 100).await;
    }
    rig.app.node().active_conversations() as u64
}

fn growth((before, active_before): (Option<u64>, usize), active: u64) -> Option<f64> {
    let grown = resident()?.saturating_sub(before?);
    let more = active.saturating_sub(active_before as u64).max(1);
    Some(grown as f64 / more as f64)
}

/// Bytes of this process in memory, as Linux tells it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
