//! A PostgreSQL server of the test's own: in a temporary folder, behind a Unix socket, gone with the test, whatever
//! becomes of it. Its programs must be installed; nothing else is used of the machine.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::{
    net::Ipv4Addr,
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
};
use tempfile::TempDir;

const MISSING: &str = "PostgreSQL's server programs were not found: install them (Debian and Ubuntu: `apt-get install \
                       postgresql`, macOS: `brew install postgresql`), or put the folder of `initdb` on the PATH";
/// The role that owns everything; stores connect as another one, because walls do not hold for it.
const ADMIN: &str = "admin";
const ROLE: &str = "colloquy";

/// A server otherwise than usual.
#[derive(Default)]
pub struct Setup<'a> {
    /// The folder for its data; one of its own unless said otherwise.
    pub data: Option<&'a Path>,
    /// Listens here, too, on the usual port, and lets everybody of this network in.
    pub listen: Option<(Ipv4Addr, &'a str)>,
    /// Files in its folder that nobody else may read: names and contents.
    pub files: &'a [(&'a str, &'a str)],
    /// More options of its command line; `{dir}` in them is its folder.
    pub options: &'a str,
}

/// A running server. It ends when the last one who holds it lets go, and with this process in any case.
pub struct Server {
    programs: PathBuf,
    folder: TempDir,
    data: PathBuf,
    listen: Option<Ipv4Addr>,
    options: String,
    owner: Option<(u32, u32)>,
    databases: AtomicU32,
    runs: AtomicU32,
    guardian: Mutex<Option<Child>>,
}

impl Server {
    /// The one server of this process.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start; says why.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// A server of its own, for tests that stop it.
    ///
    /// # Panics
    /// As [`Server::shared`].
    pub fn start() -> Self {
        Self::start_as(Setup::default())
    }

    /// Otherwise than usual.
    ///
    /// # Panics
    /// As [`Server::shared`].
    pub fn start_as(setup: Setup<'_>) -> Self {
        let (programs, owner) = (programs(), unprivileged());
        let folder = tempfile::Builder::new().prefix("pg-").tempdir_in("/tmp").expect("a folder");
        if let Some((user, group)) = owner {
            chown(folder.path(), Some(user), Some(group)).expect("the folder is given away");
        }
        for (name, content) in setup.files {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its permissions");
            if let Some((user, group)) = owner {
                chown(&path, Some(user), Some(group)).expect("the file is given away");
            }
        }
        let (guardian, shown) = (Mutex::new(None), folder.path().display().to_string());
        let server = Self {
            programs,
            data: setup.data.unwrap_or(folder.path()).join("data"),
            folder,
            listen: setup.listen.map(|(address, _)| address),
            options: setup.options.replace("{dir}", &shown),
            owner,
            databases: AtomicU32::new(0),
            runs: AtomicU32::new(0),
            guardian,
        };
        let data = server.data();
        server.run("initdb", &["-D", &data, "-U", ADMIN, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        if let Some((_, network)) = setup.listen {
            let access = server.data.join("pg_hba.conf");
            let mut lines = std::fs::read_to_string(&access).expect("who is let in");
            lines.push_str(&format!("host all all {network} trust\n"));
            std::fs::write(access, lines).expect("who is let in");
        }
        server.guard();
        server.boot();
        server.sql("postgres", &format!("CREATE ROLE {ROLE} LOGIN"));
        server
    }

    /// A new, empty database: its name. The role of [`Server::url`] owns it.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER {ROLE}"));
        name
    }

    /// How stores reach a database: as a role that is no superuser.
    pub fn url(&self, database: &str) -> String {
        self.url_of(ROLE, database)
    }

    /// The same database as a superuser sees it.
    pub fn superuser_url(&self, database: &str) -> String {
        self.url_of(ADMIN, database)
    }

    /// How stores reach a database over the network.
    ///
    /// # Panics
    /// If the server does not listen there.
    pub fn network_url(&self, database: &str) -> String {
        format!("postgres://{ROLE}@{}/{database}", self.listen.expect("it listens"))
    }

    fn url_of(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@localhost/{database}?host={}", self.folder.path().display())
    }

    /// The folder of the server's socket, `.s.PGSQL.5432`.
    pub fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// From now on lets in over the network whoever this line of `pg_hba.conf` lets in, and nobody else.
    pub fn let_in(&self, line: &str) {
        std::fs::write(self.data.join("pg_hba.conf"), format!("local all all trust\n{line}\n")).expect("who is let in");
        self.run("pg_ctl", &["-D", &self.data(), "reload"]);
    }

    /// Makes it long ago that a node of a cluster was heard of.
    pub fn silence(&self, database: &str, node: impl std::fmt::Display) {
        self.sql(database, &format!("UPDATE nodes SET seen_at = seen_at - interval '1 minute' WHERE id = '{node}'"));
    }

    /// Kills the server as a power cut would, and starts it again.
    pub fn crash(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
        self.boot();
    }

    /// Whether it runs: one that cannot write what it must ends itself.
    pub fn is_running(&self) -> bool {
        self.said("pg_ctl", &["-D", &self.data(), "status"]).0
    }

    /// What it wrote down about itself.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Stops the server as a power cut would.
    pub fn stop(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }

    pub fn boot(&self) {
        let socket = self.folder.path().display();
        let listen = self.listen.map(|address| address.to_string()).unwrap_or_default();
        let more = &self.options;
        let options = format!("-c listen_addresses='{listen}' -c max_connections=200 -k {socket} {more}");
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-t", "120", "-s", "-l", &log, "-o", &options, "start"]);
    }

    /// Runs a statement as the superuser, whom no wall stops; its rows, a line each.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let socket = self.folder.path().display().to_string();
        self.run("psql", &["-h", &socket, "-U", ADMIN, "-d", database, "-v", "ON_ERROR_STOP=1", "-qAtc", statement])
    }

    /// Runs a statement as [`Server::sql`] does, if the server is able to; whether it was.
    pub fn attempt(&self, statement: &str) -> bool {
        let socket = self.folder.path().display().to_string();
        self.said("psql", &["-h", &socket, "-U", ADMIN, "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-qAtc", statement])
            .0
    }

    /// The folder in which every committed change can be found.
    pub fn write_ahead_log(&self) -> PathBuf {
        self.data.join("pg_wal")
    }

    fn data(&self) -> String {
        self.data.display().to_string()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_remove("PGOPTIONS");
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let (success, said) = self.said(program, arguments);
        assert!(success, "{program} {arguments:?}: {said}\n{}", self.log());
        said
    }

    /// Whether the program succeeded, and what it said.
    fn said(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        // Files, not pipes: a server that is started inherits them, and would keep a pipe open for ever.
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join(format!("{program}-{number}"));
        let output = std::fs::File::create(&path).expect("a file");
        let status = self
            .command(&self.programs.join(program))
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(output.try_clone().expect("a file"))
            .stdout(output)
            .status()
            .unwrap_or_else(|e| panic!("{program}: {e}"));
        let said = std::fs::read_to_string(&path).unwrap_or_default();
        (status.success(), said.trim().to_owned())
    }

    /// Waits in a process of its own for this one to end, and then ends the server and removes its folder.
    fn guard(&self) {
        let stop = format!(
            "cat >/dev/null; '{}' -D '{}' -m immediate -s stop; rm -rf '{}'",
            self.programs.join("pg_ctl").display(),
            self.data(),
            self.folder.path().display()
        );
        let guardian = self
            .command(Path::new("sh"))
            .args(["-c", &stop])
            // What kills this process's group must leave it alive.
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh");
        *self.guardian.lock().unwrap_or_else(PoisonError::into_inner) = Some(guardian);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut guardian) = self.guardian.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(guardian.stdin.take());
            // Before its folder is removed.
            let _ = guardian.wait();
        }
    }
}

/// The folder of the server's programs: the PATH's, or the newest of the usual places.
fn programs() -> PathBuf {
    let complete = |folder: &PathBuf| ["initdb", "pg_ctl", "psql"].iter().all(|p| folder.join(p).exists());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(complete);
    let listed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = listed.map(|version| version.path().join("bin")).filter(complete).collect();
    debian.sort_by_key(|bin| bin.parent().and_then(Path::file_name).and_then(|v| v.to_str()?.parse::<u32>().ok()));
    on_path.or_else(|| debian.pop()).expect(MISSING)
}

/// The server refuses to run as root: then it runs as `postgres`, or else `nobody`.
fn unprivileged() -> Option<(u32, u32)> {
    let id = Command::new("id").arg("-u").output().expect("id");
    if id.stdout.trim_ascii() != b"0" {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").expect("the accounts of this machine");
    let ids = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("an account that is not root's"))
}
