//! Asking for access: from what was typed to what policy looks at, and what the person is told.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::super::grammar::{When, Which, Wish};
use super::super::view::Content;
use super::super::view::reply;
use super::super::view::text::trouble;
use super::which::Found;
use super::{Handlers, No, Said, words};
use crate::directory::DirectoryFault;
use crate::domain::{
    Ask, Asker, GroupName, Origin, Person, Refusal, Request, Roster, Standing, Verdict,
};
use crate::engine::Submission;
use crate::policy::Policy;

/// What is asked for: one access, or the parts of a bundle.
pub(super) struct Asked {
    pub(super) asks: Vec<Ask>,
    pub(super) bundle: Option<String>,
    /// The hash of the policy for which the people were read.
    policy: String,
}

/// How fresh the groups have to be that are read elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Groups {
    /// Read at this moment: for what is asked.
    Now,
    /// Read lately: for what is only shown.
    Lately,
}

/// Something to ask for, by names that the policy has or has not.
struct Wanted {
    resource: String,
    role: Option<String>,
}

impl Handlers {
    /// Asks for what was typed.
    pub(super) async fn request(&self, key: &str, user: &str, wish: Wish) -> Result<Said, No> {
        let asked = self.asked(user, wish, Groups::Now).await?;
        self.submit(key, asked).await
    }

    /// Asks for more time on the one active grant that fits. The time is counted from its end, and
    /// only who holds it may ask.
    pub(super) async fn extend(&self, key: &str, user: &str, wish: Wish) -> Result<Said, No> {
        if wish.start.is_some() || wish.holder.is_some() {
            let why = trouble::MORE_TIME_IS_PLAIN.to_owned();
            return Err(Refusal::ExtensionNotAllowed { why }.into());
        }
        let by = self.holder(user).await?;
        let what = Which::read(&wish.resource, wish.role.as_deref());
        let held = match self.latest(&by, &what).await? {
            Found::One(held) => held,
            Found::Say(words) => return Ok(Said::Words(words)),
        };
        let wish = Wish {
            resource: held.access.resource.to_string(),
            role: Some(held.access.role.to_string()),
            loose_reason: None,
            ..wish
        };
        let mut asked = self.asked(user, wish, Groups::Now).await?;
        for ask in &mut asked.asks {
            ask.extends = Some(held.id);
        }
        self.submit(key, asked).await
    }

    async fn submit(&self, key: &str, asked: Asked) -> Result<Said, No> {
        let requests = self.take_in(key, asked).await?;
        self.taken_in(&requests).await.map(Said::Words)
    }

    /// What the person is told whose requests were taken in.
    pub(super) async fn taken_in(&self, requests: &[Request]) -> Result<Content, No> {
        let lead = requests.first().ok_or(Refusal::NoSuchRequest)?;
        let faces = self.faces_of(lead).await?;
        Ok(if lead.bundle.is_some() {
            words::bundle_submitted(requests, &faces)
        } else {
            reply::submitted(lead, &faces, &lead.terms.channel)
        })
    }

    /// Asks the engine to take the requests in, with everybody who could approve them.
    pub(super) async fn take_in(&self, key: &str, asked: Asked) -> Result<Vec<Request>, No> {
        let policy = self.engine.policy();
        let (mut deciding, mut informed) = (BTreeSet::new(), BTreeSet::new());
        for told in self.engine.explain_parts(&asked.asks).await? {
            // Where policy says no, the engine says so too, and writes it down.
            if let Verdict::Terms(terms) = told.verdict {
                deciding.extend(terms.route.groups());
                informed.extend(terms.inform.people);
            }
        }
        let holder = asked.asks.first().map(|ask| &ask.person);
        let holder = holder.ok_or(Refusal::NoSuchRequest)?;
        let mut roster = self.roster(&policy, deciding, holder).await?;
        for group in informed {
            // Whom an outcome is told decides nothing, so asking does not fail on it.
            if let Ok(more) = self.directory.roster(&policy, [group], holder).await {
                roster.groups.extend(more.groups);
            }
        }
        let submission = Submission {
            asks: asked.asks,
            bundle: asked.bundle,
            policy: asked.policy,
            roster,
            origin: Origin::Slack,
            delivery: Some(key.to_owned()),
        };
        Ok(self.engine.submit(submission).await?)
    }

    /// What is asked for by what was typed, with everybody's standing.
    pub(super) async fn asked(&self, user: &str, wish: Wish, fresh: Groups) -> Result<Asked, No> {
        let policy = self.engine.policy();
        let (wanted, bundle, reason) = wanted(&policy, &wish)?;
        let groups = wanted.iter().flat_map(|wanted| read_for(&policy, wanted));
        let groups: BTreeSet<GroupName> = groups.collect();
        let asker = self.asker(&policy, user, (groups.clone(), fresh)).await?;
        let start = match wish.start {
            Some(when) => Some(self.start(&policy, when, &asker.standing).await?),
            None => None,
        };
        let holder = match &wish.holder {
            Some(holder) if holder != user => {
                Some(self.other(&policy, holder, (groups, fresh)).await?)
            }
            _ => None,
        };
        let (person, standing, asker) = match holder {
            Some(holder) => (holder.person, holder.standing, Some(asker)),
            None => (asker.person, asker.standing, None),
        };
        let ask = |wanted: Wanted| Ask {
            standing: standing.clone(),
            asker: asker.clone(),
            role: wanted.role,
            duration: wish.duration,
            reason: reason.clone(),
            start,
            break_glass: wish.break_glass,
            ..Ask::of(person.clone(), wanted.resource)
        };
        let asks = wanted.into_iter().map(ask).collect();
        let policy = policy.hash().to_owned();
        Ok(Asked {
            asks,
            bundle,
            policy,
        })
    }

    /// The moment to begin that was typed, where the person is.
    pub(super) async fn start(
        &self,
        policy: &Policy,
        when: When,
        standing: &Standing,
    ) -> Result<DateTime<Utc>, No> {
        let zone = standing.timezone.as_deref();
        let zone = zone.and_then(|name| name.parse::<Tz>().ok());
        let zone = zone.unwrap_or_else(|| policy.timezone());
        let now = self.engine.now().await?;
        let read = when.resolve(now, zone);
        read.map_err(|passed| {
            let why = passed.to_string();
            Refusal::StartNotAllowed { why }.into()
        })
    }

    /// Who asks, with where they stand towards these groups.
    async fn asker(
        &self,
        policy: &Policy,
        user: &str,
        groups: (BTreeSet<GroupName>, Groups),
    ) -> Result<Asker, No> {
        let person = self.person(policy, user).await?;
        let standing = self.standing(policy, &person, groups).await?;
        Ok(Asker { person, standing })
    }

    pub(super) async fn standing(
        &self,
        policy: &Policy,
        person: &Person,
        (groups, fresh): (BTreeSet<GroupName>, Groups),
    ) -> Result<Standing, No> {
        // Who could approve is read after it.
        let directory = self.directory.leaving_time();
        let standing = match fresh {
            Groups::Now => directory.standing_now(policy, person, groups).await,
            Groups::Lately => directory.standing(policy, person, groups).await,
        };
        standing.map_err(No::of_directory(&[]))
    }

    /// Somebody else for whom is asked. Who cannot hold access is told about, not told off.
    async fn other(
        &self,
        policy: &Policy,
        user: &str,
        groups: (BTreeSet<GroupName>, Groups),
    ) -> Result<Asker, No> {
        let unfit = || {
            let why = trouble::UNFIT_ACCOUNT.to_owned();
            No::Refusal(Refusal::UnknownPerson { why })
        };
        let person = match self.directory.person(policy, user).await {
            Err(DirectoryFault::Unfit(_)) => return Err(unfit()),
            read => read.map_err(No::of_directory(&[]))?,
        };
        let standing = self.standing(policy, &person, groups).await?;
        Ok(Asker { person, standing })
    }

    pub(super) async fn person(&self, policy: &Policy, user: &str) -> Result<Person, No> {
        let reading = self.directory.person(policy, user);
        reading.await.map_err(No::of_directory(&[]))
    }

    pub(super) async fn roster(
        &self,
        policy: &Policy,
        groups: BTreeSet<GroupName>,
        holder: &Person,
    ) -> Result<Roster, No> {
        let names: Vec<GroupName> = groups.iter().cloned().collect();
        let reading = self.directory.roster(policy, groups, holder);
        reading.await.map_err(No::of_directory(&names))
    }
}

/// The groups that have to be read before policy can say anything to this.
fn read_for(policy: &Policy, wanted: &Wanted) -> BTreeSet<GroupName> {
    policy.groups_to_read(&wanted.resource, wanted.role.as_deref())
}

/// What was meant by the names: the parts of a bundle, or a resource; with the bundle's name, and
/// the reason.
fn wanted(policy: &Policy, wish: &Wish) -> Result<(Vec<Wanted>, Option<String>, String), No> {
    let (role, reason) = meant(policy, wish);
    if let Some(bundle) = policy.bundle(&wish.resource) {
        if role.is_some() {
            return Err(No::Say(words::bundle_has_roles(&bundle.name)));
        }
        let parts = bundle.access.iter().map(|(resource, role)| Wanted {
            resource: resource.to_string(),
            role: role.as_ref().map(ToString::to_string),
        });
        return Ok((parts.collect(), Some(bundle.name.clone()), reason));
    }
    let resource = wish.resource.clone();
    Ok((vec![Wanted { resource, role }], None, reason))
}

/// The role and the reason that were meant. Where the second word is no role of the resource but the
/// beginning of the reason, it is read as that; a bundle has no roles.
pub(super) fn meant(policy: &Policy, wish: &Wish) -> (Option<String>, String) {
    let is_role =
        |role: &String| policy.bundle(&wish.resource).is_none() && may_be_role(policy, wish, role);
    match &wish.loose_reason {
        Some(loose) if !wish.role.as_ref().is_none_or(is_role) => (None, loose.clone()),
        _ => (wish.role.clone(), wish.reason.clone()),
    }
}

/// Whether a word is a role of the resource, or nearly so.
fn may_be_role(policy: &Policy, wish: &Wish, word: &str) -> bool {
    let same = |name: &str| name.eq_ignore_ascii_case(&wish.resource);
    let mut resources = policy.resources();
    let Some(resource) = resources.find(|resource| same(resource.name.as_str())) else {
        return true;
    };
    let word = word.to_lowercase();
    let mut roles = resource.roles.iter();
    roles.any(|role| strsim::damerau_levenshtein(&role.as_str().to_lowercase(), &word) < 3)
}
