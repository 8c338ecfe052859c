//! What names a generation of passages.

use colloquy_domain::failure::Failure;
use sha2::{Digest, Sha256};
use std::{io::Read, path::PathBuf};

/// Counts up when chunking, analysis or the stored form change, so that documents are made anew.
const PIPELINE: u32 = 1;

/// SHA-256 of the file.
pub(super) async fn content_hash(path: PathBuf) -> Result<[u8; 32], Failure> {
    let read = move || -> std::io::Result<[u8; 32]> {
        let mut file = std::fs::File::open(path)?;
        let (mut hash, mut buffer) = (Sha256::new(), vec![0_u8; 1 << 16]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hash.finalize().into()),
                n => hash.update(&buffer[..n]),
            }
        }
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(hash)) => Ok(hash),
        Ok(Err(e)) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::reject("document.missing", "the file is not there any more"))
        }
        Ok(Err(e)) => Err(Failure::retry("document.read", e.to_string())),
        Err(e) => Err(Failure::retry("document.read", e.to_string())),
    }
}

/// Same file, name, model and code: same generation.
pub(super) fn generation(content: &[u8; 32], name: &str, model: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(content);
    hash.update((name.len() as u64).to_be_bytes());
    hash.update(name.as_bytes());
    hash.update(PIPELINE.to_be_bytes());
    of_model(&hex::encode(&hash.finalize()[..16]), model)
}

/// The generation of the same content by another model: what ingesting it again would make.
pub(super) fn of_model(generation: &str, model: &str) -> String {
    let content = generation.split_once('-').map_or(generation, |(content, _)| content);
    format!("{content}-{model}")
}
