//! *Why me?*: tells the reader what makes them an approver, and never decides anything.

use super::super::payload::Click;
use super::super::view::why_me;
use super::click::{Act, too_late};
use super::{Handlers, No, Said};
use crate::domain::{Request, RequestState};

impl Handlers {
    /// Tells whoever clicked, with what is read at this moment.
    pub(super) async fn why_me_click(&self, click: &Click, request: &Request) -> Result<Said, No> {
        let waits = |part: &Request| matches!(part.state, RequestState::Pending { .. });
        let mut parts = self.parts(request).await?;
        parts.retain(waits);
        if parts.is_empty() {
            return Err(too_late(request));
        }
        let by = self
            .member_for(Act::Decide, &click.by.user, request)
            .await?;
        let now = self.engine.now().await?;
        let faces = self.faces_of(request).await?;
        Ok(Said::Words(why_me::why_me(&parts, &by, &faces, now)))
    }
}
