//! Who is called for a step, and when. Nobody is called while it is quiet on their own clock, and
//! everybody is once it no longer is: quiet hours put a call off, and never cancel it.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Chase, GroupName, PersonId, Request, RequestState, Step};

/// A moment at which others are called than before, and the people who are called then for the first
/// time; none where only others may decide from then on.
pub(super) type Turn = (DateTime<Utc>, Vec<PersonId>);

/// A step as it is being asked.
pub(super) struct Asking<'a> {
    request: &'a Request,
    step: &'a Step,
    escalated: bool,
    /// Since when.
    since: DateTime<Utc>,
    /// When nobody waits for it any more.
    until: DateTime<Utc>,
}

impl Request {
    /// The people who are mentioned for the step that waits: whom the policy names for that moment,
    /// without those who have approved and those whom it is for, and without those for whom it is
    /// quiet on their own clock.
    pub fn called(&self, at: DateTime<Utc>) -> Vec<PersonId> {
        self.asking()
            .map_or_else(Vec::new, |asking| asking.called(at))
    }

    /// The people who were mentioned when the request was made, for its first step.
    pub fn called_first(&self) -> Vec<PersonId> {
        let step = self.terms.route.steps().first();
        step.map_or_else(Vec::new, |step| self.called_for(step, self.asked_at))
    }

    /// The people who are mentioned when that step begins.
    pub fn called_for(&self, step: &Step, at: DateTime<Utc>) -> Vec<PersonId> {
        awake_of(self, step, (at, false))
    }

    /// The people of these groups whose word is still missing.
    pub fn called_of(&self, groups: &[GroupName]) -> Vec<PersonId> {
        without_approvals(self, self.roster.people(groups, &self.own()))
    }

    /// The people who are asked once more: of those who are mentioned the ones who can decide now,
    /// since whoever cannot was told when it was asked. Where none of them can, whoever can, so that a
    /// reminder never reaches nobody. Nobody for whom it is quiet on their own clock.
    pub fn called_again(&self, mentioned: &[GroupName], at: DateTime<Utc>) -> Vec<PersonId> {
        let again = |asking: Asking<'_>| asking.called_again(mentioned, at);
        self.asking().map_or_else(Vec::new, again)
    }

    /// The people who may decide just then and can be called for it. In hours that are quiet where the
    /// policy is, those who stand in, and whoever is awake all the same.
    pub fn awake(&self, at: DateTime<Utc>) -> Vec<PersonId> {
        let Some(step) = self.current_step() else {
            return Vec::new();
        };
        if step.quiet.as_ref().is_some_and(|quiet| quiet.covers(at)) {
            return self.called(at);
        }
        awake(self, step, &self.deciding(at), at)
    }

    /// Until when it is quiet for everybody who could be called; none where somebody can be, or where
    /// nobody is known.
    pub fn all_quiet_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let asking = self.asking()?;
        let asleep = asking.reached(now).is_empty();
        asleep.then(|| asking.wakes_after(now)).flatten()
    }

    /// The request as it is once the time of its first call is known: quiet hours that end are one,
    /// for those who were left out.
    #[must_use]
    pub fn with_first_call(mut self, now: DateTime<Utc>) -> Self {
        let first = self.first_call(now);
        if let (RequestState::Pending { chase, .. }, Some(first)) = (&mut self.state, first) {
            chase.nudge_at = Some(first);
        }
        self
    }

    /// When somebody is called next for a step that has just begun, or was just escalated; none where
    /// that is when the rule alone would have it.
    pub(super) fn first_call(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let asking = self.asking()?;
        let next = asking.next(now, true);
        next.filter(|_| next != Chase::begin(Some(asking.step), now).nudge_at)
    }

    /// The step that waits.
    pub(super) fn asking(&self) -> Option<Asking<'_>> {
        let RequestState::Pending {
            chase,
            step: index,
            expires_at,
            approvals,
        } = &self.state
        else {
            return None;
        };
        let step = self.current_step()?;
        let earlier = approvals.iter().filter(|given| given.step < *index);
        let begun = earlier.map(|given| given.at).max();
        let begun = begun.unwrap_or(self.asked_at);
        let escalation = step.escalate.as_ref().filter(|_| chase.escalated);
        Some(Asking {
            request: self,
            step,
            escalated: chase.escalated,
            since: escalation.map_or(begun, |escalate| begun + TimeDelta::from(escalate.after)),
            until: *expires_at,
        })
    }
}

impl Asking<'_> {
    fn called(&self, at: DateTime<Utc>) -> Vec<PersonId> {
        awake_of(self.request, self.step, (at, self.escalated))
    }

    fn called_again(&self, mentioned: &[GroupName], at: DateTime<Utc>) -> Vec<PersonId> {
        let deciding = self.step.deciding(at, self.escalated);
        let deciding = awake(self.request, self.step, &deciding, at);
        let able = awake(self.request, self.step, mentioned, at).into_iter();
        let able: Vec<PersonId> = able.filter(|person| deciding.contains(person)).collect();
        if able.is_empty() { deciding } else { able }
    }

    /// Whom a reminder would reach at that moment.
    pub(super) fn reached(&self, at: DateTime<Utc>) -> Vec<PersonId> {
        self.called_again(&self.step.mentioned(at, self.escalated), at)
    }

    /// When the step is looked at next: once somebody can be called who could not before, and, where
    /// the same people are to be asked again, when the rule says so. Where nobody can be called now,
    /// that waits until somebody can.
    pub(super) fn next(&self, now: DateTime<Utc>, again: bool) -> Option<DateTime<Utc>> {
        let turn = self
            .turns(now)
            .into_iter()
            .map(|(at, _)| at)
            .find(|at| now < *at);
        let nudge = self.step.nudge.filter(|_| again);
        let nudge = nudge.map(|after| now + TimeDelta::from(after));
        let asleep = self.reached(now).is_empty();
        let wakes = asleep.then(|| self.wakes_after(now)).flatten();
        turn.into_iter().chain(wakes.or(nudge)).min()
    }

    /// The first moment at which somebody can be called again.
    pub(super) fn wakes_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let edges = self.edges().into_iter().filter(|edge| now < *edge);
        edges
            .into_iter()
            .find(|edge| !self.reached(*edge).is_empty())
    }

    /// The moments at which others are called than before, or may decide, from the beginning of the
    /// step to the first one after `now`.
    pub(super) fn turns(&self, now: DateTime<Utc>) -> Vec<Turn> {
        let mut known: BTreeSet<PersonId> = self.called(self.since).into_iter().collect();
        let mut turns = Vec::new();
        let edges = self.edges().into_iter().filter(|edge| self.since < *edge);
        for edge in edges {
            let called = self.called(edge).into_iter();
            let first: Vec<PersonId> = called.filter(|person| known.insert(*person)).collect();
            if !first.is_empty() || self.is_edge_of_policy(edge) {
                turns.push((edge, first));
                if now < edge {
                    break;
                }
            }
        }
        turns
    }

    /// Every moment at which quiet hours end for somebody, or begin or end where the policy is, while
    /// the request waits.
    fn edges(&self) -> BTreeSet<DateTime<Utc>> {
        let own = self.request.roster.quiet.values().flatten();
        let own = own.map(|(_, until)| *until);
        let policy = self.step.quiet.iter().flat_map(|quiet| &quiet.windows);
        let policy = policy.flat_map(|(from, until)| [*from, *until]);
        own.chain(policy)
            .filter(|edge| *edge < self.until)
            .collect()
    }

    fn is_edge_of_policy(&self, at: DateTime<Utc>) -> bool {
        let mut windows = self.step.quiet.iter().flat_map(|quiet| &quiet.windows);
        windows.any(|(from, until)| *from == at || *until == at)
    }
}

/// The people who are mentioned for a step at that moment. In hours that are quiet where the policy
/// is, those who stand in; and besides them whoever is awake where they are.
fn awake_of(
    request: &Request,
    step: &Step,
    (at, escalated): (DateTime<Utc>, bool),
) -> Vec<PersonId> {
    awake(request, step, &step.mentioned(at, escalated), at)
}

/// The same of these groups, without those who have approved.
fn awake(request: &Request, step: &Step, groups: &[GroupName], at: DateTime<Utc>) -> Vec<PersonId> {
    let awake = request.roster.awake(step, groups, &request.own(), at);
    without_approvals(request, awake)
}

fn without_approvals(
    request: &Request,
    people: impl IntoIterator<Item = PersonId>,
) -> Vec<PersonId> {
    let approvals = request.approvals();
    let missing = people
        .into_iter()
        .filter(|person| !approvals.iter().any(|given| given.by.is(*person)));
    missing.collect()
}

#[cfg(test)]
mod tests {
    use super::super::{
        Command, Decision, Event, Member, Quiet, Quorum, Refusal, Span, admit, decide,
    };
    use super::*;
    use crate::domain::properties::request as plain;
    use uuid::Uuid;

    const BOB: u128 = 1;
    const CAROL: u128 = 2;
    const LEE: u128 = 3;

    fn person(n: u128) -> PersonId {
        PersonId::from_uuid(Uuid::from_u128(n))
    }

    /// So many minutes after the request was made.
    fn at(minutes: i64) -> DateTime<Utc> {
        plain(vec![]).asked_at + TimeDelta::minutes(minutes)
    }

    fn dba(nudge: Option<Span>) -> Step {
        Step {
            nudge,
            ..Step::of(vec![GroupName::new("dba")], Quorum::Any(1))
        }
    }

    /// A request of these steps, for whose people it is quiet until then.
    fn request(steps: Vec<Step>, quiet: &[(u128, i64)]) -> Request {
        let mut request = plain(steps);
        let people = |names: &[u128]| names.iter().map(|n| person(*n)).collect();
        let groups = &mut request.roster.groups;
        groups.insert(GroupName::new("dba"), people(&[BOB, CAROL]));
        groups.insert(GroupName::new("leads"), people(&[LEE]));
        for (who, until) in quiet {
            let window = (at(-60), at(*until));
            request.roster.quiet.insert(person(*who), vec![window]);
        }
        request.state = super::super::RequestState::asked(&request.terms, request.asked_at);
        let asked = admit(request.with_first_call(at(0)), at(0));
        asked.unwrap().next
    }

    /// What the clock does to it, minute by minute.
    fn told(request: Request, minutes: i64) -> (Vec<(i64, Event)>, Request) {
        let (mut request, mut told) = (request, Vec::new());
        for minute in 0..=minutes {
            match decide(request.clone(), Command::Nudge, at(minute)) {
                Ok(Decision { next, events, .. }) => {
                    told.extend(events.into_iter().map(|event| (minute, event)));
                    request = next;
                }
                Err(Refusal::NotDue) => {}
                Err(refusal) => panic!("{refusal}"),
            }
        }
        (told, request)
    }

    fn who(event: &Event) -> Vec<u128> {
        match event {
            Event::ApproversCalled { people, .. } => {
                people.iter().map(|one| one.as_uuid().as_u128()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn minutes(told: &[(i64, Event)]) -> Vec<i64> {
        told.iter().map(|(minute, _)| *minute).collect()
    }

    #[test]
    fn a_night_uses_up_no_reminder_and_all_are_called_in_the_morning() {
        let asked = request(
            vec![dba(Some(Span::minutes(15)))],
            &[(BOB, 180), (CAROL, 180)],
        );
        assert_eq!(asked.all_quiet_until(at(0)), Some(at(180)));
        let (told, after) = told(asked, 400);
        assert_eq!(minutes(&told), [180, 195, 210, 225]);
        assert_eq!(who(&told[0].1), [BOB, CAROL]);
        let nudged = |(_, event): &(i64, Event)| matches!(event, Event::ApproversNudged { .. });
        assert!(told[1..].iter().all(nudged));
        assert_eq!(after.all_quiet_until(at(226)), None);
    }

    #[test]
    fn whoever_was_left_out_is_called_once_without_any_reminders_by_rule() {
        let asked = request(vec![dba(None)], &[(BOB, 180), (CAROL, 60)]);
        let (told, _) = told(asked, 400);
        assert_eq!(minutes(&told), [60, 180]);
        assert_eq!((who(&told[0].1), who(&told[1].1)), (vec![CAROL], vec![BOB]));
        let (told, _) = self::told(request(vec![dba(None)], &[]), 400);
        assert_eq!(minutes(&told), [] as [i64; 0]);
    }

    #[test]
    fn a_reminder_that_falls_into_the_night_waits_for_the_morning() {
        let mut asked = request(vec![dba(Some(Span::hours(1)))], &[]);
        for who in [BOB, CAROL] {
            asked
                .roster
                .quiet
                .insert(person(who), vec![(at(90), at(200))]);
        }
        let (told, _) = told(asked, 330);
        assert_eq!(minutes(&told), [60, 120, 200, 260]);
        let Event::CallPutOff { until, .. } = told[1].1 else {
            panic!("{:?}", told[1]);
        };
        assert_eq!(until, at(200));
    }

    #[test]
    fn the_edges_of_the_policys_own_quiet_hours_are_told_without_using_up_a_reminder() {
        let quiet = Quiet {
            windows: vec![(at(30), at(90))],
            fallback: vec![GroupName::new("leads")],
        };
        let step = Step {
            quiet: Some(quiet),
            ..dba(Some(Span::minutes(45)))
        };
        let (told, _) = told(request(vec![step], &[(LEE, 400)]), 200);
        assert_eq!(minutes(&told), [30, 75, 90, 135, 180]);
        assert_eq!((who(&told[0].1), who(&told[2].1)), (vec![LEE], vec![]));
    }

    #[test]
    fn the_next_step_and_an_escalation_wait_for_the_morning_too() {
        let leads = Step::of(vec![GroupName::new("leads")], Quorum::Any(1));
        let asked = request(vec![dba(None), leads], &[(LEE, 120)]);
        let approve = Command::Approve {
            by: Member {
                person: person(BOB),
                also: BTreeSet::new(),
                groups: BTreeSet::from([GroupName::new("dba")]),
            },
            comment: None,
            duration: None,
        };
        let next = decide(asked, approve, at(10)).unwrap().next;
        let (told, _) = told(next, 300);
        assert_eq!((minutes(&told), who(&told[0].1)), (vec![120], vec![LEE]));

        let mut step = dba(None);
        step.escalate = Some(super::super::Escalate {
            after: Span::hours(1),
            to: vec![GroupName::new("leads")],
        });
        let asked = request(vec![step], &[(LEE, 120)]);
        let next = decide(asked, Command::Escalate, at(60)).unwrap().next;
        let (told, _) = self::told(next, 300);
        assert_eq!((minutes(&told), who(&told[0].1)), (vec![120], vec![LEE]));
    }

    #[test]
    fn what_was_written_before_there_were_first_calls_is_still_read() {
        for (old, step) in [
            (r#"{"event":"step_finished","step":0}"#, 0),
            (r#"{"event":"step_escalated","step":1,"to":["leads"]}"#, 1),
        ] {
            let read: Event = serde_json::from_str(old).unwrap();
            let known = match &read {
                Event::StepFinished { step, call_at }
                | Event::StepEscalated { step, call_at, .. } => (*step, *call_at),
                other => panic!("{other:?}"),
            };
            assert_eq!(known, (step, None));
            assert_eq!(
                serde_json::to_string(&read).unwrap(),
                old,
                "and written as before"
            );
        }
    }
}
