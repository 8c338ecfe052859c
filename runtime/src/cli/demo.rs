use crate::{
    config::Config,
    demo,
    exit::{CommandResult, Outcome},
    install, out, serving,
};
use clap::Args;
use std::net::{SocketAddr, TcpListener};

/// Try Colloquy: an agent that knows Colloquy's own documentation, in your browser
///
/// Starts a server on a data folder of its own (`demo` in the data folder, unless --data-dir names one), installs the
/// embedding model if it is not there, loads the documentation, and opens a web chat. No key and no account is needed:
/// without a configured model, answers are cut from the documentation and cite it. With OPENAI_API_KEY or
/// OPENAI_BASE_URL set, that model answers.
///
/// Example:
///   colloquy demo
///   OPENAI_BASE_URL=http://localhost:11434/v1 OPENAI_MODEL=qwen3 colloquy demo --no-browser
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Demo {
    /// Port to listen on [default: 3000, or a free one]
    #[arg(long, value_name = "PORT")]
    pub port: Option<String>,
    /// Only print the address of the chat
    #[arg(long)]
    no_browser: bool,
}

/// The demonstration keeps apart from what the configuration is for.
pub fn adapt(config: &mut Config, chosen: bool) {
    if !chosen {
        config.data_dir = config.data_dir.join("demo");
        config.database = None;
    }
}

impl Demo {
    pub async fn run(self, config: &Config) -> CommandResult {
        install::if_missing(config).await;
        let (folder, model) = (config.data_dir.clone(), config.default_model());
        let bind = place(config);
        serving::serve(config, "demo", bind, async |api| {
            let made = demo::seed(api, &folder, &model).await?;
            let url = format!("{}/chat/{}", api.url(), made.channel);
            let answers = match model.provider.as_str() {
                "extractive" => "cut from the documentation (set OPENAI_API_KEY or OPENAI_BASE_URL for a model)".into(),
                _ => format!("written by {}", model.model),
            };
            out::line(format_args!("Chat: {url}"));
            out::line(format_args!("Console, for a team of your own: {}/console", api.url()));
            if !self.no_browser {
                // A machine without a browser has the address.
                let _ = open::that_detached(&url);
            }
            made.follow(api).await?;
            out::note(format_args!("Ask it anything about Colloquy. Answers are {answers}."));
            out::note(format_args!("Other commands reach it with --data-dir {}. Ctrl-C ends it.", folder.display()));
            Ok(())
        })
        .await?;
        Ok(Outcome::Done)
    }
}

/// The configured place; another port if none was named and the usual one is taken.
fn place(config: &Config) -> SocketAddr {
    let usual = config.listen();
    if config.port.is_some() || TcpListener::bind(usual).is_ok() {
        return usual;
    }
    out::note(format_args!("Port {} is taken: using a free one.", usual.port()));
    SocketAddr::new(usual.ip(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstration_keeps_apart_unless_a_folder_is_named() {
        let mut config = Config { database: Some("other.db".into()), ..Config::defaults() };
        adapt(&mut config, false);
        assert_eq!(config.database_path(), std::path::Path::new("./data/demo/colloquy.db"));
        let mut config = Config { data_dir: "mine".into(), ..Config::defaults() };
        adapt(&mut config, true);
        assert_eq!(config.data_dir, std::path::Path::new("mine"));
    }

    #[test]
    fn a_taken_usual_port_is_left_alone_and_a_named_one_is_not_changed() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let named = Config { port: Some(port), ..Config::defaults() };
        assert_eq!(place(&named).port(), port);
    }
}
