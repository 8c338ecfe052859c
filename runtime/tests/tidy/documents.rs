//! What documents say of files and of the environment is so.

use super::{read, root, sources};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Whoever runs Colloquy, builds it or connects to it needs these.
const NEEDED: [&str; 6] =
    ["README.md", "docs/ARCHITECTURE.md", "docs/DEPLOYMENT.md", "docs/SECURITY.md", "docs/WEBHOOKS.md", ".env.example"];

fn pages() -> Vec<PathBuf> {
    let below = |folder: &str| fs::read_dir(root().join(folder)).expect("a folder").flatten().map(|e| e.path());
    let all = below("docs").chain(below("docs/adr")).chain([root().join("README.md")]);
    all.filter(|path| path.extension().is_some_and(|e| e == "md")).collect()
}

/// Where `[words](target)` leads.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    ends.map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

// req: S0-DOC-1
#[test]
fn the_documents_are_there_and_lead_to_what_is_there() {
    for page in NEEDED {
        assert!(read(page).len() > 1_000, "{page} says nothing");
    }
    let mut lost = Vec::new();
    for page in pages() {
        let folder = page.parent().unwrap_or(Path::new("")).to_owned();
        let text = read(&page);
        lost.extend(links(&text).filter(|l| !folder.join(l).exists()).map(|l| format!("{}: {l}", page.display())));
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

/// Names of variables in a text: words of capitals that are set there.
fn variables(text: &str) -> BTreeSet<&str> {
    let named = text.lines().filter_map(|line| line.trim_start_matches(['#', ' ', '-']).split_once(['=', ':']));
    let is_name =
        |name: &&str| name.len() > 3 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    named.map(|(name, _)| name).filter(is_name).collect()
}

// req: S0-DOC-1
#[test]
fn the_example_of_the_environment_names_what_is_read() {
    let code: String = sources().iter().map(read).collect();
    let example = read(".env.example");
    let names = variables(&example);
    assert!(names.len() > 20, "{names:?}");
    let unknown: Vec<_> = names.into_iter().filter(|name| !code.contains(&format!("\"{name}\""))).collect();
    assert!(unknown.is_empty(), "nothing reads {unknown:?}");
}
