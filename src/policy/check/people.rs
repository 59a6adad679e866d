//! People and groups: well formed, unambiguous, known.

use std::collections::{BTreeMap, HashMap};

use super::Subject;
use crate::policy::fault::{At, Finding, Place};
use crate::policy::people::{Entry, is_email, is_slack_user};
use crate::policy::suggest;

/// E-mails and Slack ids have the form of such.
pub(super) fn well_formed(subject: &Subject<'_>) {
    for person in &subject.written.people {
        let bad_emails = person.emails.iter().filter(|email| !is_email(&email.value));
        bad_emails.for_each(|email| subject.log.push(bad_email(email)));
        let bad_ids = person.slack.iter().filter(|id| !is_slack_user(&id.value));
        bad_ids.for_each(|id| subject.log.push(bad_slack_id(id)));
    }
    for member in subject
        .written
        .groups
        .iter()
        .flat_map(|group| &group.members)
    {
        if member.value.contains('@') && !is_email(&member.value) {
            subject.log.push(bad_email(member));
        }
    }
}

fn bad_email(email: &At<String>) -> Finding {
    let message = format!("`{}` is no e-mail address", email.value);
    let finding = Finding::new(email.at, message, "not an e-mail");
    if email.value.starts_with('@') {
        return finding
            .hint("Slack handles can change hands; write the e-mail or the user id (U…)");
    }
    finding.hint("such as somebody@example.com")
}

fn bad_slack_id(id: &At<String>) -> Finding {
    let message = format!("`{}` is no Slack user id", id.value);
    let finding = Finding::new(id.at, message, "not a user id");
    if is_email(&id.value) {
        return finding.hint("that is an e-mail: put it under `emails`");
    }
    finding.hint(
        "it looks like U0123ABCD and stands in the person's Slack profile: ⋮, then Copy member ID",
    )
}

/// No e-mail or Slack id is written under two people: nobody could tell whose it is.
pub(super) fn unambiguous(subject: &Subject<'_>) {
    let mut seen: BTreeMap<Entry, (&str, Place)> = BTreeMap::new();
    for person in &subject.written.people {
        let name = person.name.value.as_str();
        for text in person.emails.iter().chain(&person.slack) {
            let Some(entry) = Entry::read(&text.value) else {
                continue;
            };
            let (owner, first) = *seen.entry(entry).or_insert((name, text.at));
            if first == text.at {
                continue;
            }
            let message = if owner == name {
                format!("`{}` stands twice under `{name}`", text.value)
            } else {
                format!("`{}` is written under `{owner}` and `{name}`", text.value)
            };
            let finding = Finding::new(text.at, message, "again here").and(first, "first here");
            subject
                .log
                .push(finding.hint("it can be one person's only; remove it from one"));
        }
    }
}

/// Members are e-mails, Slack ids, or names from `people`, and each human is listed once.
pub(super) fn members_known(subject: &Subject<'_>) {
    for group in &subject.written.groups {
        let mut seen = HashMap::new();
        for member in &group.members {
            let Some(human) = subject.people.number(&member.value) else {
                if !member.value.contains('@') && Entry::read(&member.value).is_none() {
                    subject.log.push(unknown_member(subject, member));
                }
                continue;
            };
            let first = *seen.entry(human).or_insert(member.at);
            if first != member.at {
                let message = format!("`{}` is in `{}` already", member.value, group.name.value);
                let finding = Finding::new(member.at, message, "the same person again");
                let finding = finding.and(first, "first here");
                subject
                    .log
                    .push(finding.hint("people are counted once; remove one of the two"));
            }
        }
    }
}

pub(super) fn unknown_member(subject: &Subject<'_>, member: &At<String>) -> Finding {
    let message = format!("`{}` is nobody we know", member.value);
    let finding = Finding::new(
        member.at,
        message,
        "not an e-mail, Slack id or name from `people`",
    );
    // Whatever is known and is no entry of `people` is a group.
    if subject.known.groups.contains(member.value.as_str()) {
        return finding.hint("that is a group; list its people, or name both groups in the rule");
    }
    let people = &subject.written.people;
    let near = if subject.log.guesses.spend(people.len()) {
        suggest::nearest(
            &member.value,
            people.iter().map(|person| person.name.value.as_str()),
        )
    } else {
        Vec::new()
    };
    if near.is_empty() {
        return finding.hint("write an e-mail, a Slack user id (U…), or add them to `people`");
    }
    finding.hint(format!("did you mean {}?", suggest::list(&near, "or")))
}
