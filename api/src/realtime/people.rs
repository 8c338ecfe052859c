//! Who of a team is connected, on this node and on the others.

use colloquy_domain::{
    ids::{ConversationId, UserId},
    placement::NodeId,
    ports::Connected,
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};
use tokio::time::Instant;

/// A node that said nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// People whom a node tells of, and conversations of each: a message between nodes has a size.
const MOST_PEOPLE: usize = 500;
const MOST_CONVERSATIONS: usize = 20;

/// The connections of this node and what other nodes told.
#[derive(Default)]
pub struct People {
    own: HashMap<u64, Connected>,
    others: HashMap<NodeId, (Instant, Vec<Connected>)>,
    next: u64,
}

impl People {
    /// Somebody came; the number is their connection's.
    pub fn come(&mut self, person: Connected) -> u64 {
        self.next += 1;
        self.own.insert(self.next, person);
        self.next
    }

    pub fn leave(&mut self, connection: u64) {
        self.own.remove(&connection);
    }

    /// What a connection has open now.
    pub fn open(&mut self, connection: u64, conversations: Vec<ConversationId>) {
        if let Some(person) = self.own.get_mut(&connection) {
            person.conversations = conversations;
        }
    }

    /// What another node told of its own.
    pub fn told(&mut self, node: NodeId, people: Vec<Connected>, now: Instant) {
        if people.is_empty() {
            self.others.remove(&node);
        } else {
            self.others.insert(node, (now, people));
        }
    }

    /// This node's, as the others are told.
    pub fn own(&self) -> Vec<Connected> {
        let mut own = merged(self.own.values());
        own.truncate(MOST_PEOPLE);
        own.iter_mut().for_each(|p| p.conversations.truncate(MOST_CONVERSATIONS));
        own
    }

    /// Each person once, whatever they are connected with.
    pub fn all(&mut self, now: Instant) -> Vec<Connected> {
        self.others.retain(|_, (told, _)| now.saturating_duration_since(*told) < SILENCE);
        merged(self.own.values().chain(self.others.values().flat_map(|(_, people)| people)))
    }
}

fn merged<'p>(people: impl Iterator<Item = &'p Connected>) -> Vec<Connected> {
    let mut by_user: BTreeMap<UserId, Connected> = BTreeMap::new();
    for person in people {
        let known = by_user.entry(person.user).or_insert_with(|| Connected {
            user: person.user,
            name: person.name.clone(),
            conversations: Vec::new(),
        });
        known.conversations.extend(&person.conversations);
    }
    let mut all: Vec<Connected> = by_user.into_values().collect();
    for person in &mut all {
        person.conversations.sort_unstable();
        person.conversations.dedup();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn person(user: u128, conversations: &[u128]) -> Connected {
        let conversations = conversations.iter().map(|c| ConversationId::new(Uuid::from_u128(*c))).collect();
        Connected { user: UserId::new(Uuid::from_u128(user)), name: format!("p{user}"), conversations }
    }

    // req: S1-RT-1
    #[test]
    fn a_person_is_there_once_and_as_long_as_one_of_their_connections_is() {
        let (mut people, node, now) = (People::default(), NodeId(Uuid::from_u128(9)), Instant::now());
        let phone = people.come(person(1, &[7]));
        let desk = people.come(person(1, &[8, 7]));
        people.told(node, vec![person(1, &[9]), person(2, &[])], now);
        assert_eq!(people.all(now), [person(1, &[7, 8, 9]), person(2, &[])]);
        assert_eq!(people.own(), [person(1, &[7, 8])], "others are told of this node's only");
        people.leave(phone);
        people.open(desk, Vec::new());
        assert_eq!(people.own(), [person(1, &[])]);
        assert_eq!(people.all(now + SILENCE), [person(1, &[])], "the other node is silent");
        people.told(node, vec![person(2, &[])], now);
        people.told(node, Vec::new(), now);
        people.leave(desk);
        assert!(people.all(now).is_empty());
    }
}
