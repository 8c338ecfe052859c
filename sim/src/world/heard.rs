//! What people were told, so that they can answer.

use crate::people::Ear;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Default)]
pub struct Heard(Mutex<BTreeMap<String, Arc<Ear>>>);

impl Heard {
    pub fn tell(&self, who: &str, text: &str) {
        self.ear(who).hear(text);
    }

    /// Of this person.
    pub fn ear(&self, who: &str) -> Arc<Ear> {
        let mut ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ear) = ears.get(who) {
            return Arc::clone(ear);
        }
        Arc::clone(ears.entry(who.to_owned()).or_default())
    }
}
