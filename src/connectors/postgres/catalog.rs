//! What the server's catalogue says. Names are compared as text: a cast to `name` would cut a long
//! one and find another role.

use chrono::{DateTime, Utc};

use super::fault::Fault;
use super::session::{Session, during};
use crate::connectors::Held;
use crate::domain::Target;

/// The role that the connector itself works as, and its server.
pub(super) struct Admin {
    pub(super) name: String,
    pub(super) superuser: bool,
    /// As `server_version_num`: 150004 is 15.4.
    version: i32,
}

impl Admin {
    /// From 16 on, making a role and giving one away need the admin option on that role.
    pub(super) fn needs_admin_option(&self) -> bool {
        self.version >= 160_000
    }
}

/// Who we are at the server.
pub(super) async fn admin(session: &mut Session<'_>) -> Result<Admin, Fault> {
    let (name, superuser, version) = sqlx::query_as(
        "select current_user::text, rolsuper, current_setting('server_version_num')::int
         from pg_roles where rolname = current_user",
    )
    .fetch_one(session.conn())
    .await
    .map_err(during("Reading who we are"))?;
    Ok(Admin {
        name,
        superuser,
        version,
    })
}

/// What keeps us from doing the work, each with what to run.
pub(super) async fn obstacles(session: &mut Session<'_>) -> Result<Vec<String>, Fault> {
    sqlx::query_scalar(
        "select o.words from pg_roles r, lateral (values
             (pg_is_in_recovery(),
              'the server is a standby that cannot be written; name the primary'),
             (not (r.rolsuper or r.rolcreaterole),
              format('it may not create roles; run ALTER ROLE %I CREATEROLE', r.rolname)),
             (not (r.rolsuper or pg_has_role('pg_signal_backend', 'usage')),
              format('it may not end sessions; run GRANT pg_signal_backend TO %I', r.rolname))
         ) o (stands, words)
         where r.rolname = current_user and o.stands",
    )
    .fetch_all(session.conn())
    .await
    .map_err(during("Reading what we may do"))
}

/// The role named by a tag.
pub(super) struct Role {
    pub(super) oid: i64,
    /// Whether it carries our comment.
    pub(super) ours: bool,
    pub(super) can_login: bool,
    /// Until when it may log in; none where it may for ever.
    pub(super) until: Option<DateTime<Utc>>,
    /// The roles that it is a member of.
    pub(super) member_of: Vec<String>,
    /// Its direct members, but for ourselves: from PostgreSQL 16 on, who makes a role joins it.
    pub(super) members: Vec<String>,
}

/// Finds the role named by a tag.
pub(super) async fn role(session: &mut Session<'_>, tag: &str) -> Result<Option<Role>, Fault> {
    type Row = (
        i64,
        bool,
        bool,
        Option<DateTime<Utc>>,
        Vec<String>,
        Vec<String>,
    );
    let row: Option<Row> = sqlx::query_as(
        "select r.oid::bigint,
                coalesce(shobj_description(r.oid, 'pg_authid') = 'jitbot:' || $1, false),
                r.rolcanlogin,
                case when isfinite(r.rolvaliduntil) then r.rolvaliduntil end,
                array(select distinct g.rolname::text from pg_auth_members m
                      join pg_roles g on g.oid = m.roleid where m.member = r.oid),
                array(select distinct g.rolname::text from pg_auth_members m
                      join pg_roles g on g.oid = m.member
                      where m.roleid = r.oid and g.rolname <> current_user)
         from pg_roles r where r.rolname::text = $1",
    )
    .bind(tag)
    .fetch_optional(session.conn())
    .await
    .map_err(during("Looking for the role"))?;
    Ok(
        row.map(|(oid, ours, can_login, until, member_of, members)| Role {
            oid,
            ours,
            can_login,
            until,
            member_of,
            members,
        }),
    )
}

/// Every role that carries our comment.
pub(super) async fn held(session: &mut Session<'_>) -> Result<Vec<Held>, Fault> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "select r.rolname::text,
                (select string_agg(distinct g.rolname::text, ', ') from pg_auth_members m
                 join pg_roles g on g.oid = m.member
                 where m.roleid = r.oid and g.rolname <> current_user)
         from pg_roles r
         where shobj_description(r.oid, 'pg_authid') = 'jitbot:' || r.rolname
         order by 1",
    )
    .fetch_all(session.conn())
    .await
    .map_err(during("Listing our roles"))?;
    let held = |(tag, members): (String, Option<String>)| Held {
        object: match members {
            Some(members) => format!("role {tag}, given to {members}"),
            None => format!("role {tag}"),
        },
        tag,
    };
    Ok(rows.into_iter().map(held).collect())
}

/// Whether a role exists, and whether it may log in.
pub(super) async fn can_login(
    session: &mut Session<'_>,
    name: &str,
) -> Result<Option<bool>, Fault> {
    sqlx::query_scalar("select rolcanlogin from pg_roles where rolname::text = $1")
        .bind(name)
        .fetch_optional(session.conn())
        .await
        .map_err(during("Looking for the role"))
}

/// What must be run at the server before we may give the role away; nothing if we may already.
pub(super) async fn missing_right(
    session: &mut Session<'_>,
    admin: &Admin,
    target: &Target,
) -> Result<Option<String>, Fault> {
    if admin.superuser {
        return Ok(None);
    }
    sqlx::query_scalar(
        "select case when rolsuper
                     then format('%I is a superuser, which only a superuser may give away', rolname)
                     else format('run GRANT %I TO %I WITH ADMIN OPTION', rolname, current_user) end
         from pg_roles
         where rolname::text = $1
           and (rolsuper or ($2 and not pg_has_role(oid, 'member with admin option')))",
    )
    .bind(&target.role)
    .bind(admin.needs_admin_option())
    .fetch_optional(session.conn())
    .await
    .map_err(during("Reading what we may give away"))
}

/// The role and all who are in it, directly or through others, but for ourselves: whoever could
/// have put the role on by `SET ROLE`.
pub(super) async fn users(session: &mut Session<'_>, role: &Role) -> Result<Vec<i64>, Fault> {
    sqlx::query_scalar(
        "with recursive users (oid) as (
             select $1::oid
             union
             select m.member from pg_auth_members m
             join users u on u.oid = m.roleid
             join pg_roles r on r.oid = m.member and r.rolname <> current_user)
         select oid::bigint from users",
    )
    .bind(role.oid)
    .fetch_all(session.conn())
    .await
    .map_err(during("Reading who is in the role"))
}

/// A database in which a role owns something or is named in a permission.
pub(super) struct Holding {
    pub(super) database: String,
    pub(super) connectable: bool,
    pub(super) owns: bool,
}

/// The databases that must be visited before the role can be dropped. Things shared by all
/// databases count for the one we are in.
pub(super) async fn holdings(
    session: &mut Session<'_>,
    role: &Role,
) -> Result<Vec<Holding>, Fault> {
    let rows: Vec<(String, bool, bool)> = sqlx::query_as(
        "select b.datname::text, b.datallowconn, bool_or(d.deptype = 'o')
         from pg_shdepend d
         join pg_database b on b.oid = d.dbid or (d.dbid = 0 and b.datname = current_database())
         where d.refclassid = 'pg_authid'::regclass and d.refobjid = $1::oid
         group by 1, 2 order by 1",
    )
    .bind(role.oid)
    .fetch_all(session.conn())
    .await
    .map_err(during("Looking for objects of the role"))?;
    let holding = |(database, connectable, owns)| Holding {
        database,
        connectable,
        owns,
    };
    Ok(rows.into_iter().map(holding).collect())
}
