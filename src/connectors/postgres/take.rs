//! Taking an access away, in steps that may each be the last one before a crash: the role cannot
//! be used any more, its sessions end, what it owns gets another owner, and it is dropped.

use std::collections::BTreeSet;

use super::catalog::{self, Admin, Holding, Role};
use super::fault::Fault;
use super::session::{Session, during};
use crate::connectors::postgres::Ground;
use crate::domain::Removal;

/// Rounds of telling sessions to end, 50 ms apart.
const ROUNDS: u32 = 60;

/// Takes the access away, whatever mode has given it.
pub(super) async fn remove(
    session: &mut Session<'_>,
    ground: &Ground<'_>,
) -> Result<Removal, Fault> {
    let Some(role) = ours(session, ground).await? else {
        return Ok(Removal {
            already_absent: true,
            sessions_ended: 0,
        });
    };
    let admin = catalog::admin(session).await?;
    Ok(Removal {
        already_absent: false,
        sessions_ended: take(session, &admin, ground, &role).await?,
    })
}

/// The role under our tag, if it is there. One without our comment is never touched.
pub(super) async fn ours(
    session: &mut Session<'_>,
    ground: &Ground<'_>,
) -> Result<Option<Role>, Fault> {
    let role = catalog::role(session, &ground.tag).await?;
    match role {
        Some(role) if !role.ours => Err(Fault::Refused(format!(
            "A role {tag} stands at the server without our comment “jitbot:{tag}”; it is left alone. \
             If jit made it, put the comment back; if not, rename it",
            tag = ground.tag
        ))),
        role => Ok(role),
    }
}

/// Takes a role of ours away and returns how many sessions were ended.
pub(super) async fn take(
    session: &mut Session<'_>,
    admin: &Admin,
    ground: &Ground<'_>,
    role: &Role,
) -> Result<u32, Fault> {
    shut(session, ground, role).await?;
    let mut users = BTreeSet::new();
    let mut ended = BTreeSet::new();
    end_sessions(session, role, &mut users, &mut ended).await?;
    for holding in catalog::holdings(session, role).await? {
        release(admin, ground, &holding).await?;
    }
    session.run("drop role %I", &[&ground.tag]).await?;
    // A login that was let in just before the door shut shows up late: look once more.
    end_sessions(session, role, &mut users, &mut ended).await?;
    match catalog::role(session, &ground.tag).await? {
        None => Ok(u32::try_from(ended.len()).unwrap_or(u32::MAX)),
        Some(_) => Err(Fault::Refused(format!(
            "{} was dropped and is there again",
            ground.tag
        ))),
    }
}

/// Shuts the door, committed by itself: no new login, and nobody gets the target's role through
/// ours. Who is in our role stays recorded until the end, for their sessions.
async fn shut(session: &mut Session<'_>, ground: &Ground<'_>, role: &Role) -> Result<(), Fault> {
    session.begin().await?;
    session
        .run("alter role %I nologin password null", &[&ground.tag])
        .await?;
    for of in &role.member_of {
        session.run("revoke %I from %I", &[of, &ground.tag]).await?;
    }
    session.commit().await
}

/// Ends every session of the role and of those in it, until none is left. `users` gathers them,
/// since they cannot be told any more once the role is dropped.
///
/// Who is no superuser is shown whose a session is, but not its type; what is hidden is ended.
async fn end_sessions(
    session: &mut Session<'_>,
    role: &Role,
    users: &mut BTreeSet<i64>,
    ended: &mut BTreeSet<i32>,
) -> Result<(), Fault> {
    for _ in 0..ROUNDS {
        users.extend(catalog::users(session, role).await?);
        let users: Vec<i64> = users.iter().copied().collect();
        let told: Vec<i32> = sqlx::query_scalar(
            "with told as materialized (
                 select pid, pg_terminate_backend(pid) from pg_stat_activity
                 where usesysid::bigint = any($1) and pid <> pg_backend_pid()
                   and coalesce(backend_type, 'hidden')
                       in ('client backend', 'walsender', 'hidden'))
             select pid from told",
        )
        .bind(&users)
        .fetch_all(session.conn())
        .await
        .map_err(during("Ending live sessions"))?;
        if told.is_empty() {
            return Ok(());
        }
        ended.extend(told);
        sqlx::query("select pg_sleep(0.05)")
            .execute(session.conn())
            .await
            .map_err(during("Waiting for sessions to end"))?;
    }
    Err(Fault::Refused(
        "Sessions that use the access were told to end and are still there".to_owned(),
    ))
}

/// Gives what the role owns in one database to the target's role, and takes its permissions away.
///
/// Never to ourselves: a function that runs as its owner would then run with our rights, and the
/// holder could have left one on purpose. The target's role can do no more than the holder could.
async fn release(admin: &Admin, ground: &Ground<'_>, holding: &Holding) -> Result<(), Fault> {
    let (tag, target_role) = (ground.tag.as_str(), ground.target.role.as_str());
    let stuck = |why: String| {
        Fault::Refused(format!(
            "Nobody can use {tag} any more, but it cannot be dropped: {why}"
        ))
    };
    if !holding.connectable {
        return Err(stuck(format!(
            "database “{}” holds objects of it and allows no connections",
            holding.database
        )));
    }
    let mut session = ground.open(Some(&holding.database)).await?;
    if holding.owns
        && catalog::can_login(&mut session, target_role)
            .await?
            .is_none()
    {
        return Err(stuck(format!(
            "it owns objects in database “{}”, and the role “{target_role}” that should get them \
             is gone; run REASSIGN OWNED BY {tag} TO a role of your choice",
            holding.database
        )));
    }
    reown(&mut session, admin, ground, holding).await?;
    session.close().await;
    Ok(())
}

/// Who is no superuser must be in both roles to move ownership. It joins them for this one
/// transaction: the target's role through ours, which is dropped afterwards.
async fn reown(
    session: &mut Session<'_>,
    admin: &Admin,
    ground: &Ground<'_>,
    holding: &Holding,
) -> Result<(), Fault> {
    let (tag, target_role) = (ground.tag.as_str(), ground.target.role.as_str());
    let joins = !admin.superuser;
    session.begin().await?;
    if joins && admin.needs_admin_option() {
        session
            .run(
                "grant %I to %I with inherit true, set true",
                &[tag, &admin.name],
            )
            .await?;
    } else if joins {
        session.run("grant %I to %I", &[tag, &admin.name]).await?;
    }
    if holding.owns {
        if joins {
            session.run("grant %I to %I", &[target_role, tag]).await?;
        }
        session
            .run("reassign owned by %I to %I", &[tag, target_role])
            .await?;
    }
    session.run("drop owned by %I", &[tag]).await?;
    if holding.owns && joins {
        session
            .run("revoke %I from %I", &[target_role, tag])
            .await?;
    }
    session.commit().await
}
