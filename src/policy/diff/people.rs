//! Changes in what the policy says of people: what targets call them, who manages them, what is one
//! person, and who watches over all of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::people::Entry;
use super::super::{Policy, space};
use super::approvers::{self, rule_names};
use super::words::some;
use super::{Change, Danger};
use crate::domain::{ConnectorName, ConnectorSpec, GroupName, Identity, MANAGER, PostgresMode};

/// All of them.
pub(super) fn changes(old: &Policy, new: &Policy) -> Vec<Change> {
    let people: Vec<Known> = (space::everybody(&[old, new]).iter())
        .map(|entries| Known::new(old, new, entries))
        .collect();
    let mut found = logins(old, new, &people);
    found.extend(managers(old, new, &people));
    found.extend(manager_field(old, new));
    found.extend(split(old, new, Danger::WeakerApprovers));
    found.extend(split(new, old, Danger::MoreApprovers));
    found.extend(overseers(old, new));
    found
}

/// What is one person under both policies.
struct Known {
    name: String,
    identities: BTreeSet<Identity>,
}

impl Known {
    fn new(old: &Policy, new: &Policy, entries: &BTreeSet<Entry>) -> Self {
        let identities: BTreeSet<Identity> = entries.iter().map(space::identity).collect();
        Self {
            name: space::name(&identities, &[old, new])
                .or_else(|| entries.first().map(ToString::to_string))
                .unwrap_or_default(),
            identities,
        }
    }
}

/// Changes that read alike, with the people to whom they apply.
#[derive(Default)]
struct Told<'a>(BTreeMap<(Danger, String, String, String), Vec<&'a str>>);

impl<'a> Told<'a> {
    fn add(&mut self, danger: Danger, who: &'a str, what: &str, [before, after]: [String; 2]) {
        let key = (danger, what.to_owned(), before, after);
        self.0.entry(key).or_default().push(who);
    }

    fn changes(self) -> Vec<Change> {
        let one = |((danger, what, before, after), mut who): ((Danger, _, _, _), Vec<&str>)| {
            who.sort_unstable();
            who.dedup();
            Change::told(danger, some(&who), what, before, after)
        };
        self.0.into_iter().map(one).collect()
    }
}

/// Whoever is called otherwise at a target has something else there.
fn logins(old: &Policy, new: &Policy, people: &[Known]) -> Vec<Change> {
    let used = |policy: &Policy, name: &ConnectorName| {
        let mut resources = policy.resources.values();
        resources.any(|resource| resource.connector == *name)
    };
    let mut told = Told::default();
    for (name, spec) in &new.connectors {
        if !used(old, name) || !used(new, name) {
            continue;
        }
        let what = format!("access by the connector {name}");
        for person in people {
            let [before, after] =
                [old, new].map(|policy| called(policy, &person.identities, name, spec));
            if before != after {
                let words =
                    |login: Option<String>| login.unwrap_or_else(|| "nobody known".to_owned());
                let (before, after) = (words(before), words(after));
                told.add(Danger::OtherTarget, &person.name, &what, [before, after]);
            }
        }
    }
    told.changes()
}

/// What a target calls somebody, as far as the policy says it.
fn called(
    policy: &Policy,
    identities: &BTreeSet<Identity>,
    connector: &ConnectorName,
    spec: &ConnectorSpec,
) -> Option<String> {
    if let Some(login) = policy.people.login(identities, connector) {
        return Some(login.to_owned());
    }
    let email = policy.people.email(identities)?;
    let is_local =
        matches!(spec, ConnectorSpec::Postgres(spec) if spec.mode == PostgresMode::Membership);
    let local = email.split('@').next().unwrap_or_default();
    Some(if is_local {
        local.to_owned()
    } else {
        email.clone()
    })
}

/// The rules that ask managers in both policies.
fn asking_managers(old: &Policy, new: &Policy) -> Option<String> {
    let manager = GroupName::new(MANAGER);
    let asked = |policy: &Policy| approvers::used(policy).remove(&manager);
    let (_, rules) = (asked(old)?, asked(new)?);
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    Some(format!("approvals by {}", rule_names(&rules)))
}

fn managers(old: &Policy, new: &Policy, people: &[Known]) -> Vec<Change> {
    let Some(what) = asking_managers(old, new) else {
        return Vec::new();
    };
    let mut told = Told::default();
    for person in people {
        let [before, after] = [old, new].map(|policy| policy.manager_of(&person.identities));
        let danger = match (&before, &after) {
            (None, None) => continue,
            (Some(before), Some(after)) if before == after => continue,
            (Some(before), Some(after)) if after.is_subset(before) => Danger::MoreApprovers,
            (_, Some(_)) => Danger::WeakerApprovers,
            (Some(_), None) if new.manager_field().is_some() => Danger::OtherPeople,
            (Some(_), None) => Danger::MoreApprovers,
        };
        let words = |policy: &Policy, manager: Option<BTreeSet<Entry>>| match manager {
            Some(manager) => {
                let all: Vec<String> = manager.iter().map(ToString::to_string).collect();
                format!("the manager is {}", all.join(" = "))
            }
            None if policy.manager_field().is_some() => {
                "the manager is whom the Slack profile names".to_owned()
            }
            None => "no manager is known".to_owned(),
        };
        let (before, after) = (words(old, before), words(new, after));
        told.add(danger, &person.name, &what, [before, after]);
    }
    told.changes()
}

fn manager_field(old: &Policy, new: &Policy) -> Option<Change> {
    let (before, after) = (old.manager_field(), new.manager_field());
    if before == after {
        return None;
    }
    let what = asking_managers(old, new)?;
    let words = |field: Option<&str>| {
        field.map_or("nobody".to_owned(), |field| {
            format!("whom {field} of the Slack profile names")
        })
    };
    let who = "people whose manager the policy does not name".to_owned();
    let danger = if after.is_some() {
        Danger::OtherPeople
    } else {
        Danger::MoreApprovers
    };
    Some(Change::told(danger, who, what, words(before), words(after)))
}

/// Addresses that are one person in `one`, and not in the other policy. Nobody approves their own
/// request, whatever they are called: where two addresses are two people, the one can approve what
/// the other asks for.
fn split(one: &Policy, other: &Policy, danger: Danger) -> Vec<Change> {
    let mut numbers: HashMap<Entry, usize> = HashMap::new();
    for (number, (_, entries)) in other.people.everybody().enumerate() {
        numbers.extend(entries.into_iter().map(|entry| (entry, number)));
    }
    let elsewhere = approvers::used(one)
        .into_keys()
        .chain(approvers::used(other).into_keys());
    let mut elsewhere = elsewhere.filter(|group| group.is_manager() || other.is_dynamic(group));
    let may_decide = elsewhere.next().is_some();
    let is_split = danger == Danger::WeakerApprovers;
    let words = |is_one: bool| {
        if is_one {
            "one person, who never approves their own requests"
        } else {
            "different people, one of whom may approve what another asks for"
        }
    };
    let mut found = Vec::new();
    for (_, entries) in one.people.everybody() {
        let known = |entry: &Entry| numbers.get(entry).copied();
        let parts: BTreeSet<Option<usize>> = entries.iter().map(known).collect();
        let unknown = entries
            .iter()
            .filter(|entry| known(entry).is_none())
            .count();
        let is_apart = parts.len() > 1 || unknown > 1;
        // Whoever the policy does not know at all any more approves nothing by it.
        if is_apart && (unknown < entries.len() || may_decide) {
            let names: Vec<String> = entries.iter().map(ToString::to_string).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            found.push(Change::told(
                danger,
                some(&names),
                "who counts as one person".to_owned(),
                words(is_split).to_owned(),
                words(!is_split).to_owned(),
            ));
        }
    }
    found
}

/// Who may look at the requests of others, or take access away.
fn overseers(old: &Policy, new: &Policy) -> Vec<Change> {
    let owners = |policy: &Policy| policy.owners().into_iter().collect::<Vec<_>>();
    let kinds = [
        (
            "an admin",
            "may take every access away",
            old.admins().to_vec(),
            new.admins().to_vec(),
        ),
        (
            "an auditor",
            "may read all requests",
            old.auditors().to_vec(),
            new.auditors().to_vec(),
        ),
    ];
    let mut found = Vec::new();
    for (title, what, before, after) in kinds {
        found.extend(watching((old, &before), (new, &after), title, what));
    }
    for group in owners(new)
        .into_iter()
        .filter(|group| owners(old).contains(group))
    {
        let (title, groups) = (format!("one of the owners {group}"), [group]);
        let what = "may take away access to what they own";
        found.extend(watching((old, &groups), (new, &groups), &title, what));
    }
    found
}

fn watching(
    (old, before): (&Policy, &[GroupName]),
    (new, after): (&Policy, &[GroupName]),
    title: &str,
    what: &str,
) -> Vec<Change> {
    let (before, after) = (meant(old, before), meant(new, after));
    let one = |who: Vec<&String>, danger, before: &str, after: &str| {
        let names: Vec<&str> = who.into_iter().map(String::as_str).collect();
        let told = || {
            Change::told(
                danger,
                some(&names),
                what.to_owned(),
                before.to_owned(),
                after.to_owned(),
            )
        };
        (!names.is_empty()).then(told)
    };
    let not = format!("not {title}");
    let gained = one(
        after.difference(&before).collect(),
        Danger::MoreOverseers,
        &not,
        title,
    );
    let lost = one(
        before.difference(&after).collect(),
        Danger::FewerOverseers,
        title,
        &not,
    );
    gained.into_iter().chain(lost).collect()
}

/// Everybody in these groups or in what they fall back to, and where those are read from that the
/// policy does not list.
fn meant(policy: &Policy, groups: &[GroupName]) -> BTreeSet<String> {
    let mut people = BTreeSet::new();
    let groups = groups.iter();
    for group in groups.flat_map(|group| policy.people.with_fallbacks(group)) {
        match policy.group_entries(group) {
            Some(humans) => people.extend(humans.iter().flatten().map(ToString::to_string)),
            None => drop(people.insert(approvers::source_words(policy, group))),
        }
    }
    people
}
