//! Which files a person means by files and folders.

use crate::client::{Api, ApiError, Document};
use colloquy_rag::formats;
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Folders within folders that are followed; deeper is a loop or a mistake.
const DEEPEST: usize = 32;
const BELOW: &str = " › ";

/// A file, under the name that it gets in the knowledge base.
#[derive(Debug)]
pub struct Found {
    pub name: String,
    path: PathBuf,
    /// Why it cannot be looked at.
    trouble: Option<io::Error>,
}

impl Found {
    /// Its name in the knowledge base, and where it is.
    pub fn into_file(self) -> (String, PathBuf) {
        (self.name, self.path)
    }

    /// # Errors
    /// The cause, as results show it.
    pub async fn upload(&self, api: &Api, kb: &str) -> Result<Document, String> {
        let shown = |e: &ApiError| format!("{}: {e}", e.code());
        if let Some(e) = &self.trouble {
            return Err(format!("upload.unreadable: cannot read {}: {e}", self.path.display()));
        }
        api.upload(kb, &self.name, &self.path).await.map_err(|e| shown(&e))
    }
}

/// The files named, and in folders those that can be read as documents; each once, in a stable order.
///
/// Within a folder a document is called by its path from there, so that equal names in different folders stay apart:
/// the server keeps only what follows the last slash of a name, so the parts are joined by [`BELOW`].
pub fn find(paths: &[PathBuf]) -> Vec<Found> {
    let mut found = Vec::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => walk(path, path, 0, &mut found),
            Ok(_) => found.push(Found { name: file_name(path), path: path.clone(), trouble: None }),
            Err(e) => found.push(Found { name: file_name(path), path: path.clone(), trouble: Some(e) }),
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|f| seen.insert(f.path.clone()));
    found
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn walk(root: &Path, folder: &Path, depth: usize, found: &mut Vec<Found>) {
    let mut entries: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|e| e.path()).collect(),
        Err(e) => {
            return found.push(Found { name: name_below(root, folder), path: folder.to_owned(), trouble: Some(e) });
        }
    };
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        let Ok(about) = fs::symlink_metadata(&path) else { continue };
        if hidden || (about.is_symlink() && path.is_dir()) {
            continue;
        }
        if path.is_dir() {
            if depth < DEEPEST {
                walk(root, &path, depth + 1, found);
            }
        } else if path.is_file() && is_document(&path) {
            found.push(Found { name: name_below(root, &path), path, trouble: None });
        }
    }
}

fn name_below(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = below.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    if parts.is_empty() { file_name(path) } else { parts.join(BELOW) }
}

fn is_document(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| formats::ALL.iter().any(|f| f.extensions.contains(&e.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_and_what_is_no_document_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("a/.git")).unwrap();
        for name in ["b.md", "a/b.md", "a/.git/c.md", "a/picture.xyz", "a/Z.PDF", ".hidden.md", "odd.xyz"] {
            fs::write(root.join(name), "x").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(root, root.join("a/loop")).unwrap();
        let paths = [root.to_owned(), root.join("b.md"), root.join("odd.xyz"), root.join("gone.pdf")];
        let found = find(&paths);
        let names: Vec<&str> = found.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["a › Z.PDF", "a › b.md", "b.md", "odd.xyz", "gone.pdf"]);
        assert_eq!(found.iter().filter(|f| f.trouble.is_some()).count(), 1);
    }
}
