//! A target in memory that does what a test tells it: refuse, be unreachable, time out before or
//! after acting, lie.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use jitbot::connectors::{Connector, ConnectorError, Credentials, Held, Presence};
use jitbot::domain::{Access, Receipt, Removal, Target};
use secrecy::SecretString;

/// What the next call does.
#[derive(Clone, Copy, Debug)]
pub enum Next {
    /// Refuses, changing nothing.
    Rejects,
    /// Is not reached.
    Unreached,
    /// Fails before acting, and the caller cannot know.
    LostBefore,
    /// Acts, and the answer is lost.
    LostAfter,
    /// Says that it acted, and did not.
    Lies,
    /// Panics in the caller's hands.
    Panics,
    /// Never answers a call that gives.
    Hangs,
}

/// The target. Clones share it.
#[derive(Clone, Default)]
pub struct FakeTarget(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    held: BTreeMap<String, DateTime<Utc>>,
    next: VecDeque<Next>,
    calls: Vec<&'static str>,
    broken: Option<Next>,
}

impl FakeTarget {
    /// The end of the access at the target, if it holds it.
    pub fn holds(&self, access: &Access) -> Option<DateTime<Utc>> {
        self.0.lock().unwrap().held.get(&access.tag()).copied()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap().held.is_empty()
    }

    /// Scripts the next calls of ensure and remove, one each.
    pub fn next(&self, next: impl IntoIterator<Item = Next>) {
        self.0.lock().unwrap().next.extend(next);
    }

    /// Makes every call do that, until it is healed.
    pub fn breaks(&self, how: Next) {
        self.0.lock().unwrap().broken = Some(how);
    }

    /// Ends what was scripted.
    pub fn heal(&self) {
        let mut inner = self.0.lock().unwrap();
        inner.broken = None;
        inner.next.clear();
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().calls.clone()
    }

    fn act(&self, call: &'static str, act: impl FnOnce(&mut Inner)) -> Result<(), ConnectorError> {
        let next = {
            let mut inner = self.0.lock().unwrap();
            inner.calls.push(call);
            inner.next.pop_front().or(inner.broken)
        };
        let lost = || ConnectorError::Unknown(anyhow::anyhow!("the answer was lost"));
        let mut inner = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match next {
            None => act(&mut inner),
            Some(Next::Rejects) => return Err(ConnectorError::Rejected("no such login".into())),
            Some(Next::Unreached) => {
                return Err(ConnectorError::Unreached("connection refused".into()));
            }
            Some(Next::LostBefore) => return Err(lost()),
            Some(Next::LostAfter) => {
                act(&mut inner);
                return Err(lost());
            }
            Some(Next::Lies | Next::Hangs) => {}
            Some(Next::Panics) => {
                drop(inner);
                panic!("a poison job");
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Connector for FakeTarget {
    async fn ensure(
        &self,
        access: &Access,
        _target: &Target,
        until: DateTime<Utc>,
    ) -> Result<Receipt, ConnectorError> {
        let hangs = matches!(self.0.lock().unwrap().next.front(), Some(Next::Hangs));
        self.act("ensure", |inner| {
            inner.held.insert(access.tag(), until);
        })?;
        if hangs {
            std::future::pending::<()>().await;
        }
        Ok(Receipt {
            target_until: Some(until),
            ..Receipt::default()
        })
    }

    async fn remove(&self, access: &Access, _target: &Target) -> Result<Removal, ConnectorError> {
        let mut already_absent = false;
        self.act("remove", |inner| {
            already_absent = inner.held.remove(&access.tag()).is_none();
        })?;
        Ok(Removal {
            already_absent,
            sessions_ended: 0,
        })
    }

    async fn verify(&self, access: &Access, _target: &Target) -> Result<Presence, ConnectorError> {
        Ok(match self.holds(access) {
            until @ Some(_) => Presence::Present { until },
            None => Presence::Absent,
        })
    }

    async fn list(&self) -> Result<Vec<Held>, ConnectorError> {
        let inner = self.0.lock().unwrap();
        let held = |tag: &String| Held {
            tag: tag.clone(),
            object: tag.clone(),
        };
        Ok(inner.held.keys().map(held).collect())
    }

    async fn credentials(
        &self,
        access: &Access,
        _target: &Target,
    ) -> Result<Credentials, ConnectorError> {
        let facts = vec![("login".to_owned(), access.tag())];
        Ok(Credentials {
            facts,
            password: SecretString::from("only-shown-once"),
        })
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        Ok(())
    }
}
