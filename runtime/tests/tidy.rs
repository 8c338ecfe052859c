//! Keeps the house in order: dependency walls, file lengths, registries, opening words of each crate.

#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/requirements.rs"]
mod requirements;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Above this a file is split.
const LONGEST_FILE: usize = 600;

/// Which crates of ours each crate may depend on.
const WALLS: &[(&str, &[&str])] = &[
    ("colloquy-domain", &[]),
    ("colloquy-actors", &["colloquy-domain"]),
    ("colloquy-rag", &["colloquy-domain"]),
    ("colloquy-channels", &["colloquy-domain"]),
    ("colloquy-llm", &["colloquy-domain"]),
    ("colloquy-tools", &["colloquy-domain"]),
    ("colloquy-store", &["colloquy-domain"]),
    ("colloquy-api", &["colloquy-domain", "colloquy-actors", "colloquy-store"]),
    // The real drivers and the real tool engine run in simulated worlds.
    ("colloquy-sim", &["colloquy-domain", "colloquy-actors", "colloquy-channels", "colloquy-tools"]),
    (
        "colloquy",
        &[
            "colloquy-domain",
            "colloquy-actors",
            "colloquy-rag",
            "colloquy-channels",
            "colloquy-llm",
            "colloquy-tools",
            "colloquy-store",
            "colloquy-api",
            "colloquy-sim",
        ],
    ),
];

/// Which crates of ours may use these crates of others.
const OWNERS: &[(&str, &[&str])] = &[
    ("sqlx", &["colloquy-store"]),
    ("qdrant-edge", &["colloquy-rag"]),
    ("qdrant-client", &["colloquy-rag"]),
    ("tonic", &["colloquy-rag"]),
    ("fastembed", &["colloquy-rag"]),
    ("ractor", &["colloquy-actors", "colloquy-sim"]),
    ("axum", &["colloquy-api"]),
    ("async-openai", &["colloquy-llm"]),
    ("async-nats", &["colloquy"]),
    ("nkeys", &["colloquy"]),
    ("clap", &["colloquy"]),
    ("rmcp", &["colloquy", "colloquy-api"]),
];

/// What the pure core must not know.
const IMPURE: &[&str] = &["tokio", "serde_json", "sqlx", "ractor", "axum", "reqwest", "futures", "rand"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("cargo metadata")
}

/// Crate → its dependencies outside tests.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let of = |p: &cargo_metadata::Package| {
        p.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal).map(|d| d.name.clone()).collect()
    };
    metadata().packages.iter().map(|p| (p.name.to_string(), of(p))).collect()
}

fn sources() -> Vec<PathBuf> {
    files_below("src")
}

/// Rust files in this folder of each crate that has it.
fn files_below(folder: &str) -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).expect("readable folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for krate in ["domain", "actors", "rag", "channels", "llm", "tools", "store", "api", "runtime", "sim"] {
        let dir = root().join(krate).join(folder);
        if dir.exists() {
            walk(&dir, &mut found);
        }
    }
    found.sort();
    found
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path.as_ref())).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

#[test]
fn dependencies_point_one_way() {
    let found = dependencies();
    assert_eq!(found.len(), WALLS.len(), "a crate is missing in the table of walls");
    for (krate, allowed) in WALLS {
        for dependency in found[*krate].iter().filter(|d| d.starts_with("colloquy")) {
            assert!(allowed.contains(&dependency.as_str()), "{krate} must not depend on {dependency}");
        }
    }
}

#[test]
fn each_engine_has_one_owner() {
    for (krate, used) in dependencies() {
        for (name, owners) in OWNERS {
            assert!(!used.iter().any(|d| d == name) || owners.contains(&krate.as_str()), "{krate} must not use {name}");
        }
        if krate == "colloquy-domain" {
            for name in IMPURE {
                assert!(!used.iter().any(|d| d == name), "the domain must not know {name}");
            }
        }
    }
}

#[test]
fn files_stay_readable() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|p| (fs::read_to_string(&p).expect("readable").lines().count(), p))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, p)| format!("{} has {lines} lines", p.display()))
        .collect();
    assert!(long.is_empty(), "split these files: {long:#?}");
}

#[test]
fn each_crate_opens_with_its_purpose() {
    for krate in ["domain", "actors", "rag", "channels", "llm", "tools", "store", "api", "sim"] {
        let text = read(Path::new(krate).join("src/lib.rs"));
        for word in ["Purpose", "Non-goals", "Invariants", "Start here"] {
            assert!(text.contains(word), "{krate}/src/lib.rs does not say: {word}");
        }
    }
}

/// Folders and files that are extensions must stand in their registry.
fn stand_in_registry(folder: &str, registry: &str, not_extensions: &[&str]) {
    let text = read(registry);
    for entry in fs::read_dir(root().join(folder)).expect("readable folder").flatten() {
        let name = entry.path().file_stem().expect("named").to_string_lossy().into_owned();
        if !name.starts_with('.') && !not_extensions.contains(&name.as_str()) {
            assert!(text.contains(&name), "{folder}/{name} does not stand in {registry}");
        }
    }
}

#[test]
fn every_extension_stands_in_its_registry() {
    let shared = ["lib", "registry", "gsm", "http", "lenient", "markup", "meta", "timely"];
    stand_in_registry("channels/src", "channels/src/registry.rs", &shared);
    stand_in_registry("tools/src/builtin", "tools/src/builtin/mod.rs", &["mod", "tests"]);
    stand_in_registry("rag/src/formats", "rag/src/formats/mod.rs", &["mod"]);
    stand_in_registry("llm/src", "llm/src/registry.rs", &["lib", "registry", "citable"]);
    stand_in_registry("api/src/endpoints", "api/src/routes.rs", &["mod"]);
}

/// Each database has a schema of its own, in files that are applied in the order of their numbers.
#[test]
fn both_databases_have_their_migrations() {
    for folder in ["migrations/sqlite", "migrations/postgres"] {
        let entries = fs::read_dir(root().join(folder)).expect("readable folder").flatten();
        let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        assert!(!names.is_empty(), "{folder} is empty");
        for (n, name) in names.iter().enumerate() {
            let begins = format!("{:04}_", n + 1);
            assert!(name.starts_with(&begins) && name.ends_with(".sql"), "{folder}/{name}: expected {begins}….sql");
        }
    }
}

#[test]
fn one_tls_stack() {
    let lock = read("Cargo.lock");
    for name in ["aws-lc-rs", "native-tls", "openssl", "openssl-sys"] {
        assert!(!lock.contains(&format!("name = \"{name}\"")), "{name} came into the lock file");
    }
}

#[test]
fn only_the_interpreter_matches_on_effects() {
    for path in sources().iter().filter(|p| !p.starts_with(root().join("domain"))) {
        let text = fs::read_to_string(path).expect("readable");
        let matches = text.contains("Effect::CallModel") || text.contains("Effect::RunTool");
        assert!(!matches || path.ends_with("actors/src/effects.rs"), "{} matches on Effect", path.display());
    }
}
