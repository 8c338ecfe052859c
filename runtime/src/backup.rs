//! What a backup is: a folder with a database, documents and keys, and a manifest with the checksum of each file.

use crate::{exit::Stop, folder::make_private_dir};
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// The database's name in it.
pub const DATABASE: &str = "colloquy.db";
const MANIFEST: &str = "manifest.json";
const VERSION: u32 = 1;

/// Everything that a backup has but itself.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    version: u32,
    /// By the path in the folder, with `/`.
    pub files: BTreeMap<String, Entry>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    size: u64,
    /// Hexadecimal.
    sha256: String,
}

impl Manifest {
    /// Of what lies in the folder now.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn of(folder: &Path) -> anyhow::Result<Self> {
        let mut files = BTreeMap::new();
        for path in below(folder)? {
            let name = path.strip_prefix(folder)?.components().map(|c| c.as_os_str().to_string_lossy());
            let name = name.collect::<Vec<_>>().join("/");
            if name != MANIFEST {
                files.insert(name, Entry::of(&path).with_context(|| format!("cannot read {}", path.display()))?);
            }
        }
        Ok(Self { version: VERSION, files })
    }

    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|e| e.size).sum()
    }

    /// The last thing that a backup gets: without it, it is none.
    ///
    /// # Errors
    /// The file's.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::write(folder.join(MANIFEST), serde_json::to_vec_pretty(self)?).context("cannot write the manifest")
    }

    /// # Errors
    /// There is none, or one of another version.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(MANIFEST);
        let text = fs::read(&path).with_context(|| format!("this is no finished backup: no {}", path.display()))?;
        let manifest: Self =
            serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))?;
        if manifest.version != VERSION {
            bail!("this backup is of version {}, and this program knows {VERSION}", manifest.version);
        }
        Ok(manifest)
    }

    /// Whether the folder has what the manifest says, and nothing else.
    ///
    /// # Errors
    /// Names the first file that differs, is missing, or was added.
    pub fn check(&self, folder: &Path) -> anyhow::Result<()> {
        let found = Self::of(folder)?;
        for (name, entry) in &self.files {
            match found.files.get(name) {
                None => bail!("the backup is damaged: {name} is missing"),
                Some(there) if there != entry => bail!("the backup is damaged: {name} differs from its checksum"),
                Some(_) => {}
            }
        }
        match found.files.keys().find(|name| !self.files.contains_key(*name)) {
            Some(added) => bail!("the backup has something that was not in it: {added}"),
            None => Ok(()),
        }
    }
}

impl Entry {
    fn of(path: &Path) -> io::Result<Self> {
        let (mut file, mut hash) = (fs::File::open(path)?, Sha256::new());
        let mut size = 0;
        let mut part = vec![0; 1 << 16];
        loop {
            let read = io::Read::read(&mut file, &mut part)?;
            if read == 0 {
                break;
            }
            hash.update(&part[..read]);
            size += read as u64;
        }
        Ok(Self { size, sha256: hex::encode(hash.finalize()) })
    }
}

/// # Errors
/// Something lies there: wrong use.
pub fn must_be_empty(folder: &Path) -> Result<(), Stop> {
    match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Stop::Failed(anyhow::Error::new(e).context(format!("cannot read {}", folder.display())))),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Stop::wrong(format!("{} is not empty", folder.display()))),
        },
    }
}

/// Copies all files.
///
/// # Errors
/// The files'.
pub fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    for path in below(from)? {
        copy_file(&path, &to.join(path.strip_prefix(from)?))?;
    }
    Ok(())
}

/// Copies a file, unless it is there already: documents' files never change. Returns whether it is there now; no, if it went
/// away before.
///
/// # Errors
/// The files'.
pub fn copy_file(from: &Path, to: &Path) -> anyhow::Result<bool> {
    if to.exists() {
        return Ok(true);
    }
    if let Some(folder) = to.parent() {
        make_private_dir(folder)?;
    }
    match fs::copy(from, to) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        done => done.map(|_| true).with_context(|| format!("cannot copy {}", from.display())),
    }
}

/// All files, in folders of folders, too; none where there is no folder.
fn below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.with_context(|| format!("cannot read {}", folder.display()))?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_what_its_manifest_says() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/c.txt"), "Parking").unwrap();
        assert!(must_be_empty(&to).is_ok() && must_be_empty(&from).is_err());
        copy_files(&from, &to).unwrap();
        assert!(Manifest::read(&to).is_err(), "not finished");
        Manifest::of(&to).unwrap().write(&to).unwrap();
        let manifest = Manifest::read(&to).unwrap();
        assert_eq!((manifest.bytes(), manifest.check(&to).is_ok()), (7, true));
        fs::write(to.join("a/b/c.txt"), "parking").unwrap();
        assert!(manifest.check(&to).unwrap_err().to_string().contains("a/b/c.txt differs"));
        fs::remove_file(to.join("a/b/c.txt")).unwrap();
        assert!(manifest.check(&to).unwrap_err().to_string().contains("a/b/c.txt is missing"));
    }
}
