use crate::{
    backup::{DATABASE, Manifest, copy_file, must_be_empty},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    folder::{KEYS, make_private_dir},
    out,
};
use anyhow::{Context, anyhow};
use clap::Args;
use colloquy_store::{
    Database,
    backup::{files_of, snapshot},
};
use std::path::{Path, PathBuf};

/// How often documents may be replaced while they are copied.
const TRIES: usize = 10;

/// Copy this installation into a folder, while it runs or not
///
/// The database as it is at one moment, the documents that this moment knows, the keys, and checksums of all of them.
/// Vectors are left out: they are made again from the documents. Whoever has the copy can read everything in it, the
/// channels' secrets too.
///
/// On PostgreSQL use its own tools (`pg_dump`, or continuous archiving), and keep the secret key with the copy.
///
/// Example:
///   colloquy backup /backups/colloquy-monday
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Backup {
    /// Folder to make; it must not exist, or be empty
    #[arg(value_name = "DIR")]
    to: PathBuf,
}

impl Backup {
    pub async fn run(self, config: &Config) -> CommandResult {
        let Database::Sqlite(database) = config.database() else {
            return Err(Stop::wrong(
                "a PostgreSQL database is copied with its own tools: pg_dump --format=custom, and the secret key beside it",
            ));
        };
        if !database.exists() {
            return Err(Stop::wrong(format!("there is nothing to copy: no database at {}", database.display())));
        }
        must_be_empty(&self.to)?;
        make_private_dir(&self.to)?;
        copy(&database, &config.data_dir, &self.to).await?;
        for key in KEYS {
            let from = config.data_dir.join(key);
            if from.exists() {
                std::fs::copy(&from, self.to.join(key)).with_context(|| format!("cannot copy {}", from.display()))?;
            }
        }
        let manifest = Manifest::of(&self.to)?;
        manifest.write(&self.to)?;
        out::line(format_args!("{} files, {} bytes in {}.", manifest.files.len(), manifest.bytes(), self.to.display()));
        Ok(Outcome::Done)
    }
}

/// The database and the documents that it knows. What is known before is copied before, because it may be replaced while the
/// database is copied; what came and went between the two is looked for again with a later copy of the database.
async fn copy(database: &Path, data: &Path, to: &Path) -> CommandResult<()> {
    let (from, files, copy) = (data.join("files"), to.join("files"), to.join(DATABASE));
    for _ in 0..TRIES {
        copy_known(&files_of(database).await?, &from, &files)?;
        snapshot(database, &copy).await?;
        if copy_known(&files_of(&copy).await?, &from, &files)? {
            return Ok(());
        }
        std::fs::remove_file(&copy)?;
    }
    Err(Stop::Failed(anyhow!("documents are missing, or are replaced faster than they can be copied")))
}

/// Whether all are there now.
fn copy_known(known: &[PathBuf], from: &Path, to: &Path) -> anyhow::Result<bool> {
    let mut all = true;
    for path in known {
        // Of each tenant's folder; the rest of the path is as the server was started.
        let place = path.parent().and_then(Path::file_name).zip(path.file_name());
        let (tenant, name) = place.with_context(|| format!("a document has no place: {}", path.display()))?;
        let place = Path::new(tenant).join(name);
        all &= copy_file(&from.join(&place), &to.join(&place))?;
    }
    Ok(all)
}
