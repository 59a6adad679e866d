//! What only PostgreSQL can do wrong.

use std::time::{Duration, Instant};

use jitbot::connectors::Presence::Absent;
use jitbot::connectors::postgres::{Limits, PostgresConnector};
use jitbot::connectors::{Connector, ConnectorError};
use jitbot::domain::PostgresMode::{Login, Membership};
use jitbot::domain::{PostgresMode, PostgresSpec};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use super::field::{Admin, Field, PostgresField, SecretFile, at, quoted, run, unique};

async fn finish(field: PostgresField) {
    Box::new(field).finish().await;
}

/// A connector to the field's server by another URL.
fn connector(url: &str, mode: PostgresMode) -> (PostgresConnector, SecretFile) {
    let secret = SecretFile::new(url);
    let spec = PostgresSpec {
        url: secret.reference(),
        mode,
    };
    (PostgresConnector::new(spec), secret)
}

#[tokio::test]
async fn a_password_works_from_the_asking_until_the_removal() {
    let field = PostgresField::new(Login, Admin::Plain).await;
    field.give().await;
    let tag = field.access.tag();
    assert!(field.log_in(&tag, "").await.is_err(), "no password yet");
    let credentials = field.credentials().await;
    let password = credentials.password.expose_secret();
    assert!(password.len() >= 32);
    let mut session = field.log_in(&tag, password).await.unwrap();
    run(&mut session, "select from orders").await.unwrap();
    let names: Vec<_> = credentials
        .facts
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["host", "port", "database", "login", "psql"]);
    assert!(
        credentials
            .facts
            .iter()
            .all(|(_, value)| !value.contains(password))
    );
    field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    assert!(run(&mut session, "select from orders").await.is_err());
    assert!(field.log_in(&tag, password).await.is_err());
    finish(field).await;
}

#[tokio::test]
async fn a_second_password_replaces_the_first_and_is_stored_hashed() {
    let field = PostgresField::new(Login, Admin::Superuser).await;
    field.give().await;
    let (_, first) = field.log_in_by_credentials().await;
    let (_, second) = field.log_in_by_credentials().await;
    assert_ne!(first, second);
    assert!(field.log_in(&field.access.tag(), &first).await.is_err());
    let hashed = "select rolpassword like 'SCRAM-SHA-256$4096:%' from pg_authid where rolname = $1";
    assert!(field.root_sees("postgres", hashed).await);
    field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    let late = field
        .connector
        .credentials(&field.access, &field.target)
        .await;
    assert!(matches!(late, Err(ConnectorError::Rejected(_))));
    finish(field).await;
}

#[tokio::test]
async fn an_end_in_the_past_keeps_the_login_out() {
    let field = PostgresField::new(Login, Admin::Superuser).await;
    let past = at(-24 * 365 * 90);
    field
        .connector
        .ensure(&field.access, &field.target, past)
        .await
        .unwrap();
    let password = field.credentials().await.password;
    let login = field
        .log_in(&field.access.tag(), password.expose_secret())
        .await;
    assert!(login.is_err());
    field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    finish(field).await;
}

/// Whatever a holder made in any database goes to the target's role, and never to the connector's.
async fn owned_objects_change_hands(admin: Admin) {
    let field = PostgresField::new(Login, admin).await;
    let second = format!("db2_{}", unique());
    field.root_runs(&format!("create database {second}")).await;
    let grant = format!("grant create on schema public to {}", quoted(&field.role));
    field.root_runs_in(&second, &grant).await;
    field.give().await;
    let (mut here, password) = field.log_in_by_credentials().await;
    let mut there = field
        .log_in_to(&second, &field.access.tag(), &password)
        .await;
    for session in [&mut here, &mut there] {
        run(
            session,
            "create table mine (id serial); create type mood as enum ('ok')",
        )
        .await
        .unwrap();
        let escalation =
            "create function f() returns int security definer language sql as 'select 1'";
        run(session, escalation).await.unwrap();
        run(session, "grant select on mine to public")
            .await
            .unwrap();
    }
    let removal = field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    assert_eq!(removal.sessions_ended, 2);
    assert!(!field.exists().await);
    for database in [&field.database, &second] {
        let owned = format!(
            "select (select relowner::regrole::text = '{0}' from pg_class where relname = 'mine')
                and (select proowner::regrole::text = '{0}' from pg_proc where proname = 'f')
                and $1 <> ''",
            field.role
        );
        assert!(field.root_sees(database, &owned).await);
    }
    let left = format!(
        "select not exists (select from pg_auth_members where member = '{}'::regrole
             and roleid = '{}'::regrole and not admin_option) and $1 <> ''",
        field.admin, field.role
    );
    assert!(
        field.root_sees("postgres", &left).await,
        "nobody stays in a borrowed role"
    );
    field
        .root_runs(&format!("drop database {second} with (force)"))
        .await;
    finish(field).await;
}

#[tokio::test]
async fn owned_objects_change_hands_by_a_superuser() {
    owned_objects_change_hands(Admin::Superuser).await;
}

#[tokio::test]
async fn owned_objects_change_hands_by_a_plain_admin() {
    owned_objects_change_hands(Admin::Plain).await;
}

#[tokio::test]
async fn objects_without_an_heir_are_kept_and_named_and_the_door_stays_shut() {
    let field = PostgresField::new(Login, Admin::Superuser).await;
    field.give().await;
    let (mut session, password) = field.log_in_by_credentials().await;
    run(&mut session, "create table mine (id int)")
        .await
        .unwrap();
    let role = quoted(&field.role);
    let gone = format!("drop owned by {role}; drop role {role}");
    field.root_runs_in(&field.database, &gone).await;
    let error = field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap_err();
    assert!(matches!(&error, ConnectorError::Unknown(_)), "{error}");
    assert!(error.to_string().contains("REASSIGN OWNED"), "{error}");
    assert!(
        run(&mut session, "select").await.is_err(),
        "the session has ended"
    );
    assert!(field.log_in(&field.access.tag(), &password).await.is_err());
    field.root_runs(&format!("create role {role}")).await;
    field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    assert!(!field.exists().await);
    finish(field).await;
}

#[tokio::test]
async fn a_role_without_our_comment_is_never_touched() {
    for mode in [Login, Membership] {
        let field = PostgresField::new(mode, Admin::Superuser).await;
        let tag = field.access.tag();
        let made = format!(
            "create role {tag} login password 'theirs'; grant {} to {tag}",
            field.role
        );
        field.root_runs(&made).await;
        let (access, target) = (&field.access, &field.target);
        let given = field.connector.ensure(access, target, at(1)).await;
        assert!(matches!(given, Err(ConnectorError::Rejected(_))));
        let taken = field.connector.remove(access, target).await;
        assert!(matches!(taken, Err(ConnectorError::Rejected(_))));
        let asked = field.connector.credentials(access, target).await;
        assert!(matches!(asked, Err(ConnectorError::Rejected(_))));
        assert_eq!(
            field.connector.verify(access, target).await.unwrap(),
            Absent
        );
        let listed = field.connector.list().await.unwrap();
        assert!(listed.iter().all(|held| held.tag != tag));
        assert!(field.log_in(&tag, "theirs").await.is_ok());
        field.root_runs(&format!("drop role {tag}")).await;
        finish(field).await;
    }
}

#[tokio::test]
async fn a_membership_from_before_is_still_there_afterwards() {
    let field = PostgresField::new(Membership, Admin::Superuser).await;
    let grant = format!("grant {} to {}", quoted(&field.role), quoted(&field.login));
    field.root_runs(&grant).await;
    field.give().await;
    let mut before = field.log_in(&field.login, "own").await.unwrap();
    let removal = field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    assert_eq!(removal.sessions_ended, 1);
    assert!(run(&mut before, "select").await.is_err());
    let mut after = field.log_in(&field.login, "own").await.unwrap();
    run(&mut after, "select from orders").await.unwrap();
    finish(field).await;
}

#[tokio::test]
async fn without_a_membership_nothing_is_left_to_set() {
    let field = PostgresField::new(Membership, Admin::Plain).await;
    field.give().await;
    field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    let mut session = field.log_in(&field.login, "own").await.unwrap();
    let set = format!("set role {}", quoted(&field.role));
    assert!(run(&mut session, &set).await.is_err());
    assert!(run(&mut session, "select from orders").await.is_err());
    finish(field).await;
}

#[tokio::test]
async fn logins_that_are_missing_ours_or_groups_are_refused_in_words() {
    let field = PostgresField::new(Membership, Admin::Plain).await;
    let group = format!("group_{}", unique());
    field.root_runs(&format!("create role {group}")).await;
    for (subject, words) in [
        ("nobody-of-that-name", "no login"),
        (field.admin.as_str(), "own login"),
        (group.as_str(), "cannot log in"),
    ] {
        let mut target = field.target.clone();
        target.subject = subject.to_owned();
        let error = field
            .connector
            .ensure(&field.access, &target, at(1))
            .await
            .unwrap_err();
        assert!(matches!(&error, ConnectorError::Rejected(_)), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(!field.exists().await, "nothing was made");
    field.root_runs(&format!("drop role {group}")).await;
    finish(field).await;
}

#[tokio::test]
async fn a_login_that_is_gone_is_taken_away_all_the_same() {
    let field = PostgresField::new(Membership, Admin::Superuser).await;
    field.give().await;
    field
        .root_runs(&format!("drop role {}", quoted(&field.login)))
        .await;
    assert_eq!(
        field
            .connector
            .verify(&field.access, &field.target)
            .await
            .unwrap(),
        Absent
    );
    field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    assert!(!field.exists().await);
    finish(field).await;
}

#[tokio::test]
async fn hostile_names_are_names_and_nothing_else() {
    // SCRAM of the client knows no characters younger than Unicode 3.2: no crab in a login.
    for name in [
        "\"; drop table orders; --",
        "o'clock \\ %I $1 ",
        "роль 角色 🦀 ",
        "sixty-three bytes with its id ",
    ] {
        let login = format!("{}l", name.replace('🦀', ""));
        for mode in [Login, Membership] {
            let mut field = PostgresField::named(mode, Admin::Plain, name, &login).await;
            field.give().await;
            assert_ne!(
                field
                    .connector
                    .verify(&field.access, &field.target)
                    .await
                    .unwrap(),
                Absent
            );
            field.begin_use().await;
            assert!(field.in_use().await);
            field
                .connector
                .remove(&field.access, &field.target)
                .await
                .unwrap();
            assert!(!field.exists().await);
            assert!(field.others_stand().await, "{name} {mode:?}");
            finish(field).await;
        }
    }
}

#[tokio::test]
async fn names_that_are_no_roles_are_refused() {
    let field = PostgresField::new(Login, Admin::Superuser).await;
    // A name of 63 bytes stands; the same one with a letter more must not be cut to it.
    let long = format!("{}{}", "r".repeat(31), unique());
    field.root_runs(&format!("create role {long}")).await;
    for role in [
        "",
        "public",
        "current_user",
        "a\0b",
        &format!("{long}x"),
        "x'; drop role y",
    ] {
        let mut target = field.target.clone();
        target.role = role.to_owned();
        let error = field
            .connector
            .ensure(&field.access, &target, at(1))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, ConnectorError::Rejected(_)),
            "{role:?}: {error}"
        );
    }
    assert!(!field.exists().await);
    field.root_runs(&format!("drop role {long}")).await;
    finish(field).await;
}

#[tokio::test]
async fn a_removal_that_stopped_half_way_has_shut_the_door_and_is_finished_later() {
    let field = PostgresField::new(Login, Admin::Plain).await;
    field.give().await;
    let (mut session, _) = field.log_in_by_credentials().await;
    run(&mut session, "create table mine (id int)")
        .await
        .unwrap();
    let (tag, role) = (field.access.tag(), quoted(&field.role));
    let half = format!("alter role {tag} nologin password null; revoke {role} from {tag}");
    field.root_runs(&half).await;
    assert_eq!(
        field
            .connector
            .verify(&field.access, &field.target)
            .await
            .unwrap(),
        Absent
    );
    let removal = field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    assert!(!removal.already_absent);
    assert_eq!(removal.sessions_ended, 1);
    assert!(!field.exists().await);
    // Half-way, and then given again: whole.
    field.give().await;
    field.root_runs(&half).await;
    field.give().await;
    let (mut session, _) = field.log_in_by_credentials().await;
    run(&mut session, "select from orders").await.unwrap();
    field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    finish(field).await;
}

#[tokio::test]
async fn a_removal_works_whatever_mode_gave_it() {
    let field = PostgresField::new(Login, Admin::Plain).await;
    field.give().await;
    let (mut session, _) = field.log_in_by_credentials().await;
    let (other, _secret) = connector(field.url_of(&field.admin, "pw").as_str(), Membership);
    other
        .ensure(&field.access, &field.target, at(1))
        .await
        .unwrap();
    assert!(
        run(&mut session, "select").await.is_err(),
        "the temporary login is gone"
    );
    assert_ne!(
        other.verify(&field.access, &field.target).await.unwrap(),
        Absent
    );
    assert_eq!(
        field
            .connector
            .verify(&field.access, &field.target)
            .await
            .unwrap(),
        Absent
    );
    field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    assert!(!field.exists().await);
    finish(field).await;
}

#[tokio::test]
async fn whoever_the_holder_let_in_is_out_as_well() {
    let field = PostgresField::new(Login, Admin::Plain).await;
    field.give().await;
    let (_session, _) = field.log_in_by_credentials().await;
    let tag = field.access.tag();
    // PostgreSQL 15 lets the holder do this; later ones need an administrator.
    field
        .root_runs(&format!("grant {tag} to {}", field.login))
        .await;
    let mut friend = field.log_in(&field.login, "own").await.unwrap();
    run(&mut friend, &format!("set role {}", field.role))
        .await
        .unwrap();
    let removal = field
        .connector
        .remove(&field.access, &field.target)
        .await
        .unwrap();
    assert_eq!(removal.sessions_ended, 2);
    assert!(run(&mut friend, "select from orders").await.is_err());
    finish(field).await;
}

#[tokio::test]
async fn calls_about_one_access_wait_for_each_other() {
    let field = PostgresField::new(Login, Admin::Superuser).await;
    let (connector, access, target) = (&field.connector, &field.access, &field.target);
    let give = || connector.ensure(access, target, at(1));
    let take = || connector.remove(access, target);
    let (a, b, c, d) = tokio::join!(give(), take(), give(), take());
    a.unwrap();
    c.unwrap();
    b.unwrap();
    d.unwrap();
    take().await.unwrap();
    assert!(!field.exists().await);
    finish(field).await;
}

#[tokio::test]
async fn a_held_lock_is_no_refusal() {
    let field = PostgresField::new(Login, Admin::Superuser).await;
    let mut other = field.log_in_to(&field.database, &field.login, "own").await;
    let lock = format!(
        "select pg_advisory_lock(hashtextextended('jitbot:{}', 0))",
        field.access.tag()
    );
    run(&mut other, &lock).await.unwrap();
    let (hurried, _secret) = connector(field.url_of(&field.admin, "pw").as_str(), Login);
    let hurried = hurried.with_limits(Limits {
        lock: Duration::from_millis(50),
        ..Limits::default()
    });
    let error = hurried
        .ensure(&field.access, &field.target, at(1))
        .await
        .unwrap_err();
    assert!(matches!(&error, ConnectorError::Unreached(_)), "{error}");
    finish(field).await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://a:b@{}/x", silent.local_addr().unwrap());
    let (connector, _secret) = connector(&url, Login);
    let connector = connector.with_limits(Limits {
        call: Duration::from_millis(100),
        ..Limits::default()
    });
    let begun = Instant::now();
    let error = connector.check().await.unwrap_err();
    assert!(matches!(&error, ConnectorError::Unreached(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn what_was_never_reached_is_called_so_and_no_password_is_told() {
    let field = PostgresField::new(Login, Admin::Superuser).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    for url in [
        format!("postgres://a:hush@{address}/x"),
        "postgres://a:hush@no-such-host.invalid/x".to_owned(),
        field.url_of(&field.admin, "hush").to_string(),
        "hush".to_owned(),
    ] {
        let (connector, _secret) = connector(&url, Login);
        let error = connector.check().await.unwrap_err();
        assert!(matches!(&error, ConnectorError::Unreached(_)), "{error}");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
    finish(field).await;
}

#[tokio::test]
async fn a_check_says_every_grant_that_is_missing() {
    let field = PostgresField::new(Login, Admin::Plain).await;
    let (weak, _secret) = connector(field.url_of(&field.login, "own").as_str(), Login);
    let error = weak.check().await.unwrap_err().to_string();
    assert!(
        error.contains(&format!("ALTER ROLE {} CREATEROLE", field.login)),
        "{error}"
    );
    assert!(
        error.contains(&format!("GRANT pg_signal_backend TO {}", field.login)),
        "{error}"
    );
    let superuser_role = {
        let mut target = field.target.clone();
        target.role = "postgres".to_owned();
        target
    };
    let error = field
        .connector
        .ensure(&field.access, &superuser_role, at(1))
        .await
        .unwrap_err();
    assert!(matches!(&error, ConnectorError::Rejected(_)), "{error}");
    finish(field).await;
}
