//! The documents' way: from files into the database, held against the checksums that were made when they were uploaded.

use super::table::{Line, Sum};
use colloquy_store::{Document, PageRequest, Store, TenantStore};
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::{fs::File, io::AsyncReadExt};

type Sha = [u8; 32];

/// Both sides' documents.
pub struct Documents<'a> {
    pub source: &'a Store,
    pub target: &'a Store,
    /// Where the source's files are.
    pub folder: PathBuf,
}

/// What was found.
#[derive(Default)]
pub struct Looked {
    source: Total,
    target: Total,
    /// What a person has to know of some of them.
    pub wrong: Vec<String>,
}

/// Documents, and the exclusive or of their names' and contents' hashes.
#[derive(Default)]
struct Total {
    count: u64,
    checksum: Sha,
}

impl Total {
    fn add(&mut self, name: &str, content: &[u8]) {
        self.count += 1;
        let hash = Sha256::new().chain_update(content).chain_update(name).finalize();
        self.checksum.iter_mut().zip(hash).for_each(|(sum, byte)| *sum ^= byte);
    }

    fn sum(&self) -> Sum {
        Sum { count: self.count, checksum: hex::encode(self.checksum) }
    }
}

impl Looked {
    pub fn line(&self) -> Line {
        Line { what: "files", source: self.source.sum(), target: self.target.sum() }
    }
}

impl Documents<'_> {
    /// Reads every document of the target; where it is not what was uploaded and `copy` says so, it is copied first.
    ///
    /// # Errors
    /// The stores', and the disk's.
    pub async fn look(&self, copy: bool, bar: &ProgressBar) -> anyhow::Result<Looked> {
        let mut looked = Looked::default();
        for tenants in 1.. {
            let page = self.source.installation().tenants(PageRequest::new(tenants, PageRequest::MOST)).await?;
            for tenant in &page.items {
                let (from, to) = (self.source.tenant(tenant.id), self.target.tenant(tenant.id));
                self.look_at_tenant(&from, &to, copy, bar, &mut looked).await?;
            }
            if page.items.is_empty() {
                break;
            }
        }
        Ok(looked)
    }

    async fn look_at_tenant(
        &self,
        from: &TenantStore,
        to: &TenantStore,
        copy: bool,
        bar: &ProgressBar,
        looked: &mut Looked,
    ) -> anyhow::Result<()> {
        for number in 1.. {
            let page = from.documents(None, PageRequest::new(number, PageRequest::MOST)).await?;
            for document in &page.items {
                bar.set_message(format!("files: {} ({})", looked.source.count, document.name));
                let name = file_name(&document.path);
                looked.source.add(&name, &document.sha256);
                let mut there = kept(to, &name, document.size).await?;
                if copy && there.as_ref().is_none_or(|t| t[..] != document.sha256[..]) {
                    if let Err(error) = self.bring(to, document, &name).await? {
                        looked.wrong.push(format!("{} cannot be read here: {error}", document.name));
                    }
                    there = kept(to, &name, document.size).await?;
                }
                if let Some(content) = there {
                    looked.target.add(&name, &content);
                    if content[..] != document.sha256[..] {
                        looked.wrong.push(format!("{} is not the file that was uploaded", document.name));
                    }
                }
            }
            if page.items.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// The inner error is the file's own: the others can still be brought.
    async fn bring(&self, to: &TenantStore, document: &Document, name: &str) -> anyhow::Result<io::Result<()>> {
        // The folder may have been moved since the path was noted.
        let here = self.folder.join(to.id().to_string()).join(name);
        let path = if here.exists() { here } else { document.path.clone() };
        let mut file = match File::open(&path).await {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        // What an interrupted copy left.
        to.remove_file(name).await?;
        for part in 0.. {
            let mut content = Vec::with_capacity(TenantStore::PART);
            if let Err(error) = (&mut file).take(TenantStore::PART as u64).read_to_end(&mut content).await {
                return Ok(Err(error));
            }
            if content.is_empty() {
                break;
            }
            to.put_file_part(name, part, content).await?;
        }
        Ok(Ok(()))
    }
}

/// What a file is called in the database.
fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The checksum of what lies in the database under this name. An empty file has no parts there.
async fn kept(rows: &TenantStore, name: &str, size: u64) -> anyhow::Result<Option<Sha>> {
    let (mut hash, mut parts) = (Sha256::new(), 0);
    while let Some(content) = rows.file_part(name, parts).await? {
        hash.update(&content);
        parts += 1;
    }
    Ok((parts > 0 || size == 0).then(|| hash.finalize().into()))
}
