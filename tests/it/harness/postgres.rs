//! The private Postgres server that all tests share. It is started by the first test that needs it
//! and stops by itself when the test binary ends, however it ends.

use jitbot::embedded::{Data, Embedded, Options};
use tokio::sync::OnceCell;

static SERVER: OnceCell<Embedded> = OnceCell::const_new();

/// The URL of its superuser. Roles are shared by all its databases.
pub async fn admin_url() -> String {
    let options = Options {
        exe: env!("CARGO_BIN_EXE_jit").into(),
        data: Data::Temporary,
    };
    let start = async || {
        let started = Embedded::start(options).await;
        started.unwrap_or_else(|fault| panic!("{fault}"))
    };
    SERVER.get_or_init(start).await.admin_url().to_owned()
}
