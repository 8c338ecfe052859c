//! Planted defects must be found, and their scenarios must become small.

use colloquy_sim::{
    Options, Verdict,
    fault::{FaultSpec, Kind, Site},
    fuzz,
    minimise::{events, minimise},
    planted::Planted,
    run,
    scenario::{Action, Approvals, Scenario, from_yaml, to_yaml},
};
use std::time::Duration;

/// Seeds that are tried for one defect.
const SEEDS: u64 = 10_000;
/// Messages, faults and events that a minimised scenario may have.
const SMALL: usize = 10;

/// Where the search for each begins: a seed that found it once. A change of the made-up worlds moves such seeds; the search then
/// goes on from there, and says what it found.
const BEGIN: [(Planted, u64); 21] = [
    (Planted::SkipDedupe, 1),
    (Planted::AcknowledgeEarly, 3),
    (Planted::DropFence, 676),
    (Planted::IgnoreWindow, 1),
    (Planted::ShareCache, 1),
    (Planted::RepeatUncertain, 253),
    (Planted::RestartTools, 562),
    (Planted::SkipLastEntry, 8),
    (Planted::ForgetUnfinished, 41),
    (Planted::AcceptUnsigned, 89),
    (Planted::ClaimLightly, 1547),
    (Planted::ForgetSpending, 1303),
    (Planted::CallFailedSent, 1),
    (Planted::SwapEntries, 21),
    (Planted::ShowStaged, 7),
    (Planted::KeepOrphans, 143),
    (Planted::MixBases, 4),
    (Planted::CutReloaded, 100),
    (Planted::CiteBeside, 4),
    (Planted::AskNobody, 31),
    (Planted::SkipSteps, 1167),
];

/// Their worlds are long: searching them, or making them small, takes minutes. The long form has them, too.
const SLOW: [Planted; 4] =
    [Planted::IgnoreWindow, Planted::CallFailedSent, Planted::ForgetUnfinished, Planted::ForgetSpending];

/// Whether a world has what the defect needs to show at all: the others need not be run to be known to pass.
fn may_show(defect: Planted, world: &Scenario) -> bool {
    let long = Duration::from_secs(10);
    let likely = |f: &FaultSpec| f.chance.is_some_and(|c| c > 0.05);
    let lasts = |f: &FaultSpec| f.lasts.is_some_and(|l| l.0 > long);
    let fault = |is: &dyn Fn(&FaultSpec) -> bool| world.faults.iter().any(is);
    let at = |site: Site, kinds: &[Kind]| fault(&|f| f.site == site && kinds.contains(&f.kind));
    let says = |words: &str| format!("{:?}", world.conversations).contains(words);
    let dies = || fault(&|f| f.kind.ends_a_life() && likely(f));
    let asleep = |f: &FaultSpec| f.site == Site::Tool && f.kind == Kind::Pause && lasts(f) && world.world.nodes > 1;
    let does = |is: fn(&Action) -> bool| world.timeline.iter().any(|e| is(&e.action));
    match defect {
        Planted::SkipDedupe => {
            at(Site::Webhook, &[Kind::Duplicate]) || at(Site::Append, &[Kind::Duplicate, Kind::LostAnswer])
        }
        Planted::AcknowledgeEarly => fault(&|f| f.site == Site::Append),
        Planted::DropFence => says("[tool") && fault(&|f| asleep(f) && likely(f)),
        Planted::IgnoreWindow => world.world.settle.0 > Duration::from_secs(24 * 3600),
        Planted::RepeatUncertain => at(Site::Send, &[Kind::LostAnswer]),
        Planted::RestartTools => {
            says("[tool pay")
                && fault(&|f| likely(f) && (f.site == Site::Tool && f.kind == Kind::CrashAfter || asleep(f)))
        }
        Planted::ForgetUnfinished => dies(),
        Planted::AcceptUnsigned => at(Site::Webhook, &[Kind::BadSignature]),
        Planted::ForgetSpending => dies() && world.world.agents.iter().any(|a| a.daily_budget_micros.is_some()),
        Planted::CallFailedSent => world.world.settle.0 > Duration::from_secs(24 * 3600),
        Planted::ShowStaged => does(|a| matches!(a, Action::Upload { .. })),
        Planted::KeepOrphans => does(|a| matches!(a, Action::Delete { .. })),
        Planted::MixBases => world.world.knowledge.len() > 1,
        Planted::CiteBeside => !world.world.knowledge.is_empty(),
        Planted::AskNobody => says("[tool pay") && world.world.agents.iter().any(|a| a.approvals == Approvals::Unsafe),
        Planted::SkipSteps => world.world.agents.iter().any(|a| !a.journeys.is_empty()),
        Planted::CutReloaded => world.expect.as_without_crashes && dies(),
        Planted::ShareCache | Planted::SkipLastEntry | Planted::ClaimLightly | Planted::SwapEntries => true,
    }
}

/// All of them, or the one that is asked for by name; `COLLOQUY_TEST_FROM` says where its search begins.
fn wanted() -> impl Iterator<Item = Planted> {
    let only = std::env::var("COLLOQUY_TEST_DEFECT").ok();
    Planted::ALL.into_iter().filter(move |d| only.as_ref().is_none_or(|o| *o == format!("{d:?}")))
}

/// The first seed from `from` on that finds it.
fn search(defect: Planted, from: u64) -> u64 {
    let mut worlds = (from..=SEEDS).map(|seed| (seed, fuzz::scenario(seed, fuzz::Size::SMALL)));
    let found = worlds.find(|(seed, world)| may_show(defect, world) && fails(defect, *seed));
    let (seed, _) = found.unwrap_or_else(|| panic!("{defect:?} was not found in the seeds {from} to {SEEDS}"));
    eprintln!("{defect:?} is found by seed {seed}");
    seed
}

fn fails(defect: Planted, seed: u64) -> bool {
    let options = Options { planted: Some(defect), ..Options::default() };
    run(&fuzz::scenario(seed, fuzz::Size::SMALL), seed, options).verdict != Verdict::Pass
}

fn becomes_small(defect: Planted, seed: u64) {
    let options = Options { planted: Some(defect), ..Options::default() };
    let scenario = fuzz::scenario(seed, fuzz::Size::SMALL);
    let small = minimise(&scenario, seed, options).expect("it fails");
    eprintln!(
        "{defect:?}: seed {seed}, {} ({} events before, {} after, {} runs)",
        small.violation.invariant,
        events(&scenario),
        small.events(),
        small.runs
    );
    assert!(small.events() <= SMALL, "{defect:?}: {}", to_yaml(&small.scenario).expect("yaml"));
    // As a file it fails in the same way, and without the defect it does not fail.
    let read = from_yaml(&to_yaml(&small.scenario).expect("yaml")).expect("a scenario");
    let again = run(&read, seed, options);
    assert!(again.violations.iter().any(|v| v.invariant == small.violation.invariant), "{defect:?}");
    assert!(run(&read, seed, Options::default()).violations.is_empty(), "{defect:?}");
}

// req: C-SIM-1
#[test]
fn every_planted_defect_is_found_and_becomes_a_small_scenario() {
    let from = std::env::var("COLLOQUY_TEST_FROM").ok().and_then(|seed| seed.parse().ok());
    for defect in wanted().filter(|d| !SLOW.contains(d)) {
        let begin = BEGIN.iter().find(|(d, _)| *d == defect).map(|(_, seed)| *seed).expect("in the table");
        becomes_small(defect, search(defect, from.unwrap_or(begin)));
    }
}

#[test]
#[ignore = "searches from the first seed, through every world: minutes"]
fn every_planted_defect_is_found_within_ten_thousand_seeds() {
    for defect in wanted() {
        let seed = (1..=SEEDS).find(|seed| fails(defect, *seed));
        let seed = seed.unwrap_or_else(|| panic!("{defect:?} was not found in {SEEDS} seeds"));
        becomes_small(defect, seed);
    }
}
