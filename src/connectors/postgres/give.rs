//! Giving an access: a temporary login, or a marker role between a login and the role.

use chrono::{DateTime, SecondsFormat, Utc};

use super::catalog::{self, Admin, Role};
use super::fault::Fault;
use super::session::Session;
use super::take;
use crate::connectors::Presence;
use crate::connectors::postgres::Ground;
use crate::domain::{PostgresMode, Target};

/// Sessions that a temporary login may have open at once.
const CONNECTIONS: &str = "16";

/// Makes the server hold the access, in one transaction, and looks for it afterwards.
pub(super) async fn give(
    session: &mut Session<'_>,
    ground: &Ground<'_>,
    until: DateTime<Utc>,
) -> Result<(), Fault> {
    let admin = catalog::admin(session).await?;
    allowed(session, &admin, ground).await?;
    let standing = standing(session, &admin, ground).await?;
    session.begin().await?;
    match ground.mode {
        PostgresMode::Login => login(session, ground, standing.as_ref(), until).await?,
        PostgresMode::Membership => membership(session, ground, standing.as_ref()).await?,
    }
    session.commit().await?;
    if held(session, ground).await? != Presence::Absent {
        return Ok(());
    }
    Err(Fault::Refused(format!(
        "The server accepted every statement, and still {} does not hold “{}”",
        ground.tag, ground.target.role
    )))
}

/// Whether the server holds the access: the role is there, is ours, and the chain is whole. In login
/// mode with the end that the server keeps; one without an end is told as the end of time.
pub(super) async fn held(
    session: &mut Session<'_>,
    ground: &Ground<'_>,
) -> Result<Presence, Fault> {
    let Some(role) = catalog::role(session, &ground.tag).await? else {
        return Ok(Presence::Absent);
    };
    let given = role.ours && role.member_of.contains(&ground.target.role);
    Ok(match ground.mode {
        PostgresMode::Login if given && role.can_login => Presence::Present {
            until: Some(role.until.unwrap_or(DateTime::<Utc>::MAX_UTC)),
        },
        PostgresMode::Membership if given && role.members.contains(&ground.target.subject) => {
            Presence::Present { until: None }
        }
        PostgresMode::Login | PostgresMode::Membership => Presence::Absent,
    })
}

/// Refuses in words what the server would refuse in its own, before anything is changed.
async fn allowed(
    session: &mut Session<'_>,
    admin: &Admin,
    ground: &Ground<'_>,
) -> Result<(), Fault> {
    let Target { role, subject, .. } = ground.target;
    if catalog::can_login(session, role).await?.is_none() {
        return Err(Fault::Refused(format!("The server has no role “{role}”")));
    }
    if let Some(remedy) = catalog::missing_right(session, admin, ground.target).await? {
        return Err(Fault::Refused(format!(
            "The connector's login “{}” may not give the role “{role}”: {remedy}",
            admin.name
        )));
    }
    if ground.mode == PostgresMode::Login {
        return Ok(());
    }
    match catalog::can_login(session, subject).await? {
        _ if *subject == admin.name => Err(Fault::Refused(format!(
            "“{subject}” is the connector's own login and cannot hold an access"
        ))),
        Some(true) => Ok(()),
        Some(false) => Err(Fault::Refused(format!(
            "“{subject}” is a role that cannot log in: giving it “{role}” would give it to others"
        ))),
        None => Err(Fault::Refused(format!(
            "The server has no login “{subject}”; create it, or name the person's login in the \
             policy"
        ))),
    }
}

/// The role that stands there under our tag, if it can be built on. One from other settings
/// (another role, login or mode) is taken away wholly first, sessions included.
async fn standing(
    session: &mut Session<'_>,
    admin: &Admin,
    ground: &Ground<'_>,
) -> Result<Option<Role>, Fault> {
    let Some(role) = take::ours(session, ground).await? else {
        return Ok(None);
    };
    let member = match ground.mode {
        PostgresMode::Login => None,
        PostgresMode::Membership => Some(&ground.target.subject),
    };
    let fits = role.member_of.iter().all(|of| *of == ground.target.role)
        && role.members.iter().all(|name| Some(name) == member)
        && (ground.mode == PostgresMode::Login || !role.can_login);
    if fits {
        return Ok(Some(role));
    }
    take::take(session, admin, ground, &role).await?;
    Ok(None)
}

async fn login(
    session: &mut Session<'_>,
    ground: &Ground<'_>,
    standing: Option<&Role>,
    until: DateTime<Utc>,
) -> Result<(), Fault> {
    let tag = ground.tag.as_str();
    let until = until.to_rfc3339_opts(SecondsFormat::Micros, true);
    if standing.is_none() {
        create(session, tag).await?;
    }
    session
        .run(
            "alter role %I login connection limit %s valid until %L",
            &[tag, CONNECTIONS, &until],
        )
        .await?;
    session
        .run("grant %I to %I", &[&ground.target.role, tag])
        .await
}

/// The marker stands between the login and the role, so that a membership which the login had
/// before is another one, and is still there afterwards.
async fn membership(
    session: &mut Session<'_>,
    ground: &Ground<'_>,
    standing: Option<&Role>,
) -> Result<(), Fault> {
    let tag = ground.tag.as_str();
    let Target { role, subject, .. } = ground.target;
    if standing.is_none() {
        create(session, tag).await?;
    }
    session.run("grant %I to %I", &[role, tag]).await?;
    session.run("grant %I to %I", &[tag, subject]).await
}

/// Makes the role with the comment by which we know it again.
async fn create(session: &mut Session<'_>, tag: &str) -> Result<(), Fault> {
    session
        .run("create role %I nologin inherit", &[tag])
        .await?;
    session
        .run("comment on role %I is %L", &[tag, &format!("jitbot:{tag}")])
        .await
}
