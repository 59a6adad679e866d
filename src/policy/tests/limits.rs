//! Rules that approve by themselves, within limits.

use chrono::{DateTime, TimeDelta, Utc};

use super::meaning::{answer, with};
use super::*;
use crate::domain::{Past, PastGrant, Standing};

fn limited() -> Policy {
    with(
        "  - name: auto
    match: {}
    require: { max_duration: 1h }
    limits: { uses: 2, per: 7d, hours: \"08:00-18:00\", weekdays: [mon, tue], on_call: [oncall] }
    decision: approve
  - { name: people, match: {}, require: { max_duration: 4h }, decision: review, steps: [ { from: [dba] } ] }
",
    )
}

fn on_call(words: &str) -> Ask {
    Ask {
        standing: Standing {
            groups: BTreeSet::from([GroupName::new("oncall")]),
            ..Standing::default()
        },
        ..ask(words)
    }
}

pub(super) fn past(rule: &str, automatic: bool, asked_at: DateTime<Utc>) -> Past {
    Past {
        resource: ResourceName::new("db"),
        role: RoleName::new("ro"),
        rule: RuleName::new(rule),
        outcome: "approved",
        automatic,
        break_glass: false,
        asked_at,
        duration: Span::hours(1),
        grant: PastGrant::Active,
        granted: Some(Span::hours(1)),
    }
}

#[test]
fn it_says_which_limits_were_kept() {
    let terms = answer(&limited(), &on_call("dana db 1h"), &noon()).unwrap();
    assert_eq!(
        terms.route,
        Route::Automatic {
            why: "the rule “auto” approves by itself: use 1 of 2 in 7d, \
                  13:00 lies within 08:00-18:00 (Europe/Berlin), it is mon, on call in oncall"
                .into()
        }
    );
}

#[test]
fn where_a_limit_does_not_hold_the_next_rule_is_tried() {
    let policy = limited();
    let rule = |ask: &Ask, circumstances: &Circumstances| {
        answer(&policy, ask, circumstances)
            .unwrap()
            .rule
            .to_string()
    };
    let now = noon().now;
    let before = |past: Vec<Past>| Circumstances { past, ..noon() };
    let uses = |first: i64, second: i64| {
        let ago = |hours: i64| past("auto", true, now - TimeDelta::hours(hours));
        before(vec![ago(first), ago(second)])
    };
    assert_eq!(
        rule(&on_call("dana db 1h"), &uses(1, 2)),
        "people",
        "used up"
    );
    assert_eq!(
        rule(&on_call("dana db 1h"), &uses(1, 7 * 24)),
        "auto",
        "a week ago"
    );
    let others = vec![past("auto", false, now), past("people", true, now)];
    assert_eq!(rule(&on_call("dana db 1h"), &before(others)), "auto");
    assert_eq!(rule(&ask("dana db 1h"), &noon()), "people", "not on call");
    let evening = Circumstances::at("2027-03-01T17:00:00Z".parse().unwrap());
    assert_eq!(
        rule(&on_call("dana db 1h"), &evening),
        "people",
        "six in Berlin"
    );
    let wednesday = Circumstances::at("2027-03-03T12:00:00Z".parse().unwrap());
    assert_eq!(rule(&on_call("dana db 1h"), &wednesday), "people");
    let unreadable = Ask {
        standing: Standing {
            unreadable: BTreeSet::from([GroupName::new("oncall")]),
            ..Standing::default()
        },
        ..ask("dana db 1h")
    };
    assert_eq!(
        rule(&unreadable, &noon()),
        "people",
        "nobody knows who is on call"
    );
    let told = policy.explain(&ask("dana db 1h"), &evening).to_string();
    insta::assert_snapshot!(told);
}

#[test]
fn the_list_shows_the_longest_of_the_rules_that_may_match() {
    let policy = limited();
    let listed = policy.resources_for(&policy.groups_of(&person("dana").identities));
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].1[0], (RoleName::new("ro"), Span::hours(4)));
}
