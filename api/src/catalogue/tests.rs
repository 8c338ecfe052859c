use super::{ALL, find};
use crate::speech::french;
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ERRORS.md");
const HEAD: &str = "\
# Refusals

Every answer that is no success is `{success: false, message, error, code, requestId, details?}`. `code` is stable; this is
the whole list, made from `api/src/catalogue.rs`. With `Accept-Language: fr` the sentences marked • are answered in French;
the others say something of the request itself. 429 and 503 carry `Retry-After`.

| code | status | meaning | en français |
|---|---|---|---|
";

fn document() -> String {
    let mut text = HEAD.to_owned();
    for r in ALL {
        let mark = if r.fixed { " •" } else { "" };
        writeln!(text, "| `{}` | {} | {} | {}{mark} |", r.code, r.status, r.english, r.french).unwrap();
    }
    text
}

// req: S3-ERR-1
#[test]
fn the_committed_catalogue_is_that_of_the_code() {
    if std::env::var_os("COLLOQUY_UPDATE").is_some() {
        fs::write(DOCUMENT, document()).unwrap();
    }
    let committed = fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(committed == document(), "docs/ERRORS.md is not what the code says: run this test with COLLOQUY_UPDATE=1");
}

// req: S3-ERR-1
#[test]
fn the_catalogue_is_sorted_and_says_each_code_once() {
    let keys: Vec<_> = ALL.iter().map(|r| (r.status, r.code)).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    let codes: BTreeSet<_> = ALL.iter().map(|r| r.code).collect();
    assert_eq!(codes.len(), ALL.len());
    assert_eq!(french("NOT_FOUND"), Some("Introuvable"));
    assert_eq!(french("CONFLICT"), None, "its sentence says something of the request");
}

// req: S3-ERR-1
#[test]
fn no_handler_uses_a_code_that_is_not_in_the_catalogue_and_the_catalogue_has_no_other() {
    let mut used = BTreeSet::new();
    codes(Path::new(SOURCES), &mut used);
    let known: BTreeSet<_> = ALL.iter().map(|r| r.code.to_owned()).collect();
    assert_eq!(used, known, "a code of its own needs a line in api/src/catalogue.rs");
    assert!(find("NOBODY_KNOWS").is_none());
}

/// What stands as a code in the calls that make refusals.
fn codes(folder: &Path, used: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() && !entry.ends_with("catalogue") {
            codes(&entry, used);
        } else if entry.extension().is_some_and(|e| e == "rs") && !entry.ends_with("catalogue.rs") {
            let text = fs::read_to_string(&entry).unwrap();
            for call in
                ["ApiError::new(", "Self::new(", "unavailable(", "NotNow(", "busy(e, ", "refused(", "let code = if "]
            {
                let after = text.split(call).skip(1);
                used.extend(after.flat_map(|t| of_statement(t, call.starts_with("let"))));
            }
        }
    }
}

/// The first capital word in quotation marks of a call; all of them, if its choice is spelled out.
fn of_statement(text: &str, all: bool) -> Vec<String> {
    let statement = text.split(';').next().unwrap_or_default();
    let words = statement.split('"').skip(1).step_by(2);
    let capital = |w: &&str| w.len() > 3 && w.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    words.filter(capital).take(if all { usize::MAX } else { 1 }).map(str::to_owned).collect()
}
