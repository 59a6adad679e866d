//! The process that keeps a private server: `jit embedded-postgres`. It says in one JSON line where
//! the server is, and stops it when its standard input ends or it is told to.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postgresql_embedded::{PostgreSQL, Settings, VersionReq};
use rand::Rng;
use rand::distr::Alphanumeric;
use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::TEMPORARY_PREFIX;
use super::installation::{HOW_TO_INSTALL, Installation, OLDEST};

const RELEASES: &str = "https://github.com/theseus-rs/postgresql-binaries";
/// A server that was killed replays its log before it answers.
const COMMAND_LIMIT: Duration = Duration::from_mins(2);
/// Another process may take the chosen port between choosing and listening.
const PORT_TRIES: u32 = 5;
/// Temporary folders of dead runs are removed after that time.
const STALE_AFTER: Duration = Duration::from_hours(24);
/// The longest path of a Unix socket is 107 bytes (103 on macOS), and its name takes 16.
const SOCKET_PATH_LIMIT: usize = 85;
/// Who connects, and from where: over TCP on this machine, or the socket beside the data; always by
/// password.
const ACCESS_RULES: &str = "\
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
";

/// What the holder says, once, on its standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// The server answers there.
    Ready {
        /// With the superuser's password.
        url: String,
    },
    /// There will be no server.
    Failed {
        /// Why, and what to do, in words for people.
        message: String,
    },
}

/// What to hold.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The holder's folder: lock, password and data.
    pub folder: PathBuf,
    /// Whether the folder is removed at the end.
    pub temporary: bool,
}

impl Hold {
    /// Starts the server, says where it is, keeps it until standard input ends or a signal comes,
    /// and stops it. Answers whether there was a server.
    pub async fn run(&self) -> bool {
        let started = self.start().await;
        let report = match &started {
            Ok(held) => Report::Ready {
                url: held.server.settings().url("postgres"),
            },
            Err(message) => Report::Failed {
                message: message.clone(),
            },
        };
        let told = say(&report);
        let ok = started.is_ok();
        if let Ok(held) = started {
            if told.is_ok() {
                until_told().await;
            }
            // Whatever it answers: dropping the server tries once more.
            let _ = held.server.stop().await;
            drop(held);
        }
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
        ok
    }

    async fn start(&self) -> Result<Held, String> {
        let lock = self.lock()?;
        if self.temporary {
            remove_stale(&self.folder);
        }
        let data = self.folder.join("data");
        let major = data_version(&data)?;
        let found = Installation::find(major)?;
        if let (None, Some(major)) = (&found, major) {
            return Err(other_version(&self.folder, major));
        }
        let settings = self.settings(found.as_ref(), &data)?;
        if major.is_none() {
            initialize(settings.clone(), &data).await?;
        } else {
            stop_orphan(&settings, &data).await;
        }
        self.write_configuration(&data)?;
        let server = start_server(settings).await?;
        Ok(Held {
            server,
            _lock: lock,
        })
    }

    /// Held as long as the server: two servers on one folder would ruin the data.
    fn lock(&self) -> Result<File, String> {
        let path = self.folder.join("lock");
        let cannot = |error: std::io::Error| {
            format!(
                "The folder {} cannot be used: {error}.",
                self.folder.display()
            )
        };
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(format!(
                "Another jit is using the private database in {}. Stop that one first. To run \
                 several on one database, give all of them the same DATABASE_URL.",
                self.folder.display()
            )),
            Err(TryLockError::Error(error)) => Err(cannot(error)),
        }
    }

    fn settings(&self, found: Option<&Installation>, data: &Path) -> Result<Settings, String> {
        let home = std::env::home_dir().unwrap_or_else(|| self.folder.clone());
        let password_file = self.folder.join("password");
        let password = password_in(&password_file)
            .map_err(|error| format!("{} cannot be used: {error}.", password_file.display()))?;
        // The library always switches fsync off; what comes later on the command line wins.
        let fsync = if self.temporary { "off" } else { "on" };
        Ok(Settings {
            releases_url: RELEASES.to_owned(),
            version: VersionReq::STAR,
            installation_dir: found
                .map_or_else(|| home.join(".theseus/postgresql"), Installation::root),
            password_file,
            data_dir: data.to_owned(),
            host: "127.0.0.1".to_owned(),
            port: 0,
            username: postgresql_embedded::BOOTSTRAP_SUPERUSER.to_owned(),
            password,
            temporary: false,
            timeout: Some(COMMAND_LIMIT),
            configuration: HashMap::from([("fsync".to_owned(), fsync.to_owned())]),
            trust_installation_dir: found.is_some(),
            socket_dir: None,
        })
    }

    /// Written anew at each start, so that a newer binary's wishes reach old data.
    fn write_configuration(&self, data: &Path) -> Result<(), String> {
        let socket = data.to_string_lossy();
        let fits = socket.len() <= SOCKET_PATH_LIMIT && !socket.contains(['\'', ',', '"', '\\']);
        let socket = if fits { &socket } else { "" };
        let safety = if self.temporary {
            "synchronous_commit = off\nfull_page_writes = off\n"
        } else {
            ""
        };
        let text = format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{socket}'\n\
             password_encryption = 'scram-sha-256'\nmax_connections = 200\n{safety}"
        );
        let wrote = std::fs::write(data.join("jitbot.conf"), text)
            .and_then(|()| std::fs::write(data.join("pg_hba.conf"), ACCESS_RULES));
        wrote.map_err(|error| format!("{} cannot be written: {error}.", data.display()))
    }
}

/// A running server, with the lock on its folder.
#[derive(Debug)]
struct Held {
    server: PostgreSQL,
    _lock: File,
}

fn say(report: &Report) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, report)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Until standard input ends (whoever started this is gone) or a signal says stop.
async fn until_told() {
    let (ended, end) = oneshot::channel();
    // A thread of its own, since a blocking read of the runtime would keep the process from ending.
    std::thread::spawn(move || {
        let mut sink = [0; 64];
        let mut input = std::io::stdin().lock();
        while input.read(&mut sink).is_ok_and(|read| read != 0) {}
        let _ = ended.send(());
    });
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    ) else {
        let _ = end.await;
        return;
    };
    tokio::select! {
        _ = end => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// The major version of data that is there; none if there is none yet.
fn data_version(data: &Path) -> Result<Option<u32>, String> {
    match std::fs::read_to_string(data.join("PG_VERSION")) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| {
            format!(
                "{} does not hold data of a Postgres server.",
                data.display()
            )
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{} cannot be read: {error}.", data.display())),
    }
}

fn other_version(folder: &Path, major: u32) -> String {
    format!(
        "The data in {} was written by Postgres {major}, and no Postgres {major} is on this \
         machine; another version cannot read it. Install Postgres {major} (or name its folder in \
         JIT_POSTGRES_BIN), or move the folder away to begin anew.",
        folder.display()
    )
}

/// The password beside the data; made at the first start, readable for this user alone.
fn password_in(file: &Path) -> std::io::Result<String> {
    match std::fs::read_to_string(file) {
        Ok(text) if !text.is_empty() => return Ok(text),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let fresh: String = rand::rng()
        .sample_iter(&Alphanumeric)
        .take(32)
        .map(char::from)
        .collect();
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)?;
    file.write_all(fresh.as_bytes())?;
    Ok(fresh)
}

/// Makes the data in a folder beside its own and moves it there when it is whole, so that a start
/// that was killed half-way can be repeated.
async fn initialize(settings: Settings, data: &Path) -> Result<(), String> {
    let fresh = data.with_extension("new");
    let _ = std::fs::remove_dir_all(&fresh);
    let on_this_machine = settings.trust_installation_dir;
    let mut server = PostgreSQL::new(Settings {
        data_dir: fresh.clone(),
        ..settings
    });
    server.setup().await.map_err(|error| {
        if on_this_machine
            || matches!(
                error,
                postgresql_embedded::Error::DatabaseInitializationError(_)
            )
        {
            return format!("The data folder could not be made: {error}");
        }
        format!(
            "There are no programs of a Postgres server (version {OLDEST} or newer) on this \
             machine, and they could not be downloaded: {error}.\n{HOW_TO_INSTALL}"
        )
    })?;
    let include = OpenOptions::new()
        .append(true)
        .open(fresh.join("postgresql.conf"))
        .and_then(|mut file| file.write_all(b"\ninclude = 'jitbot.conf'\n"));
    include
        .and_then(|()| std::fs::rename(&fresh, data))
        .map_err(|error| format!("{} could not be made: {error}.", data.display()))
}

/// Stops a server that a killed holder left on our data. Only one that answers with our password is
/// touched: the process id in a stale file may belong to anybody by now.
async fn stop_orphan(settings: &Settings, data: &Path) {
    let Ok(text) = std::fs::read_to_string(data.join("postmaster.pid")) else {
        return;
    };
    let Some(port) = text
        .lines()
        .nth(3)
        .and_then(|port| port.trim().parse().ok())
    else {
        return;
    };
    let settings = Settings {
        port,
        ..settings.clone()
    };
    if let Ok(connection) = PgConnection::connect(&settings.url("postgres")).await {
        let _ = connection.close().await;
        let _ = PostgreSQL::new(settings).stop().await;
    }
}

async fn start_server(settings: Settings) -> Result<PostgreSQL, String> {
    let mut last = String::new();
    for _ in 0..PORT_TRIES {
        let mut server = PostgreSQL::new(settings.clone());
        // Also finds a server that an earlier start downloaded.
        let started = match server.setup().await {
            Ok(()) => server.start().await,
            Err(error) => Err(error),
        };
        match started {
            Ok(()) => return Ok(server),
            Err(error) => last = error.to_string(),
        }
    }
    let log = std::fs::read_to_string(settings.data_dir.join("start.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let tail = lines[lines.len().saturating_sub(8)..].join("\n  ");
    Err(format!(
        "The private Postgres server did not start: {last}\nIts log ends with:\n  {tail}"
    ))
}

/// Removes temporary folders of runs that were killed with their holder. A server that still runs
/// on one stops by itself when it finds its folder gone.
fn remove_stale(own: &Path) {
    let Some(entries) = own.parent().and_then(|above| std::fs::read_dir(above).ok()) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let ours = entry
            .file_name()
            .to_string_lossy()
            .starts_with(TEMPORARY_PREFIX);
        if ours && path != own && is_stale(&path) {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

fn is_stale(folder: &Path) -> bool {
    let age = std::fs::metadata(folder)
        .and_then(|found| found.modified())
        .map(|at| at.elapsed());
    let old = matches!(age, Ok(Ok(age)) if STALE_AFTER < age);
    let lock = OpenOptions::new().write(true).open(folder.join("lock"));
    let free = match lock {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    old && free
}
