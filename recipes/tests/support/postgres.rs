//! A Postgres of its own for a test. It ends, and its files go, when the test ends. Uses the `server` of the including test.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::postgres::{PgConnectOptions, PgPool, PgSslMode};

use crate::server::{Server, free_port, report_missing};

/// The user that runs Postgres if the test runs as root, because Postgres refuses root.
const NOBODY: u32 = 65534;

pub(crate) struct Postgres {
    _server: Server,
    folder: Folder,
    programs: PathBuf,
    pub(crate) port: u16,
}

impl Postgres {
    /// Creates a cluster and starts its server. If Postgres is not installed, prints a notice and returns `None`.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = find_programs() else {
            report_missing("postgres", "postgresql");
            return None;
        };
        let port = free_port();
        let folder = Folder::new(port);
        let mut initdb = folder.command(&programs.join("initdb"));
        initdb.args(["--username=admin", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        let output = initdb.args(["--no-sync", "--pgdata"]).arg(&folder.path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let mut postgres = folder.command(&programs.join("postgres"));
        postgres.arg("-D").arg(&folder.path).args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
        postgres.args(["-k", "", "-F"]); // without a socket in the file system, and without fsync
        let mut server = Server::start(&mut postgres, "postgresql")?;
        server.wait_for(port);
        Some(Self { _server: server, folder, programs, port })
    }

    /// Runs statements as the superuser, and returns a pool of connections of that user.
    pub(crate) async fn set_up(&self, statements: &'static str) -> PgPool {
        let admin = PgPool::connect_with(options(self.port, "admin")).await.unwrap();
        sqlx::raw_sql(statements).execute(&admin).await.unwrap();
        admin
    }
}

/// Returns the options for a connection as `user`. The user `admin` is the superuser. Connect by a pool, because a pool tries
/// again while Postgres is starting up.
pub(crate) fn options(port: u16, user: &str) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port);
    options.username(user).database("postgres").ssl_mode(PgSslMode::Disable)
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A killed server would leave its shared memory behind.
        let mut stop = self.folder.command(&self.programs.join("pg_ctl"));
        let _ = stop.args(["stop", "-m", "immediate", "-D"]).arg(&self.folder.path).output();
    }
}

/// The directory of a cluster, removed when this value is dropped.
struct Folder {
    path: PathBuf,
    /// The user that owns the directory and runs the programs, unless it is the user of this process.
    user: Option<u32>,
}

impl Folder {
    fn new(port: u16) -> Self {
        let name = format!("contextvars-postgres-{}-{port}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        let is_root = fs::metadata(&path).unwrap().uid() == 0;
        if is_root {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Self { path, user: is_root.then_some(NOBODY) }
    }

    /// Returns a command that runs in this directory, as its owner.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command.current_dir(&self.path);
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Returns the directory of Postgres's programs: that of the newest version of Debian's packages, which is in no user's path,
/// or else one of the path.
fn find_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        Some((number, version.path().join("bin")))
    });
    let mut debian: Vec<_> = debian.collect();
    debian.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let newest_first = debian.into_iter().rev().map(|(_, folder)| folder);
    newest_first
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("postgres").is_file())
}
