//! Damaged documents of every format, a bounded number: each is read or refused with a named cause, and none grows beyond
//! reason. The long form is `cargo run --release -p colloquy-rag --example fuzz_formats`.
#![allow(clippy::unwrap_used, reason = "helpers of tests, too, fail by panicking")]

#[path = "../examples/fuzz_formats/mutate.rs"]
mod mutate;

use colloquy_rag::{
    chunk::{ChunkOptions, chunk},
    document::ExtractStatus,
    formats::{self, ExtractLimits},
};
use std::{fs, path::Path};

/// Runs of one document.
const RUNS: u64 = 60;
/// Text of this many times a document's bytes, and the megabyte that any may have, is reasonable.
const GROWTH: usize = 64;

// req: S1-FILE-1, C-ACT-2
fn damage(file: &str, whole: &[u8]) {
    let name = Path::new(file);
    for number in 0..RUNS {
        let bytes = mutate::document(whole, number);
        let read = formats::extract(name, &bytes, &ExtractLimits::default());
        match (read.status, &read.cause) {
            (ExtractStatus::Ok, None) => {}
            (ExtractStatus::Partial | ExtractStatus::Failed, Some(cause)) => {
                assert!(cause.starts_with("extract.") && cause.contains(": "), "{file} {number}: {cause}");
                assert!(!cause.starts_with("extract.crashed"), "{file} {number}: {cause}");
            }
            other => panic!("{file} {number}: {other:?}"),
        }
        let grown = read.text().len();
        assert!(grown <= (1 << 20) + GROWTH * bytes.len(), "{file} {number}: {} bytes became {grown}", bytes.len());
        assert!(chunk(&read, ChunkOptions::default()).iter().all(|c| !c.text.trim().is_empty()), "{file} {number}");
    }
}

fn fixture(file: &str) {
    damage(file, &fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(file)).unwrap());
}

#[test]
fn pdf() {
    fixture("scan.pdf");
}

#[test]
fn docx() {
    fixture("guide.docx");
}

#[test]
fn pptx() {
    fixture("season.pptx");
}

#[test]
fn xlsx() {
    fixture("prices.xlsx");
}

#[test]
fn opendocument() {
    fixture("piscine.odt");
    fixture("linge.ods");
}

#[test]
fn epub() {
    fixture("house-book.epub");
}

#[test]
fn email() {
    fixture("reservation.eml");
}

#[test]
fn plain_formats() {
    damage("a.html", b"<!doctype html><html><head><title>x</title></head><body><h1>a</h1><table><tr><th>b</th></tr><tr><td>c</td></tr></table><ul><li>d</li></ul></body></html>");
    damage(
        "a.md",
        b"---\ntitle: x\n---\n# a\n\n- b\n  - c\n\n| d | e |\n|---|---|\n| f | g |\n\n```\nh\n```\n\n<div>i</div>\n",
    );
    damage("a.csv", b"room;price\n\"a \"\"b\"\"\";1,5\nc;2\n");
    damage("a.txt", b"Hours\n\n- one\n- two\n\nthree four\n");
}
