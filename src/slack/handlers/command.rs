//! `/jit …`, one function for each thing that can be typed.

use std::collections::BTreeSet;

use super::super::grammar::{self, Slash, Which};
use super::super::payload::SlashCommand;
use super::super::view::reply::{self, Eligible, Explained, ListItem};
use super::which::{Found, is_held, waits};
use super::{Handlers, No, Said, words};
use crate::domain::{
    Ask, Command, GroupName, Origin, Person, Refusal, Request, Roster, Span, Step, Verdict,
};
use crate::engine::{Cause, Submission};
use crate::policy::{Policy, RuleOutcome, Tried};

/// The duration that is explained where none was typed: short enough for most limits.
const USUAL: Span = Span::minutes(30);

/// What was typed of a request, before it is known who asks.
struct Wish {
    resource: String,
    role: Option<String>,
    duration: Span,
    reason: String,
}

impl Handlers {
    /// Carries out what was typed.
    pub(super) async fn command(&self, key: &str, command: &SlashCommand) -> Result<Said, No> {
        let slash = match grammar::parse(&command.text) {
            Ok(slash) => slash,
            Err(fault) => {
                let sentence = fault.kind.to_string();
                return Ok(Said::Words(reply::not_understood(
                    &sentence,
                    &fault.example,
                )));
            }
        };
        self.understood(key, &command.by.user, slash).await
    }

    async fn understood(&self, key: &str, user: &str, slash: Slash) -> Result<Said, No> {
        match slash {
            Slash::Help => Ok(Said::Words(reply::help())),
            Slash::List => self.list(user).await,
            Slash::Active => self.active(user).await,
            Slash::Request {
                resource,
                role,
                duration,
                reason,
            } => {
                let wish = Wish {
                    resource,
                    role,
                    duration,
                    reason,
                };
                let ask = self.ask(user, wish).await?;
                self.submit(key, ask).await
            }
            Slash::Explain {
                resource,
                role,
                duration,
                reason,
            } => {
                let duration = duration.unwrap_or(USUAL);
                let wish = Wish {
                    resource,
                    role,
                    duration,
                    reason,
                };
                let ask = self.ask(user, wish).await?;
                self.explain(ask).await
            }
            Slash::Extend {
                resource,
                role,
                duration,
                reason,
            } => {
                let wish = Wish {
                    resource,
                    role,
                    duration,
                    reason,
                };
                let ask = self.ask(user, wish).await?;
                self.extend(key, user, ask).await
            }
            Slash::Done { what } => self.done(key, user, what.as_ref()).await,
            Slash::Cancel { what } => self.cancel(key, user, what.as_ref()).await,
            Slash::Revoke { what, why } => self.revoke(key, user, what, why).await,
        }
    }

    async fn list(&self, user: &str) -> Result<Said, No> {
        let policy = self.engine.policy();
        let person = self.person(&policy, user).await?;
        let items: Vec<ListItem> = policy
            .resources_for(&person.identities)
            .into_iter()
            .map(|(resource, roles)| ListItem {
                name: resource.name.to_string(),
                description: resource.description,
                sensitivity: resource.sensitivity,
                roles: roles
                    .into_iter()
                    .map(|(role, limit)| (role.to_string(), Some(limit)))
                    .collect(),
            })
            .collect();
        Ok(Said::Words(reply::list(&items)))
    }

    async fn active(&self, user: &str) -> Result<Said, No> {
        let by = self.holder(user).await?;
        let live = self.engine.store().live_requests_of(by.person).await?;
        let live: Vec<&Request> = live.iter().collect();
        let now = self.engine.now().await?;
        Ok(Said::Words(reply::active(&live, now)))
    }

    /// Asks the engine to take the request in, with everybody who could approve it.
    async fn submit(&self, key: &str, ask: Ask) -> Result<Said, No> {
        let policy = self.engine.policy();
        let groups = match self.engine.explain(&ask).await?.verdict {
            Verdict::Terms(terms) => terms.route.groups(),
            // The engine says no, and writes it down.
            Verdict::Refused(_) => BTreeSet::new(),
        };
        let roster = self.roster(&policy, groups, &ask.person).await?;
        let submission = Submission {
            asks: vec![ask],
            bundle: None,
            roster,
            origin: Origin::Slack,
            delivery: Some(key.to_owned()),
        };
        let requests = self.engine.submit(submission).await?;
        let request = requests.first().ok_or(Refusal::NoSuchRequest)?;
        let faces = self.faces_of(request).await?;
        let channel = &request.terms.channel;
        Ok(Said::Words(reply::submitted(request, &faces, channel)))
    }

    /// Asks for more time on the one active grant that fits.
    async fn extend(&self, key: &str, user: &str, ask: Ask) -> Result<Said, No> {
        let by = self.holder(user).await?;
        let what = Which::Named {
            resource: ask.resource.clone(),
            role: ask.role.clone(),
        };
        match self.latest(&by, &what).await? {
            Found::One(held) => {
                let extended = Ask {
                    resource: held.access.resource.to_string(),
                    role: Some(held.access.role.to_string()),
                    extends: Some(held.id),
                    ..ask
                };
                self.submit(key, extended).await
            }
            Found::Say(words) => Ok(Said::Words(words)),
        }
    }

    /// Says what would happen, and who could decide, without asking anybody.
    async fn explain(&self, ask: Ask) -> Result<Said, No> {
        let policy = self.engine.policy();
        let explanation = self.engine.explain(&ask).await?;
        let steps = match &explanation.verdict {
            Verdict::Terms(terms) => terms.route.steps().to_vec(),
            Verdict::Refused(_) => Vec::new(),
        };
        let roster = self.roster(&policy, groups_of(&steps), &ask.person);
        let roster = roster.await?;
        let eligible: Vec<Eligible> = steps
            .iter()
            .enumerate()
            .map(|(index, step)| Eligible {
                step: index + 1,
                groups: step.from.clone(),
                people: roster.eligible(step, &ask.own()).into_iter().collect(),
            })
            .collect();
        let people = eligible.iter().flat_map(|step| &step.people);
        let faces = self.faces(&people.copied().collect()).await?;
        let explained = Explained {
            verdict: explanation.verdict,
            tried: explanation.tried.iter().map(tried).collect(),
            eligible,
        };
        Ok(Said::Words(reply::explain(&explained, &faces)))
    }

    async fn done(&self, key: &str, user: &str, what: Option<&Which>) -> Result<Said, No> {
        let by = self.holder(user).await?;
        let cause = Cause::slack(by.person, key);
        match self.own("done", &by, what, is_held).await? {
            Found::One(request) => {
                let command = Command::GiveBack { by };
                let request = self.engine.execute(request.id, command, cause).await?;
                Ok(Said::Words(words::given_back(&request)))
            }
            Found::Say(words) => Ok(Said::Words(words)),
        }
    }

    async fn cancel(&self, key: &str, user: &str, what: Option<&Which>) -> Result<Said, No> {
        let by = self.holder(user).await?;
        let cause = Cause::slack(by.person, key);
        match self.own("cancel", &by, what, waits).await? {
            Found::One(request) => {
                let command = Command::Cancel { by };
                let request = self.engine.execute(request.id, command, cause).await?;
                Ok(Said::Words(words::cancelled(&request)))
            }
            Found::Say(words) => Ok(Said::Words(words)),
        }
    }

    /// Takes access away from somebody. A name would not say from whom, so it has to be a number.
    async fn revoke(&self, key: &str, user: &str, what: Which, why: String) -> Result<Said, No> {
        let Which::Number(number) = what else {
            return Ok(Said::Words(words::number_needed()));
        };
        let request = self.engine.store().request_by_number(number).await?;
        let request = request.ok_or(Refusal::NoSuchRequest)?;
        let by = self.decider(user, &request).await?;
        let cause = Cause::slack(by.person, key);
        let command = Command::Revoke { by, why };
        let request = self.engine.execute(request.id, command, cause).await?;
        Ok(Said::Words(words::revoked(&request)))
    }

    async fn ask(&self, user: &str, wish: Wish) -> Result<Ask, No> {
        let person = self.person(&self.engine.policy(), user).await?;
        let standing = self.directory.standing_of(user).await;
        Ok(Ask {
            standing: standing.map_err(No::of_directory(&[]))?,
            role: wish.role,
            duration: Some(wish.duration),
            reason: wish.reason,
            ..Ask::of(person, wish.resource)
        })
    }

    async fn person(&self, policy: &Policy, user: &str) -> Result<Person, No> {
        let reading = self.directory.person(policy, user);
        reading.await.map_err(No::of_directory(&[]))
    }

    async fn roster(
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

fn groups_of(steps: &[Step]) -> BTreeSet<GroupName> {
    steps.iter().flat_map(|step| &step.from).cloned().collect()
}

/// A rule and what came of it, in words.
fn tried(tried: &Tried) -> (String, String) {
    let outcome = match &tried.outcome {
        RuleOutcome::Matched => format!("matches, and says {}", tried.decision.as_str()),
        RuleOutcome::NotMatched(clauses) => {
            let clauses: Vec<String> = clauses.iter().map(ToString::to_string).collect();
            format!("does not match: {}", clauses.join("; "))
        }
        RuleOutcome::Unclear(why) => format!("cannot be decided, so it is refused: {why}"),
    };
    (tried.rule.to_string(), outcome)
}
