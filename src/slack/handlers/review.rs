//! Approving with a remark or for a shorter time, and looking at break-glass afterwards: the dialogs,
//! and what they say.

use super::super::payload::{Click, View};
use super::super::view::ids;
use super::super::view::modal::{self, Meta};
use super::click::{Act, all, is_in, meta};
use super::{Handlers, No, Said};
use crate::domain::{Command, Member, Refusal, Request, RequestState, Span, version};

impl Handlers {
    /// Opens the dialog that approves for a shorter time, or with a remark.
    pub(super) async fn review_click(&self, click: &Click, request: &Request) -> Result<Said, No> {
        self.may_decide_at_a_glance(click, request).await?;
        let parts = self.parts(request).await?;
        let faces = self.faces_of(request).await?;
        let view = modal::review(&parts, &faces, &meta(click, request.id));
        self.open(click, &view).await
    }

    /// Opens the dialog that takes down what somebody found who looked at a break-glass access.
    pub(super) async fn after_review_click(
        &self,
        click: &Click,
        request: &Request,
        justified: bool,
    ) -> Result<Said, No> {
        let parts = self.parts(request).await?;
        if let Some(refusal) = reviewed(&parts) {
            return Err(refusal.into());
        }
        let glance = self.glance(Act::Review, &click.by.user, request);
        if let Some(by) = glance.await? {
            let needed = all(&parts, |part| part.reviewing().to_vec());
            request.impartial(&by)?;
            if !is_in(&by, &needed) {
                return Err(Refusal::NotAReviewer { needed }.into());
            }
        }
        let faces = self.faces_of(request).await?;
        let view = modal::after_review(&parts, justified, &faces, &meta(click, request.id));
        self.open(click, &view).await
    }

    /// Refuses what was decided in a dialog that was opened on something else than what is true now.
    /// Where nothing waits any more, the engine says who was faster; and it looks again, under lock.
    pub(super) async fn not_stale(&self, meta: &Meta, request: &Request) -> Result<(), No> {
        let parts = self.parts(request).await?;
        let waits = |part: &Request| matches!(part.state, RequestState::Pending { .. });
        let same = meta.version.as_deref() == Some(version(&parts).as_str());
        if same || !parts.iter().any(waits) {
            return Ok(());
        }
        Err(Refusal::Stale.into())
    }
}

/// The answer where nobody is waited for.
fn reviewed(parts: &[Request]) -> Option<Refusal> {
    let mut reviews = parts.iter().filter_map(Request::review).peekable();
    if reviews.peek().is_none() {
        return Some(Refusal::NothingToReview);
    }
    let done: Option<Vec<_>> = reviews.map(|review| review.done.as_ref()).collect();
    let last = done?.into_iter().last()?;
    Some(Refusal::AlreadyReviewed {
        by: last.by,
        at: last.at,
    })
}

/// The approval that the dialog says. A time that cannot be read, since it was in the client’s
/// hands, is none of those that were offered: then the least that there is, rather than more.
pub(super) fn approval(by: Member, comment: String, view: &View) -> Command {
    let time = view.value(ids::TIME_BLOCK, ids::TIME_INPUT);
    let duration = match time.unwrap_or(ids::TIME_AS_ASKED) {
        ids::TIME_AS_ASKED => None,
        seconds => {
            let given = seconds.parse().ok().map(Span::from_seconds);
            Some(given.and_then(Result::ok).unwrap_or(Span::MAX))
        }
    };
    Command::Approve {
        by,
        comment: Some(comment).filter(|words| !words.is_empty()),
        duration,
    }
}
