//! The simulator: the production actors under another clock.
//!
//! **Purpose.** Will run thousands of conversations against the actors of `actors` with virtual time and faults, each
//! run replayable from its seed. The fakes, the manual clock and the conformance suites that it builds on are in
//! `domain::testkit`; worlds, scenarios, faults and checkers come with the simulator itself.
//!
//! **Non-goals.** No second implementation of any decision.
//!
//! **Invariants.** Depends on `domain` and `actors` only.
//!
//! **Start here:** `domain::testkit`.
