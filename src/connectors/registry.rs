//! Finds the connector that serves a target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::postgres::PostgresConnector;
use super::webhook::WebhookConnector;
use super::{Connector, ConnectorError};
use crate::domain::{ConnectorName, ConnectorSpec, Target};

/// A connector by its name, or why its settings make none.
pub type Named = (ConnectorName, Result<Arc<dyn Connector>, ConnectorError>);

/// The connectors of the present policy, and those that requests have pinned.
///
/// Building one reaches nothing and reads no secret: that happens at each call.
#[derive(Default)]
pub struct Registry {
    specs: RwLock<BTreeMap<ConnectorName, ConnectorSpec>>,
    fixed: BTreeMap<ConnectorName, Arc<dyn Connector>>,
    webhook_allow: BTreeSet<String>,
    built: Mutex<BTreeMap<ConnectorSpec, Arc<dyn Connector>>>,
}

impl Registry {
    /// Takes the connectors of the present policy.
    pub fn new(specs: BTreeMap<ConnectorName, ConnectorSpec>) -> Self {
        Self {
            specs: RwLock::new(specs),
            ..Self::default()
        }
    }

    /// Takes the connectors of another policy, which is the present one from now on.
    pub fn follow(&self, specs: BTreeMap<ConnectorName, ConnectorSpec>) {
        *self.specs.write().unwrap_or_else(PoisonError::into_inner) = specs;
    }

    /// Lets webhooks call these hosts although their addresses are internal or they speak plain
    /// `http`. See [`allow_list`](crate::outward::allow_list) for how an operator writes them.
    #[must_use]
    pub fn allow_webhooks(mut self, hosts: BTreeSet<String>) -> Self {
        self.webhook_allow = hosts;
        self
    }

    /// Serves every target of that name by this connector, whatever its settings say: for tests,
    /// and for targets that are not built from settings.
    #[must_use]
    pub fn with(mut self, name: ConnectorName, connector: Arc<dyn Connector>) -> Self {
        self.fixed.insert(name, connector);
        self
    }

    /// The connector for a target, by the settings that its request has pinned, whatever the present
    /// policy says of a connector of that name: only where an access was given can it be taken away,
    /// and another server would say truly that it is not there. [`ConnectorError::Rejected`] if the
    /// settings make no sense.
    pub fn for_target(&self, target: &Target) -> Result<Arc<dyn Connector>, ConnectorError> {
        match self.fixed.get(&target.connector) {
            Some(connector) => Ok(Arc::clone(connector)),
            None => self.build(&target.spec),
        }
    }

    /// Every connector of the present policy by name, for doctor and drift.
    pub fn all(&self) -> Vec<Named> {
        let specs = self.specs.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: BTreeMap<_, _> = specs
            .iter()
            .map(|(name, spec)| (name.clone(), self.build(spec)))
            .collect();
        for (name, connector) in &self.fixed {
            all.insert(name.clone(), Ok(Arc::clone(connector)));
        }
        all.into_iter().collect()
    }

    fn build(&self, spec: &ConnectorSpec) -> Result<Arc<dyn Connector>, ConnectorError> {
        // A panic elsewhere cannot leave the map half-written: each change is one insert.
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = built.get(spec) {
            return Ok(Arc::clone(connector));
        }
        let connector: Arc<dyn Connector> = match spec {
            ConnectorSpec::Postgres(spec) => Arc::new(PostgresConnector::new(spec.clone())),
            ConnectorSpec::Webhook(spec) => {
                Arc::new(WebhookConnector::new(spec.clone(), &self.webhook_allow)?)
            }
        };
        built.insert(spec.clone(), Arc::clone(&connector));
        Ok(connector)
    }
}
