//! Running the application for others until it is told to end.

use crate::{
    client::Api,
    config::Config,
    exit::{CommandResult, Stop},
    folder::DataFolder,
    install,
    signals::stop_signal,
    wire::App,
};
use anyhow::anyhow;
use std::{net::SocketAddr, pin::pin};

/// Serves on `bind` until a signal comes; `begin` runs once at the start, beside the serving. Missing models are
/// installed in the background.
///
/// # Errors
/// It cannot start; `begin` failed; or the supervision tree gave up.
pub async fn serve(
    config: &Config,
    command: &str,
    bind: SocketAddr,
    begin: impl AsyncFnOnce(&Api) -> CommandResult<()>,
) -> CommandResult<()> {
    // Before anybody can know of us: whoever reads where we serve may tell us to end at once.
    let mut told_to_end = pin!(stop_signal());
    let mut folder = DataFolder::open(config, command)?;
    let mut app = tokio::select! {
        app = Box::pin(App::start(config, &folder, bind)) => app?,
        // Nothing was taken in yet.
        () = &mut told_to_end => return Ok(()),
    };
    let local = folder.announce(&app.url)?;
    let key_file = folder.path().join("api-key");
    tracing::info!(url = app.url, api_key_file = %key_file.display(), "serving");
    let api = Api::new(&local, folder.api_key().clone())?;
    let result = {
        let mut begun = pin!(begin(&api));
        let mut installed = pin!(install::in_background(config));
        let (mut beginning, mut installing) = (true, true);
        loop {
            tokio::select! {
                () = &mut told_to_end => break Ok(()),
                () = app.failed() => break Err(gave_up()),
                result = &mut begun, if beginning => {
                    beginning = false;
                    if let Err(stop) = result {
                        break Err(stop);
                    }
                }
                new = &mut installed, if installing => {
                    installing = false;
                    if new && let Err(e) = app.models_installed().await {
                        tracing::error!(error = %e, "the new model could not be taken into use");
                    }
                }
            }
        }
    };
    tracing::info!("stopping");
    Box::pin(app.stop()).await;
    result
}

fn gave_up() -> Stop {
    Stop::Failed(anyhow!("a part of the application failed again and again, so it stopped; see the log above"))
}
