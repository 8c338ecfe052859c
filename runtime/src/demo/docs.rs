//! The documentation that the demonstration's agent knows: an explicit list, compiled in.

macro_rules! docs {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../", $path)))),*]
    };
}

/// Path in the repository and text. The last part of the path is the document's name.
pub const DOCS: &[(&str, &str)] = docs![
    "README.md",
    "docs/ARCHITECTURE.md",
    "docs/CONSOLE.md",
    "docs/DELIVERY.md",
    "docs/DEPLOYMENT.md",
    "docs/ERRORS.md",
    "docs/FAQ.fr.md",
    "docs/FAQ.md",
    "docs/KNOWLEDGE.md",
    "docs/LOGGING.md",
    "docs/ORCHESTRATION.md",
    "docs/REALTIME.md",
    "docs/SECURITY.md",
    "docs/SIMULATION.md",
    "docs/TOOLS.md",
    "docs/VIDEO.md",
    "docs/WEBHOOKS.md",
    "docs/WIDGET.md",
];

/// What a document is called in the knowledge base.
#[must_use]
pub fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_page_of_the_documentation_is_listed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let pages = std::fs::read_dir(root.join("docs")).unwrap().flatten();
        let pages = pages.map(|e| e.file_name().to_string_lossy().into_owned()).filter(|n| n.ends_with(".md"));
        // Which test proves what is for those who change the program.
        let pages = pages.filter(|n| n != "REQUIREMENTS-STATUS.md");
        let mut expected: Vec<String> = pages.map(|n| format!("docs/{n}")).collect();
        if root.join("README.md").is_file() {
            expected.push("README.md".to_owned());
        }
        expected.sort();
        let mut listed: Vec<&str> = DOCS.iter().map(|(path, _)| *path).collect();
        listed.sort_unstable();
        assert_eq!(listed, expected);
    }
}
