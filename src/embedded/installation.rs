//! Where this machine keeps the programs of a Postgres server.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the folder with `initdb`, `postgres` and `pg_ctl`, where it is not found by itself.
pub const BIN_VARIABLE: &str = "JIT_POSTGRES_BIN";
/// The oldest version that the SQL of this product was written for.
pub const OLDEST: u32 = 15;

/// What to do on a machine without server programs.
pub const HOW_TO_INSTALL: &str = "\
Install a Postgres server (15 or newer), then start again:
  Debian, Ubuntu:  sudo apt-get install postgresql
  Fedora:          sudo dnf install postgresql-server
  macOS:           brew install postgresql@17
It does not have to run: only its programs are used. If they are already here, name their folder
(the one with initdb) in JIT_POSTGRES_BIN; or name a running server in DATABASE_URL.";

/// The programs of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The folder with `initdb`, `postgres` and `pg_ctl`.
    pub bin: PathBuf,
    /// The major version.
    pub major: u32,
}

impl Installation {
    /// Looks in `JIT_POSTGRES_BIN` alone if that is set; otherwise takes the newest of the `PATH`
    /// and the usual places. With `major`, only that version counts.
    ///
    /// # Errors
    /// When `JIT_POSTGRES_BIN` names a folder without fitting programs: it was meant, so nothing
    /// else is tried.
    pub fn find(major: Option<u32>) -> Result<Option<Self>, String> {
        let fits = |found: &Self| major.is_none_or(|major| found.major == major);
        if let Some(bin) = std::env::var_os(BIN_VARIABLE).filter(|bin| !bin.is_empty()) {
            let shown = Path::new(&bin).display().to_string();
            return Self::at(Path::new(&bin))
                .filter(fits)
                .map(Some)
                .ok_or_else(|| {
                    let wanted =
                        major.map_or(format!("{OLDEST} or newer"), |major| major.to_string());
                    format!("{BIN_VARIABLE} is {shown}, but there is no Postgres {wanted} there.")
                });
        }
        let found = candidates()
            .into_iter()
            .filter_map(|bin| Self::at(&bin))
            .filter(fits);
        // The first of the newest: the PATH wins among equals.
        Ok(found.reduce(|best, next| if best.major < next.major { next } else { best }))
    }

    /// The programs in that folder, if all are there and new enough.
    pub fn at(bin: &Path) -> Option<Self> {
        let server = bin.join("postgres").canonicalize().ok()?;
        let bin = server.parent()?.to_owned();
        let whole = ["initdb", "pg_ctl"]
            .iter()
            .all(|name| bin.join(name).is_file());
        if !whole || bin.file_name() != Some(OsStr::new("bin")) {
            return None;
        }
        let said = Command::new(&server).arg("--version").output().ok()?;
        let major = major_of(&String::from_utf8_lossy(&said.stdout))?;
        (OLDEST <= major).then_some(Self { bin, major })
    }

    /// The folder above the programs.
    pub fn root(&self) -> PathBuf {
        self.bin
            .parent()
            .map_or_else(|| self.bin.clone(), Path::to_owned)
    }
}

/// Reads `postgres (PostgreSQL) 15.8 (Debian 15.8-1)`.
fn major_of(said: &str) -> Option<u32> {
    let version = said.split_once("(PostgreSQL) ")?.1;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(folders_in("/usr/lib/postgresql", "", "bin"));
    folders.extend(folders_in("/usr", "pgsql-", "bin"));
    for opt in [
        "/opt/homebrew/opt",
        "/usr/local/opt",
        "/home/linuxbrew/.linuxbrew/opt",
    ] {
        folders.extend(folders_in(opt, "postgresql", "bin"));
    }
    folders.extend(folders_in(
        "/Applications/Postgres.app/Contents/Versions",
        "",
        "bin",
    ));
    folders.push("/usr/local/pgsql/bin".into());
    folders
}

/// `above/<anything that begins so>/below`.
fn folders_in(above: &str, begins: &str, below: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(above) else {
        return Vec::new();
    };
    let named = entries.flatten().map(|entry| entry.path());
    let fits = named.filter(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(begins))
    });
    fits.map(|path| path.join(below)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(
            major_of("postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_of("postgres (EnterpriseDB) 15"), None);
        assert_eq!(major_of(""), None);
    }

    #[test]
    fn a_folder_without_programs_is_no_installation() {
        assert_eq!(Installation::at(Path::new("/")), None);
        assert_eq!(Installation::at(Path::new("/nowhere/at/all")), None);
    }
}
