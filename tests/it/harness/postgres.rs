//! A PostgreSQL server for tests.

/// The URL of a superuser of a server that checks passwords (`scram-sha-256`) over TCP. Roles are
/// shared by all its databases, so each test makes names of its own.
#[expect(
    clippy::unused_async,
    reason = "a server that is started on demand takes its time"
)]
pub async fn admin_url() -> String {
    std::env::var("JIT_TEST_DATABASE_URL").expect(
        "set JIT_TEST_DATABASE_URL to the URL of a superuser of a PostgreSQL server, such as \
         postgres://postgres:password@127.0.0.1:5432/postgres",
    )
}
