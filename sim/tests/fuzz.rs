//! Worlds from seeds, held against every promise.

use colloquy_sim::{Options, Verdict, fuzz, run};

/// Seeds of the test command; `COLLOQUY_TEST_SEEDS` sets another number.
fn seeds() -> u64 {
    std::env::var("COLLOQUY_TEST_SEEDS").ok().map_or(100, |v| v.parse().expect("COLLOQUY_TEST_SEEDS is a number"))
}

// req: C-SIM-1
#[test]
fn no_seed_breaks_a_promise() {
    let first = std::env::var("COLLOQUY_TEST_FIRST_SEED").ok().map_or(1, |v| v.parse().expect("a number"));
    let mut broken = Vec::new();
    for seed in first..first + seeds() {
        let scenario = fuzz::scenario(seed, fuzz::Size::SMALL);
        let report = run(&scenario, seed, Options::default());
        if report.verdict != Verdict::Pass {
            let all: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
            broken.push(format!("seed {seed}: {}", all.join("; ")));
        }
    }
    assert!(broken.is_empty(), "{} of {}:\n{}", broken.len(), seeds(), broken.join("\n"));
}

/// Seeds whose paused nodes once woke their callers in another order each time.
const ONCE_RACING: [u64; 8] = [128, 131, 377, 430, 432, 492, 508, 512];

#[test]
fn a_seed_is_the_same_world_each_time() {
    for seed in (1..=20).chain(ONCE_RACING) {
        let scenario = fuzz::scenario(seed, fuzz::Size::SMALL);
        let [a, b] = [(); 2].map(|()| run(&scenario, seed, Options::default()).trace_hash);
        assert_eq!(a, b, "seed {seed}");
    }
}
