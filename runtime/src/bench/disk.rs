//! How often this disk confirms a small append.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
    time::Duration,
};
use tokio::time::Instant;

const BLOCK: [u8; 4096] = [0x5a; 4096];

/// Appends 4 KiB and waits for fdatasync, again and again, on a file of its own.
///
/// # Errors
/// The file's.
pub async fn syncs_per_second(dir: &Path, lasting: Duration) -> anyhow::Result<f64> {
    let path = dir.join("appended");
    let work = move || -> io::Result<f64> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let (start, mut done) = (Instant::now(), 0_u32);
        while start.elapsed() < lasting {
            file.write_all(&BLOCK)?;
            file.sync_data()?;
            done += 1;
        }
        Ok(f64::from(done) / start.elapsed().as_secs_f64())
    };
    Ok(tokio::task::spawn_blocking(work).await??)
}
