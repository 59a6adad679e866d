//! `/jit` alone, and `/jit request …` where something is missing: the form, filled in with what was
//! understood.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::time::timeout;

use super::super::super::client::SlackFault;
use super::super::super::grammar::{FaultKind, GrammarFault, Wish};
use super::super::super::payload::{SlashCommand, reference};
use super::super::super::view::ask::{self, Carried};
use super::super::super::view::text::ask as text;
use super::super::super::view::{Faces, reply};
use super::super::asking::{Groups, meant};
use super::super::{Handlers, No, Said};
use super::choices::what;
use super::open::{AT_ONCE, instead_of_form};
use super::{Entered, Time};
use crate::domain::{Refusal, ResourceName, Standing, Verdict};
use crate::policy::Policy;

/// The form for a command of which something is missing.
struct Incomplete {
    form: Value,
    missing: Refusal,
}

impl Handlers {
    /// `/jit` and nothing else, or `/jit request`. Where it is too late to open a form, the words
    /// that `/jit help` says.
    pub(in crate::slack::handlers) async fn blank_form(
        &self,
        command: &SlashCommand,
    ) -> Result<Said, No> {
        let entered = Entered::default();
        let filling = self.request_form(&command.by.user, &entered, from(command), None);
        Ok(match self.open_filled(&command.trigger, filling).await? {
            Ok(()) => Said::Nothing,
            Err(_) => Said::Words(reply::help()),
        })
    }

    /// What cannot be read: of a request the form, filled in with what was understood; else, or where
    /// it is too late for that, an example.
    pub(in crate::slack::handlers) async fn form_or_example(
        &self,
        command: &SlashCommand,
        fault: GrammarFault,
    ) -> Result<Said, No> {
        let sentence = fault.kind.to_string();
        let words = reply::not_understood(&sentence, &fault.example);
        let Some(wish) = likeliest(&self.engine.policy(), fault.read) else {
            return Ok(Said::Words(words));
        };
        let missing = match &fault.kind {
            FaultKind::ResourceMissing if wish.resource.is_empty() => text::WHICH.to_owned(),
            FaultKind::ResourceMissing => text::CHECK.to_owned(),
            FaultKind::WhoUnclear(said) => text::who(said),
            _ => text::unread(&sentence),
        };
        let filling = Box::pin(self.understood_form(command, wish, text::almost(&missing)));
        Ok(match self.open_filled(&command.trigger, filling).await? {
            Ok(()) => Said::Nothing,
            Err(_) => Said::Words(words),
        })
    }

    /// `/jit request …`: taken in at once where it is complete; else the form, filled in with what
    /// was understood. Whether it is complete is looked at first, by what was read lately: a trigger
    /// does not live as long as reading everything afresh takes.
    pub(in crate::slack::handlers) async fn request_or_form(
        &self,
        key: &str,
        command: &SlashCommand,
        wish: Wish,
    ) -> Result<Said, No> {
        let trigger = command.trigger.as_str();
        let mut looking = Box::pin(self.looked_at(command, &wish));
        if let Ok(looked) = timeout(AT_ONCE, &mut looking).await {
            return match looked? {
                Some(form) => self.open_incomplete(trigger, form).await,
                None => self.asked_for(key, command, &wish).await,
            };
        }
        let waiting = ask::wait(text::ONE_MOMENT);
        let opened = self.client.open_view(trigger, &waiting).await.ok();
        let looked = looking.await;
        match (looked, opened) {
            (Ok(Some(form)), Some(view)) => {
                self.put_view(&view, &form.form).await;
                Ok(Said::Nothing)
            }
            (Ok(Some(form)), None) => Err(form.missing.into()),
            (Ok(None), None) => self.asked_for(key, command, &wish).await,
            (Ok(None), Some(view)) => {
                let asked = Box::pin(self.request(key, &command.by.user, wish.clone())).await;
                self.put_answer(&view, asked).await
            }
            (Err(no), Some(view)) => self.put_answer(&view, Err(no)).await,
            (Err(no), None) => Err(no),
        }
    }

    /// Asks for what seemed complete. What is read afresh may still say that something is missing.
    async fn asked_for(&self, key: &str, command: &SlashCommand, wish: &Wish) -> Result<Said, No> {
        let asking = Box::pin(self.request(key, &command.by.user, wish.clone()));
        match asking.await {
            Err(No::Refusal(missing)) if is_missing(&missing) => {
                let form = self.incomplete(command, wish, missing).await?;
                self.open_incomplete(&command.trigger, form).await
            }
            done => done,
        }
    }

    async fn open_incomplete(&self, trigger: &str, form: Incomplete) -> Result<Said, No> {
        match self.client.open_view(trigger, &form.form).await {
            Ok(_) | Err(SlackFault::Ambiguous(_)) => Ok(Said::Nothing),
            Err(_) => Err(form.missing.into()),
        }
    }

    /// What came of it, in the place of “one moment”; in words where that is closed by now.
    async fn put_answer(&self, view: &str, done: Result<Said, No>) -> Result<Said, No> {
        let shown = match &done {
            Ok(Said::Words(words)) => ask::done(words),
            Ok(_) => return done,
            Err(No::Store(_)) => ask::wait(text::KEPT),
            Err(no) => instead_of_form(no, &reference(view)),
        };
        let put = self.put_view(view, &shown).await;
        match done {
            // Put off, and tried again.
            Err(No::Store(fault)) => Err(No::Store(fault)),
            _ if put => Ok(Said::Nothing),
            done => done,
        }
    }

    /// The form for what was typed, where something of it is missing by what was read lately.
    async fn looked_at(
        &self,
        command: &SlashCommand,
        wish: &Wish,
    ) -> Result<Option<Incomplete>, No> {
        match self.missing_of(&command.by.user, wish.clone()).await? {
            Some(missing) => self.incomplete(command, wish, missing).await.map(Some),
            None => Ok(None),
        }
    }

    async fn missing_of(&self, user: &str, wish: Wish) -> Result<Option<Refusal>, No> {
        let asked = self.asked(user, wish, Groups::Lately).await?;
        let told = self.engine.explain_parts(&asked.asks).await?;
        for (ask, told) in asked.asks.iter().zip(told) {
            if let Verdict::Refused(refusal) = told.verdict {
                let refusal = match &asked.bundle {
                    Some(_) => Refusal::PartRefused {
                        resource: ResourceName::new(&ask.resource),
                        because: Box::new(refusal),
                    },
                    None => refusal,
                };
                return Ok(Some(refusal).filter(is_missing));
            }
        }
        Ok(None)
    }

    async fn incomplete(
        &self,
        command: &SlashCommand,
        wish: &Wish,
        missing: Refusal,
    ) -> Result<Incomplete, No> {
        let notice = text::almost(&text::refusal(&missing, &Faces::default()));
        let form = self.understood_form(command, wish.clone(), notice).await?;
        Ok(Incomplete { form, missing })
    }

    async fn understood_form(
        &self,
        command: &SlashCommand,
        wish: Wish,
        notice: String,
    ) -> Result<Value, No> {
        let user = command.by.user.as_str();
        let entered = self.understood_of(user, wish).await?;
        let form = self.request_form(user, &entered, from(command), Some(notice));
        form.await
    }

    /// What a command says, as it stands in the form.
    async fn understood_of(&self, user: &str, wish: Wish) -> Result<Entered, No> {
        let policy = self.engine.policy();
        let (role, reason) = meant(&policy, &wish);
        let start = match wish.start {
            Some(when) => {
                let person = self.person(&policy, user).await?;
                let none = (BTreeSet::new(), Groups::Lately);
                let standing: Standing = self.standing(&policy, &person, none).await?;
                Some(self.start(&policy, when, &standing).await?)
            }
            None => None,
        };
        Ok(Entered {
            what: Some(wish.resource).filter(|what| !what.is_empty()),
            role,
            time: wish.duration.map(Time::Of),
            start,
            reason,
            holder: wish.holder.filter(|holder| holder != user),
            break_glass: wish.break_glass,
            ..Entered::default()
        })
    }
}

/// Of several readings the one that was most likely meant.
fn likeliest(policy: &Policy, mut read: Vec<Wish>) -> Option<Wish> {
    let known = |wish: &Wish| what(policy, &wish.resource).is_some();
    let at = read.iter().position(known);
    let at = at.or_else(|| read.len().checked_sub(1))?;
    Some(read.swap_remove(at))
}

/// Whether something is missing or mistyped, so that the form helps.
fn is_missing(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::NoSuchResource { .. }
        | Refusal::NoSuchRole { .. }
        | Refusal::RoleNeeded { .. }
        | Refusal::DurationNeeded { .. }
        | Refusal::ReasonNeeded { .. }
        | Refusal::TicketNeeded { .. } => true,
        // What a bundle is made of is no choice of theirs.
        Refusal::PartRefused { because, .. } => matches!(
            because.as_ref(),
            Refusal::DurationNeeded { .. }
                | Refusal::ReasonNeeded { .. }
                | Refusal::TicketNeeded { .. }
        ),
        _ => false,
    }
}

fn from(command: &SlashCommand) -> Carried {
    Carried {
        channel: Some(command.channel.clone()).filter(|id| !id.is_empty()),
        ..Carried::default()
    }
}
