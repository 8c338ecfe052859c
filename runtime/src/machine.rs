//! The machine's clock, ids and randomness: the only place where they are read.

use colloquy_domain::{
    ports::{Clock, Ids},
    time::Timestamp,
};
use rand::{TryRng, rngs::SysRng};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// The wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port's implementation")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// UUIDv7 from the wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct MachineIds;

impl Ids for MachineIds {
    #[expect(clippy::disallowed_methods, reason = "this is the port's implementation")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// 32 bytes for a new key, from the operating system.
///
/// # Errors
/// The operating system has none to give.
pub fn key_bytes() -> std::io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes).map_err(|e| std::io::Error::other(e.to_string()))?;
    Ok(bytes)
}
