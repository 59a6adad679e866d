//! Policy as code: who may ask for what, and who decides. Pure after load: no SQL, no Slack, no
//! clock; the only reading is [`Policy::load`].
//!
//! The way of a file: text → `tree` (YAML with places) → `file` (what is written, by `parse` with the
//! help of `fields`, `values`, `parse_*`, `source` and `connector`) → `check` (everything that is
//! wrong, at once, as [`Faults`], which `log` gathers and in which `shown` masks secrets) →
//! [`Policy`], made of `rule`s by `load`. How much of all this a file may ask for is in `effort`. The
//! way of an ask: `evaluate` finds the rule (`matching`, `condition`) and makes terms or a refusal;
//! `explain` keeps the whole way.

pub mod assert;
mod check;
mod condition;
mod connector;
pub mod diff;
mod digest;
mod effort;
mod evaluate;
mod explain;
mod fault;
mod fields;
mod file;
mod hours;
mod load;
mod log;
mod matching;
mod parse;
mod parse_require;
mod parse_rules;
mod parse_steps;
mod parse_targets;
mod patterns;
mod people;
pub mod report;
mod rule;
pub mod schema;
mod shown;
mod source;
mod space;
mod suggest;
pub mod suite;
mod tree;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

pub use digest::Digest;
pub use explain::{Explanation, Offer, RuleOutcome, StepOutcome, StepTold, Tried};
pub use fault::{Fault, Faults, Label, Source};
pub use file::RuleDecision;
pub use load::is_policy_name;
pub use matching::Mismatch;
pub use people::{Alias, Entry};
pub use source::{GroupSource, SourcedGroup};
pub use space::SpaceTooLarge;

use self::fault::Log;
use self::people::People;
use self::rule::{Resource, Rule};
use crate::domain::{
    Ask, Circumstances, ConnectorName, ConnectorSpec, GroupName, Identity, ResourceName, RoleName,
    RuleName, Span, Stretch, Verdict,
};

/// A policy that was read and found without fault.
#[derive(Clone, Debug)]
pub struct Policy {
    hash: String,
    warnings: Vec<Fault>,
    request_ttl: Span,
    remind_before: Span,
    max_duration: Span,
    channel: Option<String>,
    fallback_channel: Option<String>,
    admin_channel: Option<String>,
    manager_field: Option<String>,
    start_within: Span,
    zone: Tz,
    holidays: BTreeSet<NaiveDate>,
    admins: Vec<GroupName>,
    auditors: Vec<GroupName>,
    people: People,
    connectors: BTreeMap<ConnectorName, ConnectorSpec>,
    resources: BTreeMap<ResourceName, Resource>,
    /// Resources by their names in lower case.
    by_name: HashMap<String, ResourceName>,
    /// By their names in lower case.
    bundles: BTreeMap<String, Bundle>,
    rules: Vec<Rule>,
    digests: Vec<Digest>,
    /// The groups that rules are for, numbered so that a rule is tried without comparing names.
    group_numbers: HashMap<GroupName, usize>,
}

/// Several accesses that are asked for together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Its name as it is written.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its parts in the order of the file; no role where the resource has just one or a default.
    pub access: Vec<(ResourceName, Option<RoleName>)>,
}

/// What somebody may ask for by name: a resource, or a bundle whose every part they may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// How sensitive it is, in the policy's words; of a bundle its parts tell.
    pub sensitivity: Option<String>,
    /// The roles of a resource, each with the longest time; none for a bundle.
    pub roles: Vec<(RoleName, Span)>,
    /// The parts of a bundle, in the order of the file; none for a resource.
    pub parts: Vec<(ResourceName, Option<RoleName>)>,
}

/// What people may see of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceSummary {
    /// Its name.
    pub name: ResourceName,
    /// What it is.
    pub description: Option<String>,
    /// How sensitive it is, in the policy's words.
    pub sensitivity: Option<String>,
    /// Its roles, in the order of the file.
    pub roles: Vec<RoleName>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Policy {
    /// How long an unanswered request waits where `defaults.request_ttl` says nothing: 8 hours.
    pub const REQUEST_TTL: Span = Span::hours(8);
    /// When the holder is reminded where `defaults.remind_before` says nothing: 15 minutes before
    /// the end.
    pub const REMIND_BEFORE: Span = Span::minutes(15);
    /// The longest access where neither the rule nor `defaults.max_duration` says anything: 8 hours.
    pub const MAX_DURATION: Span = Span::hours(8);
    /// How long an approval that could not be used is good for, where `defaults.start_within` says
    /// nothing: 1 hour.
    pub const START_WITHIN: Span = Span::hours(1);
    /// Within which time a break-glass request must be looked at, where the rule says nothing: 24
    /// hours.
    pub const REVIEW_WITHIN: Span = Span::hours(24);

    /// Reads a policy from one file, or from all `*.yaml` and `*.yml` files of a folder in the order
    /// of their names. Hidden files and folders inside it are not read.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        Self::from_sources(load::read(path)?)
    }

    /// Reads the files that [`Policy::load`] would read, and no more: nothing in them is looked at.
    pub fn read(path: &Path) -> Result<Vec<Source>, Faults> {
        load::read(path)
    }

    /// The hash that a policy of these texts has, whether or not they are without fault.
    pub fn hash_of(sources: &[Source]) -> String {
        load::hash(sources)
    }

    /// Reads a policy from texts, in this order. A section may be spread over several of them.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a loader hands its texts over; nothing else should keep them"
    )]
    pub fn from_sources(sources: Vec<Source>) -> Result<Self, Faults> {
        let log = Log::default();
        let parsed = parse::parse(&sources, &log);
        let checked = check::check(&parsed, &sources, &log);
        digest::check(&parsed.written, parsed.whole, &log);
        let warnings = log.into_result(&sources)?;
        let hash = load::hash(&sources);
        Ok(load::build(&parsed.written, hash, checked, warnings))
    }

    /// The SHA-256 over the names and contents of the files, in hexadecimal digits. It does not
    /// depend on the folder that holds them.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What is probably not meant, though nothing forbids it.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// The answer to an ask. Whether enough people stand behind the groups is not looked at here.
    pub fn evaluate(&self, ask: &Ask, circumstances: &Circumstances) -> Verdict {
        evaluate::evaluate(self, ask, circumstances)
    }

    /// The answer to an ask, with every rule that was tried and why it did or did not match. Much
    /// slower than [`Policy::evaluate`], which goes the same way.
    pub fn explain(&self, ask: &Ask, circumstances: &Circumstances) -> Explanation {
        evaluate::explain(self, ask, circumstances)
    }

    /// The groups of a person with these identities, and the name of their entry in `people`. All
    /// aliases of one entry count as the same person.
    pub fn groups_of(&self, identities: &BTreeSet<Identity>) -> BTreeSet<GroupName> {
        self.people.groups_of(identities)
    }

    /// The entry of `people` that lists this identity.
    pub fn alias_of(&self, identity: &Identity) -> Option<Alias> {
        self.people.alias_of(identity).cloned()
    }

    /// The humans of a group, or the one of an entry of `people`: for each, everything they are
    /// called. None when there is no such group, and for a group that is read elsewhere: see
    /// [`Policy::source_of`].
    pub fn group_entries(&self, group: &GroupName) -> Option<Vec<BTreeSet<Entry>>> {
        self.people.group(group)
    }

    /// The entries of `people`, in the order of the file.
    pub fn aliases(&self) -> impl Iterator<Item = &Alias> {
        self.people.aliases()
    }

    /// The names of `groups`, in the order of the alphabet.
    pub fn groups(&self) -> impl Iterator<Item = &GroupName> {
        self.people.names()
    }

    /// The names of the rules, in the order of the file.
    pub fn rules(&self) -> impl Iterator<Item = &RuleName> {
        self.rules.iter().map(|rule| &rule.name)
    }

    /// How often in how much time a rule approves by itself; none where it does so at any time, or
    /// never.
    pub fn uses_of(&self, rule: &RuleName) -> Option<(u32, Span)> {
        let rule = self.rules.iter().find(|known| known.name == *rule)?;
        rule.limits.as_ref()?.uses
    }

    /// Where the people of a group are read from, and what stands in for that. None when there is
    /// no such group, and for an entry of `people`.
    pub fn source_of(&self, group: &GroupName) -> Option<&SourcedGroup> {
        self.people.source(group)
    }

    /// Whether somebody outside the policy has to be asked who is in the group. The word `manager`
    /// is no group, and always has to be asked.
    pub fn is_dynamic(&self, group: &GroupName) -> bool {
        let source = self.source_of(group);
        source.is_some_and(|sourced| sourced.source.is_dynamic())
    }

    /// Everything that the manager of a person with these identities is called, where `people`
    /// names one.
    pub fn manager_of(&self, identities: &BTreeSet<Identity>) -> Option<BTreeSet<Entry>> {
        self.people.manager(identities)
    }

    /// The custom field (`Xf…`) of Slack profiles that names a person's manager.
    pub fn manager_field(&self) -> Option<&str> {
        self.manager_field.as_deref()
    }

    /// The connectors, by name.
    pub fn connectors(&self) -> &BTreeMap<ConnectorName, ConnectorSpec> {
        &self.connectors
    }

    /// The channel of the people who run the bot.
    pub fn admin_channel(&self) -> Option<&str> {
        self.admin_channel.as_deref()
    }

    /// The groups and people who may revoke every access and hear of trouble.
    pub fn admins(&self) -> &[GroupName] {
        &self.admins
    }

    /// The groups and people that own resources.
    pub fn owners(&self) -> BTreeSet<GroupName> {
        let owners = self.resources.values().flat_map(|resource| &resource.owner);
        owners.cloned().collect()
    }

    /// The resources that somebody in these groups owns.
    pub fn owned_by(&self, groups: &BTreeSet<GroupName>) -> BTreeSet<ResourceName> {
        let owned = self.resources.values().filter(|resource| {
            let owners = resource.owner.iter();
            owners.into_iter().any(|owner| groups.contains(owner))
        });
        owned.map(|resource| resource.facts.name.clone()).collect()
    }

    /// The groups and people who may read what others have asked for. They decide nothing.
    pub fn auditors(&self) -> &[GroupName] {
        &self.auditors
    }

    /// When the quiet hours of that rule are for somebody in that zone, for the life of a request that
    /// is made now: each stretch from its beginning to its end. None where the rule has no quiet hours,
    /// or the zone is not known.
    pub fn quiet_in(
        &self,
        rule: &RuleName,
        zone: &str,
        now: DateTime<Utc>,
    ) -> Option<Vec<Stretch>> {
        let zone: Tz = zone.parse().ok()?;
        let rule = self.rules.iter().find(|known| known.name == *rule)?;
        let hours = rule.steps.iter().filter_map(|step| step.quiet.as_ref());
        let until = now + TimeDelta::from(self.request_ttl);
        let mut found = None;
        for (hours, _) in hours {
            let windows = hours.windows(zone, now, until);
            found.get_or_insert_with(Vec::new).extend(windows);
        }
        found
    }

    /// The zone in which the policy means its hours and days.
    pub fn timezone(&self) -> Tz {
        self.zone
    }

    /// Every channel that the policy names: for cards, for those who are told, and for admins.
    pub fn channels(&self) -> BTreeSet<String> {
        let rules = self.rules.iter();
        let told = rules.clone().flat_map(|rule| &rule.inform.channels);
        let resources = self.resources.values();
        let defaults = self.channel.iter().chain(&self.fallback_channel);
        (rules.filter_map(|rule| rule.channel.as_ref()))
            .chain(told)
            .chain(resources.filter_map(|resource| resource.channel.as_ref()))
            .chain(defaults)
            .chain(&self.admin_channel)
            .map(String::as_str)
            .chain(self.digests.iter().filter_map(Digest::channel))
            .map(str::to_owned)
            .collect()
    }

    /// The bundle of that name, in any case.
    pub fn bundle(&self, name: &str) -> Option<Bundle> {
        let name = evaluate::bare(name).to_lowercase();
        self.bundles.get(&name).cloned()
    }

    /// All bundles, in the order of their names.
    pub fn bundles(&self) -> impl Iterator<Item = &Bundle> {
        self.bundles.values()
    }

    /// The groups with a source of their own of which rules about that resource want to know
    /// whether the holder is in them; without a role, for any of its roles. The names are as people
    /// type them. Empty where nothing of that name is there.
    pub fn groups_to_read(&self, resource: &str, role: Option<&str>) -> BTreeSet<GroupName> {
        evaluate::groups_to_read(self, resource, role)
    }

    /// All resources, in the order of their names.
    pub fn resources(&self) -> impl Iterator<Item = ResourceSummary> {
        self.resources.values().map(Resource::summary)
    }

    /// What a person in these groups may ask for, in the order of names: each role with its longest
    /// duration, whichever rule gives it. Resources without any such role are left out.
    pub fn resources_for(
        &self,
        groups: &BTreeSet<GroupName>,
    ) -> Vec<(ResourceSummary, Vec<(RoleName, Span)>)> {
        let resources = self.resources.values();
        resources
            .map(|resource| {
                let roles = evaluate::roles_for(self, resource, groups);
                (resource.summary(), roles)
            })
            .filter(|(_, roles)| !roles.is_empty())
            .collect()
    }

    /// What a person in these groups may ask for by name: bundles, and then resources, each in the order
    /// of names.
    pub fn listed(&self, groups: &BTreeSet<GroupName>) -> Vec<Listed> {
        let resources = self.resources_for(groups);
        let offered = |name: &ResourceName, role: &Option<RoleName>| {
            let mut roles = (resources.iter())
                .filter(|(resource, _)| resource.name == *name)
                .flat_map(|(_, roles)| roles);
            match role {
                Some(role) => roles.any(|(known, _)| known == role),
                None => roles.next().is_some(),
            }
        };
        let bundles = self.bundles().filter(|bundle| {
            let parts = &mut bundle.access.iter();
            parts.all(|(name, role)| offered(name, role))
        });
        let bundles = bundles.map(|bundle| Listed {
            name: bundle.name.clone(),
            description: bundle.description.clone(),
            sensitivity: None,
            roles: Vec::new(),
            parts: bundle.access.clone(),
        });
        let single = resources.iter().map(|(resource, roles)| Listed {
            name: resource.name.to_string(),
            description: resource.description.clone(),
            sensitivity: resource.sensitivity.clone(),
            roles: roles.clone(),
            parts: Vec::new(),
        });
        bundles.chain(single).collect()
    }

    /// The longest access that a rule allows in a role.
    fn limit(&self, rule: &Rule, role: &RoleName) -> Span {
        let require = &rule.require;
        let limit = require
            .max_per_role
            .get(role)
            .copied()
            .or(require.max_duration);
        let limit = limit.unwrap_or(self.max_duration);
        (require.durations.last()).map_or(limit, |longest| limit.min(*longest))
    }

    /// Where the card goes: what the rule says, else the resource, else the defaults. The checks
    /// make sure that one of them does.
    fn channel_of<'a>(&'a self, rule: &'a Rule, resource: &'a Resource) -> &'a str {
        let channel = rule.channel.as_deref().or(resource.channel.as_deref());
        channel.or(self.channel.as_deref()).unwrap_or_default()
    }
}

impl Resource {
    fn summary(&self) -> ResourceSummary {
        ResourceSummary {
            name: self.facts.name.clone(),
            description: self.description.clone(),
            sensitivity: self.facts.sensitivity.clone(),
            roles: self.facts.roles.clone(),
            labels: self.facts.labels.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
