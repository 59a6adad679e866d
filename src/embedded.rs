//! A private Postgres server, for running without one of your own: the tests, the demo, and
//! `jit serve` where no `DATABASE_URL` is given.
//!
//! The server is not a child of this process. This process starts the program `jit` again as a
//! *holder* (`jit embedded-postgres`), and the holder starts the server. The holder ends when its
//! standard input ends, which happens however this process dies; so even `kill -9` leaves no server
//! behind. Because Postgres refuses to run as root, a root process starts the holder as an
//! unprivileged user; everything else is the same for everybody.
//!
//! Modules in reading order: this page (the side that asks), [`holder`] (the side that keeps the
//! server), [`installation`] (where server programs are found).

use std::fs::{DirBuilder, File};
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use nix::unistd::{Uid, User};
use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub mod holder;
pub mod installation;

use crate::store::{StoreError, create_database};
use holder::Report;
use installation::Installation;

/// Long enough for a first start that has to download the server.
const START_LIMIT: Duration = Duration::from_mins(5);
/// Temporary folders begin with this, so that those of dead runs can be found.
const TEMPORARY_PREFIX: &str = "jitbot-pg-";
/// Where a process of root keeps data.
const ROOT_DATA: &str = "/var/lib/jitbot/postgres";

/// What to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program `jit`: this process's own ([`std::env::current_exe`]), or in tests the one that
    /// cargo built.
    pub exe: PathBuf,
    /// What becomes of the data.
    pub data: Data,
}

/// What becomes of the data of a private server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// It is gone when the server stops, and is never forced to disk.
    Temporary,
    /// It stays in that folder, with the same password.
    Keep(PathBuf),
}

impl Data {
    /// The folder for data of the user who runs this process: below `XDG_DATA_HOME` or the home
    /// folder, or below `/var/lib` for root.
    pub fn kept() -> Self {
        let of_user = || {
            let named = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
            let home = || std::env::home_dir().map(|home| home.join(".local/share"));
            named.filter(|path| path.is_absolute()).or_else(home)
        };
        let folder = if Uid::effective().is_root() {
            None
        } else {
            of_user()
        };
        Self::Keep(folder.map_or(ROOT_DATA.into(), |folder| folder.join("jitbot/postgres")))
    }
}

/// Why there is no private server.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The holder says why, in words for the person who started this.
    #[error("{0}")]
    Holder(String),
    /// The holder ended, or went silent, without saying why.
    #[error("the private Postgres server did not start: {0}")]
    Silent(String),
    /// A folder or a process could not be made.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Started by root, who may not run Postgres, on a machine without another user to run it.
    #[error("Postgres does not run as root, and there is neither a user `postgres` nor `nobody`")]
    NoUser,
    /// The server runs, but a database in it could not be made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A running private server. Dropping it stops the server.
#[derive(Debug)]
pub struct Embedded {
    url: SecretString,
    /// While this is open, the server runs.
    hold: Option<ChildStdin>,
    holder: Option<Child>,
}

impl Embedded {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// [`EmbeddedError::Holder`] says what to do: no server programs on this machine, the folder in
    /// use, data of another version.
    pub async fn start(options: Options) -> Result<Self, EmbeddedError> {
        let start = tokio::task::spawn_blocking(move || Self::start_blocking(&options));
        match tokio::time::timeout(START_LIMIT, start).await {
            Ok(Ok(started)) => started,
            Ok(Err(panicked)) => Err(EmbeddedError::Silent(panicked.to_string())),
            Err(_) => Err(EmbeddedError::Silent(
                "it took longer than five minutes".into(),
            )),
        }
    }

    fn start_blocking(options: &Options) -> Result<Self, EmbeddedError> {
        let user = unprivileged_user()?;
        let folder = prepare(&options.data, user.as_ref())?;
        let mut child = spawn_holder(options, &folder, user.as_ref())?;
        let hold = child.stdin.take();
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            let read = BufReader::new(stdout).read_line(&mut line);
            read.map_err(|source| io("the holder of the server could not be read", source))?;
        }
        match serde_json::from_str(&line) {
            Ok(Report::Ready { url }) => Ok(Self {
                url: url.into(),
                hold,
                holder: Some(child),
            }),
            Ok(Report::Failed { message }) => Err(EmbeddedError::Holder(message)),
            Err(_) => Err(EmbeddedError::Silent(match child.wait() {
                Ok(status) => format!("its holder ended with {status}"),
                Err(error) => error.to_string(),
            })),
        }
    }

    /// The URL of the maintenance database, as the superuser. Holds the password.
    pub fn admin_url(&self) -> &str {
        self.url.expose_secret()
    }

    /// The URL of that database, which is created if it is missing.
    pub async fn database_url(&self, name: &str) -> Result<String, EmbeddedError> {
        create_database(self.admin_url(), name).await?;
        let mut url = Url::parse(self.admin_url())
            .map_err(|fault| EmbeddedError::Silent(fault.to_string()))?;
        url.set_path(name);
        Ok(url.into())
    }

    /// The process id of the holder.
    pub fn holder_id(&self) -> Option<u32> {
        self.holder.as_ref().map(Child::id)
    }

    /// Stops the server and waits until it is gone, with its data if that is temporary.
    pub async fn stop(mut self) {
        self.hold.take();
        if let Some(mut holder) = self.holder.take() {
            // Its exit status says nothing that could be acted on.
            let _ = tokio::task::spawn_blocking(move || holder.wait()).await;
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // The holder stops the server by itself now, without being waited for.
        self.hold.take();
    }
}

/// Whom to run as: nobody else, unless this is root.
fn unprivileged_user() -> Result<Option<User>, EmbeddedError> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let found = ["postgres", "nobody"]
        .iter()
        .find_map(|name| User::from_name(name).ok().flatten());
    found.map(Some).ok_or(EmbeddedError::NoUser)
}

/// Makes the folder that the holder works in, its own and closed to others.
fn prepare(data: &Data, user: Option<&User>) -> Result<PathBuf, EmbeddedError> {
    let folder = match data {
        Data::Temporary => temporary_folder(),
        Data::Keep(folder) => folder.clone(),
    };
    own_folder(&folder, user)?;
    Ok(folder)
}

fn temporary_folder() -> PathBuf {
    let unique: u64 = rand::rng().random();
    std::env::temp_dir().join(format!("{TEMPORARY_PREFIX}{unique:016x}"))
}

fn own_folder(folder: &Path, user: Option<&User>) -> Result<(), EmbeddedError> {
    let failed = |source| {
        io(
            &format!("the folder {} could not be made", folder.display()),
            source,
        )
    };
    if let Some(above) = folder.parent() {
        std::fs::create_dir_all(above).map_err(failed)?;
    }
    if !folder.is_dir() {
        DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .map_err(failed)?;
    }
    if let Some(user) = user {
        chown(folder, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(failed)?;
    }
    Ok(())
}

fn spawn_holder(
    options: &Options,
    folder: &Path,
    user: Option<&User>,
) -> Result<Child, EmbeddedError> {
    let failed = |source| {
        io(
            &format!("{} could not be run", options.exe.display()),
            source,
        )
    };
    // A binary in a folder that the other user may not enter can still be run through an open file.
    let open = File::open(&options.exe).map_err(failed)?;
    let mut command = match user {
        Some(_) if Path::new("/proc/self/fd").is_dir() => {
            Command::new(format!("/proc/self/fd/{}", open.as_raw_fd()))
        }
        _ => Command::new(&options.exe),
    };
    command
        .arg0("jit")
        .arg("embedded-postgres")
        .arg("--data")
        .arg(folder);
    if options.data == Data::Temporary {
        command.arg("--temporary");
    }
    if let Some(user) = user {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    keep_harmless_environment(&mut command, &home_for(folder, user));
    command
        .current_dir(folder)
        // Its own group: Ctrl-C in the terminal is for this process, which stops the server last.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)
}

/// Where the holder may keep a downloaded server: the user's home, or, where that is root's, a
/// folder that the unprivileged user may write.
fn home_for(folder: &Path, user: Option<&User>) -> PathBuf {
    if user.is_none() {
        return std::env::home_dir().unwrap_or_else(|| folder.to_owned());
    }
    let cache = Path::new(ROOT_DATA).with_file_name("programs");
    if Installation::find(None).is_ok_and(|found| found.is_none())
        && own_folder(&cache, user).is_ok()
    {
        return cache;
    }
    folder.to_owned()
}

/// The holder needs no secrets, so it gets none.
fn keep_harmless_environment(command: &mut Command, home: &Path) {
    command.env_clear().env("HOME", home);
    for name in [
        "PATH",
        "LANG",
        "LC_ALL",
        "TZ",
        "TMPDIR",
        installation::BIN_VARIABLE,
    ] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

fn io(what: &str, source: std::io::Error) -> EmbeddedError {
    EmbeddedError::Io {
        what: what.to_owned(),
        source,
    }
}
