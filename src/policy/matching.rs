//! Which asks a rule is about.

mod index;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub(super) use index::{Index, Targets};

use super::fault::At;
use super::file::{Match, ResourceEntry};
use crate::domain::{GroupName, ResourceName, RoleName};

/// What rules may look at in a resource.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) name: ResourceName,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) sensitivity: Option<String>,
    pub(super) roles: Vec<RoleName>,
}

impl Facts {
    /// What the file says of a resource.
    pub(super) fn of(entry: &ResourceEntry) -> Self {
        Self {
            name: ResourceName::new(&entry.name.value),
            labels: pairs(&entry.labels),
            sensitivity: entry.sensitivity.as_ref().map(|word| word.value.clone()),
            roles: (entry.roles.iter())
                .map(|(role, _)| RoleName::new(&role.value))
                .collect(),
        }
    }
}

fn pairs(written: &[(At<String>, At<String>)]) -> BTreeMap<String, String> {
    (written.iter())
        .map(|(key, value)| (key.value.clone(), value.value.clone()))
        .collect()
}

/// The `match` of a rule. A clause that is not written always holds.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    resources: Option<Vec<String>>,
    labels: BTreeMap<String, String>,
    roles: Option<Vec<String>>,
    sensitivity: Option<Vec<String>>,
    requester_in: Option<Vec<GroupName>>,
}

/// A clause of a rule's `match` that an ask does not fulfil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is about other resources.
    Resource {
        /// The names and globs of the rule.
        wanted: Vec<String>,
        /// What was asked for.
        actual: ResourceName,
    },
    /// It is about resources with another label.
    Label {
        /// The label.
        key: String,
        /// Its value in the rule.
        wanted: String,
        /// Its value on the resource, if it has that label.
        actual: Option<String>,
    },
    /// It is about other roles.
    Role {
        /// The rule's roles.
        wanted: Vec<String>,
        /// What was asked for.
        actual: RoleName,
    },
    /// It is about resources of another sensitivity.
    Sensitivity {
        /// The rule's words.
        wanted: Vec<String>,
        /// The resource's word.
        actual: Option<String>,
    },
    /// It is about people in other groups.
    Requester {
        /// The rule's groups.
        wanted: Vec<GroupName>,
        /// The groups of the person who asks.
        actual: BTreeSet<GroupName>,
    },
    /// Nobody could say whether the person is in its groups.
    Unreadable {
        /// Those groups.
        groups: Vec<GroupName>,
    },
    /// It approves by itself, and somebody asks for somebody else.
    OnBehalf,
    /// Something that it wants in order to approve by itself does not hold.
    Limit {
        /// What, in plain words that follow “but”.
        why: String,
    },
    /// Its condition does not hold.
    Condition {
        /// The condition as it is written.
        text: String,
    },
    /// Its condition could not be worked out.
    ConditionFailed {
        /// The condition as it is written.
        text: String,
        /// Why, in plain words that follow “because”.
        why: String,
    },
}

impl Matcher {
    /// The clauses as they are written.
    pub(super) fn new(written: &Match) -> Self {
        let values = |list: &Option<Vec<At<String>>>| -> Option<Vec<String>> {
            Some(
                list.as_ref()?
                    .iter()
                    .map(|item| item.value.clone())
                    .collect(),
            )
        };
        let groups = values(&written.requester_in);
        Self {
            resources: values(&written.resources),
            labels: pairs(&written.labels),
            roles: values(&written.roles),
            sensitivity: values(&written.sensitivity),
            requester_in: groups.map(|names| names.into_iter().map(GroupName::new).collect()),
        }
    }

    /// Whether the rule is about that resource, whoever asks, and whatever the role.
    pub(super) fn is_about(&self, facts: &Facts) -> bool {
        let name = facts.name.as_str();
        let patterns = self.resources.as_ref();
        let word = facts.sensitivity.as_ref();
        patterns.is_none_or(|patterns| patterns.iter().any(|pattern| glob(pattern, name)))
            && (self.labels.iter()).all(|(key, wanted)| facts.labels.get(key) == Some(wanted))
            && (self.sensitivity.as_ref())
                .is_none_or(|wanted| word.is_some_and(|word| wanted.contains(word)))
    }

    /// Whether the rule is about that role, whatever the resource.
    pub(super) fn is_about_role(&self, role: &RoleName) -> bool {
        let wanted = self.roles.as_ref();
        wanted.is_none_or(|wanted| wanted.iter().any(|name| name == role.as_str()))
    }

    /// The names and patterns of the resources that it is about; none where it is about all.
    pub(super) fn resources(&self) -> Option<&[String]> {
        self.resources.as_deref()
    }

    /// The groups that it is for; none where it is for everybody.
    pub(super) fn requester_in(&self) -> Option<&[GroupName]> {
        self.requester_in.as_deref()
    }

    /// Whether the rule is about asks of a person in these groups.
    pub(super) fn is_for(&self, groups: &BTreeSet<GroupName>) -> bool {
        let wanted = self.requester_in.as_ref();
        wanted.is_none_or(|wanted| wanted.iter().any(|group| groups.contains(group)))
    }

    /// Whether everybody whom the other rule is for falls under this one as well.
    pub(super) fn is_for_all_of(&self, other: &Self) -> bool {
        match (&self.requester_in, &other.requester_in) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => theirs.iter().all(|group| mine.contains(group)),
        }
    }

    /// The clauses that do not hold; none when the rule matches.
    pub(super) fn mismatches(
        &self,
        facts: &Facts,
        role: &RoleName,
        groups: &BTreeSet<GroupName>,
    ) -> Vec<Mismatch> {
        let mut found = self.target_mismatches(facts, role);
        if !self.is_for(groups) {
            found.push(Mismatch::Requester {
                wanted: self.requester_in.clone().unwrap_or_default(),
                actual: groups.clone(),
            });
        }
        found
    }

    fn target_mismatches(&self, facts: &Facts, role: &RoleName) -> Vec<Mismatch> {
        let mut found = Vec::new();
        if let Some(wanted) = &self.resources
            && !wanted
                .iter()
                .any(|pattern| glob(pattern, facts.name.as_str()))
        {
            found.push(Mismatch::Resource {
                wanted: wanted.clone(),
                actual: facts.name.clone(),
            });
        }
        found.extend(self.labels.iter().filter_map(|(key, wanted)| {
            let actual = facts.labels.get(key);
            (actual != Some(wanted)).then(|| Mismatch::Label {
                key: key.clone(),
                wanted: wanted.clone(),
                actual: actual.cloned(),
            })
        }));
        if let Some(wanted) = &self.roles
            && !wanted.iter().any(|name| name == role.as_str())
        {
            found.push(Mismatch::Role {
                wanted: wanted.clone(),
                actual: role.clone(),
            });
        }
        if let Some(wanted) = &self.sensitivity
            && !facts
                .sensitivity
                .as_ref()
                .is_some_and(|word| wanted.contains(word))
        {
            found.push(Mismatch::Sensitivity {
                wanted: wanted.clone(),
                actual: facts.sensitivity.clone(),
            });
        }
        found
    }
}

/// "it is about …, and …": reads well after the name of a rule.
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |names: &[String]| names.join(" or ");
        match self {
            Self::Resource { wanted, actual } => {
                write!(f, "it is about {}, and this is {actual}", or(wanted))
            }
            Self::Label {
                key,
                wanted,
                actual,
            } => match actual {
                Some(actual) => write!(
                    f,
                    "it wants the label {key}={wanted}, and here {key}={actual}"
                ),
                None => write!(f, "it wants the label {key}={wanted}, and here is none"),
            },
            Self::Role { wanted, actual } => {
                write!(
                    f,
                    "it is about the role {}, and this is {actual}",
                    or(wanted)
                )
            }
            Self::Sensitivity { wanted, actual } => {
                let actual = actual.as_deref().unwrap_or("not stated");
                write!(
                    f,
                    "it wants the sensitivity {}, and here it is {actual}",
                    or(wanted)
                )
            }
            Self::Requester { wanted, actual } => requester(f, wanted, actual),
            Self::Unreadable { groups } => {
                let names: Vec<String> = groups.iter().map(ToString::to_string).collect();
                write!(f, "nobody could say just now who is in {}", or(&names))
            }
            Self::OnBehalf => {
                f.write_str("it approves by itself, which is never done for somebody else")
            }
            Self::Limit { why } => write!(f, "it would approve by itself, but {why}"),
            Self::Condition { text } => {
                write!(f, "its condition does not hold: {}", one_line(text))
            }
            Self::ConditionFailed { text, why } => {
                write!(
                    f,
                    "its condition cannot be worked out ({why}): {}",
                    one_line(text)
                )
            }
        }
    }
}

fn requester(
    f: &mut fmt::Formatter<'_>,
    wanted: &[GroupName],
    actual: &BTreeSet<GroupName>,
) -> fmt::Result {
    let wanted: Vec<&str> = wanted.iter().map(GroupName::as_str).collect();
    let wanted = wanted.join(" or ");
    let actual: Vec<&str> = actual.iter().map(GroupName::as_str).collect();
    if actual.is_empty() {
        return write!(f, "it is for {wanted}, and the person is in no group");
    }
    write!(
        f,
        "it is for {wanted}, and the person is in {}",
        actual.join(", ")
    )
}

/// A condition that goes over several lines, in one.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a name fits a pattern in which `*` stands for any characters, or for none.
pub(super) fn glob(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    // Taking the earliest place for every part leaves the most for those after it.
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, fits) in [
            ("*", "", true),
            ("*", "prod-db", true),
            ("prod-*", "prod-db", true),
            ("prod-*", "staging-db", false),
            ("*-db", "prod-db", true),
            ("p*d*b", "prod-db", true),
            ("a*a", "a", false),
            ("a*ab*b", "aabb", true),
            ("a*ab*b", "aab", false),
            ("prod-db", "prod-db", true),
            ("prod", "prod-db", false),
            ("", "", true),
            ("ü*", "übung", true),
        ] {
            assert_eq!(glob(pattern, name), fits, "{pattern} {name}");
        }
    }
}
