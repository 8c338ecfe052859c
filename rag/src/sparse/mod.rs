//! BM25 as sparse vectors, aware of the language.
//!
//! A passage is analysed in its own language, and every term is hashed together with that language. A query is analysed
//! in all of them at once, so it meets each passage with exactly the terms that passage was indexed under, whichever
//! language the person writes in; terms of different languages never mix. The document side carries the saturated term
//! frequency, the index multiplies by the inverse document frequency, the query side is 1 per term.

mod stopwords;
mod tokens;

pub use tokens::{Script, detect_script};

use colloquy_domain::language::Language;
use std::collections::{BTreeMap, BTreeSet};
use tokens::Analyzer;

/// Term-frequency saturation.
const K1: f32 = 1.2;
/// How much length counts.
const B: f32 = 0.75;
/// Length of a usual passage, in words: a constant, so that a vector does not depend on what else is indexed.
const USUAL_WORDS: f32 = 200.0;

/// A sparse vector: indices ascending and unique.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sparse {
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
}

impl Sparse {
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
}

/// The document side: `tf · (k1 + 1) / (tf + k1 · (1 − b + b · words / usual))` for each term.
#[must_use]
pub fn document(text: &str, script: Script) -> Sparse {
    let analyzer = Analyzer::new(script);
    let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
    let mut words = 0.0_f32;
    for term in analyzer.terms(text, None) {
        *counts.entry(term_index(script, &term)).or_default() += 1.0;
        words += 1.0;
    }
    // Stop words are about half of running text.
    let length = 1.0 - B + B * (2.0 * words / USUAL_WORDS);
    let (indices, values) = counts.into_iter().map(|(i, tf)| (i, tf * (K1 + 1.0) / (tf + K1 * length))).unzip();
    Sparse { indices, values }
}

/// The query side: every term of every language once. `language` is the person's, if known; its stop words are left out
/// everywhere, so that "les" does not look for "Les Misérables" in English passages.
#[must_use]
pub fn query(text: &str, language: Option<Language>) -> Sparse {
    let language = language.or_else(|| Language::detect(text));
    let mut indices = BTreeSet::new();
    for script in Script::ALL {
        let analyzer = Analyzer::new(script);
        indices.extend(analyzer.terms(text, language).map(|term| term_index(script, &term)));
    }
    let values = vec![1.0; indices.len()];
    Sparse { indices: indices.into_iter().collect(), values }
}

/// The share of the query's terms that occur in the passage, 0 to 1; 0 for a query without terms.
#[must_use]
pub fn coverage(query: &str, language: Option<Language>, passage: &str, script: Script) -> f32 {
    let language = language.or_else(|| Language::detect(query));
    let analyzer = Analyzer::new(script);
    let asked: BTreeSet<String> = analyzer.terms(query, language).collect();
    if asked.is_empty() {
        return 0.0;
    }
    let there: BTreeSet<String> = analyzer.terms(passage, None).collect();
    asked.intersection(&there).count() as f32 / asked.len() as f32
}

/// A stable 32-bit hash (FNV-1a, folded): it is stored, so it never changes.
fn term_index(script: Script, term: &str) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in script.code().bytes().chain([b':']).chain(term.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    ((hash >> 32) ^ (hash & 0xffff_ffff)) as u32
}

#[cfg(test)]
mod tests;
