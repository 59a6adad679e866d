//! `/jit …`, one function for each thing that can be typed.

use super::super::grammar::{self, Slash, Which};
use super::super::payload::SlashCommand;
use super::super::view::reply::{self, ListItem, Owner};
use super::super::view::{Kept, page};
use super::click::Act;
use super::which::{Found, is_held, is_scheduled, waits};
use super::{Handlers, No, Said, words};
use crate::domain::{Command, GroupName, Member, Refusal, Request};
use crate::engine::Cause;

impl Handlers {
    /// Carries out what was typed.
    pub(super) async fn command(&self, key: &str, command: &SlashCommand) -> Result<Said, No> {
        if grammar::names_nothing(&command.text) {
            return self.blank_form(command).await;
        }
        let slash = match grammar::parse(&command.text) {
            Ok(Slash::Request(wish)) => {
                return Box::pin(self.request_or_form(key, command, wish)).await;
            }
            Ok(slash) => slash,
            Err(fault) => return Box::pin(self.form_or_example(command, fault)).await,
        };
        self.understood(key, &command.by.user, slash).await
    }

    async fn understood(&self, key: &str, user: &str, slash: Slash) -> Result<Said, No> {
        match slash {
            Slash::Help => Ok(Said::Words(reply::help())),
            Slash::List => self.list(user, None).await,
            Slash::Active => self.active(user, None).await,
            Slash::History(sought) => self.history(user, sought).await,
            Slash::Request(wish) => self.request(key, user, wish).await,
            Slash::Explain(wish) => self.explain(user, wish).await,
            Slash::Extend(wish) => self.extend(key, user, wish).await,
            Slash::Done { what } => self.done(key, user, what.as_ref()).await,
            Slash::Cancel { what } => self.cancel(key, user, what.as_ref()).await,
            Slash::Revoke { what, why } => self.revoke(key, user, &what, why).await,
            Slash::Retry { what } => self.retry(key, user, &what).await,
            Slash::Review {
                what,
                justified,
                note,
            } => self.review(key, user, &what, (justified, note)).await,
        }
    }

    /// What can be asked for after the one of that name, page by page.
    pub(super) async fn list(&self, user: &str, after: Option<&str>) -> Result<Said, No> {
        let policy = self.engine.policy();
        let person = self.person(&policy, user).await?;
        let (groups, unreadable) = self.groups_of(&policy, &person).await;
        let listed = policy.listed(&groups);
        let (page, more) = page::page(listed, after, |one| one.name.clone());
        let items: Vec<ListItem> = page
            .into_iter()
            .map(|one| ListItem {
                name: one.name,
                description: one.description,
                sensitivity: one.sensitivity,
                roles: (one.roles.into_iter())
                    .map(|(role, limit)| (role.to_string(), Some(limit)))
                    .collect(),
                parts: one.parts,
            })
            .collect();
        let unreadable: Vec<GroupName> = unreadable.into_iter().collect();
        Ok(Said::Words(reply::list(&items, more.as_ref(), &unreadable)))
    }

    /// What the person has and waits for after the request of that id, page by page.
    pub(super) async fn active(&self, user: &str, after: Option<&str>) -> Result<Said, No> {
        let by = self.holder(user).await?;
        let live = self.engine.store().live_requests_of(&by).await?;
        let (page, more) = page::page(live, after, |request| request.id.to_string());
        let page: Vec<&Request> = page.iter().collect();
        let mut owner = Owner::default();
        owner.me.extend(by.also.iter().copied().chain([by.person]));
        for request in &page {
            let Some(place) = self.engine.store().card_place(request.id).await? else {
                continue;
            };
            let message = (place.channel.as_str(), place.ts.as_str());
            let link = match place.permalink {
                Some(told) => Some(told),
                None => self.client.composed_permalink(message, None).await,
            };
            owner.links.extend(link.map(|link| (request.id, link)));
        }
        let now = self.engine.now().await?;
        let more = more.as_ref();
        Ok(Said::Words(reply::active(&page, &owner, more, now)))
    }

    async fn done(&self, key: &str, user: &str, what: Option<&Which>) -> Result<Said, No> {
        let by = self.holder(user).await?;
        let cause = Cause::slack(by.person, key);
        match self.own("done", &by, what, is_held).await? {
            Found::One(request) => self.give_back(cause, by, &request).await,
            Found::Say(words) => Ok(Said::Words(words)),
        }
    }

    /// Withdraws what waits, be it for approvers or for its start.
    async fn cancel(&self, key: &str, user: &str, what: Option<&Which>) -> Result<Said, No> {
        let by = self.holder(user).await?;
        let cause = Cause::slack(by.person, key);
        match self.own("cancel", &by, what, waits).await? {
            Found::One(request) if is_scheduled(&request) => {
                self.give_back(cause, by, &request).await
            }
            Found::One(request) => {
                let command = Command::Cancel { by };
                let request = self.engine.execute(request.id, command, cause).await?;
                Ok(Said::Words(words::cancelled(&request)))
            }
            Found::Say(words) => Ok(Said::Words(words)),
        }
    }

    pub(super) async fn give_back(
        &self,
        cause: Cause,
        by: Member,
        request: &Request,
    ) -> Result<Said, No> {
        let begun = !is_scheduled(request);
        let command = Command::GiveBack { by };
        let request = self.engine.execute(request.id, command, cause).await?;
        let kept = self.kept(&request).await?;
        Ok(Said::Words(if begun {
            words::given_back(&request, kept.as_ref())
        } else {
            words::withdrawn(&request)
        }))
    }

    /// What keeps the access of a request that ends, if another grant does.
    pub(super) async fn kept(&self, request: &Request) -> Result<Option<Kept>, No> {
        let grants = self.engine.store().live_grants_of(&request.access).await?;
        let now = self.engine.now().await?;
        let others = grants.iter().filter(|other| other.id != request.id);
        Ok(Kept::among(others, now))
    }

    /// Takes access away from somebody. A name would not say from whom, so it has to be a number.
    async fn revoke(&self, key: &str, user: &str, what: &Which, why: String) -> Result<Said, No> {
        let request = self.numbered("revoke", what).await?;
        let begun = !is_scheduled(&request);
        let by = self.member_for(Act::Revoke, user, &request).await?;
        let cause = Cause::slack(by.person, key);
        let command = Command::Revoke { by, why };
        let request = self.engine.execute(request.id, command, cause).await?;
        let kept = self.kept(&request).await?;
        Ok(Said::Words(if begun {
            words::revoked(&request, kept.as_ref())
        } else {
            words::withdrawn(&request)
        }))
    }

    /// Tries once more to give what failed: for whoever asked for it or holds it, and approvers.
    async fn retry(&self, key: &str, user: &str, what: &Which) -> Result<Said, No> {
        let request = self.numbered("retry", what).await?;
        let mut by = self.holder(user).await?;
        if !request.belongs_to(&by) {
            by = self.member_for(Act::Revoke, user, &request).await?;
        }
        let cause = Cause::slack(by.person, key);
        let command = Command::Retry { by };
        let request = self.engine.execute(request.id, command, cause).await?;
        Ok(Said::Words(words::retried(&request)))
    }

    /// Takes in what a look at a break-glass request afterwards has found.
    async fn review(
        &self,
        key: &str,
        user: &str,
        what: &Which,
        (justified, note): (bool, String),
    ) -> Result<Said, No> {
        let request = self.numbered("review", what).await?;
        let by = self.member_for(Act::Review, user, &request).await?;
        let cause = Cause::slack(by.person, key);
        let command = Command::CompleteReview {
            by,
            justified,
            note,
        };
        let request = self.engine.execute(request.id, command, cause).await?;
        Ok(Said::Words(words::reviewed(&request, justified)))
    }

    /// The request of that number. A name would not say whose is meant.
    async fn numbered(&self, verb: &str, what: &Which) -> Result<Request, No> {
        let Which::Number(number) = what else {
            return Err(No::Say(words::number_needed(verb)));
        };
        let request = self.engine.store().request_by_number(*number).await?;
        Ok(request.ok_or(Refusal::NoSuchRequest)?)
    }
}
