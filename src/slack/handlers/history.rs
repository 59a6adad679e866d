//! `/jit history …`: auditors look at everybody's requests, others at their own. Who looked at others
//! is in the ledger before they see anything. Every page and every file is authorised again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono_tz::Tz;
use uuid::Uuid;

use super::super::client::SlackFault;
use super::super::grammar::{Sought, Who};
use super::super::payload::Click;
use super::super::view::history::{self, PAGE, Whose};
use super::super::view::text::history as words;
use super::super::view::{Content, Faces, ids};
use super::{Handlers, No, Said};
use crate::directory::{About, DirectoryFault};
use crate::domain::{GroupName, Member, PersonId, Request, RequestId, Search};
use crate::engine::Page;
use crate::policy::Policy;
use crate::store::StoreError;
use crate::store::readings::{Place, Reading};

/// Requests that a file holds at the most, and how many are read at a time.
const FILE: usize = 20_000;
const BATCH: i64 = 500;
/// Cards whose address is asked of Slack for one file; the others have theirs already, or get the one
/// that Slack would make.
const LINKS: usize = 40;
/// Addresses that are asked for at once.
const AT_ONCE: usize = 4;
/// How long a file may take, its links and the sending: the click would be taken up again after a minute.
const SENDING: Duration = Duration::from_secs(40);

/// Somebody who looks back.
struct Reader {
    by: Member,
    /// Whether they may see what others asked for, read just now.
    auditor: bool,
}

/// A request, with a link to its card where there is one.
type Linked = Vec<(Request, Option<String>)>;

impl Handlers {
    /// Shows the newest page of what was looked for.
    pub(super) async fn history(&self, user: &str, sought: Sought) -> Result<Said, No> {
        let policy = self.engine.policy();
        let reader = match sought.who {
            // One's own needs nobody else's word.
            Some(Who::Me) => Reader {
                by: self.holder(user).await?,
                auditor: false,
            },
            _ => self.reader(&policy, user).await?,
        };
        let (wanted, others) = self.search_for(&policy, user, &reader, sought).await?;
        let (search, whose) = if reader.auditor {
            let own = wanted.is_own(&reader.by);
            (wanted, if own { Whose::Own } else { Whose::Others })
        } else {
            let whose = if others {
                Whose::OwnOnly(policy.auditors())
            } else {
                Whose::Own
            };
            (wanted.only_of(&reader.by), whose)
        };
        let page = Page {
            search,
            ..Page::default()
        };
        self.page(&reader.by, page, whose).await.map(Said::Words)
    }

    /// Carries out a click below a list; none if it is no such click.
    pub(super) async fn page_click(&self, click: &Click) -> Result<Option<Said>, No> {
        let (user, value) = (&click.by.user, click.value.as_str());
        Ok(Some(match click.action_id.as_str() {
            ids::LIST_MORE => self.list(user, Some(value)).await?,
            ids::ACTIVE_MORE => self.active(user, Some(value)).await?,
            ids::HISTORY_OLDER => self.older(user, value).await?,
            ids::HISTORY_FILE => self.file(user, value, &click.reference()).await?,
            _ => return Ok(None),
        }))
    }

    /// Shows what is older than a page.
    async fn older(&self, user: &str, value: &str) -> Result<Said, No> {
        let (reader, reading, whose) = self.again(user, value).await?;
        let page = Page {
            search: reading.search,
            before: reading.before,
            ..Page::default()
        };
        self.page(&reader.by, page, whose).await.map(Said::Words)
    }

    /// The page that a button belongs to, for whoever was shown it, and who may still see it.
    async fn again(
        &self,
        user: &str,
        value: &str,
    ) -> Result<(Reader, Reading, Whose<'static>), No> {
        let policy = self.engine.policy();
        let id = Uuid::parse_str(value).ok();
        let reading = match id {
            Some(id) => self.engine.store().reading(id).await?,
            None => None,
        };
        let reading = reading.ok_or_else(|| say(words::FORGOTTEN))?;
        let reader = self.reader(&policy, user).await?;
        if !reader.by.is(reading.person) {
            return Err(say(words::NOT_YOURS));
        }
        let whose = match (reading.search.is_own(&reader.by), reader.auditor) {
            (true, _) => Whose::Own,
            (false, true) => Whose::Others,
            (false, false) => return Err(say(&words::own_only(policy.auditors()))),
        };
        Ok((reader, reading, whose))
    }

    /// Who looks back, and whether they are an auditor just now. Who cannot be is none; where that
    /// cannot be read, the answer is to try again.
    async fn reader(&self, policy: &Policy, user: &str) -> Result<Reader, No> {
        let by = self.holder(user).await?;
        let groups: BTreeSet<GroupName> = policy.auditors().iter().cloned().collect();
        if groups.is_empty() {
            return Ok(Reader { by, auditor: false });
        }
        let needed = policy.auditors().to_vec();
        let holder = by.person;
        let about = About { groups, holder };
        let reading = self.directory.member_at_click(policy, user, &about);
        match reading.await {
            Ok(by) => Ok(Reader {
                auditor: needed.iter().any(|group| by.groups.contains(group)),
                by,
            }),
            Err(DirectoryFault::Unfit(_)) => Ok(Reader { by, auditor: false }),
            Err(fault) => Err(No::of_directory(&needed)(fault)),
        }
    }

    /// What is looked for, with people and times as they are here; and whether it is about others.
    async fn search_for(
        &self,
        policy: &Policy,
        user: &str,
        reader: &Reader,
        sought: Sought,
    ) -> Result<(Search, bool), No> {
        let (people, others) = match &sought.who {
            None => (BTreeSet::new(), false),
            Some(Who::Me) => (everything_of(&reader.by), false),
            Some(Who::User(who)) if who == user => (everything_of(&reader.by), false),
            // Who is meant is looked up only for those who may see them.
            Some(Who::User(who)) if reader.auditor => {
                let found = self.directory.looked_for(policy, who).await;
                let found = found.map_err(No::of_directory(&[]))?;
                let found = found.ok_or_else(|| say(words::NOBODY))?;
                (everything_of(&found), true)
            }
            Some(Who::User(_)) => (BTreeSet::new(), true),
        };
        let (from, until) = match sought.period {
            Some(period) => {
                let zone = self.zone(policy, user).await?;
                period.resolve(self.engine.now().await?, zone)
            }
            None => (None, None),
        };
        let channel = sought.channel.iter();
        let channel = channel.flat_map(|named| named.id.iter().chain([&named.name]));
        let search = Search {
            people,
            resource: sought.resource,
            channel: channel.cloned().collect(),
            from,
            until,
            fate: sought.fate,
            number: sought.number,
        };
        Ok((search, others))
    }

    /// Where the person is, by their Slack profile.
    async fn zone(&self, policy: &Policy, user: &str) -> Result<Tz, No> {
        let person = self.person(policy, user).await?;
        let standing = self.directory.standing(policy, &person, BTreeSet::new());
        let standing = standing.await.map_err(No::of_directory(&[]))?;
        let zone = standing.timezone.and_then(|name| name.parse().ok());
        Ok(zone.unwrap_or_else(|| policy.timezone()))
    }

    /// Puts down that a page is read, and then reads it.
    async fn page(&self, by: &Member, mut page: Page, whose: Whose<'_>) -> Result<Content, No> {
        let store = self.engine.store();
        let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        let mut found = store.search(&page.search, page.before, limit).await?;
        let older = PAGE < found.len();
        found.truncate(PAGE);
        page.next = found.last().filter(|_| older).map(|last| last.number);
        let of_others = whose == Whose::Others;
        let id = self
            .engine
            .read_history(by.person, &page, of_others)
            .await?;
        let faces = self.faces_in(&page.search, &found).await?;
        let linked = self.linked(found, PAGE).await?;
        let shown = history::Page {
            search: &page.search,
            requests: &linked,
            whose,
            id: id.to_string(),
            older,
            first: page.before.is_none(),
        };
        Ok(history::page(&shown, &faces, self.engine.now().await?))
    }

    /// Sends everything that was looked for as a file, to whoever presses, by direct message.
    async fn file(&self, user: &str, value: &str, reference: &str) -> Result<Said, No> {
        let (reader, reading, whose) = self.again(user, value).await?;
        let Ok(_alone) = self.file.try_acquire() else {
            return Err(say(words::FILE_BUSY));
        };
        let page = Page {
            search: reading.search,
            file: true,
            ..Page::default()
        };
        let of_others = whose == Whose::Others;
        let by = reader.by.person;
        self.engine.read_history(by, &page, of_others).await?;
        let (found, cut) = self.everything(&page.search).await?;
        let faces = self.faces_in(&page.search, &found).await?;
        let sending = async {
            let linked = self.linked(found, LINKS).await?;
            let unlinked = linked.iter().filter(|(_, link)| link.is_none()).count();
            let words = words::file(linked.len(), unlinked, cut);
            let file = history::csv(&linked, &faces).into_bytes();
            Ok(self.send_file(user, words, file).await)
        };
        let sent: Result<Result<_, StoreError>, _> = tokio::time::timeout(SENDING, sending).await;
        let words = match sent.ok().transpose()? {
            Some(Ok(())) => words::FILE_SENT.to_owned(),
            Some(Err(SlackFault::Admin(_))) => words::FILE_NOT_ALLOWED.to_owned(),
            not_sent => {
                let fault = not_sent.and_then(Result::err);
                tracing::warn!(reference, ?fault, "a history was not sent as a file");
                words::file_not_sent(reference)
            }
        };
        Ok(Said::Words(Content::line(&words)))
    }

    async fn send_file(&self, user: &str, words: String, file: Vec<u8>) -> Result<(), SlackFault> {
        // A message to the person tells which conversation that is; the file goes there.
        let posted = self.client.post(user, &Content::line(&words), None).await?;
        self.client
            .upload(&posted.channel, "jit-history.csv", file)
            .await
    }

    /// All that fits the search, as far as a file goes; and whether there is more.
    async fn everything(&self, search: &Search) -> Result<(Vec<Request>, bool), StoreError> {
        let mut all: Vec<Request> = Vec::new();
        loop {
            let before = all.last().map(|last| last.number);
            let found = self.engine.store().search(search, before, BATCH).await?;
            if found.is_empty() {
                return Ok((all, false));
            }
            all.extend(found);
            if FILE < all.len() {
                all.truncate(FILE);
                return Ok((all, true));
            }
        }
    }

    /// Everybody whom the lines name.
    async fn faces_in(&self, search: &Search, found: &[Request]) -> Result<Faces, StoreError> {
        let mut people: BTreeSet<PersonId> = search.people.clone();
        for request in found {
            people.extend(request.own());
            people.extend(request.approvals().iter().map(|given| given.by.person));
            people.extend(request.outcome().and_then(|(_, by, _)| by));
            people.extend(taken_by(request));
        }
        self.faces(&people).await
    }

    /// The requests with links to their cards, where there is a card. A link that Slack was never asked
    /// for is asked for now, for at most so many cards, and kept. The others, and those of which Slack
    /// does not tell now, are made as Slack makes them.
    async fn linked(&self, found: Vec<Request>, asking: usize) -> Result<Linked, StoreError> {
        let cards: BTreeSet<RequestId> = found.iter().map(Request::card).collect();
        let cards: Vec<RequestId> = cards.into_iter().collect();
        let mut places = self.engine.store().places_of(&cards).await?;
        self.ask_for_links(&mut places, asking).await;
        for place in places.values_mut() {
            if place.permalink.is_none() {
                let message = (place.channel.as_str(), place.ts.as_str());
                place.permalink = self.client.composed_permalink(message, None).await;
            }
        }
        let link = |request: &Request| places.get(&request.card())?.permalink.clone();
        let linked = found.into_iter();
        Ok(linked.map(|one| (one.clone(), link(&one))).collect())
    }

    async fn ask_for_links(&self, places: &mut BTreeMap<RequestId, Place>, most: usize) {
        let unknown = places.values_mut().rev();
        let unknown = unknown.filter(|place| place.permalink.is_none());
        let mut unknown: Vec<&mut Place> = unknown.take(most).collect();
        for some in unknown.chunks_mut(AT_ONCE) {
            let asking = some.iter_mut().map(|place| async move {
                let link = self
                    .client
                    .permalink(&place.channel, &place.ts)
                    .await
                    .ok()?;
                let store = self.engine.store();
                // Where it cannot be kept, Slack is asked again.
                let _ = store.keep_permalink(&place.channel, &place.ts, &link).await;
                place.permalink = Some(link);
                Some(())
            });
            let asked = futures::future::join_all(asking).await;
            // Slack does not tell just now.
            if asked.iter().all(Option::is_none) {
                return;
            }
        }
    }
}

fn say(words: &str) -> No {
    No::Say(Content::line(words))
}

/// Every row of that human.
fn everything_of(member: &Member) -> BTreeSet<PersonId> {
    Search::default().only_of(member).people
}

/// Who took the access away, or answers for it being gone.
fn taken_by(request: &Request) -> Option<PersonId> {
    use crate::domain::{GrantState, RevokeCause};
    match &request.grant()?.state {
        GrantState::Revoking {
            cause: RevokeCause::Revoked { by, .. },
            ..
        }
        | GrantState::Revoked {
            cause: RevokeCause::Revoked { by, .. },
            ..
        }
        | GrantState::Resolved { by, .. } => Some(*by),
        _ => None,
    }
}
