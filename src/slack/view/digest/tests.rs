//! Digests, looked at; and the limits, held for any data.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::digest::{Audience, Counts, News, PolicyChange};
use crate::domain::{Access, RequestId, ResourceName, RoleName};
use crate::slack::view::samples::{any_faces, any_text, bob, carol, dana, faces, now, person};
use crate::slack::view::{Face, extremes, lint};

const LINK: &str = "https://example.slack.com/archives/C1/p1?a=1&b=2";

fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

/// What somebody has or wants: from so many hours ago to so many hours ahead.
fn item(
    number: i64,
    who: crate::domain::PersonId,
    what: (&str, &str),
    ago: i64,
    ahead: i64,
) -> Item {
    Item {
        request: RequestId::from_uuid(Uuid::from_u128(number.unsigned_abs().into())),
        number,
        access: Access {
            person: who,
            resource: ResourceName::new(what.0),
            role: RoleName::new(what.1),
        },
        since: now() - hours(ago),
        until: Some(now() + hours(ahead)),
        link: None,
    }
}

fn few(first: Vec<Item>, more: usize) -> Few<Item> {
    Few {
        total: first.len() + more,
        first,
    }
}

fn of(news: News) -> Digest {
    Digest {
        name: "payments leads, every morning".to_owned(),
        from: now() - hours(24),
        until: now(),
        ahead: now() + hours(24),
        to: Audience::Person,
        news,
    }
}

/// A day in which everything happened.
fn full() -> Digest {
    let (orders, crm) = (("orders-db", "readwrite"), ("crm-db", "admin"));
    let waiting = Item {
        link: Some(LINK.to_owned()),
        ..item(57, dana(), orders, 2, 6)
    };
    let ending = vec![
        item(52, dana(), orders, 7, 1),
        item(53, bob(), orders, 6, 2),
    ];
    let long = item(49, carol(), crm, 60, 12);
    let on_its_way = Item {
        until: None,
        ..item(58, bob(), crm, 0, 0)
    };
    let change = |ago| PolicyChange {
        at: now() - hours(ago),
        to: format!("{ago:x}0c0ffee").repeat(8),
    };
    of(News {
        waiting: few(vec![waiting, item(56, carol(), crm, 3, 1)], 0),
        overdue: few(vec![item(41, dana(), crm, 50, -26)], 0),
        stuck: few(vec![item(38, bob(), orders, 5, 0)], 0),
        late: few(vec![item(37, carol(), orders, 10, -9)], 0),
        resolved: few(vec![item(38, carol(), orders, 70, -30)], 0),
        held: few([ending.clone(), vec![long.clone(), on_its_way]].concat(), 0),
        ending: few(ending, 0),
        longest: few(vec![long, item(52, dana(), orders, 7, 1)], 0),
        unused: few(vec![item(44, dana(), crm, 9, -1)], 0),
        counts: Counts {
            granted: 12,
            denied: 2,
            automatic: 31,
            break_glass: 1,
            expired: 3,
        },
        policies: Few {
            first: vec![change(3), change(9)],
            total: 2,
        },
    })
}

fn shown(digest: &Digest) -> String {
    lint::show(&super::digest(digest, &faces()))
}

#[test]
fn a_day_in_which_everything_happened() {
    insta::assert_snapshot!(shown(&full()));
}

#[test]
fn a_quiet_day_is_short() {
    let held = few(vec![item(52, dana(), ("orders-db", "readonly"), 7, 48)], 0);
    let quiet = of(News {
        held,
        counts: Counts {
            automatic: 1,
            ..Counts::default()
        },
        ..News::default()
    });
    insta::assert_snapshot!(shown(&quiet));
}

#[test]
fn a_channel_is_told_without_calling_anybody() {
    let channel = Digest {
        to: Audience::Channel,
        ..full()
    };
    let content = super::digest(&channel, &faces());
    let sent = serde_json::to_string(&content).unwrap();
    assert!(!sent.contains("<@"), "{sent}");
    assert!(lint::read(&content.blocks).contains("Dana: readwrite on orders-db"));
}

#[test]
fn what_is_too_much_is_counted() {
    let many = |count: i64| {
        (0..count).map(|n| {
            item(
                n,
                person(n.unsigned_abs().into()),
                ("orders-db", "ro"),
                7,
                1,
            )
        })
    };
    let crowd = of(News {
        waiting: few(many(20).collect(), 180),
        ending: few(many(20).collect(), 30),
        held: few(many(20).collect(), 180),
        ..News::default()
    });
    let content = super::digest(&crowd, &faces());
    lint::message(&content);
    let page = lint::read(&content.blocks);
    for words in [
        "Waiting for a decision: 200*",
        "… and 194 more",
        "50*",
        "… and 40 more",
        "Held now: 200*, 10 of them listed above",
        "… and 180 more",
    ] {
        assert!(page.contains(words), "no “{words}” in {page}");
    }
    assert!(content.blocks.len() <= 8);
}

#[test]
fn who_is_listed_as_ending_is_not_listed_again() {
    let page = lint::read(&super::digest(&full(), &faces()).blocks);
    assert_eq!(
        page.matches("@bob: readwrite").count() + page.matches("U0BOB>: readwrite").count(),
        2,
        "stuck and ending: {page}"
    );
    let all_end = full().news.ending;
    let only = of(News {
        held: all_end.clone(),
        ending: all_end,
        ..News::default()
    });
    assert!(
        lint::read(&super::digest(&only, &faces()).blocks).contains("Held now: 2*, listed above")
    );
}

fn any_item() -> impl Strategy<Value = Item> {
    let time = -10_000i64..10_000;
    let link = prop::option::of(Just(LINK.to_owned()));
    (
        any_text(200),
        any_text(200),
        1u128..40,
        time.clone(),
        prop::option::of(time),
        link,
    )
        .prop_map(|(resource, role, who, since, until, link)| Item {
            since: now() + TimeDelta::minutes(since),
            until: until.map(|until| now() + TimeDelta::minutes(until)),
            link,
            ..item(1 << 40, person(who), (&resource, &role), 0, 0)
        })
}

fn any_items() -> impl Strategy<Value = Few<Item>> {
    (prop::collection::vec(any_item(), 0..22), 0usize..100_000).prop_map(|(first, more)| {
        let more = if first.is_empty() { 0 } else { more };
        few(first, more)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn slack_refuses_no_digest(
        sections in prop::collection::vec(any_items(), 9), name in any_text(300),
        granted in any::<u64>(), faces in any_faces(), channel in any::<bool>(),
    ) {
        let mut sections = sections.into_iter();
        let mut next = || sections.next().unwrap_or_default();
        let news = News {
            waiting: next(),
            overdue: next(),
            stuck: next(),
            late: next(),
            resolved: next(),
            ending: next(),
            held: next(),
            longest: next(),
            unused: next(),
            counts: Counts { granted, ..Counts::default() },
            policies: Few::default(),
        };
        let to = if channel { Audience::Channel } else { Audience::Person };
        lint::message(&super::digest(&Digest { name, to, ..of(news) }, &faces));
    }
}

#[test]
fn a_digest_holds_with_nothing_one_and_two_hundred_of_everything() {
    for (_, words) in extremes::texts() {
        // A digest without a name is a policy's own affair.
        let words = format!("a {words}");
        let name = extremes::cut(&words, 200);
        for (count, more) in [(0, 0), (1, 0), (21, 179)] {
            let items = || {
                let items = (0..count).map(|n| Item {
                    link: Some(LINK.to_owned()),
                    ..item(
                        n,
                        person(1 + u128::from(n.unsigned_abs())),
                        (&name, &name),
                        n,
                        n,
                    )
                });
                few(items.collect(), more)
            };
            let change = PolicyChange {
                at: now(),
                to: words.clone(),
            };
            let counted = u64::try_from(count).unwrap() * 1_000_000;
            let news = News {
                waiting: items(),
                overdue: items(),
                stuck: items(),
                late: items(),
                resolved: items(),
                ending: items(),
                held: items(),
                longest: items(),
                unused: items(),
                counts: Counts {
                    granted: counted,
                    ..Counts::default()
                },
                policies: Few {
                    first: vec![change; usize::try_from(count).unwrap()],
                    total: usize::try_from(count).unwrap() + more,
                },
            };
            for to in [Audience::Channel, Audience::Person] {
                let digest = Digest {
                    name: words.clone(),
                    to,
                    ..of(news.clone())
                };
                lint::message(&super::digest(&digest, &extremes::faces_named(&name)));
            }
        }
    }
}

#[test]
fn faces_that_are_missing_stop_nothing() {
    let nobody: Faces = Vec::<(crate::domain::PersonId, Face)>::new()
        .into_iter()
        .collect();
    let page = lint::read(&super::digest(&full(), &nobody).blocks);
    assert!(page.contains("somebody: admin on crm-db"), "{page}");
}

#[test]
fn a_grant_of_years_is_told_in_days() {
    let ages = of(News {
        longest: few(vec![item(1, dana(), ("crm-db", "admin"), 24 * 800, 0)], 0),
        ..News::default()
    });
    assert!(shown(&ages).contains("800 days in all"));
    let _: DateTime<Utc> = ages.from;
}
