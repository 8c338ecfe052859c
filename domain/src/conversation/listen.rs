//! Recordings among the messages: they are listened to as soon as they are there, each once, and what waits with them is
//! answered when it is known what they say. So the order in which a person spoke and wrote stays.

use super::{decide::Draft, effect::Effect, event::Event, state::Phase};
use crate::{
    failure::Failure,
    ids::Seq,
    message::{Heard, InboxItem},
    model::{Transcript, Usage},
};

impl Draft<'_> {
    /// Something that waits cannot be read yet.
    pub(super) fn is_unheard(&self) -> bool {
        self.c.waiting.iter().any(InboxItem::is_unheard)
    }

    /// Listens to what waits and nobody listens to.
    pub(super) fn listen(&mut self) {
        let unheard = self.c.waiting.iter().filter(|i| i.is_unheard()).map(|i| i.seq);
        let messages: Vec<Seq> = unheard.filter(|m| !self.c.listening.contains(m)).collect();
        if messages.is_empty() {
            return;
        }
        self.event(Event::ListeningBegan { messages: messages.clone() });
        for message in messages {
            self.effect(Effect::Listen { message });
        }
    }

    /// What could not be heard is written down as well: nobody pays for trying again, and the person is told.
    pub(super) fn heard(&mut self, message: Seq, result: Result<Transcript, Failure>) {
        if !self.c.listening.contains(&message) {
            return;
        }
        let (heard, usage) = match result {
            Ok(said) if said.text.trim().is_empty() => {
                (Heard::Nothing { cause: Heard::SILENCE.to_owned() }, said.usage)
            }
            Ok(said) => (Heard::Words { text: said.text.trim().to_owned() }, said.usage),
            Err(failure) => (Heard::Nothing { cause: failure.code }, Usage::default()),
        };
        if let Heard::Words { text } = &heard {
            self.follow_words(text);
        }
        self.event(Event::Heard { message, heard, usage });
        if self.c.waiting.is_empty() {
            return;
        }
        match self.c.phase.clone() {
            Phase::Idle => {}
            Phase::Gathering(_) => self.gather(),
            Phase::Turn(t) => self.arrived_during(&t),
        }
    }
}
