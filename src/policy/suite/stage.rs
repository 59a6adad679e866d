//! The ask of a case, with everything around it that the policy may look at.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use uuid::Uuid;

use super::moment::monday;
use super::parse::{AskEntry, CaseEntry, Expect, PastEntry};
use super::{bundle, who};
use crate::domain::{
    Ask, Asker, Chain, Circumstances, GroupName, Past, PastGrant, Person, PersonId, RequestId,
    ResourceName, RoleName, Roster, Route, RuleName, Span, Standing, Step, Verdict,
};
use crate::policy::fault::{At, Finding, Log};
use crate::policy::{Entry, Explanation, Policy, report, suggest};

/// An ask, its circumstances, and who is in the groups that are read outside the policy.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What is asked.
    pub ask: Ask,
    /// When, and what was before.
    pub circumstances: Circumstances,
    groups: BTreeMap<GroupName, Vec<BTreeSet<Entry>>>,
    unreadable: BTreeSet<GroupName>,
}

/// What was before an ask that somebody tries out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The rules that approved by themselves as often as they may.
    pub used_up: Vec<RuleName>,
    /// For how long what is to be prolonged was held, until now, and how often it was prolonged.
    pub held: Option<(Span, u32)>,
}

/// Who stands behind a step, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepPeople {
    /// Who may approve.
    pub eligible: BTreeSet<String>,
    /// Who is in the groups, and may not because the request is their own.
    pub own: BTreeSet<String>,
    /// The groups of which nothing is known here.
    pub unknown: Vec<GroupName>,
}

impl Stage {
    /// An ask at a time, with no group that is read outside the policy.
    pub fn new(ask: Ask, circumstances: Circumstances) -> Self {
        Self {
            ask,
            circumstances,
            groups: BTreeMap::new(),
            unreadable: BTreeSet::new(),
        }
    }

    /// Sets up what was before. A rule that may be used any number of times is never used up.
    pub fn set_before(&mut self, policy: &Policy, before: &Before) {
        let now = self.circumstances.now;
        let used_up = before
            .used_up
            .iter()
            .flat_map(|rule| self.uses(policy, rule));
        self.circumstances.past = used_up.collect();
        self.ask.extends = before.held.map(|_| RequestId::from_uuid(Uuid::nil()));
        self.circumstances.chain = before.held.map(|(held, extensions)| Chain {
            extensions,
            since: now - TimeDelta::from(held),
            until: now,
        });
    }

    /// All uses that a rule allows, a minute ago.
    fn uses(&self, policy: &Policy, rule: &RuleName) -> Vec<Past> {
        let uses = policy.uses_of(rule).map_or(0, |(uses, _)| uses);
        let one = Past {
            resource: ResourceName::new(&self.ask.resource),
            role: RoleName::new(self.ask.role.as_deref().unwrap_or_default()),
            rule: rule.clone(),
            outcome: "approved",
            automatic: true,
            break_glass: false,
            asked_at: self.circumstances.now - TimeDelta::minutes(1),
            duration: Span::hours(1),
            grant: PastGrant::Ended,
            granted: Some(Span::hours(1)),
        };
        vec![one; uses as usize]
    }

    /// What comes of a verdict once it is looked at who could approve: steps that too few people
    /// stand behind are refused. A step with a group of which nothing is known is left as it is.
    pub fn answer(&self, policy: &Policy, verdict: &Verdict) -> Verdict {
        let Verdict::Terms(terms) = verdict else {
            return verdict.clone();
        };
        let Route::Steps(steps) = &terms.route else {
            return verdict.clone();
        };
        let mut roster = Roster::default();
        let mut known = Vec::new();
        for step in steps {
            if let Some(groups) = self.step_groups(policy, step) {
                roster.groups.extend(groups);
                known.push(step.clone());
            }
        }
        let now = self.circumstances.now;
        match roster.check_route(&known, &self.own(policy), now) {
            Ok(()) => verdict.clone(),
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// The evaluation as text, with who could approve.
    pub(super) fn tell(&self, policy: &Policy, explanation: &Explanation) -> String {
        report::explanation_text(policy, self, explanation)
    }

    /// The people of a group; none when nothing is known of it.
    fn members(&self, policy: &Policy, group: &GroupName) -> Option<Vec<BTreeSet<Entry>>> {
        let said = self.groups.get(group);
        if let Some(listed) = policy.group_entries(group) {
            return Some(listed);
        }
        let fallback = policy
            .source_of(group)
            .and_then(|source| source.fallback.as_ref());
        match (said, fallback) {
            (Some(people), _) if !people.is_empty() => Some(people.clone()),
            (Some(_), Some(fallback)) => self.members(policy, fallback),
            (None, Some(fallback)) if self.unreadable.contains(group) => {
                self.members(policy, fallback)
            }
            (Some(nobody), None) => Some(nobody.clone()),
            (None, _) if group.is_manager() && !self.unreadable.contains(group) => {
                let manager = policy.manager_of(&self.ask.person.identities)?;
                Some(vec![manager])
            }
            (None, _) => None,
        }
    }

    /// Who stands behind a step; none when nothing is known of one of its groups.
    fn step_groups(
        &self,
        policy: &Policy,
        step: &Step,
    ) -> Option<BTreeMap<GroupName, BTreeSet<PersonId>>> {
        let groups = step.deciding(self.circumstances.now, false).into_iter();
        groups
            .map(|group| {
                let people = self.members(policy, &group)?;
                Some((group, people.iter().map(id).collect()))
            })
            .collect()
    }

    /// The holder and the asker, as rosters know them.
    fn own(&self, policy: &Policy) -> Vec<PersonId> {
        let humans = self.own_entries(policy);
        humans.iter().map(id).collect()
    }

    /// The names of the holder and the asker, as people read them.
    pub(super) fn own_names(&self, policy: &Policy) -> BTreeSet<String> {
        let own = self.own_entries(policy);
        own.iter().map(|human| who::name(policy, human)).collect()
    }

    fn own_entries(&self, policy: &Policy) -> Vec<BTreeSet<Entry>> {
        let asker = self.ask.asker.iter().map(|asker| &asker.person);
        let people = std::iter::once(&self.ask.person).chain(asker);
        people.map(|person| who::entries(policy, person)).collect()
    }
}

/// One id for one human.
fn id(entries: &BTreeSet<Entry>) -> PersonId {
    let key: Vec<String> = entries.iter().map(ToString::to_string).collect();
    PersonId::from_uuid(Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        key.join("\n").as_bytes(),
    ))
}

/// Who could approve a step at once: the people of its groups, and those who stand in for them at
/// that time, without the holder and the asker.
pub fn step_people(policy: &Policy, stage: &Stage, step: &Step) -> StepPeople {
    let own = stage.own_entries(policy);
    let mut found = StepPeople::default();
    for group in step.deciding(stage.circumstances.now, false) {
        let Some(people) = stage.members(policy, &group) else {
            found.unknown.push(group);
            continue;
        };
        for human in people {
            let name = who::name(policy, &human);
            if own.iter().any(|own| !own.is_disjoint(&human)) {
                found.own.insert(name);
            } else {
                found.eligible.insert(name);
            }
        }
    }
    found
}

/// Sets up a case; none when it names what is not there, which is noted.
pub(super) fn set(case: &CaseEntry, policy: &Policy, log: &Log) -> Option<Stage> {
    let before = log.len();
    let holder = case.holder.as_ref().unwrap_or(&case.who);
    let person = find(policy, holder, log);
    let asker = find(policy, &case.who, log);
    known_names(case, policy, log);
    bundle::has_meaning(case, policy, log);
    let groups = groups(case, policy, log);
    let (person, asker) = (person?, asker?);
    if log.len() > before {
        return None;
    }
    let mut stage = Stage {
        circumstances: circumstances(case, policy),
        ask: ask(&case.ask, person, case, policy),
        unreadable: (case.unreadable.iter())
            .map(|group| GroupName::new(&group.value))
            .collect(),
        groups,
    };
    stage.ask.standing = stage.standing(&stage.ask.person, case, policy, asker.id);
    if asker.id != stage.ask.person.id {
        let standing = stage.standing(&asker, case, policy, asker.id);
        stage.ask.asker = Some(Asker {
            person: asker,
            standing,
        });
    }
    Some(stage)
}

impl Stage {
    /// As the directory has it: for whoever asks, nothing stands in for a group.
    fn standing(
        &self,
        person: &Person,
        case: &CaseEntry,
        policy: &Policy,
        who: PersonId,
    ) -> Standing {
        let human = who::entries(policy, person);
        let is_theirs = |people: &[BTreeSet<Entry>]| {
            let mut people = people.iter();
            people.any(|member| !member.is_disjoint(&human))
        };
        let groups = self.groups.iter().filter(|(_, people)| is_theirs(people));
        let is_down = |group: &&GroupName| !self.groups.contains_key(*group);
        Standing {
            groups: groups.map(|(group, _)| group.clone()).collect(),
            unreadable: self.unreadable.iter().filter(is_down).cloned().collect(),
            guest: case.guest && person.id == who,
            timezone: case.timezone.clone(),
        }
    }
}

fn ask(entry: &AskEntry, person: Person, case: &CaseEntry, policy: &Policy) -> Ask {
    let now = now(case, policy);
    let (role, reason) = entry.role_and_reason(policy);
    Ask {
        role: role.cloned(),
        duration: entry.duration,
        reason: reason.clone(),
        start: entry
            .start
            .map(|start| start.resolve(policy.timezone(), now)),
        break_glass: entry.break_glass,
        extends: case.extends.map(|_| RequestId::from_uuid(Uuid::nil())),
        ..Ask::of(person, &entry.resource)
    }
}

fn now(case: &CaseEntry, policy: &Policy) -> chrono::DateTime<chrono::Utc> {
    let zone = policy.timezone();
    match case.now {
        Some(moment) => moment.resolve(zone, monday(zone, 0)),
        None => monday(zone, 12),
    }
}

fn circumstances(case: &CaseEntry, policy: &Policy) -> Circumstances {
    let now = now(case, policy);
    let mut past: Vec<Past> = case
        .history
        .iter()
        .map(|entry| earlier(entry, policy, now))
        .collect();
    past.sort_by_key(|past| std::cmp::Reverse(past.asked_at));
    Circumstances {
        now,
        past,
        past_complete: true,
        chain: case.extends.map(|chain| Chain {
            extensions: chain.extensions,
            since: now - TimeDelta::from(chain.held),
            until: now + TimeDelta::from(chain.left),
        }),
    }
}

fn earlier(entry: &PastEntry, policy: &Policy, now: chrono::DateTime<chrono::Utc>) -> Past {
    let resource = ResourceName::new(&entry.resource.value);
    let usual = policy.resources.get(&resource).and_then(|resource| {
        let first = resource.roles.first().map(|(role, _)| role.clone());
        resource.default_role.clone().or(first)
    });
    let role = entry.role.as_ref().map(|role| RoleName::new(&role.value));
    let rule = entry.rule.as_ref().map(|rule| rule.value.as_str());
    Past {
        role: role.or(usual).unwrap_or_else(|| RoleName::new("")),
        rule: RuleName::new(rule.unwrap_or_default()),
        outcome: entry.outcome,
        automatic: entry.automatic,
        break_glass: entry.break_glass,
        asked_at: now - TimeDelta::from(entry.ago),
        duration: entry.duration,
        grant: entry.grant,
        granted: entry.granted,
        resource,
    }
}

fn find(policy: &Policy, said: &At<String>, log: &Log) -> Option<Person> {
    match who::person(policy, &said.value) {
        Ok(person) => Some(person),
        Err(nobody) => {
            log.push(Finding::new(said.at, nobody.to_string(), "nobody").hint(nobody.hint));
            None
        }
    }
}

/// Who is in each group that the case speaks of.
fn groups(
    case: &CaseEntry,
    policy: &Policy,
    log: &Log,
) -> BTreeMap<GroupName, Vec<BTreeSet<Entry>>> {
    let mut groups = BTreeMap::new();
    for (group, people) in &case.people {
        sourced(policy, group, log);
        let people: Vec<_> = (people.iter())
            .filter_map(|said| Some(who::entries(policy, &find(policy, said, log)?)))
            .collect();
        groups.insert(GroupName::new(&group.value), people);
    }
    for group in &case.unreadable {
        sourced(policy, group, log);
    }
    groups
}

/// Notes a group that a case cannot say anything about: one that is not there, or whose members the
/// policy lists.
fn sourced(policy: &Policy, group: &At<String>, log: &Log) {
    let name = GroupName::new(&group.value);
    if policy.is_dynamic(&name) || name.is_manager() {
        return;
    }
    let sources = policy.groups().filter(|group| policy.is_dynamic(group));
    let names: Vec<&str> = sources.map(GroupName::as_str).chain(["manager"]).collect();
    let finding = if policy.group_entries(&name).is_some() {
        let message = format!("`{name}` is listed in the policy, so a test cannot fill it");
        Finding::new(group.at, message, "has no source of its own")
    } else {
        Finding::new(
            group.at,
            format!("the policy has no group `{name}`"),
            "unknown",
        )
    };
    log.push(finding.hint(suggest::hint(&group.value, names, "")));
}

/// Notes names that the policy does not have.
fn known_names(case: &CaseEntry, policy: &Policy, log: &Log) {
    let rules: Vec<&str> = policy.rules().map(RuleName::as_str).collect();
    let resources: Vec<&str> = policy.resources.keys().map(ResourceName::as_str).collect();
    let groups: Vec<&str> = (policy.groups().map(GroupName::as_str))
        .chain(policy.aliases().map(|alias| alias.name.as_str()))
        .chain(["manager"])
        .collect();
    let expects = || {
        let parts = case.expect.parts.iter().map(|(_, expect)| expect);
        std::iter::once(&case.expect).chain(parts)
    };
    let past = || case.history.iter();
    let steps = || expects().flat_map(|expect: &Expect| expect.steps.iter().flatten());
    let named = past()
        .filter_map(|past| past.rule.as_ref())
        .chain(expects().filter_map(|expect| expect.rule.as_ref()));
    named.for_each(|name| known("rule", name, &rules, log));
    past().for_each(|past| known("resource", &past.resource, &resources, log));
    let from = steps().flat_map(|step| step.from.iter().flatten());
    let reviewers = expects().flat_map(|expect| expect.review_by.iter().flatten());
    from.chain(reviewers)
        .for_each(|name| known("group", name, &groups, log));
    let people = steps().flat_map(|step| step.eligible.iter().chain(&step.not_eligible));
    people.for_each(|said| drop(find(policy, said, log)));
}

fn known(what: &str, name: &At<String>, names: &[&str], log: &Log) {
    if names.contains(&name.value.as_str()) {
        return;
    }
    let message = format!("the policy has no {what} `{}`", name.value);
    let hint = suggest::hint(&name.value, names.iter().copied(), "the policy has none");
    log.push(Finding::new(name.at, message, "unknown").hint(hint));
}
