//! Children that misbehave, played by the shell.

use super::*;
use crate::document::ExtractStatus;
use std::{fs, os::unix::fs::PermissionsExt};
use tempfile::TempDir;

/// An extractor whose child runs this script; `$5` is the file.
fn extractor(script: &str) -> (TempDir, Extractor) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("child");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let limits = ExtractLimits {
        wall_min: Duration::from_millis(500),
        wall_max: Duration::from_secs(20),
        output_bytes: 10_000,
        ..ExtractLimits::default()
    };
    (folder, Extractor::new(program, limits))
}

async fn failure(script: &str) -> Failure {
    let (folder, extractor) = extractor(script);
    extractor.extract(&folder.path().join("document")).await.expect_err("must fail")
}

#[tokio::test]
async fn a_result_is_the_last_line_whatever_libraries_print_before() {
    let json = serde_json::to_string(&Cause::empty().into_extraction()).unwrap();
    let (folder, extractor) = extractor(&format!("echo noise; echo complaint >&2; echo '{json}'"));
    let read = extractor.extract(&folder.path().join("document")).await.unwrap();
    assert_eq!(read.status, ExtractStatus::Failed);
    assert_eq!(read.failure().unwrap().code, "extract.empty");
}

#[tokio::test]
async fn a_child_that_hangs_is_killed() {
    let (folder, extractor) = extractor("echo $$ > \"$(dirname \"$0\")/pid\"; exec sleep 600");
    let failure = extractor.extract(&folder.path().join("document")).await.expect_err("must fail");
    assert_eq!(failure.code, Cause::TIMEOUT);
    assert!(!failure.is_retry());
    let pid = fs::read_to_string(folder.path().join("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "the child is still there");
}

#[tokio::test]
async fn every_end_has_its_name() {
    for (script, code) in [
        ("kill -SEGV $$", Cause::CRASHED),
        ("kill -KILL $$", Cause::OUT_OF_MEMORY),
        ("kill -XCPU $$", Cause::TIMEOUT),
        ("echo 'memory allocation of 99 bytes failed' >&2; kill -ABRT $$", Cause::OUT_OF_MEMORY),
        ("exit 3", Cause::CRASHED),
        ("echo '{\"v\":99}'", Cause::CRASHED),
        ("true", Cause::CRASHED),
        ("exec yes", Cause::OUTPUT_TOO_LARGE),
    ] {
        let failure = failure(script).await;
        assert_eq!(failure.code, code, "{script}");
        assert!(!failure.is_retry(), "{script}");
    }
}

#[tokio::test]
async fn much_complaint_does_not_stop_the_child() {
    let json = serde_json::to_string(&Cause::empty().into_extraction()).unwrap();
    let (folder, extractor) = extractor(&format!("head -c 1000000 /dev/zero >&2; echo '{json}'"));
    assert!(extractor.extract(&folder.path().join("document")).await.is_ok());
}

#[tokio::test]
async fn a_missing_program_is_somebodys_to_fix() {
    let extractor = Extractor::new("/nonexistent/program".into(), ExtractLimits::default());
    let failure = extractor.extract(Path::new("x")).await.expect_err("must fail");
    assert_eq!(failure.code, Cause::CANNOT_START);
    assert_eq!(failure.verdict, colloquy_domain::failure::Verdict::Fatal);
}

#[test]
fn patience_grows_with_the_file() {
    let extractor = Extractor::new("x".into(), ExtractLimits::default());
    assert_eq!(extractor.patience(0).as_secs(), 60);
    assert_eq!(extractor.patience(2 << 20).as_secs(), 162);
    assert_eq!(extractor.patience(u64::MAX).as_secs(), 300);
}
