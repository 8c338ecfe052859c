//! docs/REQUIREMENTS-STATUS.md says which test proves which requirement. The rows and what is missing of them are written by
//! hand, the tests by this test: `COLLOQUY_UPDATE=1 cargo test --test tidy requirements`.

use super::{files_below, read, root, sources};
use std::{collections::BTreeMap, fs};

const PAGE: &str = "docs/REQUIREMENTS-STATUS.md";
/// Tests that are named for one requirement; further ones are counted.
const NAMED: usize = 3;

/// Requirement → tests that name it, as `file::test`.
fn proofs() -> BTreeMap<String, Vec<String>> {
    let mut proofs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in sources().into_iter().chain(files_below("tests")) {
        let file = path.strip_prefix(root()).expect("inside").display().to_string();
        let mut waiting: Vec<String> = Vec::new();
        for line in read(&path).lines().map(str::trim) {
            if let Some(ids) = line.strip_prefix("// req: ") {
                waiting.extend(ids.split(',').map(|id| id.trim().to_owned()));
            } else if let Some(name) = function(line) {
                for id in waiting.drain(..) {
                    proofs.entry(id).or_default().push(format!("{file}::{name}"));
                }
            }
        }
        assert!(waiting.is_empty(), "{file}: no test follows {waiting:?}");
    }
    proofs
}

fn function(line: &str) -> Option<&str> {
    let after = ["fn ", "async fn ", "pub fn ", "pub async fn "].iter().find_map(|start| line.strip_prefix(start))?;
    after.split(['(', '<']).next()
}

/// One row of the page, with its tests as they are now.
fn renewed(line: &str, proofs: &BTreeMap<String, Vec<String>>) -> String {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [id, what, missing, ..] = cells.as_slice() else { panic!("{PAGE}: {line}") };
    let found = proofs.get(*id).map_or(&[][..], Vec::as_slice);
    let mut tests: Vec<String> = found.iter().take(NAMED).map(|t| format!("`{t}`")).collect();
    if found.len() > NAMED {
        tests.push(format!("and {} more", found.len() - NAMED));
    }
    let status = match (found.is_empty(), missing.is_empty()) {
        (true, _) => "open",
        (false, true) => "done",
        (false, false) => "partly",
    };
    format!("| {id} | {what} | {missing} | {status} | {} |", tests.join(", "))
}

fn is_row(line: &str) -> bool {
    line.starts_with("| S") || line.starts_with("| C-")
}

#[test]
fn the_page_of_requirements_names_the_tests_that_there_are() {
    let proofs = proofs();
    let page = read(root().join(PAGE));
    let known: Vec<&str> =
        page.lines().filter(|l| is_row(l)).filter_map(|l| l.split('|').nth(1)).map(str::trim).collect();
    let unknown: Vec<_> = proofs.keys().filter(|id| !known.contains(&id.as_str())).collect();
    assert!(unknown.is_empty(), "tests name requirements that {PAGE} does not have: {unknown:?}");
    let lines = page.lines().map(|l| if is_row(l) { renewed(l, &proofs) } else { l.to_owned() });
    let renewed: String = lines.flat_map(|l| [l, "\n".to_owned()]).collect();
    if std::env::var_os("COLLOQUY_UPDATE").is_some() {
        fs::write(root().join(PAGE), renewed).expect("written");
    } else {
        assert!(page == renewed, "{PAGE} is not up to date: COLLOQUY_UPDATE=1 cargo test --test tidy requirements");
    }
}
