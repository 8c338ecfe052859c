//! Starting the child, watching its time and output, and naming the way it ended.

use crate::{
    document::Extraction,
    formats::{Cause, ExtractLimits},
};
use colloquy_domain::failure::Failure;
use std::{
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};

/// What is kept of the child's standard error, in bytes.
const STDERR_BYTES: u64 = 64 << 10;
/// A page takes at least this much of a file, in bytes: for the guess how many there may be.
const BYTES_PER_PAGE: u64 = 2 << 10;
/// Waiting time for each page.
const PER_PAGE: Duration = Duration::from_millis(100);

/// Reads documents in child processes of `program`.
#[derive(Debug, Clone)]
pub struct Extractor {
    /// The program whose `extract --wire --limits=JSON -- FILE` prints an [`Extraction`] as the last line of its standard output.
    pub program: PathBuf,
    pub limits: ExtractLimits,
}

impl Extractor {
    #[must_use]
    pub const fn new(program: PathBuf, limits: ExtractLimits) -> Self {
        Self { program, limits }
    }

    /// Reads one document. A document that cannot be used comes back with `status` failed and its cause, see
    /// [`Extraction::failure`].
    ///
    /// # Errors
    /// Rejects when the child was killed, crashed or ran out of time or memory: the same file would do it again. Retry
    /// or fatal when no child could be started.
    pub async fn extract(&self, path: &Path) -> Result<Extraction, Failure> {
        let size = tokio::fs::metadata(path).await.map_or(0, |m| m.len());
        let patience = self.patience(size);
        let mut child = self.spawn(path)?;
        let ended = tokio::time::timeout(patience, self.collect(&mut child)).await;
        if !matches!(ended, Ok(Ok(Ended { status: Some(_), .. }))) {
            // Also reaps it. An error means that it ended meanwhile.
            let _ = child.kill().await;
        }
        match ended {
            Err(_) => Err(reject(&timeout(patience))),
            Ok(Err(error)) => {
                Err(Failure::retry("extract.io", format!("the reading program could not be followed: {error}")))
            }
            Ok(Ok(ended)) => self.judge(&ended).map_err(|cause| reject(&cause)),
        }
    }

    /// 60 s and 0.1 s for each page that a file of this size may hold, within the limits.
    fn patience(&self, bytes: u64) -> Duration {
        let pages = u32::try_from(bytes / BYTES_PER_PAGE).unwrap_or(u32::MAX);
        let wanted = self.limits.wall_min.saturating_add(PER_PAGE.saturating_mul(pages));
        wanted.clamp(self.limits.wall_min, self.limits.wall_max)
    }

    fn spawn(&self, path: &Path) -> Result<Child, Failure> {
        let mut command = Command::new(&self.program);
        let limits = serde_json::to_string(&self.limits)
            .map_err(|e| Failure::fatal(Cause::CANNOT_START, format!("the limits cannot be said to the child: {e}")))?;
        command.arg("extract").arg("--wire").arg(format!("--limits={limits}")).arg("--").arg(path);
        // Never written to: its end tells the child that this process is gone, however it went.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // It reads files of strangers: what is secret in the environment stays here.
        command.env_clear().env("RUST_BACKTRACE", "0");
        // A Ctrl-C at the terminal is for the parent, which then drops the child.
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map_err(|error| {
            let detail = format!("the reading program could not be started: {error}");
            match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                    Failure::fatal(Cause::CANNOT_START, detail)
                }
                _ => Failure::retry(Cause::CANNOT_START, detail),
            }
        })
    }

    async fn collect(&self, child: &mut Child) -> io::Result<Ended> {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (output, complaint) =
            tokio::try_join!(read_up_to(stdout, self.limits.output_bytes), read_and_drain(stderr, STDERR_BYTES))?;
        let Some(output) = output else {
            return Ok(Ended { status: None, output: Vec::new(), complaint });
        };
        Ok(Ended { status: Some(child.wait().await?), output, complaint })
    }

    fn judge(&self, ended: &Ended) -> Result<Extraction, Cause> {
        let Some(status) = ended.status else {
            return Err(Cause::new(Cause::OUTPUT_TOO_LARGE, "the document holds more text than can be taken in"));
        };
        let line = ended.output.split(|b| *b == b'\n').rfind(|line| !line.trim_ascii().is_empty());
        if status.success()
            && let Some(extraction) = line.and_then(|l| serde_json::from_slice::<Extraction>(l).ok())
            && extraction.v == Extraction::VERSION
        {
            return Ok(extraction);
        }
        let complaint = String::from_utf8_lossy(&ended.complaint);
        tracing::warn!(
            extract.exit = %status,
            extract.stderr_bytes = ended.complaint.len(),
            "extraction ended without a result"
        );
        Err(self.name_the_end(status, &complaint))
    }

    fn name_the_end(&self, status: ExitStatus, complaint: &str) -> Cause {
        // What Rust's allocator says before it aborts, and what C libraries say.
        let starved = complaint.contains("memory allocation of") || complaint.contains("annot allocate memory");
        match signal(status) {
            Some(SIGXCPU) => timeout(Duration::from_secs(self.limits.cpu_seconds)),
            Some(SIGKILL) => out_of_memory(),
            _ if starved => out_of_memory(),
            _ => Cause::crashed(),
        }
    }
}

struct Ended {
    /// `None` when it wrote too much and was left.
    status: Option<ExitStatus>,
    output: Vec<u8>,
    complaint: Vec<u8>,
}

/// Sent by the kernel when memory is gone; nobody else kills the child without the parent's knowing.
const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

fn reject(cause: &Cause) -> Failure {
    Failure::reject(cause.code, cause.sentence.clone())
}

fn timeout(after: Duration) -> Cause {
    Cause::new(Cause::TIMEOUT, format!("reading the document took longer than {} s and was stopped", after.as_secs()))
}

fn out_of_memory() -> Cause {
    Cause::new(Cause::OUT_OF_MEMORY, "reading the document needs more memory than is allowed")
}

/// All of it, or `None` when it is more than `most` bytes.
async fn read_up_to(from: Option<impl AsyncRead + Unpin>, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(most + 1).read_to_end(&mut bytes).await?;
    }
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// The first `most` bytes; the rest is read and dropped, so that the child never waits for us.
async fn read_and_drain(from: Option<impl AsyncRead + Unpin>, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        (&mut from).take(most).read_to_end(&mut bytes).await?;
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(bytes)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
