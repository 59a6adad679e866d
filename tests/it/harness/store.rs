//! A database of its own for each test, made from a template that is migrated once.

use jitbot::store::Store;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use super::postgres::admin_url;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A fresh, migrated database and its URL.
pub async fn fresh() -> (Store, String) {
    let template = TEMPLATE.get_or_init(make_template).await;
    let name = unique();
    create(&name, Some(template)).await;
    let url = url_of(&name).await;
    (Store::connect_lazy(&url, 8).unwrap(), url)
}

/// A fresh database without any schema, and its URL.
pub async fn empty() -> String {
    let name = unique();
    create(&name, None).await;
    url_of(&name).await
}

async fn make_template() -> String {
    let name = unique();
    create(&name, None).await;
    let store = Store::connect_lazy(&url_of(&name).await, 1).unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    name
}

fn unique() -> String {
    format!("jit_test_{}", Uuid::now_v7().simple())
}

async fn create(name: &str, template: Option<&str>) {
    let mut admin = PgConnection::connect(&admin_url().await).await.unwrap();
    let template = template.map_or(String::new(), |name| format!(" template {name}"));
    let sql = format!("create database {name}{template}");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut admin)
        .await
        .unwrap();
    admin.close().await.unwrap();
}

async fn url_of(name: &str) -> String {
    let mut url = Url::parse(&admin_url().await).unwrap();
    url.set_path(name);
    url.to_string()
}
