//! Finding what people typed.

use crate::domain::{Refusal, ResourceName};
use crate::policy::rule::Resource;
use crate::policy::{Policy, suggest};

/// What a person typed, without the decoration that chat puts around names.
pub(in crate::policy) fn bare(typed: &str) -> &str {
    let decoration = |c: char| c.is_whitespace() || "`#*'\"“”‘’".contains(c);
    typed.trim_matches(decoration)
}

/// The resource of that name, in any case.
pub(super) fn resource<'a>(policy: &'a Policy, typed: &str) -> Result<&'a Resource, Refusal> {
    let name = policy.by_name.get(&bare(typed).to_lowercase());
    let found = name.and_then(|name| policy.resources.get(name));
    found.ok_or_else(|| no_such_resource(policy, typed))
}

fn no_such_resource(policy: &Policy, typed: &str) -> Refusal {
    let names = policy.resources.keys().map(ResourceName::as_str);
    let near = suggest::nearest(bare(typed), names);
    Refusal::NoSuchResource {
        asked: bare(typed).to_owned(),
        suggestions: near.into_iter().map(ToOwned::to_owned).collect(),
    }
}

/// The number of the role of that name, in any case; without a name, of the role that needs none.
pub(super) fn role(resource: &Resource, typed: Option<&str>) -> Result<usize, Refusal> {
    let roles = &resource.facts.roles;
    let names = || roles.iter().map(ToString::to_string).collect();
    let name = resource.facts.name.clone();
    if let Some(typed) = typed.map(bare).filter(|typed| !typed.is_empty()) {
        let wanted = typed.to_lowercase();
        let found = roles
            .iter()
            .position(|role| role.as_str().to_lowercase() == wanted);
        return found.ok_or_else(|| Refusal::NoSuchRole {
            resource: name,
            asked: typed.to_owned(),
            roles: names(),
        });
    }
    let default = resource.default_role.as_ref();
    let default = default.and_then(|default| roles.iter().position(|role| role == default));
    match (default, roles.len()) {
        (Some(role), _) => Ok(role),
        (None, 1) => Ok(0),
        (None, _) => Err(Refusal::RoleNeeded {
            resource: name,
            roles: names(),
        }),
    }
}
