//! What runs inside the child: limits first, then the file, then the format. It ends with its parent.

use crate::{
    document::Extraction,
    formats::{self, Cause, ExtractLimits},
};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
    thread,
};

/// Exit code of a child whose parent is gone.
pub const ORPHANED: i32 = 70;

/// Reads one document under limits on memory, CPU time and stack. To be called once, by a process that does nothing
/// else: the limits hold until it ends.
///
/// Ends the process when its standard input does: the parent holds the other end and is gone then.
///
/// Never panics outward. Running out of memory aborts the process and running out of CPU time kills it: both are the
/// parent's to name.
#[must_use]
pub fn run_in_child(path: &Path, limits: &ExtractLimits) -> Extraction {
    if let Err(error) = end_with_parent() {
        return Cause::new(Cause::CANNOT_START, format!("no thread could be started: {error}")).into_extraction();
    }
    let bytes = match read_file(path, limits) {
        Ok(bytes) => bytes,
        Err(cause) => return cause.into_extraction(),
    };
    if let Err(error) = limit_this_process(limits) {
        let sentence = format!("the limits on memory and time could not be set: {error}");
        return Cause::new(Cause::CANNOT_START, sentence).into_extraction();
    }
    let (name, limits_there) = (path.to_owned(), limits.clone());
    let reader = thread::Builder::new()
        .name("extract".to_owned())
        .stack_size(limits.stack_bytes)
        .spawn(move || formats::extract(&name, &bytes, &limits_there));
    match reader.map(thread::JoinHandle::join) {
        Ok(Ok(extraction)) => extraction,
        Ok(Err(_)) => Cause::crashed().into_extraction(),
        Err(error) => Cause::new(Cause::CANNOT_START, format!("no thread could be started: {error}")).into_extraction(),
    }
}

/// Nobody would read the result, and a document that never ends would be read for ever.
fn end_with_parent() -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "nothing is to be shut down: the process only reads")]
    let watch = || {
        let mut nothing = [0_u8; 16];
        while io::stdin().read(&mut nothing).is_ok_and(|n| n > 0) {}
        std::process::exit(ORPHANED);
    };
    thread::Builder::new().name("parent".to_owned()).stack_size(64 << 10).spawn(watch).map(|_| ())
}

/// The whole file, if it is one and no larger than allowed.
fn read_file(path: &Path, limits: &ExtractLimits) -> Result<Vec<u8>, Cause> {
    let unreadable = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => Cause::new(Cause::UNREADABLE, "the file does not exist"),
        io::ErrorKind::PermissionDenied => Cause::new(Cause::UNREADABLE, "the file may not be read by this program"),
        _ => Cause::new(Cause::UNREADABLE, format!("the file cannot be read: {error}")),
    };
    // Before opening: opening a pipe would wait for its other end.
    let about = fs::symlink_metadata(path).map_err(|e| unreadable(&e))?;
    if about.is_symlink() {
        return Err(Cause::new(Cause::SYMLINK, "this is a symbolic link; name the file that it points to"));
    }
    if !about.is_file() {
        return Err(Cause::new(Cause::NOT_A_FILE, "this is a folder, a device or a pipe, not a file"));
    }
    let too_large = || {
        let most = limits.file_bytes >> 20;
        Cause::new(Cause::TOO_LARGE, format!("the file is larger than the {most} MB that are read"))
    };
    if about.len() > limits.file_bytes {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| unreadable(&e))?;
    file.take(limits.file_bytes + 1).read_to_end(&mut bytes).map_err(|e| unreadable(&e))?;
    if bytes.len() as u64 > limits.file_bytes {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Bounds this process for the rest of its life: memory, CPU time, no core dumps.
///
/// # Errors
/// What the system says when it refuses.
#[cfg(unix)]
pub fn limit_this_process(limits: &ExtractLimits) -> io::Result<()> {
    use rlimit::{INFINITY, Resource};
    let lower = |resource: Resource, wanted: u64| -> io::Result<()> {
        let (_, hard) = resource.get()?;
        let wanted = if hard == INFINITY { wanted } else { wanted.min(hard) };
        resource.set(wanted, hard)
    };
    lower(Resource::CORE, 0)?;
    lower(Resource::CPU, limits.cpu_seconds)?;
    // Elsewhere than on Linux the size mapped now is not to be had this way, and the limit is not enforced anyhow.
    if let Some(mapped) = mapped_bytes() {
        lower(Resource::AS, mapped.saturating_add(limits.memory_bytes))?;
    }
    Ok(())
}

/// Nothing here can be bounded from within.
#[cfg(not(unix))]
pub fn limit_this_process(_: &ExtractLimits) -> io::Result<()> {
    Ok(())
}

/// The address space that this process maps now.
#[cfg(unix)]
fn mapped_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmSize:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause_of(path: &Path, limits: &ExtractLimits) -> &'static str {
        read_file(path, limits).expect_err("must be refused").code
    }

    #[test]
    fn only_regular_files_of_a_sane_size_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        fs::write(&file, "0123456789").unwrap();
        let limits = ExtractLimits::default();
        assert_eq!(read_file(&file, &limits).unwrap(), b"0123456789");
        assert_eq!(cause_of(folder.path(), &limits), Cause::NOT_A_FILE);
        assert_eq!(cause_of(&folder.path().join("missing"), &limits), Cause::UNREADABLE);
        assert_eq!(cause_of(&file, &ExtractLimits { file_bytes: 9, ..limits }), Cause::TOO_LARGE);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.txt"), folder.path().join("b.txt"));
        fs::write(&file, "words").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(cause_of(&link, &ExtractLimits::default()), Cause::SYMLINK);
        assert_eq!(cause_of(Path::new("/dev/zero"), &ExtractLimits::default()), Cause::NOT_A_FILE);
    }
}
