//! Reading the entries of `connectors`: kinds, settings, and that no secret stands in the file.

use std::path::PathBuf;

use super::fault::{At, Finding, Log};
use super::fields::{self, Fields};
use super::suggest;
use super::tree::{Node, Tree};
use crate::domain::{ConnectorSpec, PostgresMode, PostgresSpec, SecretRef, WebhookSpec};

/// Reads one entry, or notes what is wrong with it.
pub(super) fn parse(name: &At<String>, node: Node, log: &Log) -> Option<ConnectorSpec> {
    let hint = "`kind: postgres` or `kind: webhook`";
    mask_strange(&node, &["kind", "mode", "url", "secret"], log);
    let Some(kind) = kind_of(&node) else {
        let message = format!("connector `{}` does not say its kind", name.value);
        log.push(Finding::new(name.at, message, "`kind` is missing").hint(hint));
        return None;
    };
    match kind.value.as_str() {
        "postgres" => postgres(name, node, log).map(ConnectorSpec::Postgres),
        "webhook" => webhook(name, node, log).map(ConnectorSpec::Webhook),
        other => {
            let hint = suggest::hint(other, ["postgres", "webhook"], "");
            let message = format!("there is no connector of the kind `{other}`");
            log.push(Finding::new(kind.at, message, "unknown kind").hint(hint));
            None
        }
    }
}

/// What stands under an unknown key may be a secret whose key was misspelt.
pub(super) fn mask_strange(node: &Node, known: &[&str], log: &Log) {
    let Tree::Map(entries) = &node.value else {
        return mask_all(node, log);
    };
    let is_known =
        |key: &Node| matches!(&key.value, Tree::Text(key) if known.contains(&key.as_str()));
    for (_, value) in entries.iter().filter(|(key, _)| !is_known(key)) {
        mask_all(value, log);
    }
}

/// Masks every text and number in a value.
pub(super) fn mask_all(node: &Node, log: &Log) {
    match &node.value {
        Tree::Text(text) => log.mask(node.at, Some(text)),
        Tree::Number(_) => log.mask(node.at, None),
        Tree::Nothing | Tree::Truth(_) | Tree::Other(_) => {}
        Tree::List(values) => values.iter().for_each(|value| mask_all(value, log)),
        Tree::Map(entries) => {
            for (key, value) in entries {
                mask_all(key, log);
                mask_all(value, log);
            }
        }
    }
}

/// The kind decides which other fields there are, so it is looked up first.
fn kind_of(node: &Node) -> Option<At<String>> {
    let Tree::Map(entries) = &node.value else {
        return None;
    };
    entries
        .iter()
        .find_map(|(key, value)| match (&key.value, &value.value) {
            (Tree::Text(key), Tree::Text(kind)) if key == "kind" => Some(value.with(kind.clone())),
            _ => None,
        })
}

fn postgres(name: &At<String>, node: Node, log: &Log) -> Option<PostgresSpec> {
    let known = ["kind", "mode", "url"];
    let mut fields = Fields::open("a postgres connector", name.at, node, &known, log);
    let url = fields
        .require(
            "url",
            "say where the URL is kept: `url: { env: STAGING_DATABASE_URL }`",
        )
        .and_then(|node| secret("url", name, node, log));
    let mode = fields
        .require("mode", MODES)
        .and_then(|node| fields::text("mode", node, log))
        .and_then(|word| mode(&word, log));
    Some(PostgresSpec {
        url: url?,
        mode: mode?,
    })
}

const MODES: &str = "`mode: login` makes a temporary login role for each access; \
                     `mode: membership` grants the role to a login that people have already";

fn mode(word: &At<String>, log: &Log) -> Option<PostgresMode> {
    match word.value.as_str() {
        "login" => Some(PostgresMode::Login),
        "membership" => Some(PostgresMode::Membership),
        other => {
            log.push(Finding::new(word.at, format!("`{other}` is no mode"), "unknown").hint(MODES));
            None
        }
    }
}

fn webhook(name: &At<String>, node: Node, log: &Log) -> Option<WebhookSpec> {
    let known = ["kind", "url", "secret"];
    let mut fields = Fields::open("a webhook connector", name.at, node, &known, log);
    let url = fields
        .require("url", "`url: https://…`, where calls are posted to")
        .and_then(|node| fields::text("url", node, log))
        .and_then(|url| https(url, &Address::WEBHOOK, log));
    let secret = fields
        .require(
            "secret",
            "say where the signing secret is kept: `secret: { env: … }`",
        )
        .and_then(|node| secret("secret", name, node, log));
    Some(WebhookSpec {
        url: url?,
        secret: secret?,
    })
}

/// An address that is called, in the words of messages.
pub(super) struct Address {
    what: &'static str,
    example: &'static str,
    instead_of_password: &'static str,
}

impl Address {
    /// Where a webhook is posted to.
    pub(super) const WEBHOOK: Self = Self {
        what: "a webhook",
        example: "https://access.example.com/hook",
        instead_of_password: "calls are signed with `secret`",
    };
    /// The API of PagerDuty.
    pub(super) const PAGERDUTY: Self = Self {
        what: "PagerDuty",
        example: "https://api.eu.pagerduty.com",
        instead_of_password: "calls bring the `token`",
    };
}

/// Accepts `https`, and plain `http` to this machine itself.
pub(super) fn https(text: At<String>, address: &Address, log: &Log) -> Option<String> {
    let finding = |message: &str| Finding::new(text.at, message, "this address");
    let Ok(url) = url::Url::parse(&text.value) else {
        log.mask(text.at, Some(&text.value));
        log.push(finding("this is no URL").hint(format!("such as {}", address.example)));
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() {
        log.mask(text.at, Some(&text.value));
        log.push(
            finding("a user or password stands in the URL").hint(format!(
                "{}; leave out what stands before the `@`",
                address.instead_of_password
            )),
        );
        return None;
    }
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && loopback) {
        return Some(text.value);
    }
    log.push(
        finding(&format!("{} must be called by https", address.what))
            .hint("begin the address with https://; plain http is only for localhost"),
    );
    None
}

/// Where a secret is kept: `{ env: NAME }` or `{ file: PATH }`. Whatever else is written here may be
/// the secret itself and is never shown.
pub(super) fn secret(
    key: &'static str,
    name: &At<String>,
    node: Node,
    log: &Log,
) -> Option<SecretRef> {
    let at = node.at;
    if !says_where(&node) {
        mask_all(&node, log);
        let variable = format!("{}_{key}", name.value)
            .to_uppercase()
            .replace(['-', '.', '/'], "_");
        let message = format!("`{key}` is written in clear; a policy never holds secrets");
        let hint = format!(
            "put it into an environment variable and write `{key}: {{ env: {variable} }}`, \
             or into a file: `{key}: {{ file: /run/secrets/… }}`"
        );
        log.push(Finding::new(at, message, "masked").hint(hint));
        return None;
    }
    if let Tree::Map(entries) = &node.value {
        let fits = |(key, value): &&(Node, Node)| match (&key.value, &value.value) {
            (Tree::Text(key), Tree::Text(_)) => key == "env" || key == "file",
            _ => false,
        };
        for (_, value) in entries.iter().filter(|entry| !fits(entry)) {
            mask_all(value, log);
        }
    }
    let mut fields = Fields::open("a secret", at, node, &["env", "file"], log);
    match (fields.text("env"), fields.text("file")) {
        (Some(env), None) => environment(&env, log),
        (None, Some(file)) => Some(SecretRef::File(PathBuf::from(file.value))),
        (None, None) => {
            let message = format!("`{key}` does not say where the secret is kept");
            let hint = format!("`{key}: {{ env: NAME }}` or `{key}: {{ file: PATH }}`");
            log.push(Finding::new(name.at, message, "in here").hint(hint));
            None
        }
        (Some(env), Some(file)) => {
            let finding = Finding::new(file.at, "a secret is kept in one place only", "and here");
            log.push(
                finding
                    .and(env.at, "here")
                    .hint("keep `env` or `file`, not both"),
            );
            None
        }
    }
}

/// Whether a value is meant to say where a secret is kept: a mapping with keys like `env` or `file`.
/// Where other keys stand in it, their values are masked later.
fn says_where(node: &Node) -> bool {
    let Tree::Map(entries) = &node.value else {
        return matches!(node.value, Tree::Nothing);
    };
    entries.iter().all(|(key, _)| match &key.value {
        Tree::Text(key) => !suggest::nearest(key, ["env", "file"]).is_empty(),
        _ => false,
    })
}

fn environment(name: &At<String>, log: &Log) -> Option<SecretRef> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let digit = name.value.starts_with(|c: char| c.is_ascii_digit());
    if name.value.chars().all(fits) && !digit {
        return Some(SecretRef::Env(name.value.clone()));
    }
    log.mask(name.at, Some(&name.value));
    let message = "`env` is the name of an environment variable, not its value";
    let finding = Finding::new(name.at, message, "masked, it may be a secret");
    log.push(finding.hint("letters, digits and `_`, without `$`: `env: STAGING_DATABASE_URL`"));
    None
}
