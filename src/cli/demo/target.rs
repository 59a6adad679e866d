//! The databases that the people of the demo get access to, and what a person with `psql` can see
//! of them. This is the outside world: the SQL here is nobody's but theirs.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result};
use rand::Rng;
use rand::distr::Alphanumeric;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};
use url::Url;

use crate::embedded::Embedded;

/// Tables worth asking for, and roles that may read and change them. The connector's own role is no
/// superuser: it may make roles, end sessions, and hand on just these three.
const STAGING: &str = "
    create table customers (id int primary key, name text not null);
    create table orders (id int primary key, customer int not null references customers,
                         cents int not null, state text not null);
    insert into customers values (1, 'Ada'), (2, 'Grace'), (3, 'Edsger');
    insert into orders values (1001, 1, 4200, 'paid'), (1002, 2, 990, 'open'), (1003, 3, 15000, 'paid');
    create role app_readonly;
    create role app_readwrite;
    create role orders_admin;
    grant select on all tables in schema public to app_readonly, app_readwrite, orders_admin;
    grant insert, update, delete on orders to app_readwrite, orders_admin;
    grant create on schema public to orders_admin;
    grant app_readonly, app_readwrite, orders_admin to jit_staging with admin option;
";

const LEGACY: &str = "
    create table reports (year int primary key, words text not null);
    insert into reports values (2025, 'It was a good year.');
    create role reports_reader;
    create role dana_db login;
    grant select on reports to reports_reader;
    grant reports_reader to jit_legacy with admin option;
";

/// The databases of the demo.
pub(super) struct Targets {
    admin: String,
    /// What the connector `staging` connects as.
    pub(super) staging: String,
    /// What the connector `legacy` connects as.
    pub(super) legacy: String,
}

impl Targets {
    /// Makes both databases.
    pub(super) async fn make(server: &Embedded) -> Result<Self> {
        let staging = make(server, "staging", STAGING).await?;
        let legacy = make(server, "legacy", LEGACY).await?;
        let admin = server.database_url("staging").await?;
        Ok(Self {
            admin,
            staging,
            legacy,
        })
    }

    /// Tries to log in to `staging`, as anybody would.
    pub(super) async fn log_in(&self, login: &str, password: &str) -> Result<PgConnection> {
        let options = PgConnectOptions::from_str(&self.admin)?
            .username(login)
            .password(password);
        let connecting = PgConnection::connect_with(&options);
        Ok(tokio::time::timeout(Duration::from_secs(5), connecting).await??)
    }

    /// How many temporary roles there are.
    pub(super) async fn temporary_roles(&self) -> Result<i64> {
        let mut admin = PgConnection::connect(&self.admin).await?;
        let counting = "select count(*) from pg_roles where rolname like 'jit\\_%' \
                        and rolname not in ('jit_staging', 'jit_legacy')";
        let count = sqlx::query_scalar(counting).fetch_one(&mut admin).await?;
        admin.close().await?;
        Ok(count)
    }
}

async fn make(server: &Embedded, name: &str, sql: &'static str) -> Result<String> {
    let url = server.database_url(name).await?;
    let mut admin = PgConnection::connect(&url)
        .await
        .context("the new database")?;
    let password: String = rand::rng()
        .sample_iter(Alphanumeric)
        .take(24)
        .map(char::from)
        .collect();
    let role = format!(
        "create role jit_{name} login createrole password '{password}';
         grant pg_signal_backend to jit_{name};"
    );
    sqlx::raw_sql(AssertSqlSafe(role))
        .execute(&mut admin)
        .await?;
    sqlx::raw_sql(sql).execute(&mut admin).await?;
    admin.close().await?;
    let mut url = Url::parse(&url)?;
    let set = url
        .set_username(&format!("jit_{name}"))
        .and_then(|()| url.set_password(Some(&password)));
    set.map_err(|()| anyhow::anyhow!("the address of {name} takes no login"))?;
    Ok(url.into())
}
