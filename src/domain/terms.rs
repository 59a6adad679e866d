//! What the policy said when a request was made. Pinned on the request: a later edit of the policy
//! cannot approve it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::seats::{Seats, shortage};
use super::{GroupName, PersonId, RuleName, Span, Target};

/// The answer of the policy to one request, complete and pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The rule that matched.
    pub rule: RuleName,
    /// The SHA-256 of the policy, in hexadecimal digits.
    pub policy: String,
    /// How the request can be approved.
    pub route: Route,
    /// How long the access lasts at the most, counted from when it is given. Approvers may give
    /// less: see [`Request::granted`](super::Request::granted).
    pub duration: Span,
    /// When it is to begin, where that lies ahead; else it begins once it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<DateTime<Utc>>,
    /// How long an approval that could not be used is good for.
    pub start_within: Span,
    /// The ticket that was found in the reason, where the rule wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Who may take the access away besides its approvers: the policy's admins, and the owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revokers: Vec<GroupName>,
    /// Who asked for what this prolongs, where that was not the holder. Like holder and asker they
    /// decide on none of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barred: Vec<PersonId>,
    /// Who is told of the outcome. They decide nothing.
    #[serde(default, skip_serializing_if = "Inform::is_empty")]
    pub inform: Inform,
    /// The hash of the later policy that last made these terms stricter, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tightened_by: Option<String>,
    /// How often the access can still be prolonged after this, as far as the rule says.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub extensions_left: u32,
    /// The most that a prolongation adds, where the rule has less than its limit for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extend_by: Option<Span>,
    /// How long the request waits for approvers before it expires.
    pub request_ttl: Span,
    /// How long before the end the holder is reminded; short grants use a quarter of their time
    /// when that is less.
    pub remind_before: Span,
    /// The channel for the card, as the policy names it (`#name` or an id).
    pub channel: String,
    /// The channel that is told when the first one cannot be written to.
    pub fallback_channel: Option<String>,
    /// Where and as what the access is given.
    pub target: Target,
    /// What the card shows of the resource.
    pub card: ResourceCard,
}

/// What a rule allows that says nothing of extensions.
fn once() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands a reference over"
)]
fn is_once(count: &u32) -> bool {
    *count == once()
}

impl Terms {
    /// Until when an approval that is not used is good: it lapses by its own limit after that
    /// moment, or after the start that it is for where that is later.
    pub fn unused_until(&self, since: DateTime<Utc>) -> DateTime<Utc> {
        let from = self.start.map_or(since, |start| start.max(since));
        from + TimeDelta::from(self.start_within)
    }
}

/// How a request can be approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The rule approves by itself.
    Automatic {
        /// Why it may, in words for the card: the limits that were kept.
        why: String,
    },
    /// These steps, one after the other. Never empty: the policy refuses a rule without steps.
    Steps(Vec<Step>),
    /// Break-glass: the access is given at once, everybody skipped is told, and somebody must look
    /// at it afterwards.
    BreakGlass(BreakGlass),
}

/// What stands in for the approval of a break-glass request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    /// The steps that were not asked.
    pub skipped: Vec<Step>,
    /// Who may look at it afterwards.
    pub review_by: Vec<GroupName>,
    /// How long after the approval that must be done.
    pub review_within: Span,
}

/// Who is told of an outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inform {
    /// Groups whose people get a direct message.
    #[serde(default)]
    pub people: Vec<GroupName>,
    /// Channels, as the policy names them.
    #[serde(default)]
    pub channels: Vec<String>,
}

impl Inform {
    /// Whether nobody is told.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty() && self.channels.is_empty()
    }
}

impl Route {
    /// The steps that are asked, none where nobody is.
    pub fn steps(&self) -> &[Step] {
        match self {
            Self::Automatic { .. } | Self::BreakGlass(_) => &[],
            Self::Steps(steps) => steps,
        }
    }

    /// The steps that are asked, or that were skipped.
    pub fn steps_or_skipped(&self) -> &[Step] {
        match self {
            Self::Automatic { .. } => &[],
            Self::Steps(steps) => steps,
            Self::BreakGlass(glass) => &glass.skipped,
        }
    }

    /// The groups that may decide at some time, or were skipped, and those that look at it
    /// afterwards. Who is only mentioned is not among them.
    pub fn deciders(&self) -> BTreeSet<GroupName> {
        let steps = self.steps_or_skipped().iter().flat_map(Step::may_ever);
        let reviewers = match self {
            Self::BreakGlass(glass) => glass.review_by.as_slice(),
            Self::Automatic { .. } | Self::Steps(_) => &[],
        };
        steps.chain(reviewers.iter().cloned()).collect()
    }

    /// Every group that the route names: those that may decide, now or after an escalation, those
    /// that are only mentioned, and those that look at it afterwards.
    pub fn groups(&self) -> BTreeSet<GroupName> {
        let steps = self.steps_or_skipped().iter().flat_map(Step::groups);
        let reviewers = match self {
            Self::BreakGlass(glass) => glass.review_by.as_slice(),
            Self::Automatic { .. } | Self::Steps(_) => &[],
        };
        steps.chain(reviewers).cloned().collect()
    }
}

/// One step of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Who may approve: groups, or names from `people`.
    pub from: Vec<GroupName>,
    /// How many of them.
    pub quorum: Quorum,
    /// Who is mentioned when the step is asked; empty for everybody in `from`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ping: Vec<GroupName>,
    /// After how long without a decision they are asked again, and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nudge: Option<Span>,
    /// Who may decide as well when it takes too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate: Option<Escalate>,
    /// When others stand in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
}

/// What happens when a step waits too long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalate {
    /// How long after the step was asked.
    pub after: Span,
    /// Who may decide from then on, besides the others.
    pub to: Vec<GroupName>,
}

/// Hours in which others stand in for the people of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// The quiet times that fall into the life of the request, each from its beginning to its end.
    /// Written out when the request is made, in the zone of the policy. None where none of them does.
    pub windows: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// Who may decide in them besides the others, and is mentioned instead of them.
    pub fallback: Vec<GroupName>,
}

/// How many approvals finish a step. People are counted, never groups; one person counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    /// That many people out of all the groups together.
    Any(u32),
    /// That many people out of each group, each person standing for one group only.
    All(u32),
}

impl Quorum {
    /// How many different people the step needs at the least.
    pub fn people(self, groups: usize) -> usize {
        match self {
            Self::Any(count) => count as usize,
            Self::All(count) => (count as usize).saturating_mul(groups),
        }
    }
}

/// What the card tells about a resource: text from the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceCard {
    /// What the resource is.
    pub description: Option<String>,
    /// How sensitive it is, in the policy's words (`low`, `high`, …).
    pub sensitivity: Option<String>,
    /// How to connect, shown to the holder.
    pub how_to_connect: Option<String>,
    /// The policy's labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Quiet {
    /// Whether that moment lies in a quiet time.
    pub fn covers(&self, now: DateTime<Utc>) -> bool {
        let mut windows = self.windows.iter();
        windows.any(|(from, to)| *from <= now && now < *to)
    }

    /// Who stands in while the request waits; nobody where no quiet time falls into its life.
    fn standing_in(&self) -> &[GroupName] {
        if self.windows.is_empty() {
            &[]
        } else {
            &self.fallback
        }
    }
}

impl Step {
    /// A step that asks these groups, and does nothing else.
    pub fn of(from: Vec<GroupName>, quorum: Quorum) -> Self {
        Self {
            from,
            quorum,
            ping: Vec::new(),
            nudge: None,
            escalate: None,
            quiet: None,
        }
    }

    /// Every group that the step asks, mentions or may ask while the request waits.
    pub fn groups(&self) -> impl Iterator<Item = &GroupName> {
        let escalation = self.escalate.iter().flat_map(|escalate| &escalate.to);
        let quiet = self.quiet.iter().flat_map(Quiet::standing_in);
        self.from
            .iter()
            .chain(&self.ping)
            .chain(escalation)
            .chain(quiet)
    }

    /// The groups that may decide at some time: `from`, after an escalation, in quiet times that come
    /// while the request waits.
    fn may_ever(&self) -> impl Iterator<Item = GroupName> {
        let escalation = self.escalate.iter().flat_map(|escalate| &escalate.to);
        let quiet = self.quiet.iter().flat_map(Quiet::standing_in);
        self.from.iter().chain(escalation).chain(quiet).cloned()
    }

    /// The groups that may decide besides `from`, at that moment.
    pub fn stand_ins(&self, now: DateTime<Utc>, escalated: bool) -> Vec<GroupName> {
        let escalation = self.escalate.iter().filter(|_| escalated);
        let quiet = self.quiet.iter().filter(|quiet| quiet.covers(now));
        let groups = escalation.flat_map(|escalate| &escalate.to);
        groups
            .chain(quiet.flat_map(|quiet| &quiet.fallback))
            .cloned()
            .collect()
    }

    /// The groups that may decide at that moment.
    pub fn deciding(&self, now: DateTime<Utc>, escalated: bool) -> Vec<GroupName> {
        let mut groups = self.from.clone();
        for group in self.stand_ins(now, escalated) {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups
    }

    /// The groups that are mentioned at that moment: in quiet times those who stand in, after an
    /// escalation those as well, else `ping`, or everybody in `from`. All of them may decide, or
    /// were named by the policy on purpose.
    pub fn mentioned(&self, now: DateTime<Utc>, escalated: bool) -> Vec<GroupName> {
        let mut groups = match &self.quiet {
            Some(quiet) if quiet.covers(now) => quiet.fallback.clone(),
            _ if self.ping.is_empty() => self.from.clone(),
            _ => self.ping.clone(),
        };
        let escalation = self.escalate.iter().filter(|_| escalated);
        groups.extend(escalation.flat_map(|escalate| escalate.to.clone()));
        groups
    }

    /// Whether people with these groups, in this order of approval, finish the step. Somebody in a
    /// group that stands in counts like a member of whatever group is missing. Under
    /// [`Quorum::All`] one person in two groups may stand for either.
    pub fn is_met_by<'a>(
        &self,
        people: impl IntoIterator<Item = &'a BTreeSet<GroupName>>,
        stand_ins: &[GroupName],
    ) -> bool {
        let stands_in = |groups: &BTreeSet<GroupName>| stand_ins.iter().any(|g| groups.contains(g));
        self.is_met_by_seats(people.into_iter().map(|groups| (groups, stands_in(groups))))
    }

    /// As [`Step::is_met_by`], where it is known of each whether they stood in when they approved.
    pub(super) fn is_met_by_seats<'a>(
        &self,
        people: impl IntoIterator<Item = (&'a BTreeSet<GroupName>, bool)>,
    ) -> bool {
        let eligible: Vec<_> = people
            .into_iter()
            .filter(|(groups, stands_in)| {
                *stands_in || self.from.iter().any(|group| groups.contains(group))
            })
            .collect();
        match self.quorum {
            Quorum::Any(count) => eligible.len() >= count as usize,
            // Seats beyond the people there are cannot be taken, whoever sits where.
            Quorum::All(_) if eligible.len() < self.quorum.people(self.from.len()) => false,
            Quorum::All(_) => {
                let takers = |from: &[GroupName]| {
                    let fits = |person: &usize| {
                        let (groups, stands_in) = eligible[*person];
                        stands_in || from.iter().any(|group| groups.contains(group))
                    };
                    (0..eligible.len()).filter(fits).collect()
                };
                shortage(&self.seats(takers)).is_none()
            }
        }
    }

    /// The seats that people must take to finish the step, where it is known who of some groups there
    /// are.
    pub fn seats<P>(&self, takers: impl Fn(&[GroupName]) -> BTreeSet<P>) -> Vec<Seats<P>> {
        let (Quorum::Any(count) | Quorum::All(count)) = self.quorum;
        let seats = |from: &[GroupName]| Seats {
            takers: takers(from),
            count: count as usize,
        };
        self.seat_groups().into_iter().map(seats).collect()
    }

    /// The groups that each kind of these seats is for. A step of no groups has a seat for nobody, so
    /// it is never finished.
    pub fn seat_groups(&self) -> Vec<&[GroupName]> {
        match self.quorum {
            Quorum::All(_) if !self.from.is_empty() => self.from.chunks(1).collect(),
            Quorum::Any(_) | Quorum::All(_) => vec![&self.from],
        }
    }
}

/// The pinned terms with what a later policy asks in addition, where the step of that number is asked
/// now: a step that is not finished asks for more people where only that differs; steps that none of
/// the pinned ones covers come after them; and the shorter duration holds. None when that policy asks
/// nothing more. It never takes anything away: a laxer policy changes nothing.
pub fn tightened(pinned: &Terms, fresh: &Terms, current: usize) -> Option<Terms> {
    let mut terms = pinned.clone();
    terms.duration = pinned.duration.min(fresh.duration);
    if let (Route::Steps(steps), Route::Steps(wanted)) = (&mut terms.route, &fresh.route) {
        let mut free: Vec<usize> = (0..steps.len()).collect();
        for step in wanted {
            let covering = free.iter().position(|have| covers(&steps[*have], step));
            let raising = || {
                let mut free = free.iter();
                free.position(|have| current <= *have && raised(&steps[*have], step).is_some())
            };
            match covering.or_else(raising) {
                Some(at) => {
                    let have = &mut steps[free.remove(at)];
                    *have = raised(have, step).unwrap_or_else(|| have.clone());
                }
                None => steps.push(step.clone()),
            }
        }
    }
    if terms == *pinned {
        return None;
    }
    terms.tightened_by = Some(fresh.policy.clone());
    Some(terms)
}

/// The step with as many people as `wanted` asks for, where the same groups are asked and only that
/// is missing.
fn raised(have: &Step, wanted: &Step) -> Option<Step> {
    let same = |one: &Step, other: &Step| one.from.iter().all(|group| other.from.contains(group));
    let more = Step {
        quorum: wanted.quorum,
        ..have.clone()
    };
    let only_more = covers(&more, wanted) && covers(&more, have) && !covers(have, wanted);
    (only_more && same(have, wanted) && same(wanted, have)).then_some(more)
}

/// Whether whoever finishes `have` has done all that `wanted` asks. Who could stand in there must
/// have a say in `wanted` as well: a later policy may have taken it from them.
fn covers(have: &Step, wanted: &Step) -> bool {
    let at_another_hour = wanted.quiet.iter().flat_map(|quiet| &quiet.fallback);
    let everybody: Vec<GroupName> = wanted.may_ever().chain(at_another_hour.cloned()).collect();
    if !have.may_ever().all(|group| everybody.contains(&group)) {
        return false;
    }
    let within = have.from.iter().all(|group| wanted.from.contains(group));
    match (have.quorum, wanted.quorum) {
        (Quorum::Any(have), Quorum::Any(wanted)) => within && have >= wanted,
        (Quorum::All(count), Quorum::Any(wanted)) => {
            within && Quorum::All(count).people(have.from.len()) >= wanted as usize
        }
        (Quorum::All(more), Quorum::All(count)) => {
            more >= count && wanted.from.iter().all(|group| have.from.contains(group))
        }
        (Quorum::Any(_), Quorum::All(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> BTreeSet<GroupName> {
        names.iter().map(|n| GroupName::new(*n)).collect()
    }

    fn step(from: &[&str], quorum: Quorum) -> Step {
        Step::of(from.iter().map(|n| GroupName::new(*n)).collect(), quorum)
    }

    #[test]
    fn any_counts_people_and_not_their_groups() {
        let two = step(&["dba", "lead"], Quorum::Any(2));
        let both = groups(&["dba", "lead"]);
        assert!(
            !two.is_met_by([&both], &[]),
            "one person in two groups is one person"
        );
        assert!(two.is_met_by([&both, &groups(&["lead"])], &[]));
    }

    #[test]
    fn all_needs_a_person_of_each_group_and_finds_the_assignment() {
        let each = step(&["dba", "lead"], Quorum::All(1));
        let both = groups(&["dba", "lead"]);
        assert!(
            !each.is_met_by([&both], &[]),
            "one person stands for one group"
        );
        assert!(!each.is_met_by([&groups(&["dba"]), &groups(&["dba"])], &[]));
        assert!(
            each.is_met_by([&both, &groups(&["dba"])], &[]),
            "the first moves to the other seat"
        );
    }

    #[test]
    fn strangers_do_not_count() {
        assert!(!step(&["dba"], Quorum::Any(1)).is_met_by([&groups(&["web"])], &[]));
    }

    #[test]
    fn who_stands_in_takes_any_seat_and_only_then() {
        let mut each = step(&["dba", "lead"], Quorum::All(1));
        each.escalate = Some(Escalate {
            after: Span::hours(1),
            to: vec![GroupName::new("boss")],
        });
        let (dba, boss) = (groups(&["dba"]), groups(&["boss"]));
        let stand_ins = each.stand_ins(DateTime::UNIX_EPOCH, true);
        assert!(
            !each.is_met_by([&dba, &boss], &[]),
            "not before the escalation"
        );
        assert!(each.is_met_by([&dba, &boss], &stand_ins));
        assert!(
            each.is_met_by([&boss, &boss], &stand_ins),
            "two of them are two people"
        );
        assert!(!each.is_met_by([&boss], &stand_ins));
    }

    #[test]
    fn in_quiet_times_others_decide_as_well_and_are_mentioned_instead() {
        let at = |hours| DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(hours);
        let mut one = step(&["dba"], Quorum::Any(1));
        one.quiet = Some(Quiet {
            windows: vec![(at(1), at(2))],
            fallback: vec![GroupName::new("oncall")],
        });
        let (dba, oncall) = (GroupName::new("dba"), GroupName::new("oncall"));
        for (hour, mentioned, deciding) in [
            (0, vec![dba.clone()], vec![dba.clone()]),
            (1, vec![oncall.clone()], vec![dba.clone(), oncall.clone()]),
            (2, vec![dba.clone()], vec![dba.clone()]),
        ] {
            assert_eq!(one.mentioned(at(hour), false), mentioned, "hour {hour}");
            assert_eq!(one.deciding(at(hour), false), deciding, "hour {hour}");
        }
    }

    fn terms(steps: &[Step], hours: u32) -> Terms {
        let mut terms = crate::domain::properties::request(steps.to_vec()).terms;
        terms.duration = Span::hours(hours);
        terms
    }

    #[test]
    fn a_later_policy_only_ever_adds() {
        let dba = step(&["dba"], Quorum::Any(1));
        let two = step(&["dba"], Quorum::Any(2));
        let wide = step(&["dba", "lead"], Quorum::Any(1));
        let lead = step(&["lead"], Quorum::Any(1));
        let each = step(&["dba", "lead"], Quorum::All(1));
        let three = step(&["dba", "lead"], Quorum::Any(3));
        for (pinned, fresh, steps) in [
            (vec![&dba], vec![&dba], None),
            (vec![&dba], vec![], None),
            (vec![&two], vec![&dba], None),
            (vec![&dba], vec![&wide], None),
            (vec![&each], vec![&wide], None),
            (vec![&dba], vec![&two], Some(vec![&two])),
            (vec![&wide], vec![&dba], Some(vec![&wide, &dba])),
            (vec![&wide], vec![&each], Some(vec![&each])),
            (vec![&each], vec![&three], Some(vec![&each, &three])),
            (vec![&dba, &dba], vec![&dba, &two], Some(vec![&dba, &two])),
            (vec![&dba], vec![&dba, &lead], Some(vec![&dba, &lead])),
            (vec![&dba], vec![&dba, &dba], Some(vec![&dba, &dba])),
        ] {
            let own =
                |steps: &[&Step]| steps.iter().map(|step| (*step).clone()).collect::<Vec<_>>();
            let tight = tightened(&terms(&own(&pinned), 2), &terms(&own(&fresh), 8), 0);
            let now = tight.map(|terms| terms.route.steps().to_vec());
            assert_eq!(
                now,
                steps.map(|steps| own(&steps)),
                "{pinned:?} under {fresh:?}"
            );
        }
        let shorter = tightened(
            &terms(std::slice::from_ref(&dba), 2),
            &terms(std::slice::from_ref(&dba), 1),
            0,
        )
        .unwrap();
        assert_eq!(shorter.duration, Span::hours(1));
        assert_eq!(
            tightened(&shorter, &terms(std::slice::from_ref(&lead), 1), 0)
                .map(|t| t.route.steps().len()),
            Some(2)
        );
    }

    #[test]
    fn what_is_finished_stays_and_only_who_is_asked_now_or_later_are_more() {
        let [one, two] = [1, 2].map(|count| step(&["dba"], Quorum::Any(count)));
        let lead = step(&["lead"], Quorum::Any(1));
        let steps = |steps: &[&Step], fresh: &Step, current| {
            let own: Vec<Step> = steps.iter().map(|step| (*step).clone()).collect();
            let tight = tightened(
                &terms(&own, 2),
                &terms(std::slice::from_ref(fresh), 2),
                current,
            );
            tight.map(|terms| terms.route.steps().to_vec())
        };
        let now = |steps: &[&Step]| Some(steps.iter().map(|step| (*step).clone()).collect());
        assert_eq!(steps(&[&one, &lead], &two, 0), now(&[&two, &lead]));
        assert_eq!(steps(&[&one, &lead], &two, 1), now(&[&one, &lead, &two]));
        assert_eq!(steps(&[&one, &one], &two, 1), now(&[&one, &two]));
        let mut chased = one.clone();
        chased.escalate = Some(Escalate {
            after: Span::hours(1),
            to: vec![GroupName::new("boss")],
        });
        assert_eq!(
            steps(&[&chased], &two, 0),
            now(&[&chased, &two]),
            "who could stand in has no say in what is asked in addition"
        );
    }
}
