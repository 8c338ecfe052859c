//! How much of one text is in another.

use std::{collections::HashMap, hash::Hash};
use unicode_normalization::UnicodeNormalization;

/// F1 of words, and of pairs of neighbouring words.
#[derive(Debug, Clone, Copy)]
pub struct Score {
    pub words: f64,
    pub pairs: f64,
}

impl Score {
    pub fn of(found: &[String], wanted: &[String]) -> Self {
        let pairs = |words: &[String]| words.windows(2).map(|w| (w[0].clone(), w[1].clone())).collect::<Vec<_>>();
        Self { words: f1(found, wanted), pairs: f1(&pairs(found), &pairs(wanted)) }
    }
}

/// Runs of letters and digits, lower case, in compatibility form; an ideograph or kana is a word of its own.
pub fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    for c in text.nfkc().flat_map(char::to_lowercase) {
        let alone = ('\u{2E80}'..'\u{AC00}').contains(&c) || c >= '\u{20000}';
        if (alone || !c.is_alphanumeric()) && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            if alone { out.push(c.to_string()) } else { word.push(c) }
        }
    }
    out.extend((!word.is_empty()).then_some(word));
    out
}

/// Of two bags: what they share, as the harmonic mean of both shares.
fn f1<T: Hash + Eq>(found: &[T], wanted: &[T]) -> f64 {
    if found.is_empty() && wanted.is_empty() {
        return 1.0;
    }
    let mut left: HashMap<&T, usize> = HashMap::new();
    wanted.iter().for_each(|w| *left.entry(w).or_default() += 1);
    let mut common = 0_usize;
    for word in found {
        if let Some(count) = left.get_mut(word).filter(|c| **c > 0) {
            *count -= 1;
            common += 1;
        }
    }
    2.0 * common as f64 / (found.len() + wanted.len()) as f64
}
