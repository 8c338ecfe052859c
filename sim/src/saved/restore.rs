//! From a file to a world that goes on.

use super::{AllBefore, Before, FORMAT, Saved, wire::timestamp};
use crate::{
    scenario::{ChannelKind, LoadError, WorldSpec},
    world::Core,
};
use colloquy_domain::time::Timestamp;
use std::{fs, path::Path};

impl Saved {
    /// # Errors
    /// Where it cannot be read, with the field of the scenario that names it; where it does not fit the world.
    pub fn load(path: &Path, world: &WorldSpec) -> Result<Self, LoadError> {
        let failed = |why: String| LoadError::Field("world.resume_from".into(), format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
        let saved: Self = serde_json::from_str(&text).map_err(|e| failed(e.to_string()))?;
        if saved.format != FORMAT {
            return Err(failed(format!("its format is {:?} instead of {FORMAT:?}", saved.format)));
        }
        saved.fits(world).map_err(failed)?;
        Ok(saved)
    }

    /// # Errors
    /// Names what this world lacks.
    fn fits(&self, world: &WorldSpec) -> Result<(), String> {
        timestamp(&self.ended)?;
        for conversation in &self.conversations {
            if !world.channels.iter().any(|c| c.name == conversation.channel) {
                return Err(format!("there is no channel {:?} for its conversations", conversation.channel));
            }
        }
        for document in &self.documents {
            if !world.knowledge.iter().any(|b| b.name == document.base) {
                return Err(format!("there is no knowledge base {:?} for its documents", document.base));
            }
        }
        Ok(())
    }

    /// When it ended.
    #[must_use]
    pub fn ended(&self) -> Timestamp {
        timestamp(&self.ended).unwrap_or_default()
    }
}

/// Puts everything into a world that has not begun; returns how much of each conversation was there before.
///
/// # Errors
/// Shows what cannot be read.
pub fn restore(core: &Core, saved: &Saved, world: &WorldSpec) -> Result<AllBefore, String> {
    let mut before = AllBefore::new();
    for conversation in &saved.conversations {
        let Some(account) = core.account_named(&conversation.channel) else { continue };
        let is_pull = |kind| matches!(kind, ChannelKind::Webchat);
        let pull = world.channels.iter().any(|c| c.name == conversation.channel && is_pull(c.kind));
        let standing = conversation.standing((account.tenant, account.id), pull, |name| core.agent_named(name))?;
        let who = format!("{}/{}", conversation.channel, conversation.peer);
        before.insert(who.clone(), Before { inbox: standing.inbox.len(), lines: standing.lines.len() });
        core.store.put_standing(standing);
        if let Some(at) = &conversation.wrote_at {
            core.network.wrote(&who, timestamp(at)?);
        }
    }
    core.network.go_on_from(&saved.updates);
    for document in &saved.documents {
        core.library.restore(&core.store, &document.base, &document.name, &document.text);
    }
    Ok(before)
}
