use super::*;
use crate::{ids::ChannelId, ports::NewEntry, testkit::Account, time::Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_757_000_000_000);

fn tenant(n: u8) -> TenantId {
    TenantId::new(Uuid::from_u128(n.into()))
}

fn entry(of: u8, words: usize) -> NewEntry {
    let ids = crate::testkit::SeqIds::default();
    let account = Account { channel: ChannelId::new(Uuid::from_u128(1)), ..Account::new(tenant(of), &ids) };
    account.text("peer", "id", &"x".repeat(words), NOW)
}

/// A lane of a log whose offsets have gaps, and a mover of it.
struct World {
    log: Vec<LogEntry>,
    ahead: Lookahead,
    limits: Limits,
    batch: usize,
    /// Of each tenant, in order; an entry that was moved before a fresh start is not counted again.
    moved: BTreeMap<TenantId, Vec<Offset>>,
    cursor: Cursor,
}

impl World {
    fn new(limits: Limits, batch: usize) -> Self {
        let (log, moved) = (Vec::new(), BTreeMap::new());
        Self { log, ahead: Lookahead::new(0, limits), limits, batch, moved, cursor: 0 }
    }

    fn append(&mut self, of: u8, words: usize) {
        let last = self.log.last().map_or(0, |e| e.offset);
        self.log.push(LogEntry { offset: last + 1 + (last * 7 + u64::from(of)) % 3, entry: entry(of, words) });
    }

    fn read(&self, read: Read) -> Vec<LogEntry> {
        let start = self.log.partition_point(|e| e.offset <= read.after);
        self.log.iter().skip(start).take(read.max).cloned().collect()
    }

    fn fill(&mut self) {
        for read in self.ahead.wants(self.batch) {
            self.ahead.fill(read, self.read(read));
        }
        assert!(self.ahead.len() <= self.limits.entries.max(1));
        assert!(self.ahead.bytes_of_all <= self.limits.bytes || self.ahead.len() == 1);
    }

    /// As the inbox does it: known entries change nothing, each tenant's order is kept.
    fn apply(&mut self) -> Move {
        let next = self.ahead.next(self.batch);
        assert!(next.entries.len() <= self.batch);
        assert_eq!(next.from, self.cursor);
        assert!(next.to >= next.from, "a cursor does not move back");
        self.cursor = next.to;
        for e in &next.entries {
            let moved = self.moved.entry(e.entry.tenant).or_default();
            if moved.last().is_none_or(|last| *last < e.offset) {
                moved.push(e.offset);
            } else {
                assert!(moved.contains(&e.offset), "passed over and moved too late");
            }
        }
        self.check();
        next
    }

    fn check(&self) {
        for (tenant, moved) in &self.moved {
            let all: Vec<Offset> = self.log.iter().filter(|e| e.entry.tenant == *tenant).map(|e| e.offset).collect();
            assert_eq!(moved[..], all[..moved.len()], "of each tenant the lane's beginning");
        }
        for e in self.log.iter().filter(|e| e.offset <= self.cursor) {
            let moved = self.moved.get(&e.entry.tenant).and_then(|m| m.last());
            assert!(moved.is_some_and(|last| *last >= e.offset), "the cursor passed an entry that was not moved");
        }
    }

    fn begin_anew(&mut self) {
        self.ahead = Lookahead::new(self.cursor, self.limits);
    }

    /// One round of the mover; false if there was nothing to do.
    fn round(&mut self) -> bool {
        if self.ahead.is_empty() {
            self.fill();
        }
        let next = self.apply();
        if self.ahead.has_backlog() {
            self.fill();
        }
        !next.is_nothing()
    }

    fn everything_moved(&mut self) {
        let enough = 10 * self.log.len() + 10;
        assert!((0..enough).any(|_| !self.round()), "it comes to an end");
        let moved: usize = self.moved.values().map(Vec::len).sum();
        assert_eq!(moved, self.log.len(), "none lost, none twice");
        assert_eq!(self.cursor, self.log.last().map_or(0, |e| e.offset));
        assert_eq!((self.ahead.len(), self.ahead.bytes_of_all, self.ahead.bytes.len()), (0, 0, 0));
        assert!(!self.ahead.has_backlog());
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u8, usize)>),
    Fill,
    Round,
    BeginAnew,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // One tenant writes most.
    let of = prop_oneof![6 => Just(0_u8), 4 => 1_u8..5];
    let step = prop_oneof![
        4 => prop::collection::vec((of, 0_usize..2000), 1..60).prop_map(Step::Append),
        2 => Just(Step::Fill),
        6 => Just(Step::Round),
        1 => Just(Step::BeginAnew),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #[test]
    fn nothing_is_lost_doubled_or_reordered_and_the_cursor_waits_for_all(
        steps in steps(), entries in 1_usize..60, bytes in 1_usize..60_000, batch in 1_usize..20,
    ) {
        let mut world = World::new(Limits { entries, bytes }, batch);
        for step in steps {
            match step {
                Step::Append(all) => all.into_iter().for_each(|(of, words)| world.append(of, words)),
                Step::Fill => world.fill(),
                Step::Round => _ = world.round(),
                Step::BeginAnew => world.begin_anew(),
            }
        }
        world.everything_moved();
    }

    #[test]
    fn those_whose_entries_wait_take_turns(lines in prop::collection::vec(1_usize..40, 2..6), batch in 1_usize..9) {
        let mut world = World::new(Limits { entries: 10_000, bytes: 1 << 30 }, batch);
        for (of, count) in (0_u8..).zip(&lines) {
            (0..*count).for_each(|_| world.append(of, 1));
        }
        while world.ahead.len() < world.log.len() {
            world.fill();
        }
        let mut served = vec![0_usize; lines.len()];
        while !world.ahead.is_empty() {
            for e in world.apply().entries {
                let of = (0..).position(|n| tenant(n) == e.entry.tenant).expect("one of them");
                served[of] += 1;
                let waiting = served.iter().zip(&lines).filter(|(s, all)| s < all).map(|(s, _)| *s);
                let (most, least) = (waiting.clone().max(), waiting.min());
                prop_assert!(most.zip(least).is_none_or(|(m, l)| m - l <= 1 + QUANTUM as usize), "{:?}", served);
            }
        }
    }
}

#[test]
fn a_backlog_far_beyond_what_is_kept_delays_nobody_behind_it() {
    let limits = Limits { entries: 200, bytes: 1 << 20 };
    let mut world = World::new(limits, 10);
    (0..5_000).for_each(|_| world.append(0, 20));
    world.append(1, 20);
    let moved_of = |world: &World, n: u8| world.moved.get(&tenant(n)).map_or(0, Vec::len);
    // The lane is read eight times as fast as it is moved.
    while moved_of(&world, 1) == 0 {
        world.round();
    }
    let ahead = moved_of(&world, 0);
    assert!(ahead <= 5_000 / 8 + 3 * world.batch, "{ahead} of the backlog went first");
    // And what comes now, with the end in sight, waits for a batch or two.
    for _ in 0..20 {
        let (before, quiet) = (moved_of(&world, 0), moved_of(&world, 2));
        world.append(0, 20);
        world.append(2, 20);
        while moved_of(&world, 2) == quiet {
            world.round();
        }
        let waited = moved_of(&world, 0) - before;
        assert!(waited <= 2 * world.batch, "{waited} of the backlog went first");
    }
    world.everything_moved();
}

#[test]
fn without_a_backlog_a_batch_is_read_once_and_moved_as_it_is() {
    let mut world = World::new(Limits { entries: 100, bytes: 1 << 20 }, 10);
    for n in 0..7 {
        world.append(n % 3, 1);
    }
    assert_eq!(world.ahead.wants(10), [Read { after: 0, max: 10 }]);
    world.fill();
    let next = world.ahead.next(10);
    let last = world.log.last().map(|e| e.offset).expect("one");
    assert_eq!((next.from, next.to, next.entries.len()), (0, last, 7));
    assert!(!world.ahead.has_backlog(), "nothing to read on for while it is moved");
    assert_eq!(world.ahead.wants(10), [Read { after: last, max: 10 }]);
}

#[test]
fn one_larger_than_all_room_goes_alone() {
    let mut world = World::new(Limits { entries: 100, bytes: 1_000 }, 10);
    for words in [10, 50_000, 10] {
        world.append(0, words);
    }
    world.everything_moved();
}
