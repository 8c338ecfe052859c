//! Brings the judges onto this machine, once for all tests and runs.

use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges");
/// Written last: what it stands in is whole.
const STAMP: &str = ".installed";

/// A script beside this file.
pub fn script(name: &str) -> PathBuf {
    Path::new(HERE).join(name)
}

/// The `node_modules` folder of the judges that run on node.
pub fn node_modules() -> PathBuf {
    installed("node", &["package.json", "package-lock.json", ".npmrc"], |folder| {
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        run(Command::new(npm).args(args).current_dir(folder), "node 20 or newer with npm is needed");
    })
    .join("node_modules")
}

/// The interpreter of WhatsApp's judge.
pub fn python() -> PathBuf {
    interpreter("python", "requirements.txt")
}

/// The interpreter of the judge of the API's description.
pub fn schemathesis() -> PathBuf {
    interpreter("schemathesis", "schemathesis-requirements.txt")
}

/// The interpreter of the judges of reservations and orders.
pub fn concierge_python() -> PathBuf {
    interpreter("concierge", "concierge-requirements.txt")
}

/// n8n's command. It is large: where `COLLOQUY_N8N` names a folder that has it in its `node_modules`, that one is taken.
pub fn n8n() -> PathBuf {
    let folder = std::env::var_os("COLLOQUY_N8N").map(PathBuf::from).unwrap_or_else(|| {
        installed("n8n", &["n8n.json"], |folder| {
            fs::rename(folder.join("n8n.json"), folder.join("package.json")).expect("a manifest");
            let needed = "node 20.19 or newer with npm, and a C++ compiler for SQLite, are needed";
            let npm = |args: &[&str]| run(Command::new("npm").args(args).current_dir(folder), needed);
            npm(&["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
            npm(&["rebuild", "sqlite3"]);
        })
    });
    folder.join("node_modules/.bin/n8n")
}

/// The interpreter of OpenAI's SDK.
pub fn openai_python() -> PathBuf {
    interpreter("openai", "openai-requirements.txt")
}

/// A Python of its own with what the manifest names.
fn interpreter(name: &str, manifest: &str) -> PathBuf {
    let python = |folder: &Path| {
        let (dir, file) = if cfg!(windows) { ("Scripts", "python.exe") } else { ("bin", "python") };
        folder.join("venv").join(dir).join(file)
    };
    let folder = installed(name, &[manifest], |folder| {
        let needed = "python3 (3.11 or newer, with its venv module) is needed";
        run(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(folder), needed);
        let args = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", manifest];
        run(Command::new(python(folder)).args(args).current_dir(folder), needed);
    });
    python(&folder)
}

/// The folder that `install` has filled for exactly these manifests. Tests are threads or processes of their own: the
/// first one installs, the others wait for it.
fn installed(name: &str, manifests: &[&str], install: impl FnOnce(&Path)) -> PathBuf {
    let contents: Vec<_> = manifests.iter().map(|m| fs::read(script(m)).expect("a manifest")).collect();
    let version = hex::encode(&Sha256::digest(contents.concat())[..6]);
    let judges = Path::new(env!("CARGO_TARGET_TMPDIR")).join("judges");
    fs::create_dir_all(&judges).expect("a folder for the judges");
    let lock = File::create(judges.join(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("the lock");
    let folder = judges.join(format!("{name}-{version}"));
    if !folder.join(STAMP).exists() {
        // What an interrupted installation left.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("a folder for the judge");
        for (manifest, content) in manifests.iter().zip(contents) {
            fs::write(folder.join(manifest), content).expect("a copy of the manifest");
        }
        install(&folder);
        fs::write(folder.join(STAMP), "").expect("the stamp");
    }
    folder
}

fn run(command: &mut Command, needed: &str) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|e| panic!("the judges cannot be installed: {needed} ({command:?}: {e})"));
    assert!(
        output.status.success(),
        "the judges cannot be installed: {needed}, and their registry must be in reach ({command:?}):\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
