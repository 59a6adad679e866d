//! More time on an access that is held.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use serde_json::Value;

use super::super::super::grammar::Which;
use super::super::super::payload::Click;
use super::super::super::view::ask::{self, Carried, Form};
use super::super::super::view::text::ask as text;
use super::super::asking::{Asked, Groups};
use super::super::click::not_active;
use super::super::which::Found;
use super::super::{Handlers, No, Said};
use super::Entered;
use super::choices::{requirements, times};
use super::form::{More, plain_form};
use super::send::Sent;
use crate::domain::{Ask, GrantState, PersonId, Refusal, Request, Verdict};

impl Handlers {
    /// Opens the form for more time.
    pub(super) async fn extend_click(&self, click: &Click) -> Result<Said, No> {
        let filling = Box::pin(async {
            let request = self.clicked(click).await?;
            let request = request.ok_or(Refusal::NoSuchRequest)?;
            let carried = Carried {
                channel: click.channel.clone(),
                extends: Some(request.id),
                ..Carried::default()
            };
            let entered = Entered::default();
            self.extension_form(&click.by.user, &entered, carried, None)
                .await
        });
        self.open_or_say(&click.trigger, filling).await
    }

    /// The form for more time, as a view.
    pub(super) fn extension_form<'a>(
        &'a self,
        user: &'a str,
        entered: &'a Entered,
        carried: Carried,
        notice: Option<String>,
    ) -> BoxFuture<'a, Result<Value, No>> {
        Box::pin(self.more_worked_out(user, entered, plain_form(entered, carried, notice)))
    }

    async fn more_worked_out(
        &self,
        user: &str,
        entered: &Entered,
        mut form: Form,
    ) -> Result<Value, No> {
        let (held, until) = self.held(user, &form.carried).await?;
        let asked = self.more(user, &held, entered, Groups::Lately).await?;
        let access = text::more_of(&held, until);
        let Some(ask) = asked.asks.into_iter().next() else {
            return Ok(ask::extension(&access, &form));
        };
        let plain = Ask {
            duration: None,
            ..ask
        };
        let usual = self.engine.explain(&plain).await?;
        let Some(offer) = usual.offer else {
            return match usual.verdict {
                Verdict::Refused(refusal) => Err(refusal.into()),
                Verdict::Terms(_) => Ok(ask::extension(&access, &form)),
            };
        };
        let times = times(std::slice::from_ref(&offer), entered.time.as_ref());
        let more = More {
            until: times.chosen.map(|span| until + TimeDelta::from(span)),
            barred: barred(&held, &plain),
            ..More::default()
        };
        let ask = Ask {
            duration: times.chosen,
            ..plain
        };
        form.times = Some(times);
        let answer = self.answer(&ask, &more).await?;
        // Where no length helps, the form would come to nothing.
        if let (None, Some(refusal)) = (&entered.time, answer.refused) {
            return Err(refusal.into());
        }
        requirements(&mut form, entered, &[answer.offer.unwrap_or(offer)]);
        form.faces = self.faces(&answer.people).await?;
        form.preview = answer.preview;
        form.remembers();
        Ok(ask::extension(&access, &form))
    }

    /// What is prolonged: of several grants of that access the one that ends last. Only who holds it
    /// may ask.
    async fn held(&self, user: &str, carried: &Carried) -> Result<(Request, DateTime<Utc>), No> {
        let by = self.holder(user).await?;
        let id = carried.extends.ok_or(Refusal::NoSuchRequest)?;
        let request = self.engine.store().request(id).await?;
        let request = request.ok_or(Refusal::NoSuchRequest)?;
        if !by.is(request.access.person) {
            return Err(Refusal::NotYours.into());
        }
        let which = Which::Named {
            resource: request.access.resource.to_string(),
            role: Some(request.access.role.to_string()),
        };
        let Found::One(held) = self.latest(&by, &which).await? else {
            return Err(not_active(&request));
        };
        match held.grant().map(|grant| &grant.state) {
            Some(GrantState::Active { until, .. }) => {
                let until = *until;
                Ok((*held, until))
            }
            _ => Err(not_active(&request)),
        }
    }

    /// What is asked for.
    async fn more(
        &self,
        user: &str,
        held: &Request,
        entered: &Entered,
        fresh: Groups,
    ) -> Result<Asked, No> {
        let entered = Entered {
            role: Some(held.access.role.to_string()),
            ..entered.clone()
        };
        let wish = entered.wish(held.access.resource.as_str(), None);
        let mut asked = self.asked(user, wish, fresh).await?;
        for ask in &mut asked.asks {
            ask.extends = Some(held.id);
        }
        Ok(asked)
    }

    /// Takes in what the form for more time asks for.
    pub(super) async fn send_more(
        &self,
        key: &str,
        user: &str,
        (entered, carried): (&Entered, &Carried),
    ) -> Result<Sent, No> {
        let (held, _) = self.held(user, carried).await?;
        let asked = self.more(user, &held, entered, Groups::Now).await?;
        let barred = asked.asks.first().map(|ask| barred(&held, ask));
        let more = More {
            barred: barred.unwrap_or_default(),
            until: None,
            ..More::default()
        };
        self.take_in_as_shown(key, asked, (carried, &more)).await
    }
}

/// Who asked for what is to be prolonged, besides those whose request this is anyway.
fn barred(held: &Request, ask: &Ask) -> Vec<PersonId> {
    let own = ask.own();
    let before = held.own().into_iter();
    let before: BTreeSet<PersonId> = before.filter(|person| !own.contains(person)).collect();
    before.into_iter().collect()
}
