//! What a connector and a card are told.

use super::Case;
use crate::domain::{ConnectorSpec, Identity, PostgresMode, ResourceCard, Target};

impl Case<'_> {
    /// Where and as what the access is given.
    pub(super) fn target(&self) -> Target {
        let resource = self.resource;
        let role = self.role();
        let at_target = resource.roles.iter().find(|(name, _)| name == role);
        Target {
            connector: resource.connector.clone(),
            spec: resource.spec.clone(),
            role: at_target.map_or_else(|| role.to_string(), |(_, name)| name.clone()),
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

    /// What the card shows of the resource.
    pub(super) fn card(&self) -> ResourceCard {
        let resource = self.resource;
        ResourceCard {
            description: resource.description.clone(),
            sensitivity: resource.facts.sensitivity.clone(),
            how_to_connect: resource.how_to_connect.clone(),
            labels: resource.facts.labels.clone(),
        }
    }
}
