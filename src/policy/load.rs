//! Reading files, and building the [`Policy`] out of what was read and checked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::fault::{At, Faults, Finding, Source};
use super::file::{ResourceEntry, RuleDecision, RuleEntry, StepEntry, Written};
use super::matching::{Facts, Matcher};
use super::people::People;
use super::shown::Masked;
use super::{Policy, Resource, Rule};
use crate::domain::{ConnectorName, ConnectorSpec, GroupName, Quorum, RoleName, RuleName, Step};

/// Reads the file, or the files of the folder. Every file that cannot be read is told.
pub(super) fn read(path: &Path) -> Result<Vec<Source>, Faults> {
    let files = files(path).map_err(|finding| faults(vec![finding]))?;
    let (mut sources, mut findings) = (Vec::new(), Vec::new());
    for file in files {
        match fs::read_to_string(&file) {
            Ok(text) => sources.push(Source {
                name: file.display().to_string(),
                text,
            }),
            Err(error) => findings.push(unreadable(&file, &error)),
        }
    }
    if findings.is_empty() {
        return Ok(sources);
    }
    Err(faults(findings))
}

fn faults(findings: Vec<Finding>) -> Faults {
    Faults::new(findings, &[], &Masked::default())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Finding {
    let finding = Finding::nowhere(format!(
        "cannot read the policy {}: {error}",
        path.display()
    ));
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            finding.hint("set JIT_POLICY to a policy file, or to a folder with *.yaml files")
        }
        std::io::ErrorKind::InvalidData => finding.hint("a policy is text in UTF-8"),
        _ => finding.hint("is it readable for the user that runs jit?"),
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Finding> {
    let failed = |error: std::io::Error| unreadable(path, &error);
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if is_policy_file(&file) {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let message = format!("there is no policy in {}", path.display());
        return Err(Finding::nowhere(message).hint("put *.yaml or *.yml files into that folder"));
    }
    Ok(files)
}

/// Kubernetes mounts a folder as links to files of a hidden one, so links are followed and hidden
/// names are not looked at.
fn is_policy_file(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let extension = path.extension().and_then(|extension| extension.to_str());
    !name.starts_with('.') && matches!(extension, Some("yaml" | "yml")) && !path.is_dir()
}

/// The SHA-256 over names (without folders), lengths and contents.
pub(super) fn hash(sources: &[Source]) -> String {
    let mut hasher = Sha256::new();
    for source in sources {
        let name = source.name.rsplit(['/', '\\']).next().unwrap_or_default();
        for part in [name, &source.text] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    hex::encode(hasher.finalize())
}

/// Builds the policy. What is written must have passed the checks; what they would have refused is
/// left out here.
pub(super) fn build(written: &Written, hash: String, warnings: Vec<String>) -> Policy {
    let defaults = &written.defaults;
    let connectors: BTreeMap<ConnectorName, ConnectorSpec> = (written.connectors.iter())
        .filter_map(|entry| Some((ConnectorName::new(&entry.name.value), entry.spec.clone()?)))
        .collect();
    let span = |written: &Option<At<_>>, default| written.as_ref().map_or(default, |at| at.value);
    Policy {
        hash,
        warnings,
        request_ttl: span(&defaults.request_ttl, Policy::REQUEST_TTL),
        remind_before: span(&defaults.remind_before, Policy::REMIND_BEFORE),
        max_duration: span(&defaults.max_duration, Policy::MAX_DURATION),
        channel: value(defaults.channel.as_ref()),
        fallback_channel: value(defaults.fallback_channel.as_ref()),
        admin_channel: None,
        manager_field: value(defaults.manager_field.as_ref()),
        people: People::new(written),
        resources: (written.resources.iter())
            .filter_map(|entry| resource(entry, &connectors))
            .map(|resource| (resource.facts.name.clone(), resource))
            .collect(),
        connectors,
        rules: written.rules.iter().filter_map(rule).collect(),
    }
}

fn value(written: Option<&At<String>>) -> Option<String> {
    written.map(|at| at.value.clone())
}

fn resource(
    entry: &ResourceEntry,
    connectors: &BTreeMap<ConnectorName, ConnectorSpec>,
) -> Option<Resource> {
    let connector = ConnectorName::new(&entry.connector.as_ref()?.value);
    Some(Resource {
        facts: Facts::of(entry),
        spec: connectors.get(&connector)?.clone(),
        connector,
        description: value(entry.description.as_ref()),
        roles: (entry.roles.iter())
            .map(|(role, at_target)| (RoleName::new(&role.value), at_target.value.clone()))
            .collect(),
        default_role: entry
            .default_role
            .as_ref()
            .map(|role| RoleName::new(&role.value)),
        channel: value(entry.channel.as_ref()),
        how_to_connect: value(entry.how_to_connect.as_ref()),
    })
}

fn rule(entry: &RuleEntry) -> Option<Rule> {
    let decision: RuleDecision = entry.decision.as_ref()?.value;
    let steps = entry.steps.as_ref().map_or(&[][..], |steps| &steps.value);
    Some(Rule {
        name: RuleName::new(&entry.name.value),
        matcher: Matcher::new(&entry.matching),
        reason: entry.require.reason.as_ref().map(|at| at.value.clone()),
        max_duration: entry.require.max_duration.as_ref().map(|at| at.value),
        decision,
        message: value(entry.message.as_ref()),
        steps: steps.iter().map(step).collect(),
        channel: value(entry.channel.as_ref()),
    })
}

/// A step in the words of the domain.
pub(super) fn step(entry: &StepEntry) -> Step {
    let quorum = if entry.all.is_some() {
        Quorum::All
    } else {
        Quorum::Any
    };
    let from = entry.from.iter().map(|name| GroupName::new(&name.value));
    Step::of(from.collect(), quorum(entry.count.value))
}
