//! What the select of a form offers while somebody types: only what they may ask for, what fits best
//! and what they asked for lately first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::super::super::payload::{Actor, View};
use super::super::super::view::ask::{self, What};
use super::super::super::view::ids;
use super::super::{Handlers, No};
use crate::domain::{GroupName, Past, Person, ResourceName};
use crate::policy::Policy;

/// How long working it out may take; Slack waits three seconds.
const WITHIN: Duration = Duration::from_millis(2_200);
/// How long reading the groups may take that stand outside the policy.
const GROUPS: Duration = Duration::from_millis(1_200);
/// How much a word has to be alike to count as mistyped.
const ALIKE: f64 = 0.72;

impl Handlers {
    /// The choices of a select for what was typed so far; none where they cannot be worked out in
    /// time.
    pub(in crate::slack) async fn suggest(
        &self,
        by: &Actor,
        (action, typed): (&str, &str),
        view: Option<&View>,
    ) -> Value {
        let none = json!({"options": []});
        if action != ids::WHAT {
            return none;
        }
        let holder = view.and_then(|view| view.entered(ids::HOLDER));
        let holder = holder.unwrap_or(&by.user);
        let offered = timeout(WITHIN, self.offered(&by.user, holder)).await;
        let Ok(Ok((offered, recent))) = offered else {
            tracing::warn!("choices could not be worked out");
            return none;
        };
        ask::options(&ranked(offered, &recent, typed))
    }

    /// What may be asked for on behalf of the holder, and what whoever chooses asked for before, with
    /// how many came after it. What the holder asked for is theirs to know.
    async fn offered(
        &self,
        user: &str,
        holder: &str,
    ) -> Result<(Vec<What>, BTreeMap<String, usize>), No> {
        let policy = self.engine.policy();
        let asker = self.person(&policy, user).await?;
        let person = if holder == user {
            asker.clone()
        } else {
            self.person(&policy, holder).await?
        };
        let (groups, _) = self.groups_of(&policy, &person).await;
        let offered = policy.listed(&groups).into_iter().map(|one| What {
            name: one.name,
            about: one.description,
            bundle: !one.parts.is_empty(),
        });
        Ok((offered.collect(), self.recent(&policy, &asker).await?))
    }

    /// All groups of a person that rules look at, without those that cannot be read in time; and
    /// these.
    pub(in crate::slack::handlers) async fn groups_of(
        &self,
        policy: &Policy,
        person: &Person,
    ) -> (BTreeSet<GroupName>, BTreeSet<GroupName>) {
        let mut groups = policy.groups_of(&person.identities);
        let resources = policy.resources();
        let looked_at = resources.flat_map(|one| policy.groups_to_read(one.name.as_str(), None));
        let elsewhere: BTreeSet<GroupName> = looked_at.collect();
        if elsewhere.is_empty() {
            return (groups, elsewhere);
        }
        let directory = self.directory.within(GROUPS);
        let reading = directory.standing(policy, person, elsewhere.clone());
        match reading.await {
            Ok(standing) => {
                groups.extend(standing.groups);
                (groups, standing.unreadable)
            }
            Err(_) => (groups, elsewhere),
        }
    }

    async fn recent(
        &self,
        policy: &Policy,
        person: &Person,
    ) -> Result<BTreeMap<String, usize>, No> {
        let now = self.engine.now().await?;
        let store = self.engine.store();
        let past = store.circumstances(person, None, now).await?.past;
        let bundles = policy.bundles().map(|bundle| {
            let parts = bundle.access.iter().map(|(resource, _)| resource.clone());
            (bundle.name.clone(), parts.collect())
        });
        Ok(asked_lately(&past, bundles))
    }
}

/// What was asked for lately, the last first, with how much came after it: a bundle before its parts.
/// The parts of one are asked for at one and the same moment.
fn asked_lately(
    past: &[Past],
    bundles: impl Iterator<Item = (String, Vec<ResourceName>)>,
) -> BTreeMap<String, usize> {
    let mut recent = BTreeMap::new();
    let mut moments: BTreeMap<DateTime<Utc>, (usize, Vec<&ResourceName>)> = BTreeMap::new();
    for (after, one) in past.iter().enumerate() {
        let name = one.resource.to_string();
        recent.entry(name).or_insert(2 * after + 1);
        let moment = moments.entry(one.asked_at).or_insert((after, Vec::new()));
        moment.1.push(&one.resource);
    }
    for (name, mut parts) in bundles {
        parts.sort();
        let is_all = |asked: &Vec<&ResourceName>| {
            let mut asked = asked.clone();
            asked.sort();
            1 < parts.len() && asked.into_iter().eq(&parts)
        };
        let mut latest = moments.values().rev();
        if let Some((after, _)) = latest.find(|(_, asked)| is_all(asked)) {
            recent.insert(name, 2 * after);
        }
    }
    recent
}

/// What fits what was typed: best first, of equals what was asked for last, then by name.
fn ranked(offered: Vec<What>, recent: &BTreeMap<String, usize>, typed: &str) -> Vec<What> {
    let typed = typed.trim().to_lowercase();
    let mut fitting: Vec<((u8, usize, String), What)> = offered
        .into_iter()
        .filter_map(|what| {
            let fit = fit(&what, &typed)?;
            let after = recent.get(&what.name).copied().unwrap_or(usize::MAX);
            Some(((fit, after, what.name.to_lowercase()), what))
        })
        .collect();
    fitting.sort_by(|(one, _), (other, _)| one.cmp(other));
    fitting.into_iter().map(|(_, what)| what).collect()
}

/// How well something fits, from 0 for best; none where it does not.
fn fit(what: &What, typed: &str) -> Option<u8> {
    let name = what.name.to_lowercase();
    let begins = |word: &str| {
        name.split(|c: char| !c.is_alphanumeric())
            .any(|part| part.starts_with(word))
    };
    let kind = if what.bundle { "bundle" } else { "" };
    let about = what.about.as_deref().unwrap_or_default().to_lowercase();
    let all = format!("{name} {kind} {about}");
    let mistyped = || {
        let alike = strsim::normalized_damerau_levenshtein(&name, typed);
        2 < typed.chars().count() && ALIKE <= alike
    };
    if typed.is_empty() || name == typed {
        Some(0)
    } else if name.starts_with(typed) {
        Some(1)
    } else if begins(typed) {
        Some(2)
    } else if name.contains(typed) {
        Some(3)
    } else if typed.split_whitespace().all(|word| all.contains(word)) {
        Some(4)
    } else {
        mistyped().then_some(5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(name: &str, about: &str, bundle: bool) -> What {
        What {
            name: name.to_owned(),
            about: Some(about.to_owned()).filter(|about| !about.is_empty()),
            bundle,
        }
    }

    fn names(typed: &str, recent: &[&str]) -> Vec<String> {
        let offered = vec![
            what("orders-db", "Where orders live", false),
            what("staging-db", "The staging database", false),
            what("staging", "", false),
            what("db-tools", "", false),
            what("oncall-kit", "What a shift needs", true),
            what("שרת-הזמנות", "", false),
            what("🚀-launch", "Rockets", false),
        ];
        let recent = recent.iter().enumerate();
        let recent = recent
            .map(|(after, name)| ((*name).to_owned(), after))
            .collect();
        let found = ranked(offered, &recent, typed).into_iter();
        found.map(|what| what.name).collect()
    }

    #[test]
    fn what_fits_best_comes_first_and_of_equals_what_was_asked_last() {
        assert_eq!(names("staging", &[]), ["staging", "staging-db"]);
        assert_eq!(names("db", &[]), ["db-tools", "orders-db", "staging-db"]);
        assert_eq!(
            names("db", &["staging-db"]),
            ["db-tools", "staging-db", "orders-db"]
        );
        assert_eq!(names("stagign-db", &[]), ["staging-db"]);
        assert_eq!(names("shift", &[]), ["oncall-kit"]);
        assert_eq!(names("bundle", &[]), ["oncall-kit"]);
        assert_eq!(names("הזמ", &[]), ["שרת-הזמנות"]);
        assert_eq!(names("🚀", &[]), ["🚀-launch"]);
        assert_eq!(names("  ", &["staging-db"])[0], "staging-db");
        assert_eq!(names("kubernetes", &[]), [] as [&str; 0]);
    }
}
