//! Which connector serves a target.

use std::collections::BTreeMap;
use std::sync::Arc;

use jitbot::connectors::ConnectorError;
use jitbot::connectors::registry::Registry;
use jitbot::domain::{
    ConnectorName, ConnectorSpec, PostgresMode, PostgresSpec, SecretRef, Target, WebhookSpec,
};

use super::field::{WebhookField, access, at, unique};

fn postgres(variable: &str, mode: PostgresMode) -> ConnectorSpec {
    ConnectorSpec::Postgres(PostgresSpec {
        url: SecretRef::Env(variable.to_owned()),
        mode,
    })
}

fn target(spec: ConnectorSpec) -> Target {
    Target {
        connector: ConnectorName::new("db"),
        spec,
        role: "app_ro".to_owned(),
        subject: "dana".to_owned(),
    }
}

fn registry(spec: ConnectorSpec) -> Registry {
    Registry::new(BTreeMap::from([(ConnectorName::new("db"), spec)]))
}

/// The words of a check tell which settings a connector was built from.
async fn words(registry: &Registry, target: &Target) -> String {
    let connector = registry.for_target(target).unwrap();
    let error = connector.check().await.unwrap_err();
    assert!(matches!(&error, ConnectorError::Unreached(_)), "{error}");
    error.to_string()
}

#[tokio::test]
async fn what_a_request_has_pinned_serves_it_whatever_the_policy_says_by_now() {
    use PostgresMode::{Login, Membership};
    let pinned = target(postgres("JIT_TEST_PINNED", Login));
    let hook = ConnectorSpec::Webhook(WebhookSpec {
        url: "https://example.com/".to_owned(),
        secret: SecretRef::Env("JIT_TEST_HOOK".to_owned()),
    });
    for by_now in [
        registry(postgres("JIT_TEST_PRESENT", Login)),
        registry(postgres("JIT_TEST_PRESENT", Membership)),
        registry(hook),
        Registry::new(BTreeMap::new()),
    ] {
        let words = words(&by_now, &pinned).await;
        assert!(words.contains("JIT_TEST_PINNED"), "{words}");
    }
}

#[tokio::test]
async fn a_missing_secret_is_named_and_read_again_at_the_next_call() {
    let path = std::env::temp_dir().join(format!("jit-late-{}", unique()));
    let late = target(ConnectorSpec::Postgres(PostgresSpec {
        url: SecretRef::File(path.clone()),
        mode: PostgresMode::Login,
    }));
    let registry = Registry::new(BTreeMap::new());
    assert!(
        words(&registry, &late)
            .await
            .contains(&path.display().to_string())
    );
    std::fs::write(&path, "  \n").unwrap();
    assert!(words(&registry, &late).await.contains("empty"));
    std::fs::write(&path, "postgres://a@127.0.0.1:1/x\n").unwrap();
    assert!(
        words(&registry, &late).await.contains("127.0.0.1:1/x"),
        "no restart was needed"
    );
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn one_connector_serves_all_targets_of_the_same_settings() {
    let registry = registry(postgres("JIT_TEST_PINNED", PostgresMode::Login));
    let pinned = target(postgres("JIT_TEST_PINNED", PostgresMode::Login));
    let first = registry.for_target(&pinned).unwrap();
    assert!(Arc::ptr_eq(&first, &registry.for_target(&pinned).unwrap()));
    let all = registry.all();
    assert_eq!(all.len(), 1);
    assert!(Arc::ptr_eq(&first, all[0].1.as_ref().unwrap()));
}

#[tokio::test]
async fn a_registered_connector_serves_its_name() {
    let field = WebhookField::new(true).await;
    let held = field.receiver.state.clone();
    let registry = Registry::default().with(ConnectorName::new("db"), Arc::new(field.connector));
    let (access, target) = (
        access(),
        target(postgres("JIT_TEST_NONE", PostgresMode::Login)),
    );
    let connector = registry.for_target(&target).unwrap();
    connector.ensure(&access, &target, at(1)).await.unwrap();
    assert!(held.lock().unwrap().held.contains_key(&access.tag()));
    assert_eq!(registry.all().len(), 1);
}

#[tokio::test]
async fn a_webhook_to_an_internal_address_is_refused_unless_allowed() {
    let hook = target(ConnectorSpec::Webhook(WebhookSpec {
        url: "http://127.0.0.1:9/".to_owned(),
        secret: SecretRef::Env("JIT_TEST_HOOK".to_owned()),
    }));
    let strict = Registry::new(BTreeMap::new());
    assert!(matches!(
        strict.for_target(&hook),
        Err(ConnectorError::Rejected(_))
    ));
    let open = Registry::default().allow_webhooks(super::field::loopback());
    assert!(open.for_target(&hook).is_ok());
}
