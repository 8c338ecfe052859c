//! Who runs what in a cluster: partitions, who should own them, and what this node owns under which epoch.
//!
//! An owner is fenced by the database, never by this module: what is said here decides who tries.

use crate::ids::{ChannelId, ConversationId, DocumentId, TenantId};
use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use uuid::Uuid;

/// Partitions of an installation. Never changes: stored epochs are counted for each.
pub const PARTITIONS: usize = 256;

/// The unit of ownership: a 256th of all conversations, accounts and documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(pub u8);

/// Counts the claims of a partition; a write under an old one is refused. 0 on an installation of one node.
pub type Epoch = u64;

/// One run of the program on one machine: a new one at each start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub Uuid);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One ordered part of the ingress log. The embedded log has one, number 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(pub u8);

impl Partition {
    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    fn of(id: Uuid) -> Self {
        // The last byte of a hash: the ids' own bytes are times and counters at some places.
        Self(hash(id.as_bytes()).to_le_bytes()[0])
    }
}

impl From<ConversationId> for Partition {
    fn from(id: ConversationId) -> Self {
        Self::of(id.uuid())
    }
}

impl From<ChannelId> for Partition {
    fn from(id: ChannelId) -> Self {
        Self::of(id.uuid())
    }
}

/// What is done for a tenant as a whole.
impl From<TenantId> for Partition {
    fn from(id: TenantId) -> Self {
        Self::of(id.uuid())
    }
}

impl From<DocumentId> for Partition {
    fn from(id: DocumentId) -> Self {
        Self::of(id.uuid())
    }
}

/// The owner of this partition moves the lane's entries into the inboxes.
impl From<Lane> for Partition {
    fn from(lane: Lane) -> Self {
        Self(lane.0)
    }
}

/// FNV-1a with a finishing mix: stable for ever, because stored rows are placed by it.
fn hash(bytes: &[u8]) -> u64 {
    let folded =
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    let h = (folded ^ (folded >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

/// The lane of one peer's messages, of `lanes` lanes (at least 1).
#[must_use]
pub fn lane_of(channel: ChannelId, peer: &str, lanes: u8) -> Lane {
    let mut key = Vec::with_capacity(16 + peer.len());
    key.extend_from_slice(channel.uuid().as_bytes());
    key.extend_from_slice(peer.as_bytes());
    Lane(u8::try_from(hash(&key) % u64::from(lanes.max(1))).unwrap_or(0))
}

/// What this node owns, and under which epoch. Shared by everything on the node; read without locks.
#[derive(Debug)]
pub struct Ownership {
    /// Twice the epoch, plus 2; plus 1 while the partition is being let go of. 0 is "not ours".
    places: [AtomicU64; PARTITIONS],
}

impl Ownership {
    /// Of an installation of one node: everything, under epoch 0, for ever.
    #[must_use]
    pub fn everything() -> Self {
        Self { places: std::array::from_fn(|_| AtomicU64::new(2)) }
    }

    /// Of a node that has claimed nothing yet.
    #[must_use]
    pub fn nothing() -> Self {
        Self { places: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    fn place(&self, partition: impl Into<Partition>) -> &AtomicU64 {
        &self.places[partition.into().index()]
    }

    /// The epoch under which this node may write in the partition, or `None`.
    #[must_use]
    pub fn epoch(&self, partition: impl Into<Partition>) -> Option<Epoch> {
        (self.place(partition).load(Ordering::Acquire) / 2).checked_sub(1)
    }

    /// Whether this node may begin something in the partition: it owns it and is not letting go of it.
    #[must_use]
    pub fn owns(&self, partition: impl Into<Partition>) -> bool {
        let place = self.place(partition).load(Ordering::Acquire);
        place != 0 && place.is_multiple_of(2)
    }

    /// The partition was claimed under this epoch.
    pub fn claimed(&self, partition: Partition, epoch: Epoch) {
        self.place(partition).store((epoch + 1) * 2, Ordering::Release);
    }

    /// Nothing new begins in the partition; what is under way may still be written down.
    pub fn closing(&self, partition: Partition) {
        // Nothing to mark where it is not ours.
        let _ = self
            .place(partition)
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |place| (place != 0).then_some(place | 1));
    }

    /// The partition is not ours any more; whether it was.
    pub fn lost(&self, partition: Partition) -> bool {
        self.place(partition).swap(0, Ordering::AcqRel) != 0
    }

    /// How many partitions are ours.
    #[must_use]
    pub fn count(&self) -> usize {
        Partition::all().filter(|p| self.epoch(*p).is_some()).count()
    }
}

/// A node as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSession {
    pub node: NodeId,
    /// What people know it by.
    pub name: String,
    /// Since its last heartbeat, on the database's clock.
    pub silent: Duration,
    /// It is about to end, or cut off from the log: it keeps what it has until it lets go, and gets nothing for as long as
    /// there are others.
    pub draining: bool,
}

/// Who owns a partition, as the database knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub owner: Option<NodeId>,
    pub epoch: Epoch,
}

/// What the database told at a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    pub sessions: Vec<NodeSession>,
    /// One for each partition, in order.
    pub claims: Vec<Claim>,
}

/// What a node is to do after a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Nobody alive owns them, and they should be ours: with the epoch that the claim must find.
    pub claim: Vec<(Partition, Epoch)>,
    /// Ours, but another node should have them: to be let go of once their actors have stopped.
    pub hand_over: Vec<Partition>,
}

/// A node that is silent for this long has lost what it owned, whether it knows or not.
pub const LEASE: Duration = Duration::from_secs(8);

/// What `me` is to do, by what the database told.
#[must_use]
pub fn plan(me: NodeId, beat: &Beat) -> Plan {
    let alive: Vec<&NodeSession> = beat.sessions.iter().filter(|s| s.silent < LEASE).collect();
    let fit: Vec<NodeId> = alive.iter().filter(|s| !s.draining).map(|s| s.node).collect();
    // Without the log all are cut off from it: what is in the inboxes goes on all the same.
    let candidates = if fit.is_empty() { alive.iter().map(|s| s.node).collect() } else { fit };
    let mut plan = Plan::default();
    for (partition, claim) in Partition::all().zip(&beat.claims) {
        let wanted = wanted(partition, &candidates);
        let owner = claim.owner.filter(|o| alive.iter().any(|s| s.node == *o));
        match owner {
            Some(owner) if owner == me && wanted.is_some_and(|w| w != me) => plan.hand_over.push(partition),
            None if wanted == Some(me) => plan.claim.push((partition, claim.epoch)),
            _ => {}
        }
    }
    plan
}

/// Rendezvous hashing: the node with the highest draw; when a node comes or goes, only its own partitions move.
#[must_use]
pub fn wanted(partition: Partition, nodes: &[NodeId]) -> Option<NodeId> {
    let draw = |node: &NodeId| {
        let mut key = [0; 17];
        key[..16].copy_from_slice(node.0.as_bytes());
        key[16] = partition.0;
        (hash(&key), *node)
    };
    nodes.iter().copied().max_by_key(draw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(n: u128) -> NodeId {
        NodeId(Uuid::from_u128(n))
    }

    fn session(n: u128, silent: u64, draining: bool) -> NodeSession {
        NodeSession { node: node(n), name: n.to_string(), silent: Duration::from_secs(silent), draining }
    }

    fn beat(sessions: Vec<NodeSession>, owner: Option<NodeId>) -> Beat {
        Beat { sessions, claims: vec![Claim { owner, epoch: 4 }; PARTITIONS] }
    }

    #[test]
    fn places_are_for_ever() {
        // Stored rows are placed by these: a change of the hash would strand them.
        let id = Uuid::from_u128(0x0192_5e6a_7c00_7000_8000_0000_0000_0001);
        assert_eq!(Partition::from(ConversationId::new(id)), Partition(PLACED));
        assert_eq!(lane_of(ChannelId::new(id), "33600000001", 8), Lane(LANED));
    }
    const PLACED: u8 = 135;
    const LANED: u8 = 7;

    #[test]
    fn a_live_owner_is_never_robbed() {
        let sessions = vec![session(1, 0, false), session(2, 0, false)];
        let other = plan(node(1), &beat(sessions.clone(), Some(node(2))));
        assert_eq!(other.claim, []);
        let own = plan(node(2), &beat(sessions, Some(node(2))));
        assert!(!own.hand_over.is_empty() && own.hand_over.len() < PARTITIONS, "it keeps its share");
    }

    #[test]
    fn a_silent_owner_is_replaced_and_a_draining_one_gets_nothing() {
        let dead = plan(node(1), &beat(vec![session(1, 0, false), session(2, 9, false)], Some(node(2))));
        assert_eq!(dead.claim.len(), PARTITIONS);
        assert_eq!(dead.claim[0], (Partition(0), 4));
        let leaving = plan(node(1), &beat(vec![session(1, 0, true), session(2, 0, false)], None));
        assert_eq!(leaving, Plan::default());
        let alone = plan(node(1), &beat(vec![session(1, 0, true)], Some(node(1))));
        assert_eq!(alone, Plan::default(), "nobody else is there: it lets go when it has drained");
    }

    #[test]
    fn where_all_are_cut_off_from_the_log_they_go_on_with_what_there_is() {
        let all = vec![session(1, 0, true), session(2, 0, true), session(3, 9, true)];
        let claims = |n| plan(node(n), &beat(all.clone(), Some(node(3)))).claim.len();
        assert!(claims(1) > 0 && claims(2) > 0, "the third one is gone");
        assert_eq!(claims(1) + claims(2), PARTITIONS);
    }

    #[test]
    fn ownership_is_read_back() {
        let mine = Ownership::nothing();
        mine.claimed(Partition(7), 3);
        assert_eq!((mine.epoch(Partition(7)), mine.owns(Partition(7)), mine.count()), (Some(3), true, 1));
        mine.closing(Partition(7));
        mine.closing(Partition(8));
        assert_eq!((mine.epoch(Partition(7)), mine.owns(Partition(7))), (Some(3), false));
        assert_eq!(mine.epoch(Partition(8)), None);
        assert!(mine.lost(Partition(7)) && !mine.lost(Partition(7)));
        assert_eq!(Ownership::everything().epoch(Partition(255)), Some(0));
    }

    proptest! {
        #[test]
        fn a_node_that_leaves_moves_only_its_own(count in 2_u128..9, leaver in 0_u128..9) {
            let nodes: Vec<NodeId> = (0..count).map(node).collect();
            let leaver = node(leaver % count);
            let rest: Vec<NodeId> = nodes.iter().copied().filter(|n| *n != leaver).collect();
            for p in Partition::all() {
                let before = wanted(p, &nodes);
                if before != Some(leaver) {
                    prop_assert_eq!(before, wanted(p, &rest));
                }
            }
        }

        #[test]
        fn partitions_are_spread(seed: u64) {
            let mut counts = [0_u32; PARTITIONS];
            for n in 0..25_600_u128 {
                let id = Uuid::from_u128((u128::from(seed) << 64) | 0x7000_8000_0000_0000_0000 | n);
                counts[Partition::of(id).index()] += 1;
            }
            prop_assert!(counts.iter().all(|c| (40..200).contains(c)), "{:?}", counts);
        }

        #[test]
        fn together_the_plans_cover_everything_once(alive in proptest::collection::btree_set(0_u128..12, 1..6)) {
            let sessions: Vec<NodeSession> = alive.iter().map(|n| session(*n, 0, false)).collect();
            let beat = beat(sessions, None);
            let mut claimed: Vec<Partition> =
                alive.iter().flat_map(|n| plan(node(*n), &beat).claim).map(|(p, _)| p).collect();
            claimed.sort();
            prop_assert_eq!(claimed, Partition::all().collect::<Vec<_>>());
        }
    }
}
