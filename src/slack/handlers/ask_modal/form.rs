//! What a form shows: what there is to choose, and what would come of it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde_json::Value;

use super::super::super::grammar::Wish;
use super::super::super::view::ask::{
    self, Carried, Form, Preview, Start, Times, Way, What, Words,
};
use super::super::super::view::text::ask as text;
use super::super::asking::{Asked, Groups};
use super::super::{Faces, Handlers, No};
use super::{Entered, Time};
use crate::domain::{Ask, GroupName, PersonId, Refusal, RoleName, Roster, Route, Span, Verdict};
use crate::policy::{Explanation, Offer, Policy};

/// The length that is chosen at first where the rule has no default, if it is offered.
const USUAL: Span = Span::hours(1);
/// Minutes that are offered where a rule allows any length.
const LENGTHS: [u32; 14] = [
    15, 30, 60, 120, 240, 480, 720, 1_440, 2_880, 4_320, 10_080, 20_160, 43_200, 86_400,
];

/// What policy says to one ask, with the people whom it names.
pub(super) struct Answer {
    pub(super) preview: Preview,
    /// Why it would be refused, if it would.
    pub(super) refused: Option<Refusal>,
    pub(super) offer: Option<Offer>,
    pub(super) people: BTreeSet<PersonId>,
}

impl Answer {
    fn no(refusal: Refusal, offer: Option<Offer>) -> Self {
        Self {
            preview: no(&refusal),
            refused: Some(refusal),
            offer,
            people: BTreeSet::new(),
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
        let Some(name) = entered.what.as_deref() else {
            return Ok(ask::request(&form));
        };
        form.what = what(&policy, name);
        // That there is no such thing is said above already.
        if form.what.is_none() && form.notice.is_some() {
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
            Chosen::Unknown => None,
            Chosen::None => self
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
        let answer = self.answer(&ask, None).await?;
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
        let mut offers = Vec::new();
        for ask in &asks {
            offers.extend(self.engine.explain(ask).await?.offer);
        }
        let times = times(&offers, entered.time.as_ref());
        let (mut parts, mut people) = (Vec::new(), BTreeSet::new());
        for ask in asks {
            let ask = Ask {
                duration: times.chosen,
                ..ask
            };
            let answer = self.answer(&ask, None).await?;
            people.extend(answer.people);
            let what = match &ask.role {
                Some(role) => format!("{role} on {}", ask.resource),
                None => ask.resource.clone(),
            };
            parts.push((what, answer.preview));
        }
        requirements(form, entered, &offers);
        form.times = Some(times);
        form.faces = self.faces(&people).await?;
        form.preview = Preview::Parts(parts);
        Ok(())
    }

    /// What policy says to an ask, and who could decide. What is still to be written (a reason, a
    /// ticket) is not held against it: the form asks for it.
    pub(super) async fn answer(
        &self,
        ask: &Ask,
        until: Option<DateTime<Utc>>,
    ) -> Result<Answer, No> {
        let explanation = self.engine.explain(ask).await?;
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
        let people = match self.able(&route, ask).await {
            Ok(people) => people,
            Err(No::Refusal(refusal)) => return Ok(Answer::no(refusal, Some(offer))),
            Err(fault) => return Err(fault),
        };
        let way = Way {
            rule: offer.rule.to_string(),
            route,
            people,
            channel: offer.channel.clone(),
            until,
        };
        Ok(Answer {
            people: way.people.iter().flatten().copied().collect(),
            preview: Preview::Route(Box::new(way)),
            refused: None,
            offer: Some(offer),
        })
    }

    /// Who could decide, step by step, if they are enough.
    async fn able(&self, route: &Route, ask: &Ask) -> Result<Vec<Vec<PersonId>>, No> {
        let policy = self.engine.policy();
        let roster = self.roster(&policy, route.groups(), &ask.person).await?;
        let now = self.engine.now().await?;
        roster.check_route(route.steps(), &ask.own(), now)?;
        let able = able(route, &roster, ask);
        match route {
            Route::BreakGlass(glass) if able.iter().all(Vec::is_empty) => {
                Err(No::Refusal(Refusal::TooFewApprovers {
                    from: glass.review_by.clone(),
                    needed: 1,
                    eligible: 0,
                }))
            }
            _ => Ok(able),
        }
    }
}

/// The form before policy has said anything.
pub(super) fn plain_form(entered: &Entered, carried: Carried, notice: Option<String>) -> Form {
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

fn what(policy: &Policy, name: &str) -> Option<What> {
    if let Some(bundle) = policy.bundle(name) {
        return Some(What {
            name: bundle.name,
            about: bundle.description,
            bundle: true,
        });
    }
    let mut resources = policy.resources();
    let found = resources.find(|resource| resource.name.as_str().eq_ignore_ascii_case(name))?;
    Some(What {
        name: found.name.to_string(),
        about: found.description,
        bundle: false,
    })
}

/// The roles of it that its holder may ask for.
fn roles(policy: &Policy, ask: &Ask, what: Option<&What>) -> Vec<RoleName> {
    let mut groups: BTreeSet<GroupName> = policy.groups_of(&ask.person.identities);
    groups.extend(ask.standing.groups.iter().cloned());
    let all = policy.resources_for_groups(&groups).into_iter();
    let name = what.map(|what| what.name.as_str());
    let mut found = all.filter(|(resource, _)| Some(resource.name.as_str()) == name);
    let roles = found.next().map(|(_, roles)| roles).unwrap_or_default();
    roles.into_iter().map(|(role, _)| role).collect()
}

enum Chosen {
    Role(RoleName),
    /// One that is not there.
    Unknown,
    None,
}

fn chosen_role(roles: &[RoleName], wanted: Option<&str>) -> Chosen {
    let Some(wanted) = wanted else {
        return match roles {
            [one] => Chosen::Role(one.clone()),
            _ => Chosen::None,
        };
    };
    let same = |role: &&RoleName| role.as_str().to_lowercase() == wanted.to_lowercase();
    match (roles.iter().find(same), roles) {
        (Some(role), _) | (None, [role]) => Chosen::Role(role.clone()),
        (None, _) => Chosen::Unknown,
    }
}

/// The lengths that all of these rules offer, and the one that is chosen.
pub(super) fn times(offers: &[Offer], wanted: Option<&Time>) -> Times {
    let most = offers.iter().map(|offer| offer.limit).min();
    let fits = |span: &Span| most.is_none_or(|most| *span <= most);
    let bound: Vec<&Offer> = (offers.iter())
        .filter(|offer| !offer.durations.is_empty())
        .collect();
    let free = bound.is_empty();
    let default = offers.iter().filter_map(|offer| offer.default).min();
    let mut offered: BTreeSet<Span> = match bound.first() {
        Some(first) => first.durations.iter().copied().collect(),
        None => LENGTHS
            .iter()
            .map(|minutes| Span::minutes(*minutes))
            .chain(most)
            .collect(),
    };
    offered.retain(|span| fits(span) && bound.iter().all(|offer| offer.durations.contains(span)));
    if free {
        offered.extend(default.filter(fits));
    }
    let mut chosen = None;
    let mut other = None;
    match wanted {
        Some(Time::Said(words)) if free => {
            chosen = Span::parse(words).ok();
            other = Some(words.clone());
        }
        Some(Time::Of(span)) if free && !fits(span) => chosen = most,
        Some(Time::Of(span)) if free => {
            offered.insert(*span);
            chosen = Some(*span);
        }
        Some(Time::Of(span)) => chosen = Some(*span).filter(|span| offered.contains(span)),
        _ => {}
    }
    let offered: Vec<Span> = offered.into_iter().collect();
    if other.is_none() {
        let known = |span: &Span| offered.contains(span);
        let short = offered.iter().rev().find(|span| **span <= USUAL);
        let first = default
            .filter(known)
            .or(short.copied())
            .or(offered.first().copied());
        chosen = chosen.or(first);
    }
    Times {
        offered,
        chosen,
        free,
        other,
        most,
    }
}

/// What these rules want of a reason, a ticket and a start, and whether break-glass can be chosen.
pub(super) fn requirements(form: &mut Form, entered: &Entered, offers: &[Offer]) {
    form.reason.wanted = offers.iter().find_map(|offer| offer.reason.clone());
    let ticket = offers.iter().find_map(|offer| offer.ticket.clone());
    form.ticket = ticket.map(|wanted| Words {
        typed: entered.ticket.clone(),
        wanted: Some(wanted),
    });
    let starts: Option<Vec<_>> = offers.iter().map(|offer| offer.start).collect();
    let starts = starts.filter(|starts| !starts.is_empty());
    form.start = starts.and_then(|starts| {
        Some(Start {
            at: entered.start,
            least: starts.iter().filter_map(|(least, _)| *least).max(),
            most: starts.iter().map(|(_, most)| *most).min()?,
        })
    });
    let glass = !offers.is_empty() && offers.iter().all(|offer| offer.break_glass);
    form.emergency = (glass || entered.break_glass).then_some(entered.break_glass);
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
fn able(route: &Route, roster: &Roster, ask: &Ask) -> Vec<Vec<PersonId>> {
    let own = ask.own();
    match route {
        Route::Automatic { .. } => Vec::new(),
        Route::BreakGlass(glass) => {
            let people = roster.people(&glass.review_by, &own);
            vec![people.into_iter().collect()]
        }
        Route::Steps(steps) => (steps.iter())
            .map(|step| roster.eligible(step, &own).into_iter().collect())
            .collect(),
    }
}
