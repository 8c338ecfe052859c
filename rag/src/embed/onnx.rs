//! The model itself, through fastembed and a dynamically loaded ONNX Runtime.

use super::Vector;
use crate::models::{ModelFiles, manifest::ModelSpec};
use colloquy_domain::{failure::Failure, meaning::unit};
use fastembed::{
    InitOptionsUserDefined, Pooling, QuantizationMode, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel,
};
use ort::environment::{Environment, GlobalThreadPoolOptions};
use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Left out when a graph is prepared. ONNX Runtime's fused sum and normalisation is slower on a processor than the two apart,
/// which it runs vectorised: a batch of a model with 8-bit weights takes a quarter longer with it (1.31, measured).
const SLOW_FUSIONS: (&str, &str) = ("optimization.disable_specified_optimizers", "SkipLayerNormFusion");

pub(super) struct Onnx {
    model: TextEmbedding,
    dimension: usize,
}

impl Onnx {
    /// Blocking: reads and prepares about 50 MB.
    pub(super) fn load(files: &ModelFiles, spec: ModelSpec) -> Result<Self, Failure> {
        check_library(&files.library)?;
        let environment = environment(&files.library)?;
        let read = |path: &Path| std::fs::read(path).map_err(|e| bad_model(path, &e));
        let weights = read(&files.weights)?;
        let tokenizer = TokenizerFiles {
            tokenizer_file: read(&files.tokenizer)?,
            config_file: format!(r#"{{"pad_token_id":{}}}"#, spec.padding.id).into_bytes(),
            special_tokens_map_file: b"{}".to_vec(),
            tokenizer_config_file: format!(r#"{{"model_max_length":512,"pad_token":"{}"}}"#, spec.padding.token)
                .into_bytes(),
        };
        // The packaged weights are 8-bit numbers in a graph that computes in 32 bits: a text's vector does not depend
        // on its neighbours in the batch, so nothing needs to be told about quantisation.
        let model = UserDefinedEmbeddingModel::new(weights, tokenizer)
            .with_pooling(Pooling::Mean)
            .with_quantization(QuantizationMode::None);
        let (key, value) = SLOW_FUSIONS;
        let options = InitOptionsUserDefined::new().with_max_length(spec.max_tokens).with_environment(environment);
        let options = options.with_session_config(key, value);
        let model =
            TextEmbedding::try_new_from_user_defined(model, options).map_err(|e| bad_model(&files.weights, &e))?;
        let mut this = Self { model, dimension: spec.dimension };
        this.embed(&["The model works.".to_owned()]).map_err(|e| bad_model(&files.weights, &e.detail))?;
        Ok(this)
    }

    pub(super) fn embed(&mut self, texts: &[String]) -> Result<Vec<Vector>, Failure> {
        let failed = |detail: String| Failure::retry("embed.failed", detail);
        let vectors = self.model.embed(texts, Some(texts.len().max(1))).map_err(|e| failed(e.to_string()))?;
        if vectors.len() != texts.len() || vectors.iter().any(|v| v.len() != self.dimension) {
            return Err(failed(format!("the model does not give {} numbers for each text", self.dimension)));
        }
        Ok(vectors.into_iter().map(unit).collect())
    }
}

/// The runtime's environment: a process has one, from the library that was loaded first.
///
/// Through `init_from`, a library that cannot be loaded or is too old is an error; left to its first use, `ort` would
/// panic.
pub(super) fn environment(library: &Path) -> Result<Environment, Failure> {
    static LOADED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*loaded {
        return Ok(environment.clone());
    }
    let builder = ort::init_from(library).map_err(|e| bad_library(library, &e))?;
    // Threads that wait for work sleep: spinning makes a batch little faster, and takes processor time from the turns.
    let threads = GlobalThreadPoolOptions::default().with_spin_control(false);
    let threads = threads.map_err(|e| bad_library(library, &e))?;
    let environment = builder.with_name("colloquy").with_global_thread_pool(threads).build();
    let environment = environment.map_err(|e| bad_library(library, &e))?;
    Ok(loaded.insert(environment).clone())
}

/// Whether the file looks like a shared library at all: the loader's own messages do not say so plainly.
pub(super) fn check_library(path: &Path) -> Result<(), Failure> {
    use std::io::Read;
    let mut magic = [0_u8; 4];
    std::fs::File::open(path).and_then(|mut f| f.read_exact(&mut magic)).map_err(|e| bad_library(path, &e))?;
    let known = matches!(
        magic,
        [0x7f, b'E', b'L', b'F'] | [b'M', b'Z', ..] | [0xcf | 0xce, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe]
    );
    if known { Ok(()) } else { Err(bad_library(path, &"it is not a shared library")) }
}

fn bad_library(path: &Path, cause: &dyn std::fmt::Display) -> Failure {
    let path = path.display();
    Failure::fatal("embed.library", format!("ONNX Runtime at {path} cannot be used: {cause}"))
}

fn bad_model(path: &Path, cause: &dyn std::fmt::Display) -> Failure {
    Failure::fatal("embed.model", format!("the embedding model at {} cannot be used: {cause}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(library: &Path) -> ModelFiles {
        ModelFiles { library: library.into(), weights: "none.onnx".into(), tokenizer: "none.json".into() }
    }

    // req: C-KB-1
    #[test]
    fn a_missing_or_wrong_library_is_a_clear_error() {
        let dir = tempfile::tempdir().expect("temp dir");
        let spec = crate::models::manifest::DEFAULT_MODEL;
        let missing = Onnx::load(&files(&dir.path().join("nowhere.so")), spec).err().expect("missing");
        assert_eq!(missing.code, "embed.library");
        let text = dir.path().join("text.so");
        std::fs::write(&text, "this is a letter, not a library").expect("write");
        let wrong = Onnx::load(&files(&text), spec).err().expect("wrong");
        assert!(wrong.detail.contains("not a shared library"), "{wrong}");
        let broken = dir.path().join("broken.so");
        std::fs::write(&broken, b"\x7fELF and then nothing that a loader understands").expect("write");
        let broken = Onnx::load(&files(&broken), spec).err().expect("broken");
        assert_eq!(broken.code, "embed.library");
    }
}
