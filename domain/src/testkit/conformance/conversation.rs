use crate::{
    agent::Spent,
    approval::{ApprovalChange, CallPlace, NewUndo, Outcome as CallOutcome, Undoing, Verdict},
    conversation::{Commit, Cut, JournalRow, JournalWhat, NewDeadLetter, NewHeard, TimerChange},
    failure::Failure,
    ids::{ApprovalId, DeadLetterId},
    message::{Heard, Outcome},
    model::{Completion, Speaker},
    ports::{ConversationStore, Ids, InboxStore, IngressLog, Loaded, OutboxStore, StoreError},
    testkit::{Fixture, answer, empty_commit, held, receive, said, say},
    tool::{ToolResult, Undo},
};
use std::time::Duration;

/// # Panics
/// Where the store does not do what the port says.
pub async fn conversation_store_conformance<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    an_answer_is_written_whole(store, f).await;
    a_stale_writer_writes_nothing(store, f).await;
    an_outcome_is_given_once(store, f).await;
    a_call_has_one_result(store, f).await;
    a_held_call_waits_for_a_decision(store, f).await;
    what_was_heard_stays_with_its_message(store, f).await;
    an_undo_is_ordered_once_and_taken_up(store, f).await;
    history_stops_before_the_turn(store, f).await;
    what_was_not_heard_is_taken_back(store, f).await;
    unfinished_conversations_are_found(store, f).await;
    timers_come_due(store, f).await;
    the_ledger_is_kept_by_day(store, f).await;
    pull_channels_have_no_outbox(store, f).await;
    tenants_cannot_commit_for_each_other(store, f).await;
}

async fn reload<S: ConversationStore>(store: &S, loaded: &Loaded) -> Loaded {
    store.load(loaded.key.tenant, loaded.key.id).await.expect("load")
}

async fn an_answer_is_written_whole<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let loaded = receive(store, &f.home, "whole", &[("w1", "hi"), ("w2", "open?")], f.now).await;
    assert_eq!((loaded.version, loaded.snapshot.next_turn), (0, 1));
    let commit = answer(&loaded, "yes", &f.ids, f.now);
    let snapshot = commit.snapshot.clone();
    store.commit(commit).await.expect("commit");
    let after = reload(store, &loaded).await;
    assert_eq!((after.version, after.pending.len()), (1, 0));
    assert_eq!(after.snapshot, snapshot);
    assert_eq!(said(store, f.home.tenant, loaded.key.id).await, ["hi", "open?", "yes"]);
}

async fn a_stale_writer_writes_nothing<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    let loaded = receive(store, &f.home, "stale", &[("s1", "hi")], f.now).await;
    store.commit(answer(&loaded, "first", &f.ids, f.now)).await.expect("commit");
    assert_eq!(store.commit(answer(&loaded, "second", &f.ids, f.now)).await, Err(StoreError::Stale));
    let after = reload(store, &loaded).await;
    assert_eq!(after.version, 1);
    assert_eq!(said(store, f.home.tenant, loaded.key.id).await, ["hi", "first"]);
    let ahead = Loaded { version: 7, ..after };
    assert_eq!(store.commit(empty_commit(&ahead, f.now)).await, Err(StoreError::Stale));
}

async fn an_outcome_is_given_once<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let loaded = receive(store, &f.home, "once", &[("o1", "hi"), ("o2", "ho")], f.now).await;
    let mut first = answer(&loaded, "first", &f.ids, f.now);
    first.settled.truncate(1);
    store.commit(first).await.expect("commit");
    let mut second = answer(&reload(store, &loaded).await, "second", &f.ids, f.now);
    second.settled.push(answer(&loaded, "", &f.ids, f.now).settled[0].clone());
    assert_eq!(store.commit(second).await, Err(StoreError::Conflict("outcome")));
    let after = reload(store, &loaded).await;
    assert_eq!(after.version, 1, "a refused commit leaves no trace");
    assert_eq!(after.pending.iter().map(|i| i.seq).collect::<Vec<_>>(), [2]);
    assert_eq!(said(store, f.home.tenant, loaded.key.id).await, ["hi", "ho", "first"]);
    let mut nobody = empty_commit(&after, f.now);
    nobody.settled = answer(&after, "", &f.ids, f.now).settled;
    nobody.settled[0].seq = 99;
    assert_eq!(store.commit(nobody).await, Err(StoreError::Conflict("outcome")), "there is no such message");
}

async fn a_call_has_one_result<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let loaded = receive(store, &f.home, "tool", &[("t1", "book it")], f.now).await;
    let row = |index, what| JournalRow { turn: 1, step: 0, index, agent: None, what };
    let result = |text: &str| JournalWhat::Settled(ToolResult::done(text));
    let mut intent = empty_commit(&loaded, f.now);
    intent.journal = vec![row(0, JournalWhat::Completion(Completion::default()))];
    store.commit(intent).await.expect("the intent");
    let mut settled = empty_commit(&reload(store, &loaded).await, f.now);
    settled.journal = vec![row(0, result("booked"))];
    store.commit(settled.clone()).await.expect("the result");
    settled.expected_version += 1;
    assert_eq!(store.commit(settled).await, Err(StoreError::Conflict("result")));
    let mut other = empty_commit(&reload(store, &loaded).await, f.now);
    other.journal = vec![row(1, result("the other call")), row(2, result("a third"))];
    store.commit(other).await.expect("results of other calls");
    let mut again = empty_commit(&reload(store, &loaded).await, f.now);
    again.journal = vec![row(0, JournalWhat::Completion(Completion::default()))];
    assert_eq!(store.commit(again).await, Err(StoreError::Conflict("result")), "a step is completed once");
    assert_eq!(reload(store, &loaded).await.version, 3);
}

async fn a_held_call_waits_for_a_decision<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let loaded = receive(store, &f.home, "held", &[("held1", "refund me")], f.now).await;
    let (tenant, id) = (loaded.key.tenant, loaded.key.id);
    let place = CallPlace { turn: 1, step: 0, index: 0 };
    let mut commit = answer(&loaded, "a colleague looks at it", &f.ids, f.now);
    commit.approvals = vec![ApprovalChange::Asked(held(place, &f.ids))];
    store.commit(commit).await.expect("asked");
    let after = reload(store, &loaded).await;
    assert_eq!((after.rulings.as_slice(), store.rulings(tenant, id).await), (&[][..], Ok(Vec::new())));
    for change in [
        ApprovalChange::Taken { place, turn: Some(2) },
        ApprovalChange::Settled { place, outcome: CallOutcome::Done },
        ApprovalChange::Ended { place },
        ApprovalChange::Asked(held(place, &f.ids)),
    ] {
        let mut commit = empty_commit(&after, f.now);
        commit.approvals = vec![change.clone()];
        let refused = store.commit(commit).await;
        assert_eq!(refused, Err(StoreError::Conflict("approval")), "{change:?}");
    }
    assert_eq!(reload(store, &loaded).await.version, after.version, "nothing of it is written");
    let open = store.unfinished(None, 1_000).await.expect("unfinished");
    assert!(!open.contains(&(tenant, id)), "it waits for a person, and for nobody else");
}

async fn what_was_heard_stays_with_its_message<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let loaded =
        receive(store, &f.home, "heard", &[("heard1", ""), ("heard2", "a caption"), ("heard3", "")], f.now).await;
    let words = |text: &str| Heard::Words { text: text.into() };
    let nothing = Heard::Nothing { cause: "model.unreachable".into() };
    let mut commit = empty_commit(&loaded, f.now);
    let heard = [(1, words("où êtes-vous ?")), (2, words("two")), (3, nothing.clone())];
    commit.heard = heard.clone().map(|(seq, heard)| NewHeard { seq, heard }).into();
    store.commit(commit).await.expect("commit");
    let after = reload(store, &loaded).await;
    let kept: Vec<_> = after.pending.iter().map(|i| (i.seq, i.heard.clone().expect("heard"))).collect();
    assert_eq!(kept, heard);
    assert_eq!(said(store, f.home.tenant, loaded.key.id).await, ["où êtes-vous ?", "a caption\ntwo"]);
}

async fn an_undo_is_ordered_once_and_taken_up<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let loaded = receive(store, &f.home, "undone", &[("undone1", "a table")], f.now).await;
    let (tenant, id) = (loaded.key.tenant, loaded.key.id);
    let done = CallPlace { turn: 1, step: 0, index: 0 };
    let undo = Undo { tool: "give_back".into(), arguments: "{}".into(), automatic: true };
    let undoing = Undoing::of(done, &undo, (tenant, id));
    let order = || {
        let (id, reason) = (ApprovalId::new(f.ids.uuid()), Some("model.refused".to_owned()));
        ApprovalChange::Ordered(NewUndo { id, undoing: undoing.clone(), reason })
    };
    let mut commit = answer(&loaded, "that failed", &f.ids, f.now);
    commit.approvals = vec![order(), order()];
    store.commit(commit).await.expect("ordered, the second time for nothing");
    let after = reload(store, &loaded).await;
    let found: Vec<_> = after.rulings.iter().map(|r| (r.place, r.key.as_str(), &r.call, &r.verdict)).collect();
    assert_eq!(found, [(done.undoing(), undoing.key.as_str(), &undoing.call, &Verdict::Approved)]);
    assert!(store.unfinished(None, 1_000).await.expect("unfinished").contains(&(tenant, id)));
    let mut taken = empty_commit(&after, f.now);
    let place = done.undoing();
    taken.approvals = vec![
        ApprovalChange::Taken { place, turn: Some(2) },
        ApprovalChange::Settled { place, outcome: CallOutcome::Done },
        ApprovalChange::Ended { place },
    ];
    store.commit(taken).await.expect("carried out");
    let mut again = empty_commit(&reload(store, &loaded).await, f.now);
    again.approvals = vec![order()];
    store.commit(again).await.expect("for nothing");
    assert_eq!(store.rulings(tenant, id).await, Ok(Vec::new()), "it is undone");
}

async fn history_stops_before_the_turn<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let loaded = receive(store, &f.home, "history", &[("h1", "one")], f.now).await;
    store.commit(answer(&loaded, "first", &f.ids, f.now)).await.expect("commit");
    let loaded = receive(store, &f.home, "history", &[("h2", "two"), ("h3", "three")], f.now).await;
    let (tenant, id) = (loaded.key.tenant, loaded.key.id);
    let before = store.history(tenant, id, 2, 10).await.expect("history");
    let lines: Vec<_> = before.iter().map(|m| (m.speaker, m.text.as_str())).collect();
    assert_eq!(lines, [(Speaker::Person, "one"), (Speaker::Agent, "first")]);
    let last = store.history(tenant, id, 3, 2).await.expect("history");
    assert_eq!(last.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(), ["first", "two"], "the last, oldest first");
}

async fn what_was_not_heard_is_taken_back<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let mut loaded = receive(store, &f.pull, "cut", &[("c1", "open?")], f.now).await;
    for text in ["we open at nine", "we close at six"] {
        store.commit(answer(&loaded, text, &f.ids, f.now)).await.expect("commit");
        loaded = reload(store, &loaded).await;
    }
    let cuts = vec![Cut { turn: 2, heard: "we close…".into() }, Cut { turn: 7, heard: "never".into() }];
    store.commit(Commit { cuts, ..empty_commit(&loaded, f.now) }).await.expect("commit");
    assert_eq!(said(store, f.pull.tenant, loaded.key.id).await, ["open?", "we open at nine", "we close…"]);
}

async fn unfinished_conversations_are_found<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let done = receive(store, &f.home, "unfinished-1", &[("u1", "x")], f.now).await;
    store.commit(answer(&done, "y", &f.ids, f.now)).await.expect("commit");
    let open = receive(store, &f.home, "unfinished-2", &[("u2", "x"), ("u3", "x")], f.now).await;
    let foreign = receive(store, &f.abroad, "unfinished-3", &[("u4", "x")], f.now).await;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let piece = store.unfinished(after, 2).await.expect("unfinished");
        let Some((_, last)) = piece.last() else { break };
        after = Some(*last);
        found.extend(piece);
    }
    assert!(found.windows(2).all(|w| w[0].1 < w[1].1), "each once, in id order");
    assert!(found.contains(&(f.home.tenant, open.key.id)));
    assert!(found.contains(&(f.abroad.tenant, foreign.key.id)), "of all tenants");
    assert!(!found.iter().any(|(_, id)| *id == done.key.id));
}

async fn timers_come_due<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let loaded = receive(store, &f.home, "timer", &[("ti1", "x")], f.now).await;
    let at = f.now + Duration::from_secs(60);
    let set = |version, change| {
        let mut commit = empty_commit(&Loaded { version, ..loaded.clone() }, f.now);
        commit.timers = vec![change];
        commit
    };
    store.commit(set(0, TimerChange::ReturnAt(at + Duration::from_secs(5)))).await.expect("set");
    store.commit(set(1, TimerChange::ReturnAt(at))).await.expect("set anew");
    let early = store.due_timers(f.now, 10).await.expect("timers");
    assert!(early.iter().all(|t| t.conversation != loaded.key.id));
    let due = store.due_timers(at, 10).await.expect("timers");
    let ours: Vec<_> = due.iter().filter(|t| t.conversation == loaded.key.id).collect();
    assert_eq!(ours.len(), 1, "one timer for a conversation");
    assert_eq!((ours[0].tenant, ours[0].at), (f.home.tenant, at));
    store.commit(set(2, TimerChange::Cleared)).await.expect("clear");
    let due = store.due_timers(at, 10).await.expect("timers");
    assert!(due.iter().all(|t| t.conversation != loaded.key.id));
}

async fn the_ledger_is_kept_by_day<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let tomorrow = f.now + Duration::from_secs(86_400);
    let before = store.spent(f.home.tenant, f.home.agent, f.now).await.expect("spent");
    let loaded = receive(store, &f.home, "ledger", &[("l1", "x")], f.now).await;
    let commit = answer(&loaded, "y", &f.ids, f.now);
    let cost: u64 = commit.ledger.iter().map(|l| l.usage.cost_micros).sum();
    store.commit(commit).await.expect("commit");
    let after = store.spent(f.home.tenant, f.home.agent, f.now).await.expect("spent");
    assert_eq!(after, Spent { day: Spent::day_of(f.now), micros: before.micros + cost });
    let next = store.spent(f.home.tenant, f.home.agent, tomorrow).await.expect("spent");
    assert_eq!(next, Spent { day: Spent::day_of(tomorrow), micros: 0 });
    let foreign = store.spent(f.abroad.tenant, f.home.agent, f.now).await.expect("spent");
    assert_eq!(foreign.micros, 0);
}

async fn pull_channels_have_no_outbox<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    let loaded = receive(store, &f.pull, "pull", &[("p1", "x")], f.now).await;
    store.commit(answer(&loaded, "y", &f.ids, f.now)).await.expect("commit");
    assert_eq!(store.next_due(f.pull.tenant, f.pull.channel).await, Ok(None));
}

async fn tenants_cannot_commit_for_each_other<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let loaded = receive(store, &f.home, "foreign", &[("f1", "x")], f.now).await;
    let mut commit = answer(&loaded, "y", &f.ids, f.now);
    commit.tenant = f.abroad.tenant;
    assert_eq!(store.commit(commit).await, Err(StoreError::NotFound("conversation")));
    let mut letter = empty_commit(&loaded, f.now);
    let cause = Failure::reject("test.cause", "because");
    letter.settled = answer(&loaded, "", &f.ids, f.now).settled;
    letter.settled[0].outcome = Outcome::DeadLettered { cause: cause.clone() };
    letter.dead_letters = vec![NewDeadLetter { id: DeadLetterId::new(f.ids.uuid()), seq: 1, cause }];
    say(&mut letter, &loaded, "sorry", &f.ids);
    store.commit(letter).await.expect("the right tenant can");
    assert_eq!(reload(store, &loaded).await.pending, []);
}
