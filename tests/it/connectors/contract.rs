//! The laws of connectors, held by every kind alike.

use std::future::{Future, poll_fn};
use std::task::Poll;

use jitbot::connectors::Presence::{Absent, Present};
use jitbot::domain::PostgresMode::{Login, Membership};
use jitbot::domain::Removal;

use super::field::{Admin, Field, PostgresField, WebhookField, at};

/// Law 1: saying it twice is saying it once, and the last end counts.
async fn ensuring_again_sets_the_end(field: Box<dyn Field>) {
    let (connector, access, target) = (field.connector(), field.access(), field.target());
    let first = connector.ensure(access, target, at(2)).await.unwrap();
    assert_eq!(
        connector.ensure(access, target, at(2)).await.unwrap(),
        first
    );
    for hours in [2, 5, 1] {
        let receipt = connector.ensure(access, target, at(hours)).await.unwrap();
        if receipt.target_until.is_some() {
            assert_eq!(receipt.target_until, Some(at(hours)));
        }
        if let Some(end) = field.end().await {
            assert_eq!(end, at(hours));
        }
        let ours = |held: &&jitbot::connectors::Held| held.tag == access.tag();
        assert_eq!(
            connector.list().await.unwrap().iter().filter(ours).count(),
            1
        );
    }
    connector.remove(access, target).await.unwrap();
    field.finish().await;
}

/// Law 2: `Ok` means that it is so, for live sessions too.
async fn ok_means_that_it_is_so(mut field: Box<dyn Field>) {
    let (access, target) = (field.access().clone(), field.target().clone());
    assert_eq!(
        field.connector().verify(&access, &target).await.unwrap(),
        Absent
    );
    field
        .connector()
        .ensure(&access, &target, at(1))
        .await
        .unwrap();
    match field.connector().verify(&access, &target).await.unwrap() {
        Present { until: Some(end) } => assert_eq!(end, at(1), "the end that was asked for"),
        presence => assert_eq!(presence, Present { until: None }),
    }
    field.begin_use().await;
    assert!(field.in_use().await);
    let removal = field.connector().remove(&access, &target).await.unwrap();
    assert_eq!(
        removal,
        Removal {
            already_absent: false,
            sessions_ended: 1
        }
    );
    assert!(!field.in_use().await);
    assert_eq!(
        field.connector().verify(&access, &target).await.unwrap(),
        Absent
    );
    field.finish().await;
}

/// Law 3, first half: what is not there can be removed, and given again.
async fn removing_nothing_is_fine(field: Box<dyn Field>) {
    let (connector, access, target) = (field.connector(), field.access(), field.target());
    let absent = Removal {
        already_absent: true,
        sessions_ended: 0,
    };
    assert_eq!(connector.remove(access, target).await.unwrap(), absent);
    for _ in 0..2 {
        connector.ensure(access, target, at(1)).await.unwrap();
        assert!(
            !connector
                .remove(access, target)
                .await
                .unwrap()
                .already_absent
        );
        assert_eq!(connector.remove(access, target).await.unwrap(), absent);
    }
    field.finish().await;
}

/// Law 3, second half: a call may stop anywhere, and a removal still leaves nothing.
async fn a_removal_mends_every_crash(field: Box<dyn Field>) {
    let (connector, access, target) = (field.connector(), field.access(), field.target());
    let whole = u32::MAX;
    let ensuring = stopped(whole, connector.ensure(access, target, at(1))).await;
    let removing = stopped(whole, connector.remove(access, target)).await;
    for part in 0..CRASHES {
        let polls = |whole: u32| whole * part / CRASHES;
        stopped(polls(ensuring), connector.ensure(access, target, at(1))).await;
        connector.remove(access, target).await.unwrap();
        assert_eq!(connector.verify(access, target).await.unwrap(), Absent);
        connector.ensure(access, target, at(1)).await.unwrap();
        stopped(polls(removing), connector.remove(access, target)).await;
        connector.remove(access, target).await.unwrap();
        assert_eq!(connector.verify(access, target).await.unwrap(), Absent);
        let held = connector.list().await.unwrap();
        assert!(held.iter().all(|held| held.tag != access.tag()));
    }
    field.finish().await;
}

/// How many points of a call are tried.
const CRASHES: u32 = 8;

/// Law 4: what others made is theirs.
async fn only_ours_is_touched(field: Box<dyn Field>) {
    let (connector, access, target) = (field.connector(), field.access(), field.target());
    assert!(field.others_stand().await);
    connector.ensure(access, target, at(1)).await.unwrap();
    let held = connector.list().await.unwrap();
    assert!(held.iter().any(|held| held.tag == access.tag()));
    assert!(held.iter().all(|held| !held.tag.starts_with("jit_by_")));
    assert!(field.others_stand().await);
    connector.remove(access, target).await.unwrap();
    assert!(field.others_stand().await);
    connector.check().await.unwrap();
    field.finish().await;
}

/// Polls a call at most so many times and then lets it fall, as a killed process does. Says how
/// many it took.
async fn stopped<F: Future>(most: u32, call: F) -> u32 {
    let mut call = Box::pin(call);
    let mut polls = 0;
    poll_fn(|cx| {
        if polls == most || call.as_mut().poll(cx).is_ready() {
            return Poll::Ready(polls);
        }
        polls += 1;
        if polls == most {
            return Poll::Ready(polls);
        }
        Poll::Pending
    })
    .await
}

macro_rules! contract {
    ($kind:ident, $field:expr, $($law:ident),+) => {
        mod $kind {
            use super::*;

            $(
                #[tokio::test]
                async fn $law() {
                    super::$law(Box::new($field)).await;
                }
            )+
        }
    };
    ($kind:ident, $field:expr) => {
        contract!(
            $kind,
            $field,
            ensuring_again_sets_the_end,
            ok_means_that_it_is_so,
            removing_nothing_is_fine,
            a_removal_mends_every_crash,
            only_ours_is_touched
        );
    };
}

contract!(
    postgres_login,
    PostgresField::new(Login, Admin::Superuser).await
);
contract!(
    postgres_login_plain_admin,
    PostgresField::new(Login, Admin::Plain).await
);
contract!(
    postgres_membership,
    PostgresField::new(Membership, Admin::Superuser).await
);
contract!(
    postgres_membership_plain_admin,
    PostgresField::new(Membership, Admin::Plain).await
);
contract!(webhook, WebhookField::new(true).await);
contract!(webhook_that_must_be_asked, WebhookField::new(false).await);
