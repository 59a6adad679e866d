//! Opening the forms, and working them out again when something in them changes.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::super::super::client::SlackFault;
use super::super::super::payload::{Click, Shortcut, View, reference};
use super::super::super::view::ask::{self, Carried};
use super::super::super::view::text::ask as text;
use super::super::super::view::text::reply::with_reference;
use super::super::super::view::text::trouble;
use super::super::super::view::{Faces, ids, modal};
use super::super::click::not_opened;
use super::super::{Handlers, No, Said};
use super::Entered;
use crate::domain::{Refusal, Request};

/// How long a form may take before “one moment” is opened in its place. Its trigger lives three
/// seconds, some of which are over.
pub(super) const AT_ONCE: Duration = Duration::from_millis(700);
/// How often a view is put again that Slack did not take, and how long in between.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(400);

impl Handlers {
    /// What a click on a form, or on something that opens one, does; none where it is another click.
    pub(in crate::slack::handlers) async fn form_click(
        &self,
        click: &Click,
    ) -> Result<Option<Said>, No> {
        let in_form = click.view.as_ref().filter(|view| super::is_form(view));
        match (in_form, click.action_id.as_str()) {
            (Some(view), action) if ids::ANSWERING.contains(&action) => {
                self.changed(click, view).await.map(Some)
            }
            (Some(_), _) => Ok(Some(Said::Nothing)),
            (None, ids::ASK) => self.ask_click(click).await.map(Some),
            (None, ids::ASK_AGAIN) => self.again_click(click).await.map(Some),
            (None, ids::EXTEND) => self.extend_click(click).await.map(Some),
            _ => Ok(None),
        }
    }

    /// A button that asks for what it names, or for anything.
    async fn ask_click(&self, click: &Click) -> Result<Said, No> {
        let what = click.value.trim();
        let entered = Entered {
            what: (!what.is_empty()).then(|| what.to_owned()),
            ..Entered::default()
        };
        let filling = self.request_form(&click.by.user, &entered, carried(click), None);
        self.open_or_say(&click.trigger, filling).await
    }

    /// A button that asks once more for what somebody had asked for.
    async fn again_click(&self, click: &Click) -> Result<Said, No> {
        let filling = Box::pin(async {
            let request = self.clicked(click).await?;
            let request = request.ok_or(Refusal::NoSuchRequest)?;
            let (entered, old) = self.as_before(&click.by.user, &request).await?;
            let carried = Carried {
                link: old.link,
                ..carried(click)
            };
            self.request_form(&click.by.user, &entered, carried, None)
                .await
        });
        self.open_or_say(&click.trigger, filling).await
    }

    /// What stood in somebody's own earlier request.
    async fn as_before(&self, user: &str, request: &Request) -> Result<(Entered, Carried), No> {
        let by = self.holder(user).await?;
        if !request.belongs_to(&by) {
            return Err(Refusal::NotYours.into());
        }
        let holder = if by.is(request.access.person) {
            None
        } else {
            let person = self.engine.store().person(request.access.person).await?;
            let team = self.directory.team().await.map_err(No::of_directory(&[]))?;
            person.and_then(|person| person.slack_user(&team).map(str::to_owned))
        };
        Ok(Entered::of(request, holder))
    }

    /// A shortcut: from everywhere, or on a message.
    pub(in crate::slack::handlers) async fn shortcut(
        &self,
        shortcut: &Shortcut,
    ) -> Result<Said, No> {
        if ![ids::ASK, ids::ASK_ABOUT].contains(&shortcut.callback_id.as_str()) {
            return Ok(Said::Nothing);
        }
        let filling = Box::pin(async {
            let link = self.link_of(shortcut).await;
            let about = shortcut.callback_id == ids::ASK_ABOUT;
            let notice = (about && link.is_none()).then(|| text::NO_LINK.to_owned());
            let carried = Carried {
                channel: shortcut.channel.clone(),
                link,
                ..Carried::default()
            };
            let entered = Entered::default();
            self.request_form(&shortcut.by.user, &entered, carried, notice)
                .await
        });
        self.open_or_say(&shortcut.trigger, filling).await
    }

    /// The link of the message that a shortcut was used on. Of what the bot may not see, in private
    /// channels and direct messages, Slack does not tell it the link; then it is made.
    async fn link_of(&self, shortcut: &Shortcut) -> Option<String> {
        let (channel, ts) = (shortcut.channel.as_ref()?, shortcut.message_ts.as_ref()?);
        let told = self.client.permalink(channel, ts).await;
        let link = if let Ok(link) = told {
            link
        } else {
            let thread = shortcut.thread_ts.as_deref();
            let message = (channel.as_str(), ts.as_str());
            self.client.composed_permalink(message, thread).await?
        };
        text::message_link(&link).is_some().then_some(link)
    }

    /// Opens a view, and says so where it was too late for it.
    pub(super) async fn open_or_say(
        &self,
        trigger: &str,
        filling: impl Future<Output = Result<Value, No>> + Send,
    ) -> Result<Said, No> {
        Ok(match self.open_filled(trigger, filling).await? {
            Ok(()) => Said::Nothing,
            Err(fault) => Said::Words(not_opened(&fault, &reference(trigger))),
        })
    }

    /// Opens a view that is being worked out: whole, if it is ready at once; else “one moment”, and
    /// the view in its place. Answers why nothing was opened, where that is so.
    pub(super) async fn open_filled(
        &self,
        trigger: &str,
        filling: impl Future<Output = Result<Value, No>> + Send,
    ) -> Result<Result<(), SlackFault>, No> {
        tokio::pin!(filling);
        if let Ok(view) = timeout(AT_ONCE, &mut filling).await {
            return Ok(match self.client.open_view(trigger, &view?).await {
                // It may well have opened.
                Ok(_) | Err(SlackFault::Ambiguous(_)) => Ok(()),
                Err(fault) => Err(fault),
            });
        }
        let waiting = ask::wait(text::ONE_MOMENT);
        let id = match self.client.open_view(trigger, &waiting).await {
            Ok(id) => id,
            Err(fault) => return Ok(Err(fault)),
        };
        let view = filling.await;
        let view = view.unwrap_or_else(|no| instead_of_form(&no, &reference(trigger)));
        self.put_view(&id, &view).await;
        Ok(Ok(()))
    }

    /// Puts a view in the place of one that is open, whatever it shows. Answers whether Slack took
    /// it.
    pub(in crate::slack) async fn put_view(&self, id: &str, view: &Value) -> bool {
        for _ in 0..TRIES {
            match self.client.update_view(id, view).await {
                Ok(()) => return true,
                Err(fault) if fault.is_passing() => tokio::time::sleep(PAUSE).await,
                Err(_) => return false,
            }
        }
        false
    }

    /// Something in a form was changed: shows what would come of it now.
    async fn changed(&self, click: &Click, view: &View) -> Result<Said, No> {
        if !self.latest_changes.note(&view.id, &click.at) {
            return Ok(Said::Nothing);
        }
        let user = &click.by.user;
        let switched = click.action_id == ids::WHAT;
        let (entered, carried) = Entered::changed(view, &self.engine.policy(), switched);
        let next = if view.callback_id == ids::EXTEND_FORM {
            self.extension_form(user, &entered, carried, None).await?
        } else {
            self.request_form(user, &entered, carried, None).await?
        };
        if !self.latest_changes.is(&view.id, &click.at) {
            return Ok(Said::Nothing);
        }
        let put = self
            .client
            .update_view_if(&view.id, &view.hash, &next)
            .await;
        let overtook = matches!(&put, Err(SlackFault::Expired(code)) if code == "hash_conflict");
        // The answer to an earlier change came in between; this one is about all that was entered.
        if overtook && self.latest_changes.is(&view.id, &click.at) {
            self.put_view(&view.id, &next).await;
        }
        Ok(Said::Nothing)
    }
}

/// What stands in the place of a form that cannot be filled in.
pub(super) fn instead_of_form(no: &No, reference: &str) -> Value {
    match no {
        No::Refusal(refusal) => {
            let why = text::refusal(refusal, &Faces::default());
            let why = with_reference(refusal, why, reference);
            modal::notice(text::NOT_NOW, &why)
        }
        No::Say(content) => modal::notice(text::NOT_NOW, &content.text),
        No::Store(fault) => {
            let error = fault as &dyn std::error::Error;
            tracing::error!(reference, error, "a form is not filled in");
            modal::notice(text::NOT_NOW, &trouble::failed(reference))
        }
    }
}

fn carried(click: &Click) -> Carried {
    Carried {
        channel: click.channel.clone(),
        ..Carried::default()
    }
}
