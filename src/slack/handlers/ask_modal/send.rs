//! A form that was sent off: the same way as a command that is typed. What is wrong is said beside
//! the input that it is about, and nothing that was entered is lost.

use serde_json::{Value, json};

use super::super::super::payload::{Submission, View, reference};
use super::super::super::view::ask::{self, Carried};
use super::super::super::view::text::ask as text;
use super::super::super::view::{Content, Faces, ids, modal, reply};
use super::super::asking::{Asked, Groups};
use super::super::{Answered, Handlers, No, Said};
use super::form::More;
use super::{Entered, Time};
use crate::domain::{Refusal, Request, Route, RuleName, Terms, Verdict};

/// What became of a form that was sent off.
pub(super) enum Sent {
    /// It was taken in.
    Taken(Vec<Request>),
    /// It would go by other terms than it had shown.
    Differs(Vec<Terms>),
}

/// Whether a view is one of the forms.
pub(in crate::slack) fn is_form(view: &View) -> bool {
    [ids::ASK_FORM, ids::EXTEND_FORM].contains(&view.callback_id.as_str())
}

/// The answer to a form that takes longer than Slack waits: what comes of it is shown in its place.
pub(in crate::slack) fn working() -> Value {
    update(&ask::wait(text::WORKING))
}

/// The answer to a form that is kept and could not be carried out now.
pub(in crate::slack) fn kept() -> Value {
    update(&ask::wait(text::KEPT))
}

/// The answer to a form that could not even be kept: it stays open with what was entered. None
/// where the view is none of the forms.
pub(in crate::slack) fn not_recorded(view: &View, why: &str) -> Option<Value> {
    let input = view.values.contains_key(ids::REASON) && is_form(view);
    input.then(|| errors(ids::REASON, why))
}

fn update(view: &Value) -> Value {
    json!({"response_action": "update", "view": view})
}

fn errors(block: &str, why: &str) -> Value {
    json!({"response_action": "errors", "errors": {block: why}})
}

impl Handlers {
    /// Takes in what a form asks for.
    pub(in crate::slack::handlers) async fn form_sent(
        &self,
        key: &str,
        submission: &Submission,
    ) -> Result<Said, No> {
        let (view, user) = (&submission.view, submission.by.user.as_str());
        let (entered, carried) = Entered::sent(view, &self.engine.policy());
        if let Some((input, why)) = unreadable(&entered) {
            let words = Content::line(why);
            return Ok(self
                .refused_form(submission, (why.to_owned(), words), Some(input))
                .await);
        }
        let sent = if view.callback_id == ids::EXTEND_FORM {
            Box::pin(self.send_more(key, user, (&entered, &carried))).await
        } else {
            Box::pin(self.send_request(key, user, (&entered, &carried))).await
        };
        match sent {
            Ok(Sent::Differs(asked)) => Ok(self.shown_first(submission, &asked).await),
            Ok(Sent::Taken(requests)) => {
                let words = self.taken_in(&requests).await?;
                let view = ask::done(&words);
                Ok(Said::Form(Box::new(Answered {
                    at_once: update(&view),
                    late: view,
                    words,
                    again: false,
                })))
            }
            Err(No::Refusal(refusal)) if refusal != Refusal::Duplicate => {
                let reference = reference(key);
                let words = reply::refused_for(&refusal, &Faces::default(), &reference);
                let input = input_of(&refusal);
                let why = match input {
                    Some(_) => text::refusal_plain(&refusal),
                    None if refusal.is_outage() => words.text.clone(),
                    None => text::refusal(&refusal, &Faces::default()),
                };
                Ok(self.refused_form(submission, (why, words), input).await)
            }
            Err(No::Say(words)) => {
                let why = words.text.clone();
                Ok(self.refused_form(submission, (why, words), None).await)
            }
            Err(no) => Err(no),
        }
    }

    async fn send_request(
        &self,
        key: &str,
        user: &str,
        (entered, carried): (&Entered, &Carried),
    ) -> Result<Sent, No> {
        let what = entered.what.as_deref().unwrap_or_default();
        let wish = entered.wish(what, carried.link.as_deref());
        let mut asked = self.asked(user, wish, Groups::Now).await?;
        for ask in &mut asked.asks {
            ask.start = entered.start;
        }
        self.take_in_as_shown(key, asked, (carried, &More::default()))
            .await
    }

    /// Takes in what is asked, if it asks whom the form had shown. What decides on it (a reason, the
    /// time of day, who is in a group) may have changed since, and nobody shall send to others than
    /// they saw.
    pub(super) async fn take_in_as_shown(
        &self,
        key: &str,
        asked: Asked,
        (carried, more): (&Carried, &More),
    ) -> Result<Sent, No> {
        let mut terms = Vec::new();
        for told in self.engine.explain_parts(&asked.asks).await? {
            if let Verdict::Terms(one) = told.verdict {
                terms.push(*one);
            }
        }
        let ways = terms.iter().map(|one| (one.rule.as_str(), &one.route));
        let shown = carried.shows.as_deref() == Some(ask::print_of(ways).as_str());
        // What is refused goes to nobody: the engine says so, and writes it down.
        if shown || terms.len() < asked.asks.len() || self.any_refused(&asked, more).await? {
            return self.take_in(key, asked).await.map(Sent::Taken);
        }
        Ok(Sent::Differs(terms))
    }

    async fn any_refused(&self, asked: &Asked, more: &More) -> Result<bool, No> {
        let mut more = more.clone();
        for ask in &asked.asks {
            let answer = self.answer(ask, &more).await?;
            if answer.refused.is_some() {
                return Ok(true);
            }
            more.before.splice(0..0, answer.past);
        }
        Ok(false)
    }

    /// The form as it is now, which is to be looked at and sent once more.
    async fn shown_first(&self, submission: &Submission, terms: &[Terms]) -> Said {
        let ways = terms.iter().map(|one| (&one.rule, &one.route));
        let ways: Vec<(&RuleName, &Route)> = ways.collect();
        let above = text::now_asks(&ways);
        let late = match self.form_again(submission, above.clone()).await {
            Ok(form) => {
                let shows = ask::print_of(ways.iter().map(|(rule, route)| (rule.as_str(), *route)));
                ask::having_shown(form, shows)
            }
            Err(_) => modal::notice(text::NOT_NOW, &above),
        };
        Said::Form(Box::new(Answered {
            at_once: update(&late),
            late,
            words: Content::line(&above),
            again: true,
        }))
    }

    /// The form with what was entered in it, and these words above.
    async fn form_again(&self, submission: &Submission, above: String) -> Result<Value, No> {
        let (view, user) = (&submission.view, submission.by.user.as_str());
        let (entered, carried) = Entered::sent(view, &self.engine.policy());
        if view.callback_id == ids::EXTEND_FORM {
            self.extension_form(user, &entered, carried, Some(above))
                .await
        } else {
            self.request_form(user, &entered, carried, Some(above))
                .await
        }
    }

    /// The form with what is wrong beside the input that it is about; where there is no such input,
    /// above all of them.
    async fn refused_form(
        &self,
        submission: &Submission,
        (why, words): (String, Content),
        input: Option<&str>,
    ) -> Said {
        let beside = input.and_then(|input| block_of(&submission.view, input));
        // Beside an input nothing is markup; above them, somebody's words must not become any.
        let above = match input {
            Some(_) => text::refused(&super::super::super::view::text::said(&why)),
            None => text::refused(&why),
        };
        let filled = self.form_again(submission, above.clone()).await;
        let late = filled.unwrap_or_else(|_| modal::notice(text::NOT_NOW, &above));
        let at_once = match beside {
            Some(block) => errors(block, &why),
            None => update(&late),
        };
        Said::Form(Box::new(Answered {
            at_once,
            late,
            words,
            again: true,
        }))
    }
}

/// What is wrong with what was entered before anybody is asked.
fn unreadable(entered: &Entered) -> Option<(&'static str, &'static str)> {
    match &entered.time {
        Some(Time::Said(_)) if entered.span().ok().flatten().is_none() => {
            Some((ids::OTHER, text::UNREADABLE_TIME))
        }
        _ => None,
    }
}

/// The input that a refusal is about; none where it is about all of it.
fn input_of(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal {
        Refusal::NoSuchResource { .. } => ids::WHAT,
        Refusal::NoSuchRole { .. } | Refusal::RoleNeeded { .. } => ids::ROLE,
        Refusal::ReasonNeeded { .. } | Refusal::ReasonTooLong { .. } => ids::REASON,
        Refusal::TicketNeeded { .. } => ids::TICKET,
        Refusal::TooLong { .. }
        | Refusal::DurationNeeded { .. }
        | Refusal::DurationNotOffered { .. }
        | Refusal::ExtensionNotAllowed { .. } => ids::SPAN,
        Refusal::StartNotAllowed { .. } => ids::START,
        Refusal::BreakGlassNotAllowed { .. } => ids::EMERGENCY,
        Refusal::UnknownPerson { .. } => ids::HOLDER,
        _ => return None,
    })
}

/// The block of that input in the view. A length in words has an input of its own, and so may a
/// ticket, which else is looked for in the reason.
fn block_of<'a>(view: &'a View, input: &'a str) -> Option<&'a str> {
    let block = |action: &str| {
        let mut blocks = view.values.keys();
        blocks
            .find(|block| block.split('.').next() == Some(action))
            .map(String::as_str)
    };
    match input {
        ids::SPAN => block(ids::OTHER).or_else(|| block(ids::SPAN)),
        ids::TICKET => block(ids::TICKET).or_else(|| block(ids::REASON)),
        input => block(input),
    }
}
