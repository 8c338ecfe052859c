//! The running program: started in a folder of its own, stopped as an operator does, or killed.

use super::{
    client::Client,
    wait::{USUAL, until, within},
};
use serde_json::Value;
use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Lines of the log that a failing test shows.
const TAIL: usize = 60;

/// A place for one installation: the data folder and what surrounds it. It outlives the servers that run in it.
pub struct Place {
    dir: TempDir,
    /// For the data folder and the log.
    keeps: PathBuf,
    env: Vec<(String, String)>,
    /// What the program is started by, if not by itself.
    starter: Vec<String>,
}

/// What a command may take that computes: simulations do, for half a minute on a machine that has nothing else to do.
const WORKING: Duration = Duration::from_secs(300);

impl Default for Place {
    fn default() -> Self {
        // Before any client is made. It fails only if it was done already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        Self { keeps: dir.path().to_owned(), dir, env: Vec::new(), starter: Vec::new() }
    }
}

impl Place {
    /// One more environment variable for every process of this place.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts every process by this command, which must become the program.
    pub fn by(mut self, starter: &[&str]) -> Self {
        self.starter = starter.iter().map(|&word| word.to_owned()).collect();
        self
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Keeps the data folder and the log in a folder elsewhere.
    pub fn keeping(mut self, folder: &Path) -> Self {
        self.keeps = folder.to_owned();
        self
    }

    pub fn data_dir(&self) -> PathBuf {
        self.keeps.join("data")
    }

    pub fn log_file(&self) -> PathBuf {
        self.keeps.join("stderr.log")
    }

    /// Writes a file beside the data folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The program with nothing of the surrounding environment: no settings, no credentials, no embedding model.
    pub fn command(&self, args: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_colloquy");
        let mut words = self.starter.iter().map(String::as_str).chain([program]).chain(args.iter().copied());
        let mut command = Command::new(words.next().unwrap_or(program));
        command.args(words).env_clear().current_dir(self.path()).stdin(Stdio::null()).kill_on_drop(true);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.path());
        command.env("COLLOQUY_DATA_DIR", self.data_dir()).env("COLLOQUY_INSTALL_MODELS", "false");
        command.env("COLLOQUY_MODELS_DIR", self.path().join("no-models")).env("RUST_LOG", "info");
        command.envs(self.env.iter().cloned());
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).output();
        let output = tokio::time::timeout(WORKING, output).await.expect("the command does not end").unwrap();
        Ran::of(output)
    }
}

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Its result, which must be JSON and nothing else.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }
}

/// One server on a place. A failing test shows the end of its log.
pub struct Server {
    pub place: Place,
    pub api: Client,
    child: Option<Child>,
    /// What is run, but for the port.
    command: &'static [&'static str],
    /// Where it keeps its data.
    data: PathBuf,
    /// 0 for a free one.
    port: u16,
}

impl Server {
    /// A fresh installation.
    pub async fn start() -> Self {
        Self::start_on(Place::default()).await
    }

    pub async fn start_on(place: Place) -> Self {
        let data = place.data_dir();
        Self::running(place, &["serve"], data).await
    }

    /// The demonstration, as somebody new starts it.
    pub async fn demo(place: Place) -> Self {
        let data = place.data_dir().join("demo");
        Self::running(place, &["demo", "--no-browser"], data).await
    }

    async fn running(place: Place, command: &'static [&'static str], data: PathBuf) -> Self {
        let mut server =
            Self { place, api: Client::new(String::new(), String::new()), child: None, command, data, port: 0 };
        server.restart().await;
        server
    }

    /// From the next start on it is where it is now: whoever is connected comes back by themselves.
    pub fn stay(&mut self) {
        self.port = self.api.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("it was started");
    }

    /// Starts it again on what the last one left.
    pub async fn restart(&mut self) {
        self.spawn();
        self.ready().await;
    }

    /// Starts it and does not wait.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = OpenOptions::new().create(true).append(true).open(self.place.log_file()).unwrap();
        let port = self.port.to_string();
        let mut command = self.place.command(&[self.command, &["--port", &port]].concat());
        self.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// Waits until the process that was spawned answers, and points the client at it.
    pub async fn ready(&mut self) {
        let pid = self.child.as_ref().expect("spawned").id();
        let url = until("the address of the server", async || {
            let ended = self.child.as_mut().expect("spawned").try_wait().unwrap();
            assert!(ended.is_none(), "the server ended at its start: {ended:?}");
            self.announced(pid)
        })
        .await;
        let key = std::fs::read_to_string(self.data.join("api-key")).unwrap();
        self.api = Client::new(url, key.trim().to_owned());
        until("a healthy server", async || self.api.is_up().await.then_some(())).await;
    }

    /// The address in server.json, if it is this process's.
    fn announced(&self, pid: Option<u32>) -> Option<String> {
        let owner = std::fs::read(self.data.join("server.json")).ok()?;
        let owner: Value = serde_json::from_slice(&owner).ok()?;
        let mine = owner["pid"].as_u64() == pid.map(u64::from);
        mine.then(|| owner["url"].as_str().map(str::to_owned)).flatten()
    }

    /// SIGKILL: nothing is finished, nothing is flushed.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.unwrap();
    }

    pub const fn is_running(&self) -> bool {
        self.child.is_some()
    }

    pub fn pid(&self) -> String {
        self.child.as_ref().and_then(Child::id).expect("it runs").to_string()
    }

    /// Sends a signal, by its name without `SIG`.
    pub async fn signal(&self, name: &str) {
        let pid = self.pid();
        let told = Command::new("kill").args(["-s", name, &pid]).status().await.unwrap();
        assert!(told.success());
    }

    /// SIGTERM, as an operator's service manager does it.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal("TERM").await;
        let mut child = self.child.take().expect("it runs");
        tokio::time::timeout(USUAL, child.wait()).await.expect("it does not stop").unwrap()
    }

    /// Until nothing waits any more: no message unanswered, no reply unsent, no document unread.
    pub async fn idle(&self, patience: Duration) {
        within(patience, "an idle server", async || {
            let health = self.api.get("/health/detailed").await;
            let waiting = ["log_lag", "inbox_pending", "outbox_backlog", "documents_pending"];
            waiting.iter().all(|q| health.body["queues"][q] == 0).then_some(())
        })
        .await;
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.place.log_file()).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- the end of the server's log ---");
            for line in &lines[lines.len().saturating_sub(TAIL)..] {
                eprintln!("{line}");
            }
        }
    }
}
