//! A small disk of the test's own, which it fills and gives room again. It is a file system in memory: mounting one needs
//! privileges.

use super::guardian::Guardian;
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// What the ballast is written in.
const PIECE: usize = 64 * 1024;

pub struct Disk {
    // Taken back before its folder is.
    _mounted: Guardian,
    folder: TempDir,
}

impl Disk {
    /// A disk of so many MiB that everybody may use; where that is not permitted, says so and returns `None`.
    pub fn of(mib: u32) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("disk-").tempdir_in("/tmp").expect("a folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m,mode=0777"), "none"]).arg(folder.path());
        let said = mount.output();
        if !said.as_ref().is_ok_and(|o| o.status.success()) {
            let why = said.map_or_else(|e| e.to_string(), |o| String::from_utf8_lossy(&o.stderr).trim().to_owned());
            eprintln!("SKIPPED: a small disk is a mounted one, which is not permitted here: {why}");
            return None;
        }
        let mounted = Guardian::new(&format!("umount -l '{}'", folder.path().display()));
        Some(Self { _mounted: mounted, folder })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Until not one byte more can be written; can be repeated, because others may free some.
    pub fn fill(&self) {
        let mut ballast = OpenOptions::new().create(true).append(true).open(self.ballast()).expect("the ballast");
        let piece = vec![1; PIECE];
        while ballast.write_all(&piece).is_ok() {}
    }

    /// Takes the ballast off again.
    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("the ballast");
    }
}
