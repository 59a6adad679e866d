//! What others than the holder are told of an outcome: whoever asked for somebody else, and those
//! whom the policy wants informed. Each is told each thing once: what is to be said is kept under a
//! key of its own, and posted from there.

use std::collections::BTreeSet;

use uuid::{NoContext, Timestamp, Uuid};

use super::{Telltale, Trouble, is_stale};
use crate::directory::DirectoryFault;
use crate::domain::{GroupName, PersonId, Request};
use crate::slack::view::text;
use crate::slack::view::text::outcome::Aloud;
use crate::store::ledger::Entry;
use crate::store::notices::Notice;

impl Telltale<'_> {
    pub(super) async fn tell_others(
        &self,
        news: &[Entry],
        link: Option<&str>,
    ) -> Result<(), Trouble> {
        let mut said = Vec::new();
        for entry in news {
            let part = self.part(entry.request);
            if part.requester != part.access.person && !is_stale(&entry.what, part) {
                let kept = self.beside.kept(part);
                let words = text::outcome::to_asker(&entry.what, entry.at, part, &self.faces, kept);
                let to = self.slack_user(part.requester);
                said.extend(
                    words
                        .zip(to)
                        .map(|(words, to)| self.notice(entry, &to, &words, link)),
                );
            }
            let words = |aloud| text::outcome::to_informed(&entry.what, part, &self.faces, aloud);
            let (Some(aloud), Some(discreet)) = (words(Aloud::Yes), words(Aloud::No)) else {
                continue;
            };
            for to in self.informed(part).await? {
                let other = to != part.terms.channel && part.terms.inform.channels.contains(&to);
                let words = if other { &discreet } else { &aloud };
                said.push(self.notice(entry, &to, words, link));
            }
        }
        if said.is_empty() {
            return Ok(());
        }
        Ok(self.store().say_once(&said, self.now).await?)
    }

    /// A message under the key of what happened and whom it is for.
    fn notice(&self, entry: &Entry, to: &str, words: &str, link: Option<&str>) -> (String, Notice) {
        let link = link.and_then(|link| text::link(link, text::dm::SEE_CARD));
        let text = match link {
            Some(link) => format!("{words}\n{link}"),
            None => words.to_owned(),
        };
        let seconds = u64::try_from(self.now.timestamp()).unwrap_or_default();
        let time = Timestamp::from_unix(NoContext, seconds, self.now.timestamp_subsec_nanos());
        let notice = Notice {
            id: Uuid::new_v7(time),
            channel: to.to_owned(),
            text,
        };
        (format!("told:{}:{to}", entry.seq), notice)
    }

    /// Where the outcome of a part is told: users and channels. The holder and whoever asked learn it
    /// anyhow; who asked for what it prolongs may not decide, but may hear.
    async fn informed(&self, part: &Request) -> Result<BTreeSet<String>, Trouble> {
        let inform = &part.terms.inform;
        let mut told: BTreeSet<String> = inform.channels.iter().cloned().collect();
        let known = |group: &&GroupName| part.roster.groups.contains_key(*group);
        let (known, unknown): (Vec<&GroupName>, Vec<&GroupName>) =
            inform.people.iter().partition(known);
        let mut people = part.roster.people(known, &learn_anyhow(part));
        if !unknown.is_empty() {
            people.extend(self.read_now(part, unknown).await?);
        }
        let faces = self.store().people(&people).await?;
        let faces = crate::slack::view::Faces::of(faces.values());
        told.extend(faces.0.into_values().filter_map(|face| face.slack_user));
        Ok(told)
    }

    /// The people of groups that were not read when the request was made. A group that cannot be read
    /// for good tells nobody; one that cannot be read now is read again.
    async fn read_now(
        &self,
        part: &Request,
        groups: Vec<&GroupName>,
    ) -> Result<BTreeSet<PersonId>, Trouble> {
        let policy = self.worker.engine.policy();
        let groups: Vec<GroupName> = groups.into_iter().cloned().collect();
        let Some(holder) = self.store().person(part.access.person).await? else {
            return Ok(BTreeSet::new());
        };
        let directory = &self.worker.directory;
        let reading = directory.roster(&policy, groups.clone(), &holder);
        match reading.await {
            Ok(roster) => Ok(roster.people(&groups, &learn_anyhow(part))),
            Err(DirectoryFault::Store(fault)) => Err(fault.into()),
            Err(DirectoryFault::Unreadable(fault)) if fault.is_passing() => Err(fault.into()),
            Err(fault) => {
                tracing::warn!(request.id = %part.id, %fault, "nobody of a group could be informed");
                Ok(BTreeSet::new())
            }
        }
    }
}

/// Who hears what came of it without being named by policy.
fn learn_anyhow(part: &Request) -> [PersonId; 2] {
    [part.access.person, part.requester]
}
