//! Fakes, the manual clock and the conformance suites.
