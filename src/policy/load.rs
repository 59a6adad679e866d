//! Reading files, and building the [`Policy`] out of what was read and checked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use super::check::{Checked, RuleConditions};
use super::condition::Condition;
use super::digest;
use super::effort::MOST_BYTES;
use super::fault::{At, Fault, Faults, Finding, Source};
use super::file::{
    BreakGlassEntry, BundleEntry, LimitsEntry, MaxDuration, PartEntry, Require, ResourceEntry,
    RuleDecision, RuleEntry, StepEntry, Written,
};
use super::matching::{Facts, Matcher, Targets};
use super::rule::{ExtendRule, Glass, Limits, Required, Resource, Rule, RuleStep, StartRule};
use super::shown::Hidden;
use super::{Bundle, Policy, assert, suite};
use crate::domain::{
    ConnectorName, ConnectorSpec, Escalate, GroupName, Inform, Quorum, ResourceName, RoleName,
    RuleName, Span, Step,
};

/// Reads the file, or the files of the folder. Every file that cannot be read is told.
pub(super) fn read(path: &Path) -> Result<Vec<Source>, Faults> {
    read_files(files(path).map_err(|finding| faults(vec![finding]))?)
}

/// Reads these files. Every one that cannot be read is told.
pub(super) fn read_files(files: Vec<PathBuf>) -> Result<Vec<Source>, Faults> {
    let (mut sources, mut findings) = (Vec::new(), Vec::new());
    let mut left = MOST_BYTES;
    for file in files {
        match read_file(&file, left) {
            Ok(text) => {
                left -= text.len();
                sources.push(Source {
                    name: file.display().to_string(),
                    text,
                });
            }
            Err(error) => findings.push(unreadable(&file, &error)),
        }
    }
    if findings.is_empty() {
        return Ok(sources);
    }
    Err(faults(findings))
}

/// Reads so many bytes at the most.
fn read_file(path: &Path, most: usize) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let limit = most as u64 + 1;
    fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    String::from_utf8(bytes).map_err(|_| std::io::ErrorKind::InvalidData.into())
}

/// Faults that have no place in any file.
pub(super) fn faults(findings: Vec<Finding>) -> Faults {
    Faults::new(findings, &[], &Hidden::default())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Finding {
    let finding = Finding::nowhere(format!(
        "cannot read the policy {}: {error}",
        path.display()
    ))
    .against("every file can be read");
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            finding.hint("set JIT_POLICY to a policy file, or to a folder with *.yaml files")
        }
        std::io::ErrorKind::FileTooLarge => {
            finding.hint("a policy has at most 8 MiB of text in all its files")
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
    let mut files = entries(path)?;
    files.retain(|file| is_policy_file(file));
    files.sort();
    if files.is_empty() {
        let message = format!("there is no policy in {}", path.display());
        return Err(Finding::nowhere(message).hint("put *.yaml or *.yml files into that folder"));
    }
    Ok(files)
}

/// Everything that a folder holds.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Finding> {
    let failed = |error: std::io::Error| unreadable(folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    entries
        .map(|entry| Ok(entry.map_err(failed)?.path()))
        .collect()
}

/// Kubernetes mounts a folder as links to files of a hidden one, so links are followed and hidden
/// names are not looked at.
fn is_policy_file(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    is_policy_name(name) && !path.is_dir()
}

/// Whether a file of that name in the folder of a policy belongs to it: `*.yaml` and `*.yml`, but
/// for hidden files, tests (`*_test.yaml`) and invariants (`*_assert.yaml`).
pub fn is_policy_name(name: &str) -> bool {
    let stem = (name.strip_suffix(".yaml")).or_else(|| name.strip_suffix(".yml"));
    stem.is_some()
        && !name.starts_with('.')
        && !suite::is_test_file(name)
        && !assert::is_assert_file(name)
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
pub(super) fn build(
    written: &Written,
    hash: String,
    checked: Checked,
    warnings: Vec<Fault>,
) -> Policy {
    let defaults = &written.defaults;
    let connectors: BTreeMap<ConnectorName, ConnectorSpec> = (written.connectors.iter())
        .filter_map(|entry| Some((ConnectorName::new(&entry.name.value), entry.spec.clone()?)))
        .collect();
    let span = |written: &Option<At<_>>, default| written.as_ref().map_or(default, |at| at.value);
    let resources = resources(written, &checked.targets, checked.facts, &connectors);
    let mut group_numbers = HashMap::new();
    let ready = checked.conditions.into_iter().zip(checked.matchers);
    let rules = (written.rules.iter().zip(ready))
        .filter_map(|(entry, ready)| rule(entry, ready, &mut group_numbers))
        .collect();
    Policy {
        hash,
        warnings,
        request_ttl: span(&defaults.request_ttl, Policy::REQUEST_TTL),
        remind_before: span(&defaults.remind_before, Policy::REMIND_BEFORE),
        max_duration: span(&defaults.max_duration, Policy::MAX_DURATION),
        start_within: span(&defaults.start_within, Policy::START_WITHIN),
        channel: value(defaults.channel.as_ref()),
        fallback_channel: value(defaults.fallback_channel.as_ref()),
        admin_channel: value(defaults.admin_channel.as_ref()),
        manager_field: value(defaults.manager_field.as_ref()),
        zone: defaults
            .timezone
            .as_ref()
            .map_or(Tz::UTC, |zone| zone.value),
        holidays: (defaults.holidays.as_ref())
            .map_or_else(BTreeSet::new, |holidays| holidays.value.clone()),
        admins: (defaults.admins.as_ref()).map_or_else(Vec::new, |admins| groups(&admins.value)),
        auditors: (defaults.auditors.as_ref())
            .map_or_else(Vec::new, |auditors| groups(&auditors.value)),
        people: checked.people,
        by_name: (resources.keys())
            .map(|name| (name.as_str().to_lowercase(), name.clone()))
            .collect(),
        resources,
        bundles: written.bundles.iter().map(bundle).collect(),
        digests: digest::build(written),
        connectors,
        rules,
        group_numbers,
    }
}

fn bundle(entry: &BundleEntry) -> (String, Bundle) {
    let part = |part: &PartEntry| {
        let role = part.role.as_ref().map(|role| RoleName::new(&role.value));
        (ResourceName::new(&part.resource.value), role)
    };
    let bundle = Bundle {
        name: entry.name.value.clone(),
        description: value(entry.description.as_ref()),
        access: entry.access.iter().map(part).collect(),
    };
    (bundle.name.to_lowercase(), bundle)
}

fn resources(
    written: &Written,
    targets: &Targets,
    facts: Vec<Facts>,
    connectors: &BTreeMap<ConnectorName, ConnectorSpec>,
) -> BTreeMap<ResourceName, Resource> {
    let mut orders: Vec<Vec<Vec<usize>>> = (written.resources.iter())
        .map(|entry| vec![Vec::new(); entry.roles.len()])
        .collect();
    // Rules that deny are tried first.
    for denies in [true, false] {
        let rules = written.rules.iter().zip(targets.iter()).enumerate();
        for (number, (_, targets)) in rules.filter(|(_, (rule, _))| rule.denies() == denies) {
            for (resource, role) in targets {
                orders[*resource][*role].push(number);
            }
        }
    }
    let ready = facts.into_iter().zip(orders);
    (written.resources.iter().zip(ready))
        .filter_map(|(entry, ready)| resource(entry, ready, connectors))
        .map(|resource| (resource.facts.name.clone(), resource))
        .collect()
}

fn value(written: Option<&At<String>>) -> Option<String> {
    written.map(|at| at.value.clone())
}

fn groups(written: &[At<String>]) -> Vec<GroupName> {
    written
        .iter()
        .map(|name| GroupName::new(&name.value))
        .collect()
}

fn resource(
    entry: &ResourceEntry,
    (facts, order): (Facts, Vec<Vec<usize>>),
    connectors: &BTreeMap<ConnectorName, ConnectorSpec>,
) -> Option<Resource> {
    let connector = ConnectorName::new(&entry.connector.as_ref()?.value);
    Some(Resource {
        facts,
        spec: connectors.get(&connector)?.clone(),
        connector,
        description: value(entry.description.as_ref()),
        roles: (entry.roles.iter())
            .map(|(role, at_target)| (RoleName::new(&role.value), at_target.value.clone()))
            .collect(),
        default_role: (entry.default_role.as_ref()).map(|role| RoleName::new(&role.value)),
        channel: value(entry.channel.as_ref()),
        how_to_connect: value(entry.how_to_connect.as_ref()),
        owner: groups(&entry.owner),
        order,
    })
}

fn rule(
    entry: &RuleEntry,
    (compiled, matcher): (RuleConditions, Matcher),
    numbers: &mut HashMap<GroupName, usize>,
) -> Option<Rule> {
    let decision: RuleDecision = entry.decision.as_ref()?.value;
    let mut number = |group: &GroupName| {
        let next = numbers.len();
        *numbers.entry(group.clone()).or_insert(next)
    };
    let inform = entry.inform.as_ref().map(|inform| &inform.value);
    let steps = entry.steps().iter().zip(compiled.steps);
    Some(Rule {
        name: RuleName::new(&entry.name.value),
        for_groups: (matcher.requester_in()).map(|groups| groups.iter().map(&mut number).collect()),
        matcher,
        when: compiled.when,
        require: required(&entry.require),
        decision,
        message: value(entry.message.as_ref()),
        limits: entry
            .limits
            .as_ref()
            .map(|limits| self::limits(&limits.value)),
        steps: steps.map(|(step, when)| rule_step(step, when)).collect(),
        inform: inform.map_or_else(Inform::default, |inform| Inform {
            people: groups(&inform.people),
            channels: inform.channels.iter().map(|at| at.value.clone()).collect(),
        }),
        channel: value(entry.channel.as_ref()),
        glass: entry
            .break_glass
            .as_ref()
            .and_then(|glass| self::glass(&glass.value)),
    })
}

fn required(entry: &Require) -> Required {
    let span = |at: &At<Span>| at.value;
    let (mut all, mut per_role) = (None, BTreeMap::new());
    match &entry.max_duration {
        Some(MaxDuration::All(limit)) => all = Some(limit.value),
        Some(MaxDuration::PerRole(limits)) => {
            let limits = limits.iter();
            per_role.extend(limits.map(|(role, at)| (RoleName::new(&role.value), at.value)));
        }
        None => {}
    }
    let mut durations: Vec<Span> = entry.durations.iter().map(span).collect();
    durations.sort_unstable();
    let start = entry.start.as_ref().map(|start| &start.value);
    let extend = entry.extend.as_ref().map(|extend| &extend.value);
    Required {
        reason: entry.reason.as_ref().map(|at| at.value.clone()),
        ticket: entry.ticket.as_ref().map(|at| at.value.clone()),
        durations,
        default_duration: entry.default_duration.as_ref().map(span),
        max_duration: all,
        max_per_role: per_role,
        start: start.and_then(|start| {
            Some(StartRule {
                earliest: start.earliest.as_ref().map(span),
                latest: start.latest.as_ref().map(span)?,
            })
        }),
        extend: extend.map_or_else(ExtendRule::default, |extend| ExtendRule {
            max: extend.max.as_ref().map(|at| at.value),
            by: extend.by.as_ref().map(span),
            total: extend.total.as_ref().map(span),
        }),
    }
}

fn limits(entry: &LimitsEntry) -> Limits {
    let uses = entry.uses.as_ref().zip(entry.per.as_ref());
    let weekdays = entry.weekdays.iter().flat_map(|days| &days.value);
    Limits {
        uses: uses.map(|(uses, per)| (uses.value, per.value)),
        hours: entry.hours.as_ref().map(|hours| hours.value),
        weekdays: weekdays.copied().collect(),
        on_call: entry.on_call.as_deref().map_or_else(Vec::new, groups),
    }
}

fn glass(entry: &BreakGlassEntry) -> Option<Glass> {
    let within = entry.review_within.as_ref();
    Some(Glass {
        who: groups(&entry.who),
        max_duration: entry.max_duration.as_ref()?.value,
        review_within: within.map_or(Policy::REVIEW_WITHIN, |within| within.value),
        review_by: entry.review_by.as_deref().map(groups),
    })
}

fn rule_step(entry: &StepEntry, when: Option<Condition>) -> RuleStep {
    let quiet = entry.quiet.as_ref();
    RuleStep {
        when,
        step: step(entry),
        quiet: quiet.map(|quiet| (quiet.hours.value, groups(&quiet.fallback))),
    }
}

/// A step in the words of the domain, without its quiet times: those depend on when it is asked.
pub(super) fn step(entry: &StepEntry) -> Step {
    let quorum = if entry.all.is_some() {
        Quorum::All
    } else {
        Quorum::Any
    };
    Step {
        ping: (entry.ping.as_ref()).map_or_else(Vec::new, |ping| groups(&ping.value)),
        nudge: entry.nudge.as_ref().map(|nudge| nudge.value),
        escalate: entry.escalate.as_ref().map(|escalate| Escalate {
            after: escalate.after.value,
            to: groups(&escalate.to),
        }),
        ..Step::of(groups(&entry.from), quorum(entry.count.value))
    }
}
