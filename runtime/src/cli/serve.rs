use crate::{
    config::Config,
    exit::{CommandResult, Outcome},
    serving,
};
use clap::Args;

/// Run the server
///
/// Serves webhooks, the REST API, web chat and health on one port until Ctrl-C or SIGTERM, then ends what it is doing
/// and stops. Killing it at any moment loses nothing: the next start continues where it was. The first start makes the
/// data folder, an API key (the file api-key in it) and, in the background, installs the embedding model.
///
/// Example:
///   colloquy serve --data-dir /var/lib/colloquy --port 8080
///   curl -H "Authorization: Bearer $(cat /var/lib/colloquy/api-key)" http://127.0.0.1:8080/api/agents
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Serve {
    /// Port to listen on; 0 is any free one [default: 3000]
    #[arg(long, value_name = "PORT")]
    pub port: Option<String>,
    /// Address to listen on; 0.0.0.0 is all interfaces [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    pub host: Option<String>,
}

impl Serve {
    pub async fn run(self, config: &Config) -> CommandResult {
        serving::serve(config, "serve", config.listen(), async |_| Ok(())).await?;
        Ok(Outcome::Done)
    }
}
