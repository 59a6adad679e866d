//! `jit policy explain`

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use clap::Args;

use super::super::{Failure, out};
use super::{load, or_set};
use crate::clock::Clock;
use crate::domain::{
    Ask, Asker, Circumstances, GroupName, Person, RuleName, Span, Standing, Verdict,
};
use crate::policy::report::{bundle_data, bundle_text, explanation_data, explanation_text};
use crate::policy::suite::{Before, Moment, Stage, parts as parts_of, person, whole};
use crate::policy::{Bundle, Policy};

#[derive(Args, Debug)]
#[command(
    override_usage = "jit policy explain [OPTIONS] <WHO> <RESOURCE> [ROLE] [DURATION]",
    after_help = "\
Examples:
  jit policy explain dana staging-db 1h
  jit policy explain dana@acme.example staging-db readwrite 1h --reason INC-42
  jit policy explain dana staging-db 1h --at 'sat 23:00'       what if it were then?
  jit policy explain dana staging-db 1h --in oncall            what if Dana were on call?
  jit policy explain bob staging-db 1h --for dana --json
  jit policy explain dana staging-db 1h --extends 4h           what if Dana held it for 4h and wants more?
  jit policy explain dana staging-db 1h --used-up 'read fast'  what if that rule approved as often as it may?
  jit policy explain dana shop-incident 1h --reason INC-42     a bundle: every part of it

Nobody is asked: who is in a group with a source of its own (on-call, a Slack user group) is taken
from --in. Times are written 2027-03-01T12:00:00Z, or in the policy's time zone '2027-03-01 12:00',
'mon 22:30' or '22:30'.

Exit status: 0 the policy would let it be asked for, 1 it would refuse, 2 it was called wrongly or
the policy cannot be read."
)]
pub(super) struct Arguments {
    /// Who asks: an e-mail address, a Slack user id, or a name of the policy's `people`
    who: String,
    /// What they ask for (a resource, or a bundle), in which role, and for how long
    #[arg(num_args = 1..=3, value_name = "RESOURCE [ROLE] [DURATION]", required = true)]
    what: Vec<String>,
    /// Why they ask
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
    #[arg(long, value_name = "TIME", help = "When they ask [default: now]")]
    at: Option<String>,
    #[arg(
        long,
        value_name = "TIME",
        help = "When the access is to begin [default: at once]"
    )]
    from: Option<String>,
    /// Who is to hold the access, where that is somebody else
    #[arg(long = "for", value_name = "WHO")]
    holder: Option<String>,
    /// What whoever is to hold the access is called besides, where the policy does not say so; may be
    /// given several times
    #[arg(long, value_name = "WHO")]
    also: Vec<String>,
    /// A rule that approved by itself as often as it may, a minute ago; may be given several times
    #[arg(long, value_name = "RULE")]
    used_up: Vec<String>,
    /// Prolong an access that was held for that long until now
    #[arg(long, value_name = "DURATION")]
    extends: Option<String>,
    #[arg(
        long,
        value_name = "TIMES",
        default_value_t = 0,
        hide_default_value = true,
        requires = "extends",
        help = "How often that access was prolonged already"
    )]
    extended: u32,
    /// Ask as break-glass: now, and looked at afterwards
    #[arg(long)]
    break_glass: bool,
    /// A group that whoever is to hold the access is in; may be given several times
    #[arg(long = "in", value_name = "GROUP")]
    groups: Vec<String>,
    /// Whoever is to hold the access is a guest of the workspace
    #[arg(long)]
    guest: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[arg(
        long,
        value_name = "PATH",
        help = "The policy [default: JIT_POLICY, or policy/]"
    )]
    policy: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(self) -> Result<(), Failure> {
        let policy = load(&or_set(self.policy.clone())?)?;
        let stage = self.stage(&policy)?;
        if let Some(bundle) = policy.bundle(&stage.ask.resource) {
            return self.tell_bundle(&policy, &bundle, &stage);
        }
        let explanation = policy.explain(&stage.ask, &stage.circumstances);
        if self.json {
            let data = explanation_data(&policy, &stage, &explanation);
            out::line(format!("{data:#}"))?;
        } else {
            out::line(explanation_text(&policy, &stage, &explanation))?;
        }
        match stage.answer(&policy, &explanation.verdict) {
            Verdict::Terms(_) => Ok(()),
            Verdict::Refused(_) => Err(Failure::Told),
        }
    }

    fn tell_bundle(&self, policy: &Policy, bundle: &Bundle, stage: &Stage) -> Result<(), Failure> {
        if stage.ask.role.is_some() {
            return Err(Failure::usage(anyhow!(
                "`{}` is a bundle, and the policy says which roles it has; leave the role out",
                bundle.name
            )));
        }
        let parts = parts_of(policy, bundle, stage);
        if self.json {
            out::line(format!("{:#}", bundle_data(policy, bundle, &parts)))?;
        } else {
            out::line(bundle_text(policy, bundle, &parts))?;
        }
        match whole(&parts).refusal {
            None => Ok(()),
            Some(_) => Err(Failure::Told),
        }
    }

    fn stage(&self, policy: &Policy) -> Result<Stage, Failure> {
        let mut holder = somebody(policy, self.holder.as_ref().unwrap_or(&self.who))?;
        let asker = somebody(policy, &self.who)?;
        let now = moment(policy, self.at.as_deref(), Clock::Database.wall())?;
        let now = now.unwrap_or_else(|| Clock::Database.wall());
        let (resource, role, duration) = parts(&self.what)?;
        let asker = (asker.id != holder.id).then(|| Asker {
            person: asker,
            standing: Standing::default(),
        });
        for also in &self.also {
            holder.identities.extend(somebody(policy, also)?.identities);
        }
        let ask = Ask {
            role,
            duration,
            reason: self.reason.clone(),
            start: moment(policy, self.from.as_deref(), now)?,
            break_glass: self.break_glass,
            standing: Standing {
                groups: self.groups(policy)?,
                guest: self.guest,
                ..Standing::default()
            },
            asker,
            ..Ask::of(holder, resource)
        };
        let mut stage = Stage::new(ask, Circumstances::at(now));
        stage.set_before(policy, &self.before(policy)?);
        Ok(stage)
    }

    fn before(&self, policy: &Policy) -> Result<Before, Failure> {
        let used_up = self.used_up.iter().map(|name| {
            let rule = RuleName::new(name);
            if policy.uses_of(&rule).is_some() {
                return Ok(rule);
            }
            let limited = policy.rules().filter(|rule| policy.uses_of(rule).is_some());
            let limited: Vec<&str> = limited.map(RuleName::as_str).collect();
            let known = if limited.is_empty() {
                "no rule has one".to_owned()
            } else {
                format!("these have one: {}", limited.join(", "))
            };
            Err(Failure::usage(anyhow!(
                "the policy has no rule `{name}` with a limit of uses; {known}"
            )))
        });
        let held = self.extends.as_ref().map(|text| span(text)).transpose()?;
        Ok(Before {
            used_up: used_up.collect::<Result<_, _>>()?,
            held: held.map(|held| (held, self.extended)),
        })
    }

    /// The groups of `--in`.
    fn groups(&self, policy: &Policy) -> Result<BTreeSet<GroupName>, Failure> {
        let mut groups = BTreeSet::new();
        for name in &self.groups {
            let group = policy.groups().find(|group| group.as_str() == name);
            let Some(group) = group else {
                let known: Vec<&str> = policy.groups().map(GroupName::as_str).collect();
                let known = known.join(", ");
                return Err(Failure::usage(anyhow!(
                    "the policy has no group `{name}`; it has {known}"
                )));
            };
            groups.insert(group.clone());
        }
        Ok(groups)
    }
}

fn somebody(policy: &Policy, said: &str) -> Result<Person, Failure> {
    person(policy, said).map_err(|nobody| Failure::usage(anyhow!("{nobody}; {}", nobody.hint)))
}

fn moment(
    policy: &Policy,
    text: Option<&str>,
    after: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Failure> {
    let Some(text) = text else {
        return Ok(None);
    };
    let moment = Moment::parse(text)
        .ok_or_else(|| Failure::usage(anyhow!("“{text}” is no moment; {}", Moment::FORMS)))?;
    Ok(Some(moment.resolve(policy.timezone(), after)))
}

fn span(text: &str) -> Result<Span, Failure> {
    Span::parse(text).map_err(|fault| Failure::usage(anyhow!("the duration “{text}”: {fault}")))
}

/// Resource, role and duration. The last word is a duration where it reads like one.
fn parts(what: &[String]) -> Result<(String, Option<String>, Option<Span>), Failure> {
    let is_duration = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    match what {
        [resource] => Ok((resource.clone(), None, None)),
        [resource, last] if is_duration(last) => Ok((resource.clone(), None, Some(span(last)?))),
        [resource, role] => Ok((resource.clone(), Some(role.clone()), None)),
        [resource, role, duration] => {
            Ok((resource.clone(), Some(role.clone()), Some(span(duration)?)))
        }
        _ => Err(Failure::usage(anyhow!(
            "name a resource, perhaps a role, and a duration"
        ))),
    }
}
