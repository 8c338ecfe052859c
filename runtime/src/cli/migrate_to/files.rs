//! The files' way: from the folder into the database. Documents are held against the checksums that were made when they
//! were uploaded, everything else (what people sent, what waits to be taken in) against what lies in the folder.

use super::table::{Line, Sum};
use colloquy_store::{Document, PageRequest, Store, TenantStore};
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
};
use tokio::{
    fs::{self, File},
    io::AsyncReadExt,
};

type Sha = [u8; 32];

/// Both sides' files.
pub struct Files<'a> {
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

/// Files, and the exclusive or of their names' and contents' hashes.
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

impl Files<'_> {
    /// Reads every file of the target; where it is not what it should be and `copy` says so, it is copied first.
    ///
    /// # Errors
    /// The stores', and the disk's.
    pub async fn look(&self, copy: bool, bar: &ProgressBar) -> anyhow::Result<Looked> {
        let mut looked = Looked::default();
        for tenants in 1.. {
            let page = self.source.installation().tenants(PageRequest::new(tenants, PageRequest::MOST)).await?;
            for tenant in &page.items {
                let (from, to) = (self.source.tenant(tenant.id), self.target.tenant(tenant.id));
                let documents = self.documents(&from, &to, copy, bar, &mut looked).await?;
                self.others(&to, &documents, copy, bar, &mut looked).await?;
            }
            if page.items.is_empty() {
                break;
            }
        }
        Ok(looked)
    }

    /// The names that the tenant's documents have.
    async fn documents(
        &self,
        from: &TenantStore,
        to: &TenantStore,
        copy: bool,
        bar: &ProgressBar,
        looked: &mut Looked,
    ) -> anyhow::Result<HashSet<String>> {
        let mut names = HashSet::new();
        for number in 1.. {
            let page = from.documents(None, PageRequest::new(number, PageRequest::MOST)).await?;
            for document in &page.items {
                bar.set_message(format!("files: {} ({})", looked.source.count, document.name));
                let name = file_name(&document.path);
                looked.source.add(&name, &document.sha256);
                let mut there = kept(to, &name, document.size).await?;
                if copy && there.as_ref().is_none_or(|t| t[..] != document.sha256[..]) {
                    if let Err(error) = bring(to, &self.path_of(to, document, &name), &name).await? {
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
                names.insert(name);
            }
            if page.items.is_empty() {
                break;
            }
        }
        Ok(names)
    }

    /// What else lies in the tenant's folder.
    async fn others(
        &self,
        to: &TenantStore,
        documents: &HashSet<String>,
        copy: bool,
        bar: &ProgressBar,
        looked: &mut Looked,
    ) -> anyhow::Result<()> {
        let mut folder = match fs::read_dir(self.folder.join(to.id().to_string())).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            folder => folder?,
        };
        while let Some(entry) = folder.next_entry().await? {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if documents.contains(&name) || !entry.file_type().await?.is_file() {
                continue;
            }
            bar.set_message(format!("files: {}", looked.source.count));
            let (size, here) = match read(&path).await {
                Ok(found) => found,
                Err(error) => {
                    looked.wrong.push(format!("{} cannot be read: {error}", path.display()));
                    continue;
                }
            };
            looked.source.add(&name, &here);
            let mut there = kept(to, &name, size).await?;
            if copy && there != Some(here) {
                if let Err(error) = bring(to, &path, &name).await? {
                    looked.wrong.push(format!("{} cannot be read: {error}", path.display()));
                }
                there = kept(to, &name, size).await?;
            }
            if let Some(content) = there {
                looked.target.add(&name, &content);
            }
        }
        Ok(())
    }

    /// Where the document lies: the folder may have been moved since its path was noted.
    fn path_of(&self, to: &TenantStore, document: &Document, name: &str) -> PathBuf {
        let here = self.folder.join(to.id().to_string()).join(name);
        if here.exists() { here } else { document.path.clone() }
    }
}

/// The inner error is the file's own: the others can still be brought.
async fn bring(to: &TenantStore, path: &Path, name: &str) -> anyhow::Result<io::Result<()>> {
    let mut file = match File::open(path).await {
        Ok(file) => file,
        Err(error) => return Ok(Err(error)),
    };
    // What an interrupted copy left.
    to.remove_file(name).await?;
    for part in 0.. {
        let content = match next_part(&mut file).await {
            Ok(content) => content,
            Err(error) => return Ok(Err(error)),
        };
        if content.is_empty() {
            break;
        }
        to.put_file_part(name, part, content).await?;
    }
    Ok(Ok(()))
}

async fn next_part(file: &mut File) -> io::Result<Vec<u8>> {
    let mut content = Vec::with_capacity(TenantStore::PART);
    file.take(TenantStore::PART as u64).read_to_end(&mut content).await?;
    Ok(content)
}

/// Bytes of a file here, and their checksum.
async fn read(path: &Path) -> io::Result<(u64, Sha)> {
    let (mut file, mut hash, mut size) = (File::open(path).await?, Sha256::new(), 0);
    loop {
        let content = next_part(&mut file).await?;
        if content.is_empty() {
            return Ok((size, hash.finalize().into()));
        }
        size += content.len() as u64;
        hash.update(&content);
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
