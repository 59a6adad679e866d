//! The tab with next to nothing, with a bit of everything, and with far too much of it.

use proptest::prelude::*;

use super::*;
use crate::domain::{GrantState, Request, RequestState, ResourceName, RevokeCause, RoleName};
use crate::slack::view::samples::*;
use crate::slack::view::{extremes, lint};

const LINK: &str = "https://example.slack.com/archives/C1/p1?a=1&b=2";

fn state(name: &str) -> Request {
    let found = states().into_iter().find(|(known, _)| *known == name);
    found.unwrap().1
}

fn item(n: usize) -> ListItem {
    ListItem {
        name: format!("db-{n}"),
        description: Some("The *staging* database".to_owned()),
        roles: vec![("readonly".to_owned(), Some(crate::domain::Span::hours(8)))],
        sensitivity: n.is_multiple_of(2).then(|| "low".to_owned()),
        parts: Vec::new(),
    }
}

/// The request with another id, so that every row of buttons has its own.
fn nth(request: &Request, n: usize) -> Request {
    let number = i64::try_from(n).unwrap();
    Request {
        id: RequestId::from_uuid(uuid::Uuid::from_u128(1_000 + n as u128)),
        number,
        ..request.clone()
    }
}

/// A bit of everything.
fn some() -> Home {
    let own = ["denied", "expired", "failed", "cancelled", "resolved"];
    let own = own.iter().map(|name| state(name));
    let mut own: Vec<Request> = [request()].into_iter().chain(own).collect();
    own.extend(["revoked_lapsed", "revoked_by_somebody"].map(state));
    let own: Vec<Request> = own.iter().enumerate().map(|(n, one)| nth(one, n)).collect();
    let held = ["active", "scheduled", "activating", "revoking_failing"];
    let held = held.iter().enumerate();
    let stuck = state("revoking_failing");
    let mut others = nth(&stuck, 77);
    others.access.person = carol();
    others.requester = carol();
    Home {
        me: BTreeSet::from([dana()]),
        waiting: vec![
            vec![nth(&state("waiting_on_behalf"), 50)],
            bundles()[0].1.clone(),
        ],
        held: held.map(|(n, name)| nth(&state(name), 20 + n)).collect(),
        own,
        team: Some(vec![request(), state("active")]),
        may_ask: (0..3).map(item).collect(),
        admin: Some(Admin {
            stuck: vec![others, nth(&stuck, 78)],
            policy: "0123456789abcdef".repeat(4),
            since: Some(now()),
            trouble: Some("access.yaml:3:1: “groups” is <nothing>".to_owned()),
            oldest: Some(now() - minutes(7)),
            missing_migrations: 0,
            refused: vec!["files.completeUploadExternal".to_owned()],
        }),
        links: [(nth(&request(), 0).id, LINK.to_owned())].into(),
        unreadable: vec![group("oncall")],
    }
}

fn shown(view: &Value) -> String {
    lint::home(view);
    let page = lint::read(view["blocks"].as_array().unwrap());
    format!("{page}\n{view:#}")
}

#[test]
fn the_tab() {
    let empty = Home {
        team: Some(Vec::new()),
        admin: Some(Admin::default()),
        ..Home::default()
    };
    let pages = Pages::default();
    for (name, tab) in [
        ("nothing", Home::default()),
        ("empty_panels", empty),
        ("some", some()),
    ] {
        let view = home(&tab, &pages, &faces(), now());
        insta::assert_snapshot!(format!("home_{name}"), shown(&view));
    }
    insta::assert_snapshot!(
        "home_unfit",
        shown(&unfit("Apps and bots cannot use this."))
    );
    insta::assert_snapshot!("home_plain", shown(&plain()));
}

#[test]
fn the_dialog_in_which_an_admin_answers() {
    let stuck = state("revoking_failing");
    let meta = crate::slack::view::modal::Meta {
        request: stuck.id,
        channel: None,
        ts: None,
        version: None,
    };
    let view = answer_for(&stuck, &faces(), &meta);
    lint::modal(&view);
    let page = lint::read(view["blocks"].as_array().unwrap());
    insta::assert_snapshot!(format!("{page}\n{view:#}"));
}

#[test]
fn nobody_is_told_in_it_that_their_access_may_still_work() {
    let only_held = Home {
        held: vec![state("revoking_failing")],
        own: vec![state("resolved")],
        ..some()
    };
    let only_held = Home {
        admin: None,
        ..only_held
    };
    let view = home(&only_held, &Pages::default(), &faces(), now()).to_string();
    assert!(
        !view.contains("failing") && !view.contains("verified"),
        "{view}"
    );
}

#[test]
fn what_nobody_verified_is_called_revoked_nowhere() {
    let resolved = state("resolved");
    assert!(matches!(
        resolved.grant().unwrap().state,
        GrantState::Resolved {
            cause: RevokeCause::Lapsed,
            ..
        }
    ));
    let card = crate::slack::view::card::card(&resolved, &faces(), now());
    let told = serde_json::to_string(&card.blocks).unwrap();
    assert!(
        told.contains("not verified") && told.contains("answers for it"),
        "{told}"
    );
    assert!(
        !told.to_lowercase().contains("revoked") && !told.contains("Taken away"),
        "{told}"
    );
}

/// The parts as a bundle, each by its own id.
fn bundle_of(parts: &[Request]) -> Vec<Request> {
    let mut bundle = bundled(parts.to_vec());
    for (part, own) in bundle.iter_mut().zip(parts) {
        (part.id, part.number) = (own.id, own.number);
        part.bundle.as_mut().unwrap().lead = parts[0].id;
    }
    bundle
}

/// The same, waiting: single requests and bundles of several parts, one after the other.
fn waiting(many: &[Request]) -> Vec<Vec<Request>> {
    let waits = |request: &Request| Request {
        state: pending(0, vec![]),
        bundle: None,
        ..request.clone()
    };
    let (mut cards, mut left) = (Vec::new(), many);
    while !left.is_empty() {
        let size = [1, 3, 25][cards.len() % 3].min(left.len());
        let (parts, rest) = left.split_at(size);
        let parts: Vec<Request> = parts.iter().map(waits).collect();
        cards.push(if size == 1 { parts } else { bundle_of(&parts) });
        left = rest;
    }
    cards
}

/// Holds a tab with so many of everything, each section on that page.
fn hold_tab(requests: &[Request], faces: &Faces, words: &str, page: u32, count: usize) {
    let many: Vec<Request> = (0..count)
        .map(|n| nth(&requests[n % requests.len()], n))
        .collect();
    let stuck = state("revoking_failing").state;
    let stuck = many.iter().map(|request| Request {
        state: stuck.clone(),
        ..request.clone()
    });
    let item = |n: usize| ListItem {
        name: format!("{n} {words}"),
        description: Some(words.to_owned()),
        roles: vec![(words.to_owned(), None); 20],
        sensitivity: Some(words.to_owned()),
        parts: match n % 2 {
            0 => Vec::new(),
            _ => vec![(ResourceName::new(words), Some(RoleName::new(words))); 20],
        },
    };
    let live = |request: &&Request| matches!(&request.state, RequestState::Approved { .. });
    let tab = Home {
        me: BTreeSet::from([dana()]),
        waiting: waiting(&many),
        held: many.iter().filter(live).cloned().collect(),
        own: many.clone(),
        team: Some(many.clone()),
        may_ask: (0..count).map(item).collect(),
        admin: Some(Admin {
            stuck: stuck.collect(),
            policy: words.to_owned(),
            since: Some(now()),
            trouble: Some(words.to_owned()),
            oldest: Some(now()),
            missing_migrations: 3,
            refused: vec![words.to_owned(); count],
        }),
        links: BTreeMap::new(),
        unreadable: vec![group(words); 30],
    };
    let all = ["waiting", "held", "own", "team", "may_ask", "stuck"];
    let pages = Pages(all.map(|key| (key.to_owned(), page)).into());
    let view = home(&tab, &pages, faces, now());
    lint::home(&view);
    assert!(view.to_string().len() < 250_000);
    lint::home(&unfit(words));
    let one = &requests[0];
    let meta = crate::slack::view::modal::Meta {
        request: one.id,
        channel: None,
        ts: None,
        version: None,
    };
    lint::modal(&answer_for(one, faces, &meta));
}

#[test]
fn a_tab_holds_with_nothing_one_and_two_hundred_of_everything() {
    for (_, words) in extremes::texts() {
        let faces = extremes::faces_named(&extremes::cut(&words, 200));
        let states = states().into_iter().step_by(4);
        let requests = states.map(|(_, base)| extremes::largest(&base, &words));
        let requests: Vec<Request> = requests.collect();
        for count in [0, 1, 200] {
            hold_tab(&requests, &faces, &words, 0, count);
        }
        hold_tab(&requests, &faces, &words, 7, 200);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn no_tab_breaks_a_limit(
        requests in proptest::collection::vec(any_request(), 1..10),
        faces in any_faces(),
        words in any_text(3000),
        page in 0u32..60,
    ) {
        hold_tab(&requests, &faces, &words, page, 200);
    }
}
