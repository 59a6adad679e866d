//! Names, and the access: a person in a role on a resource.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PersonId;

/// Declares a name that the policy file gives to something. Names are compared as written.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the name as it is written in the policy.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as it is written in the policy.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A resource that people may ask access to, such as `staging-db`.
    ResourceName
);
name!(
    /// A role on a resource, such as `readonly`.
    RoleName
);
name!(
    /// A group of people in the policy, or the name of one of its `people`: both may stand in a
    /// step's `from`, so they share one space of names.
    GroupName
);
name!(
    /// A rule of the policy.
    RuleName
);
name!(
    /// A connector of the policy: one configured way to one target.
    ConnectorName
);

/// What is given and taken away: a person in a role on a resource.
///
/// Several grants may cover the same access at once; the target holds it as long as one of them
/// wants it (see [`wanted`](super::wanted())).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Access {
    /// Who holds it.
    pub person: PersonId,
    /// On what.
    pub resource: ResourceName,
    /// In which role.
    pub role: RoleName,
}

impl Access {
    /// A name for objects at a target: the same access always gives the same name, so that doing a
    /// thing twice makes one object. `jit_` and 32 hexadecimal digits (a version-5 UUID).
    pub fn tag(&self) -> String {
        let key = format!("{}\n{}\n{}", self.person, self.resource, self.role);
        format!(
            "jit_{}",
            Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()).simple()
        )
    }

    /// The outbox stream that orders every change of this access at its target.
    pub fn stream(&self) -> String {
        format!("access:{}", self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_stable_and_separates_fields() {
        let person = PersonId::from_uuid(Uuid::from_u128(7));
        let access = |resource: &str, role: &str| Access {
            person,
            resource: ResourceName::new(resource),
            role: RoleName::new(role),
        };
        assert_eq!(access("db", "ro").tag(), access("db", "ro").tag());
        assert_ne!(access("db", "ro").tag(), access("d", "bro").tag());
        assert!(
            access("db", "ro").tag().len() <= 63,
            "a PostgreSQL identifier"
        );
    }
}
