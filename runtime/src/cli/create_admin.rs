use super::migrate::store_options;
use crate::{
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    folder::{self, DataFolder, FolderError},
    machine, out,
};
use anyhow::anyhow;
use clap::Args;
use colloquy_api::new_user;
use colloquy_domain::{access::Role, ports::StoreError};
use colloquy_store::{Act, Actor, Database, NewUser, SecretKey, Store, Tenant};
use std::io::{IsTerminal, Read};

/// Make a person who administers the installation, or one tenant
///
/// The password is read from standard input (`--password-stdin`), or made and shown once. The server may be running. Without
/// `--tenant` the person belongs to the first tenant, `default`.
///
/// Example:
///   colloquy create-admin --email ann@example.com --name "Ann"
///   colloquy create-admin --email bob@example.com --name "Bob" --role owner --tenant hotel-du-lac --password-stdin < file
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct CreateAdmin {
    /// Address to sign in with
    #[arg(long)]
    email: String,
    /// As others see it
    #[arg(long)]
    name: String,
    /// platform_admin, owner, admin or operator
    #[arg(long, default_value = "platform_admin", value_name = "ROLE")]
    role: Role,
    /// The slug of the person's tenant [default: default]
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// Read the password from standard input, one line
    #[arg(long)]
    password_stdin: bool,
}

impl CreateAdmin {
    pub async fn run(self, config: &Config) -> CommandResult {
        let (password, made) = self.password()?;
        let shown = made.then(|| password.clone());
        let wrong = |e: colloquy_api::error::ApiError| Stop::wrong(e.message);
        let user = Box::pin(new_user(&self.email, &self.name, password, self.role)).await.map_err(wrong)?;
        let (store, folder) = open_store(config, "create-admin").await?;
        let result = self.make(&store, user).await;
        store.close().await;
        drop(folder);
        let tenant = result?;
        out::line(format_args!("{} can sign in as {} of the tenant {}.", self.email, self.role, tenant.slug));
        if let Some(password) = shown {
            out::line(format_args!("Password (shown only now): {password}"));
        }
        Ok(Outcome::Done)
    }

    /// And whether it was made here.
    fn password(&self) -> CommandResult<(String, bool)> {
        if !self.password_stdin {
            return Ok((hex::encode(&machine::key_bytes()?[..12]), true));
        }
        if std::io::stdin().is_terminal() {
            out::prompt("Password: ");
        }
        let mut text = String::new();
        std::io::stdin().take(4_096).read_to_string(&mut text)?;
        Ok((text.lines().next().unwrap_or_default().to_owned(), false))
    }

    async fn make(&self, store: &Store, user: NewUser) -> CommandResult<Tenant> {
        let installation = store.installation();
        let tenant = match &self.tenant {
            None => installation.ensure_default_tenant().await?,
            Some(slug) => installation
                .tenant_by_slug(slug)
                .await?
                .ok_or_else(|| Stop::wrong(format!("there is no tenant {slug:?}")))?,
        };
        let rows = store.tenant(tenant.id);
        let made = rows.create_user(user).await.map_err(|e| match e {
            StoreError::Conflict(_) => Stop::Failed(anyhow!("{} is already taken", self.email)),
            other => other.into(),
        })?;
        let (action, target, detail) = ("user.created".to_owned(), made.id.to_string(), self.role.to_string());
        rows.note(Act { actor: Actor::System, action, target, detail }).await?;
        Ok(tenant)
    }
}

/// The store beside a running server or without one, and the folder if nobody else has it. SQLite lets a second process write;
/// PostgreSQL anybody who has its key.
pub(super) async fn open_store(config: &Config, command: &str) -> CommandResult<(Store, Option<DataFolder>)> {
    let (key, folder) = key(config, command)?;
    Ok((Store::open(config.database(), store_options(key)).await?, folder))
}

fn key(config: &Config, command: &str) -> CommandResult<(SecretKey, Option<DataFolder>)> {
    if let (Database::Postgres(_), Some(key)) = (config.database(), &config.secret_key) {
        return Ok((key.clone(), None));
    }
    match DataFolder::open(config, command) {
        Ok(folder) => Ok((folder.secret_key().clone(), Some(folder))),
        Err(FolderError::InUse { .. }) => Ok((folder::read_secret_key(config)?, None)),
        Err(other) => Err(other.into()),
    }
}
