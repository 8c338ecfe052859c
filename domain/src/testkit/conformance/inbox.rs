use crate::{
    ids::ChannelId,
    message::Content,
    model::Speaker,
    placement::Lane,
    ports::{ConversationStore, Ids, InboxStore, IngressLog, LogEntry, NewEntry, StoreError, TakenIn},
    testkit::{Account, Fixture, receive, said, take_in_all},
};

/// The stores that this suite runs on keep the log themselves, in one lane.
const LANE: Lane = Lane(0);

/// # Panics
/// Where the inbox does not do what the port says.
pub async fn inbox_store_conformance<S: IngressLog + InboxStore + ConversationStore>(store: &S, f: &Fixture) {
    numbers_have_no_gaps(store, f).await;
    repeated_messages_are_one(store, f).await;
    a_cursor_is_used_once(store, f).await;
    entries_may_lie_beyond_the_cursor(store, f).await;
    two_movers_at_one_cursor_keep_the_order(store, f).await;
    entries_of_unknown_channels_are_dropped(store, f).await;
    peers_and_tenants_are_apart(store, f).await;
    echoes_are_our_sides_lines(store, f).await;
    many_at_once(store, f).await;
}

async fn append_all<S: IngressLog>(store: &S, entries: Vec<NewEntry>) {
    store.append(entries).await.expect("append");
}

async fn numbers_have_no_gaps<S: IngressLog + InboxStore + ConversationStore>(store: &S, f: &Fixture) {
    let first = receive(store, &f.home, "gaps", &[("g1", "one"), ("g2", "two"), ("g1", "one")], f.now).await;
    assert_eq!(first.pending.iter().map(|i| i.seq).collect::<Vec<_>>(), [1, 2]);
    let second = receive(store, &f.home, "gaps", &[("g2", "two"), ("g3", "three"), ("g1", "one")], f.now).await;
    assert_eq!(second.key, first.key, "one conversation for a peer");
    assert_eq!(second.pending.iter().map(|i| i.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(second.pending[2].inbound, f.home.text("gaps", "g3", "three", f.now).inbound);
    assert_eq!(second.pending[2].received_at, f.now);
    assert_eq!(said(store, f.home.tenant, first.key.id).await, ["one", "two", "three"]);
    let after = store.pending(f.home.tenant, first.key.id, 2).await.expect("pending");
    assert_eq!(after, second.pending[2..]);
}

async fn repeated_messages_are_one<S: IngressLog + InboxStore + ConversationStore>(store: &S, f: &Fixture) {
    let loaded = receive(store, &f.home, "repeat", &[("r1", "x")], f.now).await;
    append_all(store, vec![f.home.text("repeat", "r1", "x", f.now)]).await;
    assert_eq!(take_in_all(store, store).await, [], "nothing new: nobody is told");
    let again = store.load(f.home.tenant, loaded.key.id).await.expect("load");
    assert_eq!(again.pending.len(), 1);
    assert_eq!(again.version, loaded.version, "what comes in does not move the fence");
}

async fn a_cursor_is_used_once<S: IngressLog + InboxStore + ConversationStore>(store: &S, f: &Fixture) {
    append_all(store, vec![f.home.text("cursor", "c1", "x", f.now)]).await;
    let from = store.cursor(LANE).await.expect("cursor");
    let entries = store.read(LANE, from, 10).await.expect("read");
    let to = entries.last().expect("an entry").offset;
    let hints = store.take_in(LANE, from, to, entries.clone()).await.expect("take in").hints;
    assert_eq!(hints.len(), 1);
    assert_eq!(store.cursor(LANE).await, Ok(to));
    for other in [from, to] {
        let stale = store.take_in(LANE, from, other, entries.clone()).await;
        assert_eq!(stale, Err(StoreError::Stale), "somebody else moved it");
    }
    assert_eq!(store.cursor(LANE).await, Ok(to));
    let back = store.take_in(LANE, to, from, entries).await;
    assert!(matches!(back, Err(StoreError::Broken(_))), "{back:?}");
    assert_eq!(store.cursor(LANE).await, Ok(to));
}

/// Entries of two tenants, one behind the other's, as a mover of the lane sees them.
async fn a_backlog<S: IngressLog + InboxStore>(store: &S, f: &Fixture, peer: &str) -> (u64, Vec<LogEntry>) {
    let long = (0..6).map(|n| f.home.text(peer, &format!("{peer}-{n}"), &n.to_string(), f.now));
    let behind = f.abroad.text(peer, &format!("{peer}-behind"), "behind", f.now);
    append_all(store, long.chain([behind]).collect()).await;
    let from = store.cursor(LANE).await.expect("cursor");
    let entries = store.read(LANE, from, 100).await.expect("read");
    assert_eq!(entries.len(), 7);
    (from, entries)
}

async fn entries_may_lie_beyond_the_cursor<S: IngressLog + InboxStore + ConversationStore>(store: &S, f: &Fixture) {
    let (from, entries) = a_backlog(store, f, "beyond").await;
    let (first, last) = (entries[0].clone(), entries[6].clone());
    let hints = store.take_in(LANE, from, from, vec![last.clone()]).await.expect("taken in").hints;
    assert_eq!(hints.iter().map(|h| h.tenant).collect::<Vec<_>>(), [f.abroad.tenant]);
    assert_eq!(store.cursor(LANE).await, Ok(from), "what lies before it is still to come");
    let hints =
        store.take_in(LANE, from, first.offset, vec![first.clone(), last.clone()]).await.expect("taken in").hints;
    assert_eq!(hints.iter().map(|h| h.tenant).collect::<Vec<_>>(), [f.home.tenant], "the other one was known");
    let rest = entries[1..].to_vec();
    let hints = store.take_in(LANE, first.offset, last.offset, rest).await.expect("taken in").hints;
    assert_eq!(hints.len(), 1);
    let loaded = store.load(f.home.tenant, hints[0].conversation).await.expect("load");
    assert_eq!(loaded.pending.iter().map(|i| i.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    // The cursor alone: there was nothing left to take in before it.
    append_all(store, vec![f.abroad.text("beyond", "beyond-behind", "behind", f.now)]).await;
    let again = store.read(LANE, last.offset, 9).await.expect("read");
    let to = again.last().expect("an entry").offset;
    assert_eq!(store.take_in(LANE, last.offset, to, Vec::new()).await, Ok(TakenIn::default()));
    assert_eq!(store.cursor(LANE).await, Ok(to));
    assert_eq!(store.take_in(LANE, last.offset, last.offset, Vec::new()).await, Err(StoreError::Stale));
}

/// A mover that was replaced, and does not know it, while the cursor stays where it is.
async fn two_movers_at_one_cursor_keep_the_order<S: IngressLog + InboxStore + ConversationStore>(
    store: &S,
    f: &Fixture,
) {
    let (from, entries) = a_backlog(store, f, "movers").await;
    let take = async |range: std::ops::Range<usize>| {
        store.take_in(LANE, from, from, entries[range].to_vec()).await.expect("taken in").hints.len()
    };
    // The old one has the first two; the new one begins at the cursor and comes further; the old one goes on.
    assert_eq!(take(0..2).await, 1);
    assert_eq!((take(0..2).await, take(2..4).await), (0, 1));
    assert_eq!((take(2..3).await, take(3..5).await), (0, 1));
    assert_eq!(take(4..5).await, 0);
    let to = entries[6].offset;
    let hints = store.take_in(LANE, from, to, entries[5..].to_vec()).await.expect("taken in").hints;
    assert_eq!(store.take_in(LANE, from, from, entries[5..6].to_vec()).await, Err(StoreError::Stale));
    let hint = hints.into_iter().find(|h| h.tenant == f.home.tenant).expect("it got its last one");
    assert_eq!(said(store, hint.tenant, hint.conversation).await, ["0", "1", "2", "3", "4", "5"]);
}

async fn entries_of_unknown_channels_are_dropped<S: IngressLog + InboxStore + ConversationStore>(
    store: &S,
    f: &Fixture,
) {
    let gone = Account { channel: ChannelId::new(f.ids.uuid()), ..f.home };
    let foreign = Account { channel: f.abroad.channel, ..f.home };
    append_all(store, vec![gone.text("x", "u1", "x", f.now), foreign.text("x", "u2", "x", f.now)]).await;
    let before = store.cursor(LANE).await.expect("cursor");
    assert_eq!(take_in_all(store, store).await, []);
    assert!(store.cursor(LANE).await.expect("cursor") > before, "the log goes on behind them");
}

async fn peers_and_tenants_are_apart<S: IngressLog + InboxStore + ConversationStore>(store: &S, f: &Fixture) {
    // The same peer and the same provider's ids on two channels are two conversations.
    let here = receive(store, &f.home, "apart", &[("a1", "here")], f.now).await;
    let pull = receive(store, &f.pull, "apart", &[("a1", "pull")], f.now).await;
    let there = receive(store, &f.abroad, "apart", &[("a1", "there")], f.now).await;
    assert!(here.key.id != there.key.id && here.key.id != pull.key.id);
    assert_eq!((here.agent, there.agent), (f.home.agent, f.abroad.agent));
    assert!(pull.key.pull && !here.key.pull);
    assert_eq!(here.key.peer.address, "apart");
    let stranger = store.load(f.abroad.tenant, here.key.id).await;
    assert_eq!(stranger.map(|_| ()), Err(StoreError::NotFound("conversation")));
    assert_eq!(store.pending(f.abroad.tenant, here.key.id, 0).await, Ok(Vec::new()));
    assert_eq!(store.history(f.abroad.tenant, here.key.id, 9, 9).await, Ok(Vec::new()));
}

async fn echoes_are_our_sides_lines<S: IngressLog + InboxStore + ConversationStore>(store: &S, f: &Fixture) {
    let mut echo = f.home.text("echo", "e1", "", f.now);
    echo.inbound.content = Content::Echo { text: Some("we call you".into()) };
    echo.inbound.peer.name = Some("Zoé".into());
    let mut wordless = f.home.text("echo", "e2", "", f.now);
    wordless.inbound.content = Content::Signal { signal: "reaction".into() };
    append_all(store, vec![echo, wordless]).await;
    let hint = take_in_all(store, store).await[0];
    let loaded = store.load(hint.tenant, hint.conversation).await.expect("load");
    assert_eq!(loaded.key.peer.name.as_deref(), Some("Zoé"), "a name stays when a later message has none");
    assert_eq!(loaded.pending.len(), 2);
    let history = store.history(hint.tenant, hint.conversation, 9, 9).await.expect("history");
    assert_eq!(history.len(), 1, "what has no words is no line to read");
    assert_eq!((history[0].speaker, history[0].text.as_str()), (Speaker::Operator, "we call you"));
}

async fn many_at_once<S: IngressLog + InboxStore + ConversationStore>(store: &S, f: &Fixture) {
    let peers: Vec<String> = (0..90).map(|n| format!("many-{n}")).collect();
    let entries = |round: u32| -> Vec<NewEntry> {
        peers.iter().map(|p| f.home.text(p, &format!("{p}-{round}"), "x", f.now)).collect()
    };
    for round in 0..2 {
        append_all(store, entries(round)).await;
        let from = store.cursor(LANE).await.expect("cursor");
        let batch: Vec<LogEntry> = store.read(LANE, from, 1000).await.expect("read");
        let to = batch.last().expect("entries").offset;
        let hints = store.take_in(LANE, from, to, batch).await.expect("take in").hints;
        assert_eq!(hints.len(), peers.len());
        for hint in hints {
            let pending = store.pending(hint.tenant, hint.conversation, 0).await.expect("pending");
            assert_eq!(pending.len() as u32, round + 1);
        }
    }
}
