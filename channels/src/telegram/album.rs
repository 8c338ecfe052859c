//! Albums in groups: each piece is a message of its own, and only one of them has the words that call the bot. The others belong
//! to it, whichever comes first.

use super::decode::NOT_ADDRESSED;
use colloquy_domain::{channel::ChannelEvent, ids::ChannelId};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The pieces of an album come one right after the other.
const TOGETHER: Duration = Duration::from_secs(60);
/// Pieces that are kept of one album: it has no more.
const PIECES: usize = 10;
/// Albums that are remembered of one account.
const ALBUMS: usize = 200;

/// Albums of the last minute, by account, chat and album; kept on each node, and lost with it.
#[derive(Default)]
pub(super) struct Albums(Mutex<BTreeMap<ChannelId, BTreeMap<String, Album>>>);

struct Album {
    until: Instant,
    /// One of its pieces was meant for the bot.
    heard: bool,
    /// Pieces that came before that one.
    kept: Vec<ChannelEvent>,
}

impl Albums {
    /// What a piece brings: `event` is what it is by itself, `heard` what it is if its album is meant for the bot.
    pub(super) fn gather(
        &self,
        channel: ChannelId,
        album: String,
        event: ChannelEvent,
        heard: ChannelEvent,
    ) -> Vec<ChannelEvent> {
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let albums = channels.entry(channel).or_default();
        let now = Instant::now();
        albums.retain(|_, album| album.until > now);
        if albums.len() >= ALBUMS && !albums.contains_key(&album) {
            return vec![event];
        }
        let new = || Album { until: now + TOGETHER, heard: false, kept: Vec::new() };
        let album = albums.entry(album).or_insert_with(new);
        let alone = matches!(&event, ChannelEvent::Ignored { kind } if kind == NOT_ADDRESSED);
        if alone && !album.heard {
            if album.kept.len() < PIECES {
                album.kept.push(heard);
            }
            return vec![event];
        }
        album.heard = true;
        let mut all = std::mem::take(&mut album.kept);
        all.push(if alone { heard } else { event });
        all
    }
}
