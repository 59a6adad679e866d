//! What a form shows: what there is to choose, and what would come of it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde_json::Value;

use super::super::super::grammar::Wish;
use super::super::super::view::ask::{self, Called, Carried, Form, Preview, Way, Words};
use super::super::super::view::text::ask as text;
use super::super::asking::{Asked, Groups};
use super::super::{Faces, Handlers, No};
use super::Entered;
use super::choices::{Chosen, chosen_role, requirements, roles, times, unbound, what};
use crate::domain::{Ask, Past, PersonId, Refusal, Roster, Route, Step, Verdict};
use crate::policy::suite::past_as_offered;
use crate::policy::{Explanation, Offer, Policy};

/// What policy says to one ask, with the people whom it names.
pub(super) struct Answer {
    pub(super) preview: Preview,
    /// Why it would be refused, if it would.
    pub(super) refused: Option<Refusal>,
    pub(super) offer: Option<Offer>,
    pub(super) people: BTreeSet<PersonId>,
    /// What it would be to what is asked for after it; none where it would be refused.
    pub(super) past: Option<Past>,
}

/// What more time, or a part of a bundle, brings along that another request has not.
#[derive(Clone, Debug, Default)]
pub(super) struct More {
    /// Until when the access would last.
    pub(super) until: Option<DateTime<Utc>>,
    /// Who asked for what is prolonged, and decides on that as little as on what is their own.
    pub(super) barred: Vec<PersonId>,
    /// The parts of the same bundle that come before it, the latest first.
    pub(super) before: Vec<Past>,
}

/// Who could decide, step by step, and who is called.
struct Able {
    people: Vec<Vec<PersonId>>,
    called: Option<Called>,
}

impl Answer {
    fn no(refusal: Refusal, offer: Option<Offer>) -> Self {
        Self {
            preview: no(&refusal),
            refused: Some(refusal),
            offer,
            people: BTreeSet::new(),
            past: None,
        }
    }
}

fn no(refusal: &Refusal) -> Preview {
    Preview::No(text::refusal(refusal, &Faces::default()))
}

impl Handlers {
    /// The form to ask for access, as a view.
    pub(super) fn request_form<'a>(
        &'a self,
        user: &'a str,
        entered: &'a Entered,
        carried: Carried,
        notice: Option<String>,
    ) -> BoxFuture<'a, Result<Value, No>> {
        Box::pin(self.worked_out(user, entered, plain_form(entered, carried, notice)))
    }

    async fn worked_out(&self, user: &str, entered: &Entered, mut form: Form) -> Result<Value, No> {
        let policy = self.engine.policy();
        let name = entered.what.as_deref().unwrap_or_default();
        form.what = what(&policy, name);
        // That there is no such thing is said above already. What else was said is kept for whatever
        // is chosen.
        if name.is_empty() || form.what.is_none() && form.notice.is_some() {
            unbound(&mut form, entered);
            return Ok(ask::request(&form));
        }
        let wish = Wish {
            role: None,
            ..entered.wish(name, form.carried.link.as_deref())
        };
        match self.asked(user, wish, Groups::Lately).await {
            Ok(asked) if asked.bundle.is_some() => {
                self.fill_bundle(&mut form, entered, asked).await?;
            }
            Ok(asked) => self.fill_one(&mut form, (&policy, entered), asked).await?,
            Err(No::Refusal(refusal)) => form.preview = no(&refusal),
            Err(no) => return Err(no),
        }
        form.remembers();
        Ok(ask::request(&form))
    }

    /// One access: its roles, and what comes of the one that is chosen.
    async fn fill_one(
        &self,
        form: &mut Form,
        (policy, entered): (&Policy, &Entered),
        asked: Asked,
    ) -> Result<(), No> {
        let Some(ask) = asked.asks.into_iter().next() else {
            return Ok(());
        };
        let ask = Ask {
            duration: None,
            start: entered.start,
            ..ask
        };
        let roles = roles(policy, &ask, form.what.as_ref());
        form.roles = roles.iter().map(ToString::to_string).collect();
        let role = match chosen_role(&roles, entered.role.as_deref()) {
            Chosen::Role(role) => Some(role),
            Chosen::Unknown if !entered.switched => None,
            Chosen::Unknown | Chosen::None => self
                .engine
                .explain(&ask)
                .await?
                .role
                .filter(|role| roles.contains(role)),
        };
        // Of what may not be asked for at all, policy itself says why.
        let first = roles.is_empty().then(|| entered.role.clone()).flatten();
        if role.is_none() && !roles.is_empty() {
            form.preview = Preview::RoleMissing;
            return Ok(());
        }
        form.role = role.as_ref().map(ToString::to_string);
        let only = form.role.as_deref().filter(|_| roles.len() == 1);
        form.carried.only_role = only.map(ask::role_value);
        let ask = Ask {
            role: form.role.clone().or(first),
            ..ask
        };
        let usual = self.engine.explain(&ask).await?;
        let Some(offer) = usual.offer else {
            form.preview = match &usual.verdict {
                Verdict::Refused(refusal) => no(refusal),
                Verdict::Terms(_) => Preview::NothingChosen,
            };
            return Ok(());
        };
        let times = times(std::slice::from_ref(&offer), entered.time.as_ref());
        let ask = Ask {
            duration: times.chosen,
            ..ask
        };
        form.times = Some(times);
        let answer = self.answer(&ask, &More::default()).await?;
        let offer = answer.offer.unwrap_or(offer);
        requirements(form, entered, &[offer]);
        form.faces = self.faces(&answer.people).await?;
        form.preview = answer.preview;
        Ok(())
    }

    /// A bundle: what comes of each part, for a length that all of them offer.
    async fn fill_bundle(
        &self,
        form: &mut Form,
        entered: &Entered,
        asked: Asked,
    ) -> Result<(), No> {
        let asks = asked.asks.into_iter();
        let asks: Vec<Ask> = asks
            .map(|ask| Ask {
                duration: None,
                start: entered.start,
                ..ask
            })
            .collect();
        let told = self.engine.explain_parts(&asks).await?;
        let offers: Vec<Offer> = told.into_iter().filter_map(|one| one.offer).collect();
        let times = times(&offers, entered.time.as_ref());
        let (mut parts, mut people, mut more) = (Vec::new(), BTreeSet::new(), More::default());
        for ask in asks {
            let ask = Ask {
                duration: times.chosen,
                ..ask
            };
            let answer = self.answer(&ask, &more).await?;
            more.before.splice(0..0, answer.past);
            people.extend(answer.people);
            let what = match &ask.role {
                Some(role) => format!("{role} on {}", ask.resource),
                None => ask.resource.clone(),
            };
            parts.push((what, answer.preview, answer.refused.is_none()));
        }
        // What keeps the whole from being asked for is seen however many parts there are.
        parts.sort_by_key(|(_, _, may_be_asked)| *may_be_asked);
        let parts = parts.into_iter().map(|(what, preview, _)| (what, preview));
        requirements(form, entered, &offers);
        form.times = Some(times);
        form.faces = self.faces(&people).await?;
        form.preview = Preview::Parts(parts.collect());
        Ok(())
    }

    /// What policy says to an ask, and who could decide. What is still to be written (a reason, a
    /// ticket) is not held against it: the form asks for it.
    pub(super) async fn answer(&self, ask: &Ask, more: &More) -> Result<Answer, No> {
        let explanation = self.engine.explain_after(ask, &more.before).await?;
        let past = past_as_offered(&explanation, ask, self.engine.now().await?);
        let in_the_way = standing_in_the_way(&explanation).cloned();
        let offer = explanation.offer;
        if let Some(refusal) = in_the_way {
            return Ok(Answer::no(refusal, offer));
        }
        let Some(offer) = offer else {
            return Ok(Answer::no(Refusal::NotDue, None));
        };
        let Some(route) = offer.route.clone() else {
            let rule = offer.rule.clone();
            return Ok(Answer::no(Refusal::NobodyToAsk { rule }, Some(offer)));
        };
        let own: Vec<PersonId> = ask.own().into_iter().chain(more.barred.clone()).collect();
        let able = match self.able(&offer, &route, (ask, &own)).await {
            Ok(able) => able,
            Err(No::Refusal(refusal)) => return Ok(Answer::no(refusal, Some(offer))),
            Err(fault) => return Err(fault),
        };
        let way = Way {
            rule: offer.rule.to_string(),
            route,
            people: able.people,
            called: able.called,
            channel: offer.channel.clone(),
            until: more.until,
        };
        let called = way.called.iter().flat_map(|called| &called.people);
        Ok(Answer {
            people: way.people.iter().flatten().chain(called).copied().collect(),
            preview: Preview::Route(Box::new(way)),
            refused: None,
            offer: Some(offer),
            past,
        })
    }

    /// Who could decide, step by step, if they are enough.
    async fn able(
        &self,
        offer: &Offer,
        route: &Route,
        (ask, own): (&Ask, &[PersonId]),
    ) -> Result<Able, No> {
        let policy = self.engine.policy();
        let mut roster = self.roster(&policy, route.groups(), &ask.person).await?;
        let now = self.engine.now().await?;
        roster.check_route(route.steps(), own, now)?;
        let people = able(route, &roster, own);
        if let Route::BreakGlass(glass) = route
            && people.iter().all(Vec::is_empty)
        {
            return Err(No::Refusal(Refusal::TooFewApprovers {
                from: glass.review_by.clone(),
                needed: 1,
                eligible: 0,
                own: own.len(),
            }));
        }
        let quiet = roster.zones.iter().filter_map(|(person, zone)| {
            let windows = policy.quiet_in(&offer.rule, zone, now)?;
            Some((*person, windows))
        });
        roster.quiet = quiet.collect();
        let first = route.steps().first();
        let called = first.and_then(|step| called(step, &roster, (own, now)));
        Ok(Able { people, called })
    }
}

/// The form before policy has said anything.
pub(super) fn plain_form(entered: &Entered, carried: Carried, notice: Option<String>) -> Form {
    // The role is worked out anew.
    let carried = Carried {
        only_role: None,
        typed_role: None,
        ..carried
    };
    Form {
        carried,
        notice,
        reason: Words {
            typed: entered.reason.clone(),
            wanted: None,
        },
        holder: entered.holder.clone(),
        ..Form::default()
    }
}

/// Why policy refuses, where that is more than something that the form still asks for.
fn standing_in_the_way(explanation: &Explanation) -> Option<&Refusal> {
    let Verdict::Refused(refusal) = &explanation.verdict else {
        return None;
    };
    let to_write = |refusal: &&Refusal| {
        matches!(
            refusal,
            Refusal::ReasonNeeded { .. } | Refusal::TicketNeeded { .. }
        )
    };
    let missing = &explanation.missing;
    if missing.is_empty() {
        return Some(refusal);
    }
    missing.iter().find(|refusal| !to_write(refusal))
}

/// Who could decide, step by step.
fn able(route: &Route, roster: &Roster, own: &[PersonId]) -> Vec<Vec<PersonId>> {
    match route {
        Route::Automatic { .. } => Vec::new(),
        Route::BreakGlass(glass) => {
            let people = roster.people(&glass.review_by, own);
            vec![people.into_iter().collect()]
        }
        Route::Steps(steps) => (steps.iter())
            .map(|step| roster.eligible(step, own).into_iter().collect())
            .collect(),
    }
}

/// Who is called when the step is asked now, where that is not just everybody who decides on it.
fn called(
    step: &Step,
    roster: &Roster,
    (own, now): (&[PersonId], DateTime<Utc>),
) -> Option<Called> {
    let people: BTreeSet<PersonId> = roster.called(step, own, now).into_iter().collect();
    let stand_ins = step.stand_ins(now, false);
    if stand_ins.is_empty() && people == roster.eligible(step, own) {
        return None;
    }
    Some(Called {
        people: people.into_iter().collect(),
        stand_ins,
    })
}
