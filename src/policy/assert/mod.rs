//! Invariants of a policy: what must hold for every possible request, decided over the space of all
//! of them.
//!
//! They stand in `*_assert.yaml` beside the policy, under `invariants`, each as a sentence or as a
//! mapping:
//!
//! ```yaml
//! invariants:
//!   - never automatic where labels.env == 'prod'
//!   - name: high sensitivity always has two people
//!     always: { people: 2 }
//!     where: "resource.sensitivity == 'high'"
//! ```
//!
//! A sentence is `never WHAT where CONDITION` or `always WHAT where CONDITION`; without `where` it is
//! about every request. The condition is CEL over the same variables as in rules; in a sentence
//! `labels` and `sensitivity` may stand for `resource.labels` and `resource.sensitivity`.
//!
//! What is `never` there: `automatic`, `allowed`, `break-glass`, `on behalf`. What `always` holds for
//! whatever is allowed, by break-glass too: `two people`, `a reason`, `a ticket`, `at most 4h`,
//! `asked by GROUP or GROUP`, `approved by GROUP or GROUP`.

mod decide;
mod demand;
mod longest;
mod parse;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use decide::{Example, Outcome};

use self::demand::Invariant;
use super::fault::{Finding, Log, Place};
use super::shown::{Hidden, Shown};
use super::{Faults, Policy, Source, SpaceTooLarge, load};

/// The invariants of a policy, as they are written.
#[derive(Debug)]
pub struct Invariants {
    sources: Vec<Source>,
}

/// What came of one invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asserted {
    /// Its name, or the sentence.
    pub name: String,
    /// The file, line and column where it stands.
    pub place: String,
    /// Whether it holds.
    pub outcome: Outcome,
}

/// Whether a file of that name holds invariants: `*_assert.yaml`, `*.assert.yaml`, or `.yml`.
pub fn is_assert_file(name: &str) -> bool {
    let stem = name
        .strip_suffix(".yaml")
        .or_else(|| name.strip_suffix(".yml"));
    stem.is_some_and(|stem| stem.ends_with("_assert") || stem.ends_with(".assert"))
}

impl Invariants {
    /// Reads the invariants beside a policy: all of a folder, or those that are named after a file
    /// (`access_assert.yaml` for `access.yaml`).
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        let files = files(path).map_err(|finding| load::faults(vec![finding]))?;
        Ok(Self {
            sources: load::read_files(files)?,
        })
    }

    /// Invariants from texts.
    pub fn from_sources(sources: Vec<Source>) -> Self {
        Self { sources }
    }

    /// Whether there is no file with invariants.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Decides each of them for that policy.
    ///
    /// # Errors
    /// Every fault in the files, with its place: nothing is decided then.
    pub fn decide(&self, policy: &Policy) -> Result<Vec<Asserted>, Faults> {
        let log = Log::default();
        log.against("an invariant names what the policy has");
        let invariants = parse::parse(&self.sources, policy, &log);
        log.into_result(&self.sources)?;
        let sources = self.sources.iter().enumerate();
        let shown: Vec<Shown> = sources
            .map(|(file, source)| Shown::new(file, source, &Hidden::default()))
            .collect();
        let place = |at: Place| {
            let source = shown.get(at.file);
            source.map_or_else(String::new, |source| source.position(at).to_string())
        };
        let one = |invariant: Invariant| Asserted {
            place: place(invariant.at),
            outcome: decide::decide(policy, &invariant)
                .unwrap_or_else(|large: SpaceTooLarge| Outcome::too_large(&large)),
            name: invariant.name,
        };
        Ok(invariants.into_iter().map(one).collect())
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Finding> {
    let name = |path: &Path| {
        let name = path.file_name();
        name.map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let (folder, stem) = if path.is_dir() {
        (path, String::new())
    } else {
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        (parent.unwrap_or(Path::new(".")), stem.unwrap_or_default())
    };
    let belongs = |name: &str| {
        let rest = name.strip_prefix(stem.as_str()).unwrap_or_default();
        stem.is_empty() || rest.starts_with("_assert.") || rest.starts_with(".assert.")
    };
    let mut files = load::entries(folder)?;
    files.retain(|file| {
        let name = name(file);
        is_assert_file(&name) && !name.starts_with('.') && belongs(&name) && !file.is_dir()
    });
    files.sort();
    Ok(files)
}
