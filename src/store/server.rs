//! What is asked of a server as a whole, before there is a database of ours.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::StoreError;

/// Creates that database if it is missing. `admin_url` names a database that exists, as a user who
/// may create others.
///
/// # Errors
/// When the server is not reached or refuses.
pub async fn create_database(admin_url: &str, name: &str) -> Result<(), StoreError> {
    let options = PgConnectOptions::from_str(admin_url)
        .map_err(|fault| StoreError::Url(fault.to_string()))?;
    let mut connection = options.connect().await?;
    let found: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
    if !found {
        let quoted: String = sqlx::query_scalar("select quote_ident($1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
        let made = sqlx::query(AssertSqlSafe(format!("create database {quoted}")))
            .execute(&mut connection)
            .await;
        match made {
            Err(error) if !is_there_already(&error) => return Err(error.into()),
            _ => {}
        }
    }
    connection.close().await?;
    Ok(())
}

/// Somebody else made it between asking and making.
fn is_there_already(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("42P04" | "23505"))
}
