//! From an ask to a verdict: `evaluate` is the last line of what `explain` tells.
//!
//! Order: any rule that denies wins; then the first other rule that matches decides; where none
//! matches, nothing is allowed. What a rule requires does not choose the rule: an ask that does not
//! bring it along is refused, and no later rule is tried.

use std::collections::BTreeSet;

use super::explain::{Explanation, RuleOutcome, Tried};
use super::suggest;
use super::{Policy, Resource, Rule, RuleDecision};
use crate::domain::{
    Ask, ConnectorSpec, GroupName, Identity, Person, PostgresMode, Refusal, ResourceCard, RoleName,
    Route, Span, Target, Terms, Verdict,
};

/// The longest reason in characters: what a card can show without cutting.
const LONGEST_REASON: usize = 2_000;

/// Evaluates an ask and keeps every step of the way.
pub(super) fn explain(policy: &Policy, ask: &Ask) -> Explanation {
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
    let (decisive, tried) = try_rules(policy, resource, role, &explanation.groups);
    explanation.tried = tried;
    explanation.verdict = match decisive {
        None => Verdict::Refused(Refusal::NoRule {
            resource: resource.facts.name.clone(),
            role: role.clone(),
        }),
        Some(rule) => decide(policy, rule, resource, role, ask),
    };
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

fn decide(
    policy: &Policy,
    rule: &Rule,
    resource: &Resource,
    role: &RoleName,
    ask: &Ask,
) -> Verdict {
    let route = match rule.decision {
        RuleDecision::Deny => {
            return Verdict::Refused(Refusal::DeniedByRule {
                rule: rule.name.clone(),
                message: rule.message.clone().unwrap_or_default(),
            });
        }
        RuleDecision::Approve => Route::Automatic,
        RuleDecision::Review => Route::Steps(rule.steps.clone()),
    };
    if let Some(refusal) = unmet(policy, rule, resource, role, ask) {
        return Verdict::Refused(refusal);
    }
    Verdict::Terms(Box::new(Terms {
        rule: rule.name.clone(),
        policy: policy.hash.clone(),
        route,
        duration: ask.duration,
        request_ttl: policy.request_ttl,
        remind_before: policy.remind_before,
        channel: policy.channel_of(rule, resource).to_owned(),
        fallback_channel: policy.fallback_channel.clone(),
        target: target(policy, resource, role, &ask.person),
        card: card(resource),
    }))
}

/// What the rule requires and the ask does not bring along.
fn unmet(
    policy: &Policy,
    rule: &Rule,
    resource: &Resource,
    role: &RoleName,
    ask: &Ask,
) -> Option<Refusal> {
    let length = ask.reason.chars().count();
    if length > LONGEST_REASON {
        return Some(Refusal::ReasonTooLong {
            length,
            limit: LONGEST_REASON,
        });
    }
    let limit = policy.limit(rule);
    if ask.duration > limit {
        return Some(Refusal::TooLong {
            asked: ask.duration,
            limit,
            resource: resource.facts.name.clone(),
            role: role.clone(),
        });
    }
    let reason = rule.reason.as_ref()?;
    if reason.pattern.is_match(ask.reason.trim()) {
        return None;
    }
    let words = || match reason.pattern.as_str() {
        "." | ".+" => "Please say why you need it.".to_owned(),
        pattern => format!("Please give a reason that has the form `{pattern}`."),
    };
    Some(Refusal::ReasonNeeded {
        message: reason.message.clone().unwrap_or_else(words),
    })
}

fn target(policy: &Policy, resource: &Resource, role: &RoleName, person: &Person) -> Target {
    let named = resource.roles.iter().find(|(name, _)| name == role);
    Target {
        connector: resource.connector.clone(),
        spec: resource.spec.clone(),
        role: named.map_or_else(|| role.to_string(), |(_, at_target)| at_target.clone()),
        subject: subject(policy, resource, person),
    }
}

/// What the target calls the person: the login that `people` names for the connector; else, where a
/// PostgreSQL login must exist already, the part of the e-mail before the `@`; else the e-mail; and
/// where there is no e-mail, the Slack user id.
fn subject(policy: &Policy, resource: &Resource, person: &Person) -> String {
    let identities = &person.identities;
    if let Some(login) = policy.people.login(identities, &resource.connector) {
        return login.to_owned();
    }
    if let Some(email) = policy.people.email(identities) {
        let local = email.split('@').next().unwrap_or_default();
        return match &resource.spec {
            ConnectorSpec::Postgres(spec) if spec.mode == PostgresMode::Membership => {
                local.to_owned()
            }
            ConnectorSpec::Postgres(_) | ConnectorSpec::Webhook(_) => email,
        };
    }
    let slack = identities.iter().find_map(|identity| match identity {
        Identity::Slack { user, .. } => Some(user.clone()),
        Identity::Email(_) => None,
    });
    slack.unwrap_or_else(|| person.id.to_string())
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
