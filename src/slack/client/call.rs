//! One call: waits for its turn, is sent, and has its fault sorted and counted.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use slack_morphism::prelude::SlackApiToken;
use slack_morphism::{SlackClientApiCallContext, SlackClientHttpConnector};
use tokio::time::{Instant, timeout, timeout_at};

use super::refused::Refused;
use super::unheard::Unheard;
use super::{Client, SlackFault, Source, api_token};
use crate::slack::limiter::{Key, Pace};

/// For how long it is not worth doing something else.
const MOMENT: Duration = Duration::from_millis(300);

/// One call: what, how fast, to which channel, with what.
#[derive(Clone)]
pub(super) struct Call<'a> {
    pub(super) method: &'static str,
    pub(super) pace: Pace,
    pub(super) channel: Option<&'a str>,
    pub(super) body: Body<'a>,
    /// How long Slack has for its answer; a read's wait for its turn is part of it.
    pub(super) limit: Duration,
    /// How long its turn is waited for.
    pub(super) patience: Duration,
}

#[derive(Clone)]
pub(super) enum Body<'a> {
    /// Reads take their arguments in the query.
    Query(Vec<(&'a str, Option<&'a str>)>),
    Json(Value),
}

impl Call<'_> {
    /// The same, for somebody who waits.
    pub(super) fn within(self, limit: Duration) -> Self {
        let patience = limit;
        Self {
            limit,
            patience,
            ..self
        }
    }

    /// The same, for somebody who has other things to do until its turn comes: no other work waits
    /// meanwhile.
    pub(super) fn or_later(self) -> Self {
        Self {
            patience: MOMENT,
            ..self
        }
    }
}

impl Client {
    pub(super) fn write<'a>(
        &self,
        method: &'static str,
        pace: Pace,
        channel: Option<&'a str>,
        body: Value,
    ) -> Call<'a> {
        Call {
            method,
            pace,
            channel,
            body: Body::Json(without_nulls(body)),
            limit: self.inner.settings.timeout,
            patience: self.inner.settings.timeout,
        }
    }

    pub(super) fn read<'a>(
        &self,
        method: &'static str,
        pace: Pace,
        query: Vec<(&'a str, Option<&'a str>)>,
    ) -> Call<'a> {
        Call {
            method,
            pace,
            channel: None,
            body: Body::Query(query),
            limit: self.inner.settings.timeout,
            patience: self.inner.settings.timeout,
        }
    }

    pub(super) fn quick<'a>(
        &self,
        method: &'static str,
        pace: Pace,
        query: Vec<(&'a str, Option<&'a str>)>,
    ) -> Call<'a> {
        self.read(method, pace, query)
            .within(self.inner.settings.quick_timeout)
    }

    pub(super) async fn call<T: DeserializeOwned + Send>(
        &self,
        call: Call<'_>,
    ) -> Result<T, SlackFault> {
        let tokens = match &self.inner.token {
            Source::Fixed(token) => return self.call_with(token, call).await,
            Source::Changing(tokens) => tokens,
        };
        let token = timely(call.limit, tokens(None)).await;
        let token = token.inspect_err(|fault| {
            if fault.is_not_installed() {
                self.forget_refusals();
            }
        })?;
        let again = call.clone();
        match self.call_with(&api_token(&token), call).await {
            // Slack did nothing, so the same call may be made once more with the next token.
            Err(SlackFault::Admin(code)) if code == "token_expired" => {
                let next = timely(again.limit, tokens(Some(token))).await?;
                self.call_with(&api_token(&next), again).await
            }
            called => called,
        }
    }

    /// Waits for its turn and calls.
    pub(super) async fn call_with<T: DeserializeOwned + Send>(
        &self,
        token: &SlackApiToken,
        call: Call<'_>,
    ) -> Result<T, SlackFault> {
        let (method, channel) = (call.method, call.channel);
        let key = Key {
            method,
            channel: match call.pace {
                Pace::Message => call.channel.map(|called| self.inner.places.of(called)),
                _ => None,
            },
        };
        let begun = Instant::now();
        let turn = self.inner.limiter.turn(call.pace, &key, call.patience);
        if let Err(retry_after) = turn.await {
            // Slack was not asked, so this is no fault of a call.
            count_outcome(method, "waits");
            return Err(SlackFault::RateLimited { retry_after });
        }
        let called = self.send(token, call, begun).await;
        if let Err(SlackFault::RateLimited { retry_after }) = &called {
            self.inner.limiter.rest(key, *retry_after);
        }
        count(method, &called);
        self.note_refusal(method, channel, called.as_ref().err());
        if let Err(SlackFault::Unknown(code)) = &called {
            self.unheard_of().note(method, code);
        }
        called
    }

    /// What Slack answered in words that nobody knows, and that is told nowhere else: by method and code,
    /// each once, for the people who run the bot.
    pub fn unheard(&self) -> BTreeSet<(&'static str, String)> {
        self.unheard_of().take()
    }

    fn unheard_of(&self) -> MutexGuard<'_, Unheard> {
        let unheard = self.inner.unheard.lock();
        unheard.unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what an admin has to mend, until the same call works.
    fn note_refusal(
        &self,
        method: &'static str,
        channel: Option<&str>,
        fault: Option<&SlackFault>,
    ) {
        let refused = self.inner.refused.lock();
        let mut refused = refused.unwrap_or_else(PoisonError::into_inner);
        match fault {
            Some(SlackFault::Admin(code)) => refused.insert(method, channel, code),
            Some(fault) if fault.is_passing() => return,
            _ => refused.remove(method, channel),
        }
        self.show_refused(&refused);
    }

    /// Forgets what was refused: the app is not installed any more, so nobody has anything to mend.
    fn forget_refusals(&self) {
        let refused = self.inner.refused.lock();
        let mut refused = refused.unwrap_or_else(PoisonError::into_inner);
        *refused = Refused::default();
        self.show_refused(&refused);
    }

    fn show_refused(&self, refused: &Refused) {
        let (name, count) = ("jit_slack_methods_refused", refused.lately().len());
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        match self.inner.settings.workspace.clone() {
            Some(workspace) => metrics::gauge!(name, "workspace" => workspace).set(count),
            None => metrics::gauge!(name).set(count),
        }
    }

    async fn send<T: DeserializeOwned + Send>(
        &self,
        token: &SlackApiToken,
        call: Call<'_>,
        begun: Instant,
    ) -> Result<T, SlackFault> {
        let span = tracing::Span::none();
        let context = sensitive(Some(token), &span);
        let slack = &self.inner.slack.http_api.connector;
        let (sent, reads) = match &call.body {
            Body::Query(query) => {
                let sending = slack.http_get(call.method, query, context);
                (timeout_at(begun + call.limit, sending).await, true)
            }
            // A write that is cut short may have happened and is done again, so Slack has all of its
            // time, however long the turn was waited for.
            Body::Json(body) => {
                let sending = slack.http_post(call.method, body, context);
                (timeout(call.limit, sending).await, false)
            }
        };
        match sent {
            Ok(sent) => sent.map_err(|error| SlackFault::from_client(&error)),
            // A read changes nothing, so nothing can have happened.
            Err(_) if reads => Err(SlackFault::Transient("timeout".into())),
            Err(_) => Err(SlackFault::Ambiguous("timeout".into())),
        }
    }
}

/// A token, unless it takes longer than the call may.
async fn timely(
    limit: Duration,
    token: impl Future<Output = Result<SecretString, SlackFault>>,
) -> Result<SecretString, SlackFault> {
    let given = timeout(limit, token).await;
    given.unwrap_or_else(|_| Err(SlackFault::Transient("no_token_in_time".into())))
}

/// Slack refuses some arguments when they are null, and takes their absence.
fn without_nulls(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

/// Counts a call and logs what went wrong with it.
pub(super) fn count<T>(method: &'static str, called: &Result<T, SlackFault>) {
    let outcome = called.as_ref().map_or_else(SlackFault::class, |_| "ok");
    count_outcome(method, outcome);
    if let Err(fault) = called {
        tracing::warn!(slack.method = method, slack.fault = outcome, %fault, "a call to Slack failed");
    }
}

fn count_outcome(method: &'static str, outcome: &'static str) {
    metrics::counter!("jit_slack_calls_total", "method" => method, "outcome" => outcome)
        .increment(1);
}

/// How a call is sent: with its address kept out of the library's logs, since it may hold an e-mail
/// address or be a secret itself.
pub(super) fn sensitive<'a>(
    token: Option<&'a SlackApiToken>,
    span: &'a tracing::Span,
) -> SlackClientApiCallContext<'a> {
    SlackClientApiCallContext {
        rate_control_params: None,
        token,
        tracing_span: span,
        is_sensitive_url: true,
    }
}
