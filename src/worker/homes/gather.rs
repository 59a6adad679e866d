//! What somebody's tab shows, read from the database and from who they are by now.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;

use super::{Tab, Trouble, Worker};
use crate::domain::{
    Grant, GrantState, GroupName, Member, Person, PersonId, Request, RequestId, RequestState,
    ResourceName, by_chain,
};
use crate::slack::view::home::{Admin, Home, Pages, Section};
use crate::slack::view::reply::ListItem;
use crate::store::StoreError;
use crate::store::homes::Made;

/// How often the panel of the admins is looked at although nothing happens: work that waits makes no
/// entry in the ledger.
const LOOK: TimeDelta = TimeDelta::minutes(1);
/// How old work has to be before it counts as late, in seconds.
const LATE: f64 = 60.0;

/// Whose tab it is, as they are by now.
pub(super) struct Reader {
    member: Member,
    /// Every group that the person is in, or stands in for.
    groups: BTreeSet<GroupName>,
    /// Those that count when the person asks.
    asking: BTreeSet<GroupName>,
    unreadable: BTreeSet<GroupName>,
    is_guest: bool,
    leads: BTreeSet<ResourceName>,
    is_admin: bool,
    /// Every request that waits and may wait for this person.
    pending: Vec<Request>,
    /// Every break-glass request that anybody is still to look at afterwards.
    unreviewed: Vec<Request>,
}

impl Reader {
    /// Every row of ours that is this human.
    fn rows(&self) -> BTreeSet<PersonId> {
        let also = self.member.also.iter().copied();
        also.chain([self.member.person]).collect()
    }

    /// Whether the request waits for this person, as far as is known now; the click reads it again.
    fn may_decide(&self, request: &Request, now: DateTime<Utc>) -> bool {
        let RequestState::Pending { expires_at, .. } = &request.state else {
            return false;
        };
        let own = request.impartial(&self.member).is_err();
        let given = request.approvals();
        let given = given.iter().any(|one| one.by.is(self.member.person));
        if *expires_at <= now || own || given || self.is_guest {
            return false;
        }
        let deciding = request.deciding(now);
        deciding.iter().any(|group| self.is_in(group, request))
    }

    /// Whether the look afterwards waits for this person, as far as is known now; the click reads it
    /// again.
    fn may_review(&self, request: &Request) -> bool {
        let waits = request.review().is_some_and(|review| review.done.is_none());
        let mut reviewing = request.reviewing().iter();
        waits
            && !self.is_guest
            && request.impartial(&self.member).is_ok()
            && reviewing.any(|group| self.is_in(group, request))
    }

    /// Somebody's manager is known by the request alone; so is who was in a group that cannot be
    /// read just now.
    fn is_in(&self, group: &GroupName, request: &Request) -> bool {
        let by_roster = group.is_manager() || self.unreadable.contains(group);
        let people = request.roster.groups.get(group).filter(|_| by_roster);
        let listed = people.is_some_and(|people| people.iter().any(|one| self.member.is(*one)));
        listed || self.groups.contains(group)
    }
}

impl Worker {
    /// Finds out who somebody is by now, as far as their tab needs it.
    pub(super) async fn reader(
        &self,
        tab: &Tab,
        person: Person,
        now: DateTime<Utc>,
    ) -> Result<Reader, Trouble> {
        let (policy, store) = (self.engine.policy(), self.engine.store());
        let member = self.directory.holder(&policy, &tab.user).await?;
        let mut saying = policy.owners();
        saying.extend(policy.admins().iter().cloned());
        saying.extend(store.waiting_groups().await?);
        let unreviewed = store.requests(&store.unreviewed_requests().await?).await?;
        saying.extend(unreviewed.iter().flat_map(Request::reviewing).cloned());
        let known = saying.clone();
        let resources = policy.resources();
        let looked_at = resources.flat_map(|one| policy.groups_to_read(one.name.as_str(), None));
        let looked_at: BTreeSet<GroupName> = looked_at.collect();
        let directory = &self.directory;
        let say = directory.say_of(&policy, &person, saying).await?;
        let standing = directory.standing(&policy, &person, looked_at).await?;
        let mut listed = policy.groups_of(&person.identities);
        listed.extend(member.groups.iter().cloned());
        let mut groups: BTreeSet<GroupName> = &listed | &say.groups;
        let mut unreadable = &say.unreadable | &standing.unreadable;
        let rows = member.also.iter().copied().chain([member.person]).collect();
        let waiting = store.waiting_requests(&rows, &groups).await?;
        let pending = store.requests(&waiting).await?;
        // What a later policy tightened may ask groups that nobody stood behind before.
        let more = pending.iter().flat_map(|request| request.deciding(now));
        let more: BTreeSet<GroupName> = more.filter(|group| !known.contains(group)).collect();
        if !more.is_empty() {
            let more = directory.say_of(&policy, &person, more).await?;
            groups.extend(more.groups);
            unreadable.extend(more.unreadable);
        }
        Ok(Reader {
            leads: policy.owned_by(&groups),
            is_admin: policy.admins().iter().any(|group| groups.contains(group)),
            unreadable,
            is_guest: standing.guest,
            asking: &listed | &standing.groups,
            member,
            groups,
            pending,
            unreviewed,
        })
    }

    /// Reads what the tab shows. No link is filled in.
    pub(super) async fn gather(
        &self,
        reader: &Reader,
        now: DateTime<Utc>,
    ) -> Result<Home, StoreError> {
        let store = self.engine.store();
        let me = reader.rows();
        let mine = store.requests(&store.requests_of(&me, now).await?).await?;
        let is_held = |request: &Request| me.contains(&request.access.person) && is_live(request);
        let (held, own): (Vec<Request>, Vec<Request>) = mine.into_iter().partition(is_held);
        let mut held = each_once(held);
        held.sort_by_key(ends);
        let team = if reader.leads.is_empty() {
            None
        } else {
            Some(store.requests(&store.live_on(&reader.leads).await?).await?)
        };
        let admin = if reader.is_admin {
            Some(self.panel(now).await?)
        } else {
            None
        };
        Ok(Home {
            waiting: waiting(reader, now),
            held,
            own,
            team,
            may_ask: self.may_ask(&reader.asking),
            admin,
            me,
            unreadable: reader.unreadable.iter().cloned().collect(),
            ..Home::default()
        })
    }

    fn may_ask(&self, groups: &BTreeSet<GroupName>) -> Vec<ListItem> {
        let listed = self.engine.policy().listed(groups).into_iter();
        let items = listed.map(|one| ListItem {
            name: one.name,
            description: one.description,
            sensitivity: one.sensitivity,
            roles: (one.roles.into_iter())
                .map(|(role, limit)| (role.to_string(), Some(limit)))
                .collect(),
            parts: one.parts,
        });
        items.collect()
    }

    /// What those see who run the bot.
    async fn panel(&self, now: DateTime<Utc>) -> Result<Admin, StoreError> {
        let store = self.engine.store();
        let waits = store.health(now).await?.outbox_oldest_seconds;
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds fit for ages")]
        let age = TimeDelta::milliseconds((waits * 1_000.0) as i64);
        Ok(Admin {
            stuck: store.requests(&store.stuck_removals().await?).await?,
            policy: self.engine.policy().hash().to_owned(),
            since: store.policy_since().await?,
            trouble: self.engine.policy_trouble(),
            oldest: (LATE < waits).then(|| now - age),
            missing_migrations: store.missing_migrations().await?,
            refused: self
                .slack
                .refused()
                .into_keys()
                .map(str::to_owned)
                .collect(),
        })
    }

    /// Links to the cards of what stands on the pages that are shown.
    pub(super) async fn link_home(&self, home: &mut Home, pages: &Pages) -> Result<(), StoreError> {
        let waiting = pages.page(Section::Waiting, &home.waiting).items;
        let waiting = waiting.iter().filter_map(|parts| parts.first());
        let held = pages.page(Section::Held, &home.held).items;
        let own = pages.page(Section::Own, &home.own).items;
        let team = home.team.as_deref().unwrap_or_default();
        let team = pages.page(Section::Team, team).items;
        let stuck = home.admin.as_ref().map(|admin| admin.stuck.as_slice());
        let stuck = pages.page(Section::Stuck, stuck.unwrap_or_default()).items;
        let cards = waiting.chain(held).chain(own).chain(team).chain(stuck);
        let cards = cards.map(Request::card);
        let cards: BTreeSet<RequestId> = cards.collect();
        let links = join_all(cards.into_iter().map(|card| self.card_address(card))).await;
        for found in links {
            home.links.extend(found?);
        }
        Ok(())
    }

    async fn card_address(
        &self,
        card: RequestId,
    ) -> Result<Option<(RequestId, String)>, StoreError> {
        let place = self.engine.store().card_place(card).await?;
        let Some(place) = place else {
            return Ok(None);
        };
        if let Some(link) = place.permalink {
            return Ok(Some((card, link)));
        }
        let (channel, ts) = (&place.channel, &place.ts);
        let link = self.slack.address(channel, ts).await;
        Ok(link.map(|link| (card, link)))
    }
}

/// What waits for the reader, by cards: what they may decide on, then what they are to look at
/// afterwards.
fn waiting(reader: &Reader, now: DateTime<Utc>) -> Vec<Vec<Request>> {
    let open = reader.pending.iter();
    let open = by_card(open.filter(|request| reader.may_decide(request, now)));
    let unreviewed = reader.unreviewed.iter();
    let unreviewed = by_card(unreviewed.filter(|request| reader.may_review(request)));
    open.into_iter().chain(unreviewed).collect()
}

/// The parts of a bundle are decided on together.
fn by_card<'a>(requests: impl Iterator<Item = &'a Request>) -> Vec<Vec<Request>> {
    let mut cards: Vec<Vec<Request>> = Vec::new();
    for request in requests {
        let card = request.card();
        match cards.iter_mut().find(|parts| parts[0].card() == card) {
            Some(parts) => parts.push(request.clone()),
            None => cards.push(vec![request.clone()]),
        }
    }
    cards
}

fn is_live(request: &Request) -> bool {
    matches!(
        request.grant(),
        Some(Grant {
            state: GrantState::Scheduled { .. }
                | GrantState::Activating { .. }
                | GrantState::Active { .. }
                | GrantState::Revoking { .. },
            ..
        })
    )
}

/// Of grants that prolong each other the one that ends last: the others only wait for their end, and
/// nothing is to be done about them.
fn each_once(held: Vec<Request>) -> Vec<Request> {
    let end = |request: &Request| request.grant().and_then(|grant| grant.state.wanted_until());
    let last = |chain: Vec<Request>| chain.into_iter().max_by_key(end);
    by_chain(held).into_iter().filter_map(last).collect()
}

/// What ends first stands first; what has not begun stands last.
fn ends(request: &Request) -> (bool, Option<DateTime<Utc>>, i64) {
    let until = request.grant().and_then(|grant| grant.state.wanted_until());
    (until.is_none(), until, request.number)
}

/// Everybody whom the tab may name.
pub(super) fn people_in(home: &Home) -> BTreeSet<PersonId> {
    let mut people = BTreeSet::new();
    for request in requests_in(home) {
        people.extend(request.own());
        if let RequestState::Denied { by, .. } = &request.state {
            people.insert(*by);
        }
    }
    people
}

fn requests_in(home: &Home) -> impl Iterator<Item = &Request> {
    let waiting = home.waiting.iter().flatten();
    let own = home.held.iter().chain(&home.own);
    let team = home.team.iter().flatten();
    let stuck = home.admin.iter().flat_map(|admin| &admin.stuck);
    waiting.chain(own).chain(team).chain(stuck)
}

/// By what it is known later whether something concerns the tab.
pub(super) fn made(reader: &Reader, home: &Home, now: DateTime<Utc>) -> Made {
    let of: BTreeSet<RequestId> = requests_in(home).map(|request| request.id).collect();
    let look = reader.is_admin.then(|| now + LOOK);
    Made {
        leads: reader.leads.clone(),
        is_admin: reader.is_admin,
        of: of.into_iter().collect(),
        again_at: look.into_iter().chain(quiet(reader, now)).min(),
    }
}

/// When others may decide, or no longer, without anything happening: where quiet times begin and end.
fn quiet(reader: &Reader, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let steps = reader.pending.iter().filter_map(Request::current_step);
    let windows = steps.filter_map(|step| step.quiet.as_ref());
    let windows = windows.flat_map(|quiet| &quiet.windows);
    let edges = windows.flat_map(|(from, to)| [*from, *to]);
    edges.filter(|edge| now < *edge).min()
}
