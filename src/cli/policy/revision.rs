//! A policy as it was in a revision of git, read by the git program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, anyhow};

use super::super::Failure;
use crate::policy::{Source, is_policy_name};

/// The files of the policy at `path`, as they were in that revision.
pub(super) fn sources(revision: &str, path: &Path) -> Result<Vec<Source>, Failure> {
    let (folder, only) = place(path)?;
    let commit = commit(&folder, revision)?;
    let listed = git(&folder, &["ls-tree", "-z", &commit, "--", "./"])?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let mut files: Vec<(String, String)> = listed.split('\0').filter_map(blob).collect();
    files.retain(|(name, _)| match &only {
        Some(only) => name == only,
        None => is_policy_name(name),
    });
    files.sort();
    if files.is_empty() {
        return Err(Failure::usage(anyhow!(
            "there is no policy at {} in {revision}",
            path.display()
        )));
    }
    let read = |(name, id): (String, String)| {
        let text = git(&folder, &["cat-file", "blob", &id])?;
        let text = String::from_utf8(text)
            .with_context(|| format!("{revision}:{name} is no text in UTF-8"))
            .map_err(Failure::usage)?;
        let shown = only
            .as_ref()
            .map_or_else(|| path.join(&name), |_| path.to_owned());
        let name = format!("{revision}:{}", shown.display());
        Ok(Source { name, text })
    };
    files.into_iter().map(read).collect()
}

/// The folder to ask git in, and the one file in it where the policy is a file.
fn place(path: &Path) -> Result<(PathBuf, Option<String>), Failure> {
    if path.is_dir() {
        return Ok((path.to_owned(), None));
    }
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    if name.is_some() && folder.is_dir() {
        return Ok((folder.to_owned(), name));
    }
    Err(Failure::usage(anyhow!(
        "the policy {} is not there, so its history cannot be found; name it with --policy",
        path.display()
    )))
}

/// The full name of a commit: nothing else of what was said reaches git as an option.
fn commit(folder: &Path, revision: &str) -> Result<String, Failure> {
    let wanted = format!("{revision}^{{commit}}");
    let arguments = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &wanted,
    ];
    let found = git(folder, &arguments).map_err(|failure| match failure {
        Failure::Usage(cause) if cause.to_string().contains("could not be started") => {
            Failure::Usage(cause)
        }
        _ => Failure::usage(anyhow!(
            "“{revision}” is neither a path nor a git revision of {}",
            folder.display()
        )),
    })?;
    Ok(String::from_utf8_lossy(&found).trim().to_owned())
}

/// Name and id of a file; folders and links are none.
fn blob(line: &str) -> Option<(String, String)> {
    let (about, name) = line.split_once('\t')?;
    let mut about = about.split(' ');
    let (mode, kind, id) = (about.next()?, about.next()?, about.next()?);
    (kind == "blob" && mode != "120000").then(|| (name.to_owned(), id.to_owned()))
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .context("the git program could not be started")
        .map_err(Failure::usage)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::usage(anyhow!("git failed: {said}")))
}
