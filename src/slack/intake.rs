//! Takes deliveries in: record → acknowledge → work.
//!
//! A delivery is kept in the database before it is acknowledged, so that none is lost, and under a
//! key of its own, so that none counts twice. Its work runs behind, watched; only a modal waits for
//! its answer. What a crash left undone is taken up again from the database.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::client::{Respond, SlackFault};
use super::handlers::{Answered, Handlers, Said, ask_modal};
use super::payload::{Delivery, Matter, View};
use super::receive::{Answer, Receive};
use super::view::home::ids as home;
use super::view::{ids, text};
use crate::store::StoreError;

/// How long recording may take; after it there is still time to say that it did not work.
const RECORD: Duration = Duration::from_secs(2);
/// How long a modal waits for its answer. Slack itself waits three seconds.
const ANSWER: Duration = Duration::from_millis(2_200);
/// How long after that the answer is put into the form's place.
const AFTER: Duration = Duration::from_millis(300);
/// How long a delivery is left to the process that took it.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How often a delivery is tried that keeps failing.
const ATTEMPTS: i32 = 5;
/// The age at which a click is not carried out any more: whoever clicked has moved on.
const TOO_OLD: TimeDelta = TimeDelta::hours(1);
/// How many left deliveries are taken up at a time.
const BATCH: i64 = 20;
/// Between two looks for deliveries that were left.
const POLL: Duration = Duration::from_secs(10);

/// The intake of one workspace. Clones are the same intake.
#[derive(Clone)]
pub struct Intake {
    handlers: Arc<Handlers>,
    tasks: TaskTracker,
}

/// Whether a delivery was recorded.
enum Recorded {
    New,
    Known,
    No,
}

impl Intake {
    /// An intake whose work runs in `tasks`; whoever stops it closes them and waits.
    pub fn new(handlers: Handlers, tasks: TaskTracker) -> Self {
        Self {
            handlers: Arc::new(handlers),
            tasks,
        }
    }

    /// What the ways in hand deliveries to.
    pub fn receive(&self) -> Receive {
        let intake = self.clone();
        Arc::new(move |delivery| {
            let intake = intake.clone();
            async move { intake.take(delivery).await }.boxed()
        })
    }

    /// Takes in one delivery and says what to answer Slack.
    async fn take(&self, delivery: Delivery) -> Answer {
        metrics::counter!("jit_slack_deliveries_total", "kind" => delivery.kind()).increment(1);
        if let Matter::Unknown { kind } = &delivery.matter {
            tracing::info!(delivery.kind = %kind, "passed over a delivery of an unknown type");
            return Answer::Ack;
        }
        match self.is_ours(&delivery).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!("refused a delivery of another workspace");
                return Answer::Foreign;
            }
            // The workspace cannot be told yet, so nothing can be trusted.
            Err(_) => return self.not_recorded(delivery),
        }
        match &delivery.matter {
            Matter::Command(_) | Matter::Click(_) | Matter::Shortcut(_) => {
                self.record_and_work(delivery).await
            }
            Matter::Submission(submission) => match fault_of(&submission.view) {
                Some(fault) => Answer::AckWith(fault),
                None => self.record_and_work(delivery).await,
            },
            Matter::Suggestion {
                by,
                action_id,
                typed,
                view,
            } => {
                let asked = (action_id.as_str(), typed.as_str());
                let suggesting = self.handlers.suggest(by, asked, view.as_ref());
                Answer::AckWith(suggesting.await)
            }
            Matter::Event { kind, user, .. } => {
                match (kind.as_str(), user) {
                    ("app_home_opened", Some(user)) => self.open_home(user.clone()),
                    ("user_change", Some(user)) => self.handlers.forget(user),
                    ("subteam_members_changed" | "subteam_updated", _) => {
                        self.handlers.forget_usergroups();
                    }
                    _ => {}
                }
                Answer::Ack
            }
            Matter::Closed { .. } | Matter::Verification { .. } | Matter::Unknown { .. } => {
                Answer::Ack
            }
        }
    }

    /// Opens somebody's App Home behind; if that comes to nothing, they open it again.
    fn open_home(&self, user: String) {
        let handlers = Arc::clone(&self.handlers);
        self.tasks
            .spawn(async move { handlers.home_opened(&user).await });
    }

    async fn is_ours(&self, delivery: &Delivery) -> Result<bool, SlackFault> {
        let asking = self.handlers.client().installation();
        let asked = tokio::time::timeout(RECORD, asking).await;
        let installed = asked.map_err(|_| SlackFault::Transient("timeout".into()))??;
        Ok(delivery.workspace().belongs_to(&installed.workspace))
    }

    async fn record_and_work(&self, delivery: Delivery) -> Answer {
        let Some(key) = delivery.key() else {
            return Answer::Ack;
        };
        match self.record(&key, &delivery).await {
            Recorded::New => {}
            Recorded::Known => return Answer::Ack,
            Recorded::No => return self.not_recorded(delivery),
        }
        let waits = matches!(delivery.matter, Matter::Submission(_));
        let form = form_of(&delivery).is_some();
        let (answer, answered) = oneshot::channel();
        let intake = self.clone();
        self.tasks
            .spawn(async move { intake.work(&key, &delivery, answer).await });
        if !waits {
            return Answer::Ack;
        }
        match tokio::time::timeout(ANSWER, answered).await {
            Ok(Ok(payload)) => Answer::AckWith(payload),
            Ok(Err(_)) if form => Answer::AckWith(ask_modal::kept()),
            Err(_) if form => Answer::AckWith(ask_modal::working()),
            _ => Answer::Ack,
        }
    }

    async fn record(&self, key: &str, delivery: &Delivery) -> Recorded {
        let Ok(payload) = serde_json::to_string(delivery) else {
            return Recorded::No;
        };
        let engine = self.handlers.engine();
        let recording = async {
            let now = engine.now().await?;
            let store = engine.store();
            store.persist_delivery(key, &payload, now, LEASE).await
        };
        match tokio::time::timeout(RECORD, recording).await {
            Ok(Ok(true)) => Recorded::New,
            Ok(Ok(false)) => Recorded::Known,
            Ok(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a delivery was not recorded"
                );
                Recorded::No
            }
            Err(_) => {
                tracing::error!("a delivery was not recorded in time");
                Recorded::No
            }
        }
    }

    /// Tells the person that nothing was recorded: a modal stays open with what was entered, others
    /// are answered by their response URL. Only the modal is acknowledged.
    fn not_recorded(&self, delivery: Delivery) -> Answer {
        let reference = delivery.reference();
        tracing::error!(
            reference,
            delivery.kind = delivery.kind(),
            "a delivery is lost"
        );
        metrics::counter!("jit_slack_deliveries_lost_total").increment(1);
        if let Matter::Submission(submission) = &delivery.matter {
            let why = text::trouble::failed(&reference);
            if submission.view.values.contains_key(ids::WHY_BLOCK) {
                return Answer::AckWith(errors(&why));
            }
            if let Some(errors) = ask_modal::not_recorded(&submission.view, &why) {
                return Answer::AckWith(errors);
            }
        }
        let handlers = Arc::clone(&self.handlers);
        self.tasks.spawn(async move {
            let Some(url) = delivery.response_url() else {
                return;
            };
            let content = text::trouble::failed_here(&reference);
            let client = handlers.client();
            // What went wrong is logged by the client, and there is nobody else to tell.
            let _ = client.respond(url, &content, Respond::Ephemeral).await;
        });
        Answer::NotRecorded
    }

    /// Carries a recorded delivery out, tells its person, and finishes it. When it fails or panics
    /// it stays recorded, and is taken up again when its lease is over.
    async fn work(&self, key: &str, delivery: &Delivery, answer: oneshot::Sender<Value>) -> bool {
        // What goes wrong on the way stands in the log under what the person may be told.
        let span = tracing::info_span!("delivery", reference = delivery.reference());
        // In a box, since one of the many things that can be asked for would make all of them large.
        let carrying = self.handlers.carry_out(key, delivery).boxed();
        let carrying = carrying.instrument(span.clone());
        let carrying = AssertUnwindSafe(carrying).catch_unwind();
        let said = match carrying.await {
            Ok(Ok(said)) => said,
            Ok(Err(error)) => {
                let _entered = span.enter();
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a delivery is put off"
                );
                return false;
            }
            Err(_) => {
                let _entered = span.enter();
                tracing::error!(delivery.kind = delivery.kind(), "a handler panicked");
                metrics::counter!("jit_handlers_panicked_total").increment(1);
                return false;
            }
        };
        match &said {
            // Whoever sends the very same form once more is not to be taken for a repetition.
            Said::Form(answered) if answered.again => self.forget(key).await,
            Said::Modal { again: true, .. } => self.forget(key).await,
            _ => self.finish(key).await,
        }
        match said {
            Said::Nothing if form_of(delivery).is_some() => {
                // Carried out already, by the other delivery of the same form.
                let _ = answer.send(json!({"response_action": "clear"}));
            }
            Said::Nothing => {}
            Said::Form(answered) => self.answer_form(delivery, *answered, answer).await,
            Said::Words(words) => self.handlers.say(delivery, &words).await,
            Said::Modal { update, words, .. } => {
                // Too late for the modal: then by message.
                if answer.send(update).is_err() {
                    self.handlers.say(delivery, &words).await;
                }
            }
        }
        true
    }

    /// Answers a form: while Slack waits, else in the form's place, else in words.
    async fn answer_form(
        &self,
        delivery: &Delivery,
        answered: Answered,
        answer: oneshot::Sender<Value>,
    ) {
        if answer.send(answered.at_once).is_ok() {
            return;
        }
        // “One moment” has to stand there first.
        tokio::time::sleep(AFTER).await;
        let put = match form_of(delivery) {
            Some(view) => self.handlers.put_view(&view.id, &answered.late).await,
            None => false,
        };
        if !put {
            self.handlers.say(delivery, &answered.words).await;
        }
    }

    async fn forget(&self, key: &str) {
        if let Err(error) = self.handlers.engine().store().forget_delivery(key).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a delivery was not forgotten"
            );
        }
    }

    async fn finish(&self, key: &str) {
        let engine = self.handlers.engine();
        let finishing = async {
            let now = engine.now().await?;
            engine.store().finish_delivery(key, now).await
        };
        if let Err(error) = finishing.await {
            // It is taken up again, found done, and finished then.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a delivery was not finished"
            );
        }
    }

    /// Takes up deliveries that were left undone, until `stop` is cancelled.
    pub async fn take_up_until(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.take_up().await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "deliveries cannot be read"
                );
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Takes up deliveries that were left undone by a process that died or failed. Answers how many
    /// were carried out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn take_up(&self) -> Result<usize, StoreError> {
        let engine = self.handlers.engine();
        let now = engine.now().await?;
        let left = engine.store().take_unfinished_deliveries(now, LEASE, BATCH);
        let mut done = 0;
        for delivery in left.await? {
            done += usize::from(self.take_up_one(&delivery, now).await);
        }
        Ok(done)
    }

    async fn take_up_one(&self, left: &crate::store::slack::Delivery, now: DateTime<Utc>) -> bool {
        let Ok(delivery) = serde_json::from_str::<Delivery>(&left.payload) else {
            tracing::error!("a recorded delivery cannot be read; it is dropped");
            self.finish(&left.key).await;
            return false;
        };
        if ATTEMPTS < left.attempt || TOO_OLD < now - left.received_at {
            let reference = delivery.reference();
            tracing::error!(
                reference,
                delivery.kind = delivery.kind(),
                attempt = left.attempt,
                "a delivery is given up"
            );
            metrics::counter!("jit_slack_deliveries_lost_total").increment(1);
            self.finish(&left.key).await;
            let words = text::trouble::failed_here(&reference);
            self.handlers.say(&delivery, &words).await;
            return false;
        }
        // Nobody waits for this answer any more, so what it says goes out as a message.
        let (answer, _) = oneshot::channel();
        self.work(&left.key, &delivery, answer).await
    }
}

/// The form that was sent off, where that is what was delivered.
fn form_of(delivery: &Delivery) -> Option<&View> {
    match &delivery.matter {
        Matter::Submission(submission) => {
            Some(&submission.view).filter(|view| ask_modal::is_form(view))
        }
        _ => None,
    }
}

/// What is wrong with a modal that can be told at once, without asking anybody. Such a modal is not
/// recorded: it comes again under the same id and hash.
fn fault_of(view: &View) -> Option<Value> {
    let asks_why =
        [ids::DENY_REASON, ids::REVOKE_REASON, home::RESOLVED].contains(&view.callback_id.as_str());
    let why = view.value(ids::WHY_BLOCK, ids::WHY_INPUT);
    let empty = why.unwrap_or_default().trim().is_empty();
    (asks_why && empty).then(|| errors(text::trouble::SAY_WHY))
}

fn errors(why: &str) -> Value {
    json!({"response_action": "errors", "errors": {(ids::WHY_BLOCK): why}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_without_a_reason_is_told_at_once() {
        let with = |why: &str| {
            let inputs = [(ids::WHY_INPUT.to_owned(), why.to_owned())].into();
            View {
                callback_id: ids::DENY_REASON.to_owned(),
                values: [(ids::WHY_BLOCK.to_owned(), inputs)].into(),
                ..View::default()
            }
        };
        assert!(fault_of(&with(" \n ")).is_some());
        assert_eq!(fault_of(&with("no")), None);
        assert_eq!(fault_of(&View::default()), None);
    }
}
