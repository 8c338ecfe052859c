//! Finding the running server of a data folder, or starting the application in this process.

use super::api::Api;
use crate::{
    config::Config,
    exit::{CommandResult, Stop},
    folder::{self, DataFolder, FolderError, Owner},
    out,
    signals::stop_signal,
    wire::App,
};
use anyhow::anyhow;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// A server that was just started is waited for this long.
const STARTING: Duration = Duration::from_secs(60);
/// Another command is waited for this long.
const OTHER_COMMAND: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Runs `work` against the server of the data folder; if none is running, against the same application, started in
/// this process for as long as the work takes.
///
/// # Errors
/// The work's; or that neither a server nor the folder could be had; or that the application gave up meanwhile.
pub async fn with_server<T>(
    config: &Config,
    command: &str,
    work: impl AsyncFnOnce(&Api) -> CommandResult<T>,
) -> CommandResult<T> {
    match find(config, command).await? {
        Found::Server(api) => tokio::select! {
            result = work(&api) => result,
            () = stop_signal() => Err(interrupted()),
        },
        Found::Folder(folder) => in_process(config, *folder, work).await,
    }
}

fn interrupted() -> Stop {
    Stop::Failed(anyhow!("interrupted"))
}

enum Found {
    Server(Api),
    Folder(Box<DataFolder>),
}

async fn in_process<T>(
    config: &Config,
    mut folder: DataFolder,
    work: impl AsyncFnOnce(&Api) -> CommandResult<T>,
) -> CommandResult<T> {
    let mut app = Box::pin(App::start(config, &folder, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))).await?;
    let local = folder.announce(&app.url)?;
    let api = Api::new(&local, folder.api_key().clone())?;
    let result = tokio::select! {
        result = work(&api) => result,
        () = app.failed() => Err(Stop::Failed(anyhow!("the application stopped: see the log above"))),
        () = stop_signal() => Err(interrupted()),
    };
    Box::pin(app.stop()).await;
    drop(folder);
    result
}

/// The server, or the folder as soon as no other command holds it.
async fn find(config: &Config, command: &str) -> CommandResult<Found> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        let owner = match DataFolder::open(config, command) {
            Ok(folder) => return Ok(Found::Folder(Box::new(folder))),
            Err(FolderError::InUse { owner, .. }) => owner,
            Err(e) => return Err(e.into()),
        };
        if let Some(api) = reach(config, owner.as_ref()).await? {
            return Ok(Found::Server(api));
        }
        let patience = if owner.as_ref().is_none_or(Owner::serves) { STARTING } else { OTHER_COMMAND };
        if begun.elapsed() > patience {
            let path = config.data_dir.clone();
            return Err(anyhow!("{}, and it does not answer", FolderError::InUse { path, owner }).into());
        }
        if !told && begun.elapsed() > Duration::from_secs(1) {
            told = true;
            let path = config.data_dir.clone();
            out::note(format_args!("{}: waiting for it", FolderError::InUse { path, owner }));
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = stop_signal() => return Err(interrupted()),
        }
    }
}

/// The owner, if it is a server that answers.
async fn reach(config: &Config, owner: Option<&Owner>) -> CommandResult<Option<Api>> {
    let Some(url) = owner.filter(|o| o.serves()).and_then(|o| o.url.as_deref()) else {
        return Ok(None);
    };
    let api = Api::new(url, folder::read_api_key(&config.data_dir)?)?;
    Ok(api.health().await.is_ok().then_some(api))
}

/// The server that owns the folder at this moment, if one does and answers.
///
/// # Errors
/// The folder's lock cannot be read.
pub async fn in_use_by_server(config: &Config) -> CommandResult<Option<Api>> {
    match folder::owner(&config.data_dir)? {
        Some(owner) => reach(config, owner.as_ref()).await,
        None => Ok(None),
    }
}
