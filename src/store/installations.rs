//! Where the app is installed by OAuth, and the schema of each installation. Tokens come in and go
//! out sealed; what they are sealed with is not known here.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{AssertSqlSafe, Executor};

use super::{Store, StoreError, Tx};

/// The channel on which replicas hint to each other that an installation has changed.
const INSTALLED_CHANNEL: &str = "jit_installations";
/// How long the migration of a schema waits for a lock; it is tried again.
const LOCK_LIMIT: &str = "5s";
/// How long a visit to the install page is remembered after it ended, to say what was wrong with it.
const REMEMBERED: TimeDelta = TimeDelta::days(1);
/// How many old visits are forgotten when one begins: more than begin, so that none pile up.
const FORGOTTEN_AT_ONCE: i64 = 100;
/// How many visits may be under way at once.
const OPEN_VISITS: i64 = 10_000;

/// One installation, as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Installed {
    /// The organisation; empty where the workspace belongs to none.
    pub enterprise_id: String,
    /// The workspace; empty where the app is installed for the whole organisation.
    pub team_id: String,
    /// The schema that holds its requests.
    pub house: String,
    /// What people call it.
    pub name: String,
    /// The Slack app.
    pub app_id: String,
    /// The user id of the bot there.
    pub bot_user: String,
    /// The scopes of the token.
    pub scopes: Vec<String>,
    /// The bot token, sealed; none once it was uninstalled.
    pub bot_token: Option<Vec<u8>>,
    /// The refresh token, sealed.
    pub refresh_token: Option<Vec<u8>>,
    /// When the bot token ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// Who installed it last.
    pub installed_by: String,
    /// When it was installed last.
    pub installed_at: DateTime<Utc>,
    /// When it was uninstalled.
    pub removed_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for Installed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { house, .. } = self;
        f.debug_struct("Installed")
            .field("house", house)
            .finish_non_exhaustive()
    }
}

/// The tokens of an installation, sealed.
pub struct SealedTokens {
    /// The bot token.
    pub bot: Vec<u8>,
    /// What the next one is got with.
    pub refresh: Option<Vec<u8>>,
    /// When the bot token ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What became of a visit to the install page that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// It began here, in this browser, lately, and comes back for the first time.
    Good,
    /// It did not begin here, or long ago.
    Unknown,
    /// It began in another browser.
    OtherBrowser,
    /// It came back before.
    Used,
    /// It took too long.
    Late,
}

/// Hints that an installation has changed.
pub struct InstallationHints(sqlx::postgres::PgListener);

impl InstallationHints {
    /// Waits for the next hint.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        self.0.recv().await?;
        Ok(())
    }
}

impl Store {
    /// Every installation, those included that were uninstalled.
    pub async fn installations(&self) -> Result<Vec<Installed>, StoreError> {
        let all = sqlx::query_as!(
            Installed,
            "select enterprise_id, team_id, house, name, app_id, bot_user, scopes, bot_token,
                    refresh_token, expires_at, installed_by, installed_at, removed_at
             from installations order by enterprise_id, team_id"
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(all)
    }

    /// The installation that owns that schema.
    pub async fn installation(&self, house: &str) -> Result<Option<Installed>, StoreError> {
        let found = sqlx::query_as!(
            Installed,
            "select enterprise_id, team_id, house, name, app_id, bot_user, scopes, bot_token,
                    refresh_token, expires_at, installed_by, installed_at, removed_at
             from installations where house = $1",
            house
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found)
    }

    /// The same, held until the transaction ends: whoever else wants to hold it waits, in whatever
    /// process.
    pub async fn hold_installation(
        &self,
        house: &str,
    ) -> Result<Option<(Tx, Installed)>, StoreError> {
        let mut tx = self.begin().await?;
        let found = sqlx::query_as!(
            Installed,
            "select enterprise_id, team_id, house, name, app_id, bot_user, scopes, bot_token,
                    refresh_token, expires_at, installed_by, installed_at, removed_at
             from installations where house = $1 for update",
            house
        )
        .fetch_optional(&mut *tx.0)
        .await?;
        Ok(found.map(|found| (tx, found)))
    }

    /// Keeps an installation that is new, or was made again. One that was there keeps its schema.
    /// Answers the schema.
    pub async fn install(&self, new: &Installed) -> Result<String, StoreError> {
        let mut tx = self.begin().await?;
        // A workspace may have joined an organisation, or left it, since.
        sqlx::query!(
            "update installations set enterprise_id = $1
             where team_id = $2 and team_id <> '' and enterprise_id <> $1",
            new.enterprise_id,
            new.team_id
        )
        .execute(&mut *tx.0)
        .await?;
        let house = sqlx::query_scalar!(
            "insert into installations (enterprise_id, team_id, house, name, app_id, bot_user,
               scopes, bot_token, refresh_token, expires_at, installed_by, installed_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             on conflict (enterprise_id, team_id) do update set name = $4, app_id = $5,
               bot_user = $6, scopes = $7, bot_token = $8, refresh_token = $9, expires_at = $10,
               installed_by = $11, installed_at = $12, removed_at = null, removed_why = null
             returning house",
            new.enterprise_id,
            new.team_id,
            new.house,
            new.name,
            new.app_id,
            new.bot_user,
            &new.scopes,
            new.bot_token,
            new.refresh_token,
            new.expires_at,
            new.installed_by,
            new.installed_at
        )
        .fetch_one(&mut *tx.0)
        .await?;
        tx.hint_installed().await?;
        tx.commit().await?;
        Ok(house)
    }

    /// Takes the tokens of an installation away, unless it was made again after that time. Answers
    /// whether anything changed.
    pub async fn uninstall(
        &self,
        house: &str,
        said_at: DateTime<Utc>,
        now: DateTime<Utc>,
        why: &str,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let gone = sqlx::query!(
            "update installations set bot_token = null, refresh_token = null, expires_at = null,
               removed_at = $3, removed_why = $4
             where house = $1 and removed_at is null and installed_at <= $2",
            house,
            said_at,
            now,
            why
        )
        .execute(&mut *tx.0)
        .await?;
        tx.hint_installed().await?;
        tx.commit().await?;
        Ok(gone.rows_affected() == 1)
    }

    /// Keeps a visit to the install page until it comes back, and forgets some old ones. Answers
    /// whether it did: so many visits under way at once are not begun by people.
    pub async fn keep_visit(
        &self,
        state: &[u8],
        browser: &[u8],
        now: DateTime<Utc>,
        ends_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        sqlx::query!(
            "delete from install_visits where state in (
               select state from install_visits where ends_at < $1
               order by ends_at limit $2 for update skip locked)",
            now - REMEMBERED,
            FORGOTTEN_AT_ONCE
        )
        .execute(&self.pool)
        .await?;
        let kept = sqlx::query!(
            "insert into install_visits (state, browser, made_at, ends_at)
             select $1, $2, $3, $4
             where (select count(*) from (
               select from install_visits where ends_at > $3 and used_at is null limit $5
             ) as open) < $5",
            state,
            browser,
            now,
            ends_at,
            OPEN_VISITS
        )
        .execute(&self.pool)
        .await?;
        Ok(kept.rows_affected() == 1)
    }

    /// Takes a visit that came back. Only the first to take it, in the browser that it began in,
    /// finds it good.
    pub async fn take_visit(
        &self,
        state: &[u8],
        browser: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Visit, StoreError> {
        let mut tx = self.begin().await?;
        let found = sqlx::query!(
            r#"select browser = $2 as "here!", used_at is not null as "used!", ends_at <= $3 as "late!"
               from install_visits where state = $1 for update"#,
            state,
            browser,
            now
        )
        .fetch_optional(&mut *tx.0)
        .await?;
        let visit = match found {
            None => Visit::Unknown,
            Some(found) if !found.here => Visit::OtherBrowser,
            Some(found) if found.used => Visit::Used,
            Some(found) if found.late => Visit::Late,
            Some(_) => Visit::Good,
        };
        if visit == Visit::Good {
            sqlx::query!(
                "update install_visits set used_at = $2 where state = $1",
                state,
                now
            )
            .execute(&mut *tx.0)
            .await?;
        }
        tx.commit().await?;
        Ok(visit)
    }

    /// Listens for hints that an installation has changed.
    pub async fn listen_for_installations(&self) -> Result<InstallationHints, StoreError> {
        let mut listener = sqlx::postgres::PgListener::connect_with(&self.pool).await?;
        listener.listen(INSTALLED_CHANNEL).await?;
        Ok(InstallationHints(listener))
    }

    /// Runs what migrations are missing, and closes. Where none is, nothing is locked: the migrations of
    /// all schemas of a database stand under one lock.
    async fn bring_up_to_date(self) -> Result<(), StoreError> {
        let brought = match self.missing_migrations().await {
            Ok(0) => Ok(()),
            Ok(_) => self.migrate().await,
            Err(error) => Err(error),
        };
        self.close().await;
        brought
    }

    /// The same database, seen from the schema of one installation as it stands: no statement of it
    /// reaches the tables of another.
    ///
    /// # Errors
    /// When the name is none that an installation can have; never because the database is down.
    pub fn within(&self, name: &str, connections: u32) -> Result<Self, StoreError> {
        if !is_house(name) {
            return Err(StoreError::Inconsistent {
                table: "installations",
                row: name.to_owned(),
                what: "its house has a name that no schema may have".to_owned(),
            });
        }
        let options = self.pool.connect_options();
        let options = (*options).clone().options([("search_path", name)]);
        Ok(Self::over(options, connections, Some(name)))
    }

    /// As [`Store::within`], and the schema is made where it is missing, and migrated.
    ///
    /// # Errors
    /// When the database fails, or the name is none that an installation can have.
    pub async fn house(&self, name: &str, connections: u32) -> Result<Self, StoreError> {
        let store = self.within(name, connections)?;
        let making = AssertSqlSafe(format!("create schema if not exists {name}"));
        match self.pool.execute(sqlx::raw_sql(making)).await {
            Ok(_) => {}
            // Another replica made it at the same moment.
            Err(sqlx::Error::Database(error))
                if matches!(error.code().as_deref(), Some("42P06" | "23505")) => {}
            Err(error) => return Err(error.into()),
        }
        let options = store.pool.connect_options();
        let waiting = (*options).clone().options([("lock_timeout", LOCK_LIMIT)]);
        Self::over(waiting, 1, Some(name))
            .bring_up_to_date()
            .await?;
        Ok(store)
    }
}

impl Tx {
    /// Keeps the next tokens of an installation that is held.
    pub async fn keep_tokens(
        &mut self,
        house: &str,
        tokens: &SealedTokens,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update installations set bot_token = $2, refresh_token = $3, expires_at = $4
             where house = $1 and removed_at is null",
            house,
            tokens.bot,
            tokens.refresh,
            tokens.expires_at
        )
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    async fn hint_installed(&mut self) -> Result<(), StoreError> {
        sqlx::query!("select pg_notify($1, '')", INSTALLED_CHANNEL)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }
}

/// Whether a schema of ours may be called that; nothing else is ever put into a statement.
fn is_house(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.strip_prefix("jit_")
        .is_some_and(|rest| (1..=40).contains(&rest.len()) && rest.chars().all(plain))
}
