//! From an ask to a verdict: `evaluate` is the last line of what `explain` tells.
//!
//! Order: any rule that denies wins; then the first other rule that matches decides; where none
//! matches, nothing is allowed. What a rule requires does not choose the rule: an ask that does not
//! bring it along is refused, and no later rule is tried.

use std::collections::BTreeSet;

use super::explain::{Explanation, RuleOutcome, Tried};
use super::file::ReasonRule;
use super::suggest;
use super::{Policy, Resource, Rule, RuleDecision};
use crate::domain::{
    Ask, Circumstances, ConnectorSpec, GroupName, Identity, PostgresMode, Refusal, ResourceCard,
    RoleName, Route, Span, Target, Terms, Verdict,
};

/// The longest reason in characters: what a card can show without cutting.
const LONGEST_REASON: usize = 2_000;

/// Evaluates an ask and keeps every step of the way.
pub(super) fn explain(policy: &Policy, ask: &Ask, _circumstances: &Circumstances) -> Explanation {
    let groups = policy.groups_of(&ask.person.identities);
    let mut explanation = Explanation {
        verdict: Verdict::Refused(no_such_resource(policy, &ask.resource)),
        resource: None,
        role: None,
        groups,
        tried: Vec::new(),
    };
    let Some(resource) = find_resource(policy, &ask.resource) else {
        return explanation;
    };
    explanation.resource = Some(resource.facts.name.clone());
    let role = match find_role(resource, ask.role.as_deref()) {
        Ok(role) => role,
        Err(refusal) => {
            explanation.verdict = Verdict::Refused(refusal);
            return explanation;
        }
    };
    explanation.role = Some(role.clone());
    let case = Case {
        policy,
        resource,
        role,
        ask,
    };
    let (decisive, tried) = try_rules(policy, resource, role, &explanation.groups);
    explanation.tried = tried;
    explanation.verdict = decisive.map_or_else(|| case.no_rule(), |rule| case.decide(rule));
    explanation
}

/// What a person in these groups may ask for on a resource: role and longest duration.
pub(super) fn roles_for(
    policy: &Policy,
    resource: &Resource,
    groups: &BTreeSet<GroupName>,
) -> Vec<(RoleName, Span)> {
    let limit = |role: &RoleName| match try_rules(policy, resource, role, groups).0 {
        Some(rule) if rule.decision != RuleDecision::Deny => Some(policy.limit(rule)),
        _ => None,
    };
    (resource.facts.roles.iter())
        .filter_map(|role| Some((role.clone(), limit(role)?)))
        .collect()
}

/// Tries the rules in the order in which they count, up to the one that decides.
fn try_rules<'a>(
    policy: &'a Policy,
    resource: &Resource,
    role: &RoleName,
    groups: &BTreeSet<GroupName>,
) -> (Option<&'a Rule>, Vec<Tried>) {
    let denies = |rule: &&Rule| rule.decision == RuleDecision::Deny;
    let (deny, other): (Vec<_>, Vec<_>) = policy.rules.iter().partition(denies);
    let mut tried = Vec::new();
    for rule in deny.into_iter().chain(other) {
        let mismatches = rule.matcher.mismatches(&resource.facts, role, groups);
        let matched = mismatches.is_empty();
        tried.push(Tried {
            rule: rule.name.clone(),
            decision: rule.decision,
            outcome: if matched {
                RuleOutcome::Matched
            } else {
                RuleOutcome::NotMatched(mismatches)
            },
        });
        if matched {
            return (Some(rule), tried);
        }
    }
    (None, tried)
}

/// An ask whose resource and role were found.
struct Case<'a> {
    policy: &'a Policy,
    resource: &'a Resource,
    role: &'a RoleName,
    ask: &'a Ask,
}

impl Case<'_> {
    fn no_rule(&self) -> Verdict {
        Verdict::Refused(Refusal::NoRule {
            resource: self.resource.facts.name.clone(),
            role: self.role.clone(),
        })
    }

    fn decide(&self, rule: &Rule) -> Verdict {
        let route = match rule.decision {
            RuleDecision::Deny => {
                return Verdict::Refused(Refusal::DeniedByRule {
                    rule: rule.name.clone(),
                    message: rule.message.clone().unwrap_or_default(),
                });
            }
            RuleDecision::Approve => Route::Automatic {
                why: format!("the rule “{}” approves by itself", rule.name),
            },
            RuleDecision::Review => Route::Steps(rule.steps.clone()),
        };
        match self.unmet(rule) {
            Some(refusal) => Verdict::Refused(refusal),
            None => Verdict::Terms(Box::new(self.terms(rule, route))),
        }
    }

    fn terms(&self, rule: &Rule, route: Route) -> Terms {
        let policy = self.policy;
        Terms {
            rule: rule.name.clone(),
            policy: policy.hash.clone(),
            route,
            duration: self.ask.duration.unwrap_or(policy.limit(rule)),
            start: None,
            start_within: Span::hours(1),
            ticket: None,
            revokers: Vec::new(),
            inform: crate::domain::Inform::default(),
            tightened_by: None,
            request_ttl: policy.request_ttl,
            remind_before: policy.remind_before,
            channel: policy.channel_of(rule, self.resource).to_owned(),
            fallback_channel: policy.fallback_channel.clone(),
            target: self.target(),
            card: card(self.resource),
        }
    }

    /// What the rule requires and the ask does not bring along.
    fn unmet(&self, rule: &Rule) -> Option<Refusal> {
        let length = self.ask.reason.chars().count();
        if length > LONGEST_REASON {
            return Some(Refusal::ReasonTooLong {
                length,
                limit: LONGEST_REASON,
            });
        }
        let limit = self.policy.limit(rule);
        if let Some(asked) = self.ask.duration
            && asked > limit
        {
            return Some(Refusal::TooLong {
                asked,
                limit,
                resource: self.resource.facts.name.clone(),
                role: self.role.clone(),
            });
        }
        let wanted = rule.reason.as_ref()?;
        (!wanted.pattern.is_match(self.ask.reason.trim())).then(|| reason_needed(wanted))
    }

    fn target(&self) -> Target {
        let resource = self.resource;
        let at_target = resource.roles.iter().find(|(name, _)| name == self.role);
        Target {
            connector: resource.connector.clone(),
            spec: resource.spec.clone(),
            role: at_target.map_or_else(|| self.role.to_string(), |(_, name)| name.clone()),
            subject: self.subject(),
        }
    }

    /// What the target calls the person: the login that `people` names for the connector; else,
    /// where a PostgreSQL login must exist already, the part of the e-mail before the `@`; else the
    /// e-mail; and where there is no e-mail, the Slack user id.
    fn subject(&self) -> String {
        let person = &self.ask.person;
        let people = &self.policy.people;
        if let Some(login) = people.login(&person.identities, &self.resource.connector) {
            return login.to_owned();
        }
        if let Some(email) = people.email(&person.identities) {
            let local = email.split('@').next().unwrap_or_default();
            return match &self.resource.spec {
                ConnectorSpec::Postgres(spec) if spec.mode == PostgresMode::Membership => {
                    local.to_owned()
                }
                ConnectorSpec::Postgres(_) | ConnectorSpec::Webhook(_) => email,
            };
        }
        let slack = person
            .identities
            .iter()
            .find_map(|identity| match identity {
                Identity::Slack { user, .. } => Some(user.clone()),
                Identity::Email(_) => None,
            });
        slack.unwrap_or_else(|| person.id.to_string())
    }
}

fn reason_needed(wanted: &ReasonRule) -> Refusal {
    let words = || match wanted.pattern.as_str() {
        "." | ".+" => "Please say why you need it.".to_owned(),
        pattern => format!("Please give a reason that has the form `{pattern}`."),
    };
    Refusal::ReasonNeeded {
        message: wanted.message.clone().unwrap_or_else(words),
    }
}

fn card(resource: &Resource) -> ResourceCard {
    ResourceCard {
        description: resource.description.clone(),
        sensitivity: resource.facts.sensitivity.clone(),
        how_to_connect: resource.how_to_connect.clone(),
        labels: resource.facts.labels.clone(),
    }
}

/// What a person typed, without the decoration that chat puts around names.
fn bare(typed: &str) -> &str {
    let decoration = |c: char| c.is_whitespace() || "`#*'\"“”‘’".contains(c);
    typed.trim_matches(decoration)
}

fn find_resource<'a>(policy: &'a Policy, typed: &str) -> Option<&'a Resource> {
    let wanted = bare(typed).to_lowercase();
    let mut resources = policy.resources.values();
    resources.find(|resource| resource.facts.name.as_str().to_lowercase() == wanted)
}

fn no_such_resource(policy: &Policy, typed: &str) -> Refusal {
    let names = policy
        .resources
        .keys()
        .map(crate::domain::ResourceName::as_str);
    let near = suggest::nearest(bare(typed), names);
    Refusal::NoSuchResource {
        asked: bare(typed).to_owned(),
        suggestions: near.into_iter().map(ToOwned::to_owned).collect(),
    }
}

fn find_role<'a>(resource: &'a Resource, typed: Option<&str>) -> Result<&'a RoleName, Refusal> {
    let roles = &resource.facts.roles;
    let names = || roles.iter().map(ToString::to_string).collect();
    match (typed.map(bare), &resource.default_role, roles.as_slice()) {
        (Some(typed), _, _) if !typed.is_empty() => {
            let wanted = typed.to_lowercase();
            let found = roles
                .iter()
                .find(|role| role.as_str().to_lowercase() == wanted);
            found.ok_or_else(|| Refusal::NoSuchRole {
                resource: resource.facts.name.clone(),
                asked: typed.to_owned(),
                roles: names(),
            })
        }
        (_, Some(role), _) | (_, None, [role]) => Ok(role),
        (_, None, _) => Err(Refusal::RoleNeeded {
            resource: resource.facts.name.clone(),
            roles: names(),
        }),
    }
}
