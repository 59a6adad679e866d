//! Whether there are people enough for what is asked of them. Nobody approves twice, so they are
//! counted over all steps together.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::seats::shortage;
use super::{Approval, GroupName, PersonId, Refusal, Request, RequestState, Roster, Step};

impl Roster {
    /// Whether all these steps can be finished by these people, or why not. Those who stand in at
    /// that moment count; an escalation, which may never come, does not.
    ///
    /// # Errors
    /// [`Refusal::TooFewApprovers`] for the groups that are short of people.
    pub fn check_route(
        &self,
        steps: &[Step],
        own: &[PersonId],
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        check(steps, |index, from| {
            let stand_ins = steps[index].stand_ins(now, false);
            self.people(from.iter().chain(&stand_ins), own)
        })
    }
}

impl Request {
    /// Whether what is still asked can be finished by the people of its roster, or why not. Who has
    /// approved counts in the step that is asked, if it was there, and in no later one.
    ///
    /// # Errors
    /// [`Refusal::TooFewApprovers`] for the groups that are short of people.
    pub fn check_rest(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let RequestState::Pending {
            step: current,
            chase,
            ..
        } = &self.state
        else {
            return Ok(());
        };
        let rest = self.terms.route.steps().get(*current..).unwrap_or_default();
        let own = self.own();
        let approvals = self.approvals().iter();
        let here: Vec<&Approval> = approvals.filter(|given| given.step == *current).collect();
        check(rest, |index, from| {
            let step = &rest[index];
            let stand_ins = step.stand_ins(now, index == 0 && chase.escalated);
            let mut takers = self.roster.people(from.iter().chain(&stand_ins), &own);
            takers.retain(|person| !self.has_approved(*person));
            let given = here.iter().filter(|_| index == 0);
            let counts = given.filter(|given| {
                let stood_in = step.stand_ins(given.at, chase.escalated);
                let mut groups = from.iter().chain(&stood_in);
                groups.any(|group| given.by.groups.contains(group))
            });
            takers.extend(counts.map(|given| given.by.person));
            takers
        })
    }

    fn has_approved(&self, person: PersonId) -> bool {
        self.approvals().iter().any(|given| given.by.is(person))
    }
}

/// Whether all seats of these steps can be taken. `takers` says for a step, by its number, who could
/// sit on its seats for some of its groups.
fn check(
    steps: &[Step],
    takers: impl Fn(usize, &[GroupName]) -> BTreeSet<PersonId>,
) -> Result<(), Refusal> {
    let (mut seats, mut groups) = (Vec::new(), Vec::new());
    for (index, step) in steps.iter().enumerate() {
        seats.extend(step.seats(|from| takers(index, from)));
        groups.extend(step.seat_groups());
    }
    let Some(short) = shortage(&seats) else {
        return Ok(());
    };
    let mut from: Vec<GroupName> = Vec::new();
    for group in short.kinds.iter().flat_map(|kind| groups[*kind]) {
        if !from.contains(group) {
            from.push(group.clone());
        }
    }
    Err(Refusal::TooFewApprovers {
        from,
        needed: short.needed,
        eligible: short.people,
    })
}
