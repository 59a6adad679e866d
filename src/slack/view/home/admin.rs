//! The panel of those who run the bot, and the dialog in which one of them answers for a removal.

use super::super::text::{button as on, form, label};
use serde_json::Value;
use slack_morphism::prelude::*;

use super::super::content::{plain_text, section, to_json};
use super::super::modal::Meta;
use super::super::{Faces, ids as known};
use super::buttons::{self, button, row};
use super::{Drawn, Section, head, ids, item, words};
use crate::domain::{GrantState, Request};

/// Characters of a reason, and of a dialog's title and buttons.
const WHY: u64 = 1000;
const TITLE: usize = 24;

impl Drawn<'_> {
    pub(super) fn admin(&self) -> Vec<SlackBlock> {
        let Some(admin) = &self.home.admin else {
            return Vec::new();
        };
        let mut blocks = head(words::ADMIN, 0, "");
        blocks.truncate(1);
        let page = self.pages.page(Section::Stuck, &admin.stuck);
        blocks.push(match page.total {
            0 => section(words::STUCK_EMPTY),
            count => section(&words::stuck_head(count)),
        });
        for request in page.items {
            blocks.extend(self.stuck(request));
        }
        blocks.extend(buttons::pager(Section::Stuck, &page));
        let trouble = admin.trouble.as_deref();
        blocks.push(section(&words::policy(&admin.policy, admin.since, trouble)));
        let health = words::health(admin.oldest, admin.missing_migrations, &admin.refused);
        blocks.push(section(&health));
        blocks
    }

    fn stuck(&self, request: &Request) -> Vec<SlackBlock> {
        let Some(GrantState::Revoking {
            since,
            failing: Some(failing),
            ..
        }) = request.grant().map(|grant| &grant.state)
        else {
            return Vec::new();
        };
        let mut text = words::stuck(request, (failing, *since), self.faces, self.link(request));
        let (id, number) = (request.id.to_string(), request.number);
        let label = label::retry_removal(number);
        let mut choices = vec![button(ids::RETRY, on::RETRY_NOW, &label).with_value(id.clone())];
        if request.own().iter().any(|one| self.home.me.contains(one)) {
            text = format!("{text}\n{}", words::OWN_REMOVAL);
        } else {
            let label = label::resolve_removal(number);
            choices.push(button(ids::RESOLVE, on::RESOLVE, &label).with_value(id.clone()));
        }
        vec![item(&text), row(&format!("stuck:{id}"), choices)]
    }
}

/// Asks an admin to answer for it that an access is gone, with the reason.
pub fn answer_for(request: &Request, faces: &Faces, meta: &Meta) -> Value {
    let input = SlackBlockPlainTextInputElement::new()
        .with_action_id(known::WHY_INPUT.into())
        .with_multiline(true)
        .with_max_length(WHY)
        .with_min_length(1)
        .with_focus_on_load(true);
    let hint = form::RESOLVE_HINT;
    let input = SlackInputBlock::new(plain_text(form::HOW_KNOWN, 100), input.into())
        .with_block_id(SlackBlockId(known::WHY_BLOCK.to_owned()))
        .with_hint(plain_text(hint, 200));
    let view = SlackModalView::new(
        plain_text(form::RESOLVE_TITLE, TITLE),
        vec![section(&words::answer_for(request, faces)), input.into()],
    )
    .with_callback_id(SlackCallbackId(ids::RESOLVED.to_owned()))
    .with_private_metadata(to_json(meta).to_string())
    .with_submit(plain_text(form::RESOLVE, TITLE))
    .with_close(plain_text(form::BACK, TITLE));
    to_json(&SlackView::Modal(view))
}
