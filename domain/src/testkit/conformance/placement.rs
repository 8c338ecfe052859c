use crate::{
    placement::{Beat, Claim, LEASE, NodeId, NodeSession, PARTITIONS, Partition},
    ports::{Ids, PlacementStore},
};
use std::time::Duration;

const FIRST: Partition = Partition(0);
const LAST: Partition = Partition(255);

/// The store must be new. `silence` makes it long ago that this node was heard of; it may do so to all others, too.
///
/// # Panics
/// Where the store does not do what the port says.
pub async fn placement_store_conformance<S: PlacementStore>(store: &S, ids: &dyn Ids, silence: impl AsyncFn(NodeId)) {
    let (a, b) = (NodeId(ids.uuid()), NodeId(ids.uuid()));
    nodes_see_each_other(store, a, b).await;
    a_claim_succeeds_once(store, a, b).await;
    what_is_let_go_of_can_be_claimed(store, a, b).await;
    silence(a).await;
    a_silent_owner_is_replaced(store, a, b).await;
    whoever_leaves_owns_nothing(store, a, b).await;
    an_unknown_owner_is_not_alive(store, NodeId(ids.uuid()), a).await;
}

fn session(beat: &Beat, node: NodeId) -> Option<&NodeSession> {
    beat.sessions.iter().find(|s| s.node == node)
}

async fn nodes_see_each_other<S: PlacementStore>(store: &S, a: NodeId, b: NodeId) {
    let first = store.beat(a, "a", false).await.expect("beat");
    assert_eq!(first.sessions.len(), 1);
    assert_eq!(first.claims, vec![Claim { owner: None, epoch: 0 }; PARTITIONS]);
    store.beat(b, "b", false).await.expect("beat");
    let seen = store.beat(a, "a, renamed", true).await.expect("beat");
    let own = session(&seen, a).expect("its own session");
    assert_eq!((own.name.as_str(), own.draining), ("a, renamed", true));
    let other = session(&seen, b).expect("the other's session");
    assert!(other.silent < LEASE && !other.draining, "{other:?}");
    store.beat(a, "a", false).await.expect("beat");
}

async fn a_claim_succeeds_once<S: PlacementStore>(store: &S, a: NodeId, b: NodeId) {
    assert_eq!(store.claim(a, Vec::new()).await, Ok(Vec::new()));
    let mut claimed = store.claim(a, vec![(LAST, 0), (FIRST, 0)]).await.expect("claim");
    claimed.sort();
    assert_eq!(claimed, [(FIRST, 1), (LAST, 1)]);
    assert_eq!(store.claim(b, vec![(FIRST, 0)]).await, Ok(Vec::new()), "its epoch is another one");
    assert_eq!(store.claim(b, vec![(FIRST, 1), (LAST, 1)]).await, Ok(Vec::new()), "its owner lives");
    let mixed = store.claim(b, vec![(FIRST, 1), (Partition(7), 0)]).await;
    assert_eq!(mixed, Ok(vec![(Partition(7), 1)]), "each for itself");
    let claims = store.beat(b, "b", false).await.expect("beat").claims;
    assert_eq!(claims[FIRST.index()], Claim { owner: Some(a), epoch: 1 });
    assert_eq!(claims[7], Claim { owner: Some(b), epoch: 1 });
    assert_eq!(claims[8], Claim { owner: None, epoch: 0 });
}

async fn what_is_let_go_of_can_be_claimed<S: PlacementStore>(store: &S, a: NodeId, b: NodeId) {
    store.release(b, vec![FIRST]).await.expect("nothing to let go of is no error");
    let claims = store.beat(b, "b", false).await.expect("beat").claims;
    assert_eq!(claims[FIRST.index()].owner, Some(a), "only an owner lets go");
    store.release(a, vec![FIRST]).await.expect("release");
    let claims = store.beat(b, "b", false).await.expect("beat").claims;
    assert_eq!(claims[FIRST.index()], Claim { owner: None, epoch: 1 });
    assert_eq!(store.claim(b, vec![(FIRST, 1)]).await, Ok(vec![(FIRST, 2)]));
}

/// `a` has just become silent.
async fn a_silent_owner_is_replaced<S: PlacementStore>(store: &S, a: NodeId, b: NodeId) {
    let beat = store.beat(b, "b", false).await.expect("beat");
    let silent = session(&beat, a).expect("it is not forgotten so soon").silent;
    assert!(silent >= LEASE && silent < LEASE + Duration::from_secs(3600), "{silent:?}");
    assert_eq!(store.claim(b, vec![(LAST, 1)]).await, Ok(vec![(LAST, 2)]));
    store.beat(a, "a", false).await.expect("it comes back");
    assert_eq!(store.claim(a, vec![(LAST, 2)]).await, Ok(Vec::new()), "and is not the owner any more");
    store.release(a, vec![LAST]).await.expect("release");
    let claims = store.beat(b, "b", false).await.expect("beat").claims;
    assert_eq!(claims[LAST.index()], Claim { owner: Some(b), epoch: 2 });
}

async fn whoever_leaves_owns_nothing<S: PlacementStore>(store: &S, a: NodeId, b: NodeId) {
    store.leave(b).await.expect("leave");
    let beat = store.beat(a, "a", false).await.expect("beat");
    assert_eq!(session(&beat, b), None);
    assert!(beat.claims.iter().all(|c| c.owner != Some(b)));
    assert_eq!(beat.claims[FIRST.index()].epoch, 2, "epochs stay");
    assert_eq!(store.claim(a, vec![(FIRST, 2)]).await, Ok(vec![(FIRST, 3)]));
}

async fn an_unknown_owner_is_not_alive<S: PlacementStore>(store: &S, unknown: NodeId, a: NodeId) {
    assert_eq!(store.claim(unknown, vec![(Partition(9), 0)]).await, Ok(vec![(Partition(9), 1)]));
    assert_eq!(store.claim(a, vec![(Partition(9), 1)]).await, Ok(vec![(Partition(9), 2)]));
}
