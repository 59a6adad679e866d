//! A PostgreSQL server for tests.

/// The URL of a superuser of a server that checks passwords (`scram-sha-256`) over TCP: the one that
/// `JIT_TEST_DATABASE_URL` names, or else a private one. Roles are shared by all its databases, so
/// each test makes names of its own.
pub async fn admin_url() -> String {
    match std::env::var("JIT_TEST_DATABASE_URL") {
        Ok(url) => url,
        Err(_) => super::database::server().await.to_owned(),
    }
}
