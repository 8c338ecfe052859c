//! What clients would see.

use super::Seam;
use colloquy_domain::ports::{Announcer, Notice};

pub struct Listener(pub Seam);

impl Announcer for Listener {
    fn announce(&self, notice: Notice) {
        let seam = &self.0;
        if !seam.gate.is_open() {
            return;
        }
        match notice {
            Notice::Settled { conversation, settled, .. } => {
                let told: Vec<String> = settled.iter().map(|s| format!("#{} {}", s.seq, s.outcome.name())).collect();
                seam.note("announced", &seam.called(conversation), told.join(" "));
            }
            Notice::Replied { conversation, reply, .. } => {
                seam.core.replied(conversation, &reply.text);
            }
            _ => {}
        }
    }
}
