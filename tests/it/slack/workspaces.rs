//! Several workspaces, installed by OAuth, with one bot.

use jitbot::sandbox::Settings;
use jitbot::slack::client::SlackFault;
use secrecy::ExposeSecret;
use sqlx::Executor;

use super::town::{SOON, Town, key};

const BOB: &str = "bob@acme.example";
const OTHER_BOB: &str = "bob@umbrella.example";

fn rotating() -> Settings {
    Settings {
        rotates_tokens: true,
        ..Settings::acme()
    }
}

#[tokio::test]
async fn a_workspace_installs_the_app_and_asks() {
    let town = Town::open().await;
    town.settle_in("T0ACME", "T0ACME", BOB).await;
    let card = town.asks(&town.acme).await;
    town.approves(&town.acme, &card).await;
    let posts = town.acme.calls_to("chat.postMessage");
    assert!(!posts.is_empty() && posts.iter().all(jitbot::sandbox::Call::ok));
    let page = town.install("T0ACME").await;
    assert!(page.contains("Acme") && page.contains("T0ACME"), "{page}");
    let metrics = format!("http://{}/metrics", town.estate.address());
    let metrics = super::town::http().get(metrics).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let refused = r#"jit_slack_methods_refused{workspace="jit_t0acme"}"#;
    assert!(metrics.contains(refused), "{metrics}");
    assert_eq!(town.requests("T0ACME").await.len(), 1, "the house stays");
    town.asks(&town.acme).await;
}

#[tokio::test]
async fn a_visit_counts_once_in_time_and_in_its_own_browser() {
    let town = Town::open().await;
    let visit = town.visit().await;
    assert!(visit.cookie.contains("HttpOnly") && visit.cookie.contains("SameSite=Lax"));
    assert!(visit.cookie.contains("Secure"), "{}", visit.cookie);
    let back = town.agree(&visit, "T0ACME", true).await;
    let stranger = town.visit().await;
    for cookie in [None, Some(stranger.cookie.as_str()), Some("jit_install=")] {
        let (status, page) = town.come_back(&back, cookie).await;
        assert_eq!(status, 400);
        assert!(page.contains("did not begin in this browser"), "{page}");
    }
    let forged = back.as_str().replace(&visit.state(), "forged");
    let (status, page) = town
        .come_back(&forged.parse().unwrap(), Some(&visit.cookie))
        .await;
    assert!(status == 400 && page.contains("did not begin"), "{page}");
    assert!(
        town.acme.calls_to("oauth.v2.access").is_empty(),
        "nothing was asked of Slack"
    );

    let (status, page) = town.come_back(&back, Some(&visit.cookie)).await;
    assert!(status == 200 && page.contains("Acme"), "{page}");
    let (status, page) = town.come_back(&back, Some(&visit.cookie)).await;
    assert!(status == 400 && page.contains("opened before"), "{page}");
    assert_eq!(town.acme.calls_to("oauth.v2.access").len(), 1);

    let late = town.visit().await;
    let back = town.agree(&late, "T0ACME", true).await;
    town.sql("update install_visits set ends_at = now() - interval '1 second'")
        .await;
    let (status, page) = town.come_back(&back, Some(&late.cookie)).await;
    assert!(status == 400 && page.contains("ten minutes"), "{page}");

    let denied = town.visit().await;
    let back = town.agree(&denied, "T0ACME", false).await;
    let (status, page) = town.come_back(&back, Some(&denied.cookie)).await;
    assert!(status == 200 && page.contains("said no"), "{page}");

    let wrong = town.visit().await;
    let back = town.agree(&wrong, "T0ACME", false).await;
    let strange = back
        .as_str()
        .replace("access_denied", "%3Cscript%3E%0Afake");
    let (status, page) = town
        .come_back(&strange.parse().unwrap(), Some(&wrong.cookie))
        .await;
    assert!(status == 400 && !page.contains("script"), "{page}");

    let spent = town.visit().await;
    let back = town.agree(&spent, "T0ACME", true).await;
    let mut pairs: Vec<(String, String)> = back.query_pairs().into_owned().collect();
    for (name, value) in &mut pairs {
        if name == "code" {
            "a-code-of-nobody".clone_into(value);
        }
    }
    let mut wrong = back.clone();
    wrong.query_pairs_mut().clear().extend_pairs(pairs);
    let (status, page) = town.come_back(&wrong, Some(&spent.cookie)).await;
    assert!(status == 400 && page.contains("Begin again"), "{page}");
}

#[tokio::test]
async fn visits_are_forgotten_by_and_by_and_are_never_too_many() {
    let town = Town::open().await;
    let many = |count: u32, end: &str| {
        format!(
            "insert into install_visits select sha256(('{end}' || n)::bytea), '', now(),
               now() + interval '{end}' from generate_series(1, {count}) n"
        )
    };
    town.sql(&many(150, "-2 days")).await;
    let old = "select count(*)::text from install_visits where ends_at < now()";
    town.visit().await;
    assert_eq!(town.value(old).await, "50");
    town.visit().await;
    assert_eq!(town.value(old).await, "0");
    town.sql(&many(10_000, "10 minutes")).await;
    let url = format!("http://{}/slack/install", town.estate.address());
    let refused = super::town::http().get(url).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.text().await.unwrap().contains("Too many"));
    town.sql("delete from install_visits").await;
    town.visit().await;
}

#[tokio::test]
async fn two_workspaces_never_mix() {
    let town = Town::open().await;
    town.settle_in("T0ACME", "T0ACME", BOB).await;
    let here = "T0UMBRELLA";
    town.settle_in(here, here, OTHER_BOB).await;
    let (ours, theirs) = (town.asks(&town.acme).await, town.asks(&town.umbrella).await);
    let (one, other) = (
        town.requests("T0ACME").await,
        town.requests("T0UMBRELLA").await,
    );
    assert!(one.len() == 1 && other.len() == 1);
    assert_eq!(one[0].number, other[0].number, "each counts for itself");
    assert_ne!(one[0].id, other[0].id);
    assert_ne!(
        one[0].requester, other[0].requester,
        "one user id, two people"
    );
    assert_ne!(one[0].terms.policy, other[0].terms.policy);

    // An id of the one workspace finds nothing in the other.
    let umbrella = town.estate.houses().get("jit_t0umbrella").unwrap();
    let forged = umbrella.engine().store().request(one[0].id).await.unwrap();
    assert!(forged.is_none());
    assert_ne!(ours.blocks, theirs.blocks);
    town.approves(&town.umbrella, &theirs).await;
    assert!(town.requests("T0UMBRELLA").await[0].approvals().len() == 1);
    assert!(town.requests("T0ACME").await[0].approvals().is_empty());
    for house in ["jit_t0acme", "jit_t0umbrella"] {
        let first = format!(
            "select min(seq)::text || '-' || (count(*) = max(seq))::text from {house}.ledger"
        );
        assert_eq!(
            town.value(&first).await,
            "1-true",
            "each ledger begins at 1, without a gap"
        );
        let foreign = format!(
            "select count(*)::text from {house}.requests where id not in (select id from {house}.requests)"
        );
        assert_eq!(town.value(&foreign).await, "0");
    }
    let default = "select (select count(*) from public.requests) + (select count(*) from public.ledger) + (select count(*) from public.outbox)";
    assert_eq!(town.value(&format!("select ({default})::text")).await, "0");
}

#[tokio::test]
async fn an_organisation_installs_once_for_all_its_workspaces() {
    let mut settings = Settings::acme();
    settings.org_install = true;
    // Bob is of another workspace of the same organisation.
    let bob = settings.users.iter_mut().find(|user| user.name == "bob");
    bob.unwrap().team_id = "T0SISTER".to_owned();
    let town = Town::with(settings, Settings::umbrella()).await;
    town.settle_in("T0ACME", "E0ACME", BOB).await;
    let card = town.asks(&town.acme).await;
    town.approves(&town.acme, &card).await;
    assert_eq!(town.requests("E0ACME").await[0].approvals().len(), 1);
    assert_eq!(
        town.value("select team_id || '|' || enterprise_id from installations")
            .await,
        "|E0ACME"
    );
}

#[tokio::test]
async fn a_token_at_rest_cannot_be_read_or_moved() {
    let town = Town::with(rotating(), Settings::umbrella()).await;
    town.install("T0ACME").await;
    town.install("T0UMBRELLA").await;
    let tokens: Vec<String> = [&town.acme, &town.umbrella]
        .iter()
        .flat_map(|sandbox| sandbox.granted_tokens())
        .collect();
    assert_eq!(tokens.len(), 2);
    let dump = "select string_agg(row::text || encode(bot_token || coalesce(refresh_token, ''), 'escape'), ' ')
                from installations row";
    let dump = town.value(dump).await;
    assert!(!dump.contains("xox"), "{dump}");
    let reading = town.installations(&[key(7)]);
    let read = reading.token("jit_t0acme", None).await.unwrap();
    assert_eq!(read.expose_secret(), tokens[0]);

    town.sql(
        "update installations one set bot_token = other.bot_token from installations other
         where one.house = 'jit_t0umbrella' and other.house = 'jit_t0acme'",
    )
    .await;
    let swapped = town.installations(&[key(7)]);
    let fault = swapped.token("jit_t0umbrella", None).await.unwrap_err();
    assert!(matches!(fault, SlackFault::Admin(_)), "{fault:?}");
    let strange = town.installations(&[key(8)]);
    assert!(strange.token("jit_t0acme", None).await.is_err());
}

#[tokio::test]
async fn a_changed_key_seals_again_and_the_old_one_can_go() {
    let town = Town::with(rotating(), Settings::umbrella()).await;
    town.install("T0ACME").await;
    // What is exchanged is what the test has exchanged.
    town.estate.installations().stop();
    let both = town.installations(&[key(9), key(7)]);
    both.look_after_tokens().await.unwrap();
    let new = town.installations(&[key(9)]);
    let token = new.token("jit_t0acme", None).await.unwrap();
    assert_eq!(
        vec![token.expose_secret().to_owned()],
        town.acme.granted_tokens()
    );
    assert_eq!(
        Town::refreshes(&town.acme),
        0,
        "sealing again asks nothing of Slack"
    );
    let old = town.installations(&[key(7)]);
    assert!(old.token("jit_t0acme", None).await.is_err());
}

#[tokio::test]
async fn a_token_is_exchanged_once_however_many_want_it() {
    let town = Town::with(rotating(), Settings::umbrella()).await;
    town.install("T0ACME").await;
    // What is exchanged is what the test has exchanged.
    town.estate.installations().stop();
    let replicas = [town.installations(&[key(7)]), town.installations(&[key(7)])];
    town.sql("update installations set expires_at = now() - interval '1 minute'")
        .await;
    let wanting = (0..40).map(|number| replicas[number % 2].token("jit_t0acme", None));
    let got = futures::future::join_all(wanting).await;
    let got: Vec<String> = got
        .into_iter()
        .map(|token| token.unwrap().expose_secret().to_owned())
        .collect();
    assert_eq!(Town::refreshes(&town.acme), 1);
    let last = town.acme.granted_tokens().pop().unwrap();
    assert!(got.iter().all(|token| *token == last), "{got:?}");

    // Slack says that it is over, to both at once.
    town.acme.expire_tokens();
    let refused = Some(secrecy::SecretString::from(last.clone()));
    let wanting = replicas
        .iter()
        .map(|one| one.token("jit_t0acme", refused.clone()));
    let got = futures::future::join_all(wanting).await;
    assert_eq!(Town::refreshes(&town.acme), 2);
    let last = town.acme.granted_tokens().pop().unwrap();
    assert!(
        got.iter()
            .all(|token| token.as_ref().unwrap().expose_secret() == last)
    );
}

#[tokio::test]
async fn a_bot_whose_token_ended_exchanges_it_and_goes_on() {
    let town = Town::with(rotating(), Settings::umbrella()).await;
    town.settle_in("T0ACME", "T0ACME", BOB).await;
    town.acme.expire_tokens();
    let card = town.asks(&town.acme).await;
    town.approves(&town.acme, &card).await;
    assert_eq!(Town::refreshes(&town.acme), 1);
}

#[tokio::test]
async fn a_token_is_exchanged_ahead_of_its_end_and_nobody_waits_for_it() {
    let town = Town::with(rotating(), Settings::umbrella()).await;
    town.install("T0ACME").await;
    // What is exchanged is what the test has exchanged.
    town.estate.installations().stop();
    let before = town.acme.granted_tokens();
    let down = jitbot::sandbox::FaultKind::Error {
        error: "fatal_error".to_owned(),
    };
    town.acme
        .fault(jitbot::sandbox::Fault::times("oauth.v2.access", 99, down));
    town.sql("update installations set expires_at = now() + interval '30 minutes'")
        .await;
    let installations = town.installations(&[key(7)]);
    let token = installations.token("jit_t0acme", None).await.unwrap();
    assert_eq!(token.expose_secret(), before[0]);
    assert_eq!(Town::refreshes(&town.acme), 0, "it is good to its end");
    for _ in 0..3 {
        installations.look_after_tokens().await.unwrap();
    }
    let asked = Town::refreshes(&town.acme);
    assert!(asked <= 2, "a Slack that refuses is left alone: {asked}");
    let token = installations.token("jit_t0acme", None).await.unwrap();
    assert_eq!(token.expose_secret(), before[0]);
    town.acme.heal();
    let later = town.installations(&[key(7)]);
    later.look_after_tokens().await.unwrap();
    let next = later.token("jit_t0acme", None).await.unwrap();
    assert_ne!(
        next.expose_secret(),
        before[0],
        "the next try gets the next token"
    );
}

#[tokio::test]
async fn a_pair_that_the_database_does_not_take_is_used_and_stored_later() {
    let town = Town::with(rotating(), Settings::umbrella()).await;
    town.install("T0ACME").await;
    // What is exchanged is what the test has exchanged.
    town.estate.installations().stop();
    let installations = town.installations(&[key(7)]);
    let before = installations.token("jit_t0acme", None).await.unwrap();
    town.acme.expire_tokens();
    // No row may be written, and then there is not even a row to hold.
    town.sql("alter table installations add constraint closed check (false) not valid")
        .await;
    let next = installations
        .token("jit_t0acme", Some(before))
        .await
        .unwrap();
    town.sql("alter table installations rename to elsewhere")
        .await;
    assert_eq!(
        vec![next.expose_secret().to_owned()],
        town.acme.granted_tokens()[1..]
    );
    assert!(installations.look_after_tokens().await.is_err());
    for _ in 0..3 {
        let again = installations.token("jit_t0acme", None).await.unwrap();
        assert_eq!(again.expose_secret(), next.expose_secret());
    }
    town.sql("alter table elsewhere rename to installations")
        .await;
    town.sql("alter table installations drop constraint closed")
        .await;
    installations.look_after_tokens().await.unwrap();
    let stored = town.installations(&[key(7)]);
    let stored = stored.peek("jit_t0acme").await.unwrap();
    assert_eq!(stored.expose_secret(), next.expose_secret());
    assert_eq!(Town::refreshes(&town.acme), 1);
    assert!(installations.finish(SOON).await);
}

#[tokio::test]
async fn who_only_looks_and_who_stops_exchange_nothing() {
    let town = Town::with(rotating(), Settings::umbrella()).await;
    town.install("T0ACME").await;
    // What is exchanged is what the test has exchanged.
    town.estate.installations().stop();
    let before = town.acme.granted_tokens();
    town.sql("update installations set expires_at = now() - interval '1 minute'")
        .await;
    let installations = town.installations(&[key(7)]);
    let seen = installations.peek("jit_t0acme").await.unwrap();
    assert_eq!(seen.expose_secret(), before[0]);
    installations.stop();
    let fault = installations.token("jit_t0acme", None).await.unwrap_err();
    assert!(fault.is_passing(), "{fault}");
    installations.look_after_tokens().await.unwrap();
    assert!(installations.finish(SOON).await);
    assert_eq!(Town::refreshes(&town.acme), 0);
}

/// What `jit doctor` says of that town.
async fn doctor(town: &Town) -> String {
    let mut doctor = std::process::Command::new(env!("CARGO_BIN_EXE_jit"));
    doctor
        .arg("doctor")
        .env_clear()
        .env("SLACK_API_URL", town.acme.api_url())
        .env("SLACK_CLIENT_ID", "100.200")
        .env("SLACK_CLIENT_SECRET", "acme-client-secret")
        .env("SLACK_SIGNING_SECRET", "acme-signing-secret")
        .env("JIT_PUBLIC_URL", super::town::PUBLIC)
        .env("JIT_TOKEN_KEY", key(7).expose_secret())
        .env("DATABASE_URL", &town.url)
        .env("JIT_POLICY", &town.policies);
    let output = tokio::task::spawn_blocking(move || doctor.output().unwrap());
    String::from_utf8(output.await.unwrap().stdout).unwrap()
}

#[tokio::test]
async fn the_doctor_exchanges_no_token() {
    let town = Town::with(rotating(), Settings::umbrella()).await;
    town.write_policy("T0ACME", BOB);
    town.install("T0ACME").await;
    town.estate.installations().stop();
    town.sql("update installations set expires_at = now() - interval '1 minute'")
        .await;
    let told = doctor(&town).await;
    assert!(told.contains("workspace T0ACME, token: good"), "{told}");
    town.acme.expire_tokens();
    let told = doctor(&town).await;
    assert!(told.contains("gets the next one while it runs"), "{told}");
    assert_eq!(Town::refreshes(&town.acme), 0);
}

#[tokio::test]
async fn an_uninstalled_workspace_has_no_tokens_and_loses_what_was_given() {
    let town = Town::open().await;
    town.settle_in("T0ACME", "T0ACME", BOB).await;
    let card = town.asks(&town.acme).await;
    town.approves(&town.acme, &card).await;
    let left = town.acme.uninstall().await;
    assert!(left.in_time(), "{left:?}");
    let wiped = "select (bot_token is null and refresh_token is null and removed_why = 'app_uninstalled')::text from installations";
    assert_eq!(town.value(wiped).await, "true");
    let refused = town
        .acme
        .slash("dana", "general", "/jit", "list")
        .await
        .unwrap();
    assert_eq!(refused.acks[0].status, Some(403));

    let calls = town.acme.calls().len();
    town.sql("update jit_t0acme.requests set grant_until = now() where grant_status = 'active'")
        .await;
    town.sql("update jit_t0acme.requests set grant_until = now()")
        .await;
    let taken = town.soon(|| !town.target.holds());
    assert!(taken.await, "revocation never waits for Slack");
    assert_eq!(town.target.asked("remove"), 1);
    assert_eq!(town.acme.calls().len(), calls, "and Slack is left alone");

    // What was to be said waits, and no admin is called.
    town.sql("update jit_t0acme.outbox set attempt = 20, due_at = now() where settled_at is null")
        .await;
    let (waits, shouted) = (
        "select count(*)::text from jit_t0acme.outbox where 20 < attempt and now() < due_at
           and last_error = 'Slack: not_installed'",
        "select count(*)::text from jit_t0acme.notices where key like 'slack refused%'",
    );
    let waiting = async { while town.value(waits).await == "0" {} };
    let put_off = tokio::time::timeout(SOON, waiting).await;
    assert!(put_off.is_ok(), "it waits");
    assert_eq!(town.value(shouted).await, "0");

    // It comes back to the same house.
    let page = town.install("T0ACME").await;
    assert!(page.contains("Installed"), "{page}");
    town.estate.houses().look().await.unwrap();
    town.asks(&town.acme).await;
    assert_eq!(town.requests("T0ACME").await.len(), 2);
}

#[tokio::test]
async fn old_news_of_an_uninstallation_does_not_end_a_new_one() {
    let town = Town::open().await;
    town.install("T0ACME").await;
    town.sql("update installations set installed_at = now() + interval '1 minute'")
        .await;
    let late = town
        .acme
        .event(serde_json::json!({"type": "app_uninstalled"}))
        .await;
    assert!(late.in_time());
    assert_eq!(
        town.value("select (removed_at is null)::text from installations")
            .await,
        "true"
    );
    // Slack tells seconds: in the second of an installation the token itself says what is meant.
    let installations = town.installations(&[key(7)]);
    let second = installations.all().await.unwrap()[0]
        .installed_at
        .timestamp();
    let ended = installations.uninstalled("jit_t0acme", "tokens_revoked", Some(second));
    assert!(!ended.await.unwrap(), "it is good");
    let down = jitbot::sandbox::FaultKind::Error {
        error: "fatal_error".to_owned(),
    };
    town.acme
        .fault(jitbot::sandbox::Fault::once("auth.test", down));
    let ended = installations.uninstalled("jit_t0acme", "tokens_revoked", Some(second));
    assert!(ended.await.is_err(), "Slack has to say it again");
    let mine = serde_json::json!({"type": "tokens_revoked", "tokens": {"oauth": ["U0DANA"]}});
    town.sql("update installations set installed_at = now() - interval '1 minute'")
        .await;
    town.acme.event(mine).await;
    assert_eq!(
        town.value("select (removed_at is null)::text from installations")
            .await,
        "true"
    );
    town.acme.revoke_tokens().await;
    assert_eq!(
        town.value("select removed_why from installations").await,
        "tokens_revoked"
    );
}

#[tokio::test]
async fn the_clocks_of_slack_and_the_database_may_be_minutes_apart() {
    let town = Town::open().await;
    town.install("T0ACME").await;
    let installations = town.installations(&[key(7)]);
    let row = &installations.all().await.unwrap()[0];
    let (before, after) = (
        row.installed_at.timestamp() - 120,
        row.installed_at.timestamp() + 120,
    );
    for at in [before, after] {
        let ended = installations.uninstalled("jit_t0acme", "app_uninstalled", Some(at));
        assert!(!ended.await.unwrap(), "its token is good");
    }
    town.acme.revoke_tokens().await;
    let ended = installations.uninstalled("jit_t0acme", "app_uninstalled", Some(before));
    ended.await.unwrap();
    assert_eq!(
        town.value("select (removed_at is null)::text from installations")
            .await,
        "false"
    );
}

#[tokio::test]
async fn only_who_is_named_installs() {
    let town = Town::only_for(&["T0UMBRELLA"]).await;
    let visit = town.visit().await;
    let back = town.agree(&visit, "T0ACME", true).await;
    let (status, page) = town.come_back(&back, Some(&visit.cookie)).await;
    assert!(status == 403 && page.contains("Ask its owners"), "{page}");
    let count = "select count(*)::text from installations";
    assert_eq!(town.value(count).await, "0");
    let page = town.install("T0UMBRELLA").await;
    assert!(page.contains("T0UMBRELLA"), "{page}");
}

#[tokio::test]
async fn without_a_policy_folder_nothing_is_decided_and_it_is_said_kindly() {
    let town = Town::open().await;
    town.install("T0ACME").await;
    town.estate.houses().look().await.unwrap();
    let told = town
        .types(&town.acme, "request staging-db 1h to see", |told| {
            !told.is_empty()
        })
        .await;
    assert!(
        told.contains("no policy for this workspace yet") && told.contains("T0ACME"),
        "{told}"
    );
    assert!(town.requests("T0ACME").await.is_empty());
    town.write_policy("T0ACME", BOB);
    town.decides("T0ACME").await;
    town.asks(&town.acme).await;
}

#[tokio::test]
async fn a_workspace_that_cannot_be_looked_up_is_asked_to_come_again() {
    let town = Town::open().await;
    town.install("T0ACME").await;
    town.estate.houses().look().await.unwrap();
    town.sql("alter table installations rename to elsewhere")
        .await;
    let lost = town.umbrella.slash("dana", "general", "/jit", "list").await;
    assert_eq!(lost.unwrap().acks[0].status, Some(503));
    town.sql("alter table elsewhere rename to installations")
        .await;
    let foreign = town.umbrella.slash("dana", "general", "/jit", "list").await;
    assert_eq!(foreign.unwrap().acks[0].status, Some(403));
}

#[tokio::test]
async fn a_house_that_hangs_holds_up_no_other_and_readiness_waits_for_the_first_look() {
    let town = Town::open().await;
    town.install("T0ACME").await;
    town.install("T0UMBRELLA").await;
    town.estate.houses().look().await.unwrap();
    let mut blocking = town.connection().await;
    let lock = "begin; lock table jit_t0acme._sqlx_migrations in access exclusive mode";
    blocking.execute(lock).await.unwrap();
    let replica = town.replica().await;
    let ready = format!("http://{}/readyz", replica.address());
    let ready = async || {
        super::town::http()
            .get(&ready)
            .send()
            .await
            .unwrap()
            .status()
    };
    let houses = replica.houses();
    let stands = |house| houses.get(house).is_some();
    assert!(town.soon(|| stands("jit_t0umbrella")).await);
    assert!(!stands("jit_t0acme"));
    assert_eq!(ready().await, 503, "its first look is not over");
    blocking.execute("rollback").await.unwrap();
    assert!(town.soon(|| stands("jit_t0acme")).await);
    replica.houses().look().await.unwrap();
    assert_eq!(ready().await, 200);
}

#[tokio::test]
async fn a_workspace_that_never_installed_is_refused() {
    let town = Town::open().await;
    town.install("T0ACME").await;
    let refused = town
        .umbrella
        .slash("dana", "general", "/jit", "list")
        .await
        .unwrap();
    assert_eq!(refused.acks[0].status, Some(403));
    assert!(town.umbrella.calls().is_empty(), "nothing is said there");
}

#[tokio::test]
async fn another_process_learns_of_an_installation_by_itself() {
    let town = Town::open().await;
    let replica = town.replica().await;
    town.write_policy("T0ACME", BOB);
    town.install("T0ACME").await;
    let houses = replica.houses();
    let decides = || {
        houses
            .get("jit_t0acme")
            .is_some_and(|house| house.decides())
    };
    assert!(town.soon(decides).await);
    town.acme
        .connect_http(&format!("http://{}", replica.address()));
    town.asks(&town.acme).await;
}

#[tokio::test]
async fn each_workspace_has_a_ledger_of_its_own_to_export() {
    let town = Town::open().await;
    town.settle_in("T0ACME", "T0ACME", BOB).await;
    town.settle_in("T0UMBRELLA", "T0UMBRELLA", OTHER_BOB).await;
    let card = town.asks(&town.acme).await;
    town.approves(&town.acme, &card).await;
    town.asks(&town.umbrella).await;
    let jit = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_jit"));
        command
            .args(arguments)
            .env_clear()
            .env("DATABASE_URL", town.url());
        let out = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (
            out.status.code().unwrap(),
            text(&out.stdout),
            text(&out.stderr),
        )
    };
    let (status, acme, _) = jit(&["audit", "export", "--workspace", "T0ACME"]);
    assert!(status == 0 && acme.contains("request_approved"), "{acme}");
    let (status, other, _) = jit(&["audit", "export", "--workspace", "T0UMBRELLA"]);
    assert!(
        status == 0 && other.contains("\\\"requested\\\""),
        "{other}"
    );
    assert!(!other.contains("request_approved"), "{other}");
    let (status, said, _) = jit(&["audit", "verify", "--database", "--workspace", "T0ACME"]);
    assert!(status == 0 && said.contains("The chain is whole"), "{said}");
    for arguments in [
        &["audit", "export"][..],
        &["audit", "verify", "--database"],
        &["audit", "verify", "--database", "--workspace", "T0NOBODY"],
    ] {
        let (status, text, error) = jit(arguments);
        assert!(status == 2 && text.is_empty(), "{text}");
        assert!(
            error.contains("T0ACME (Acme)") && error.contains("T0UMBRELLA"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn by_socket_mode_too_each_workspace_gets_what_is_its_own() {
    let town = Town::by_socket().await;
    town.settle_in("T0ACME", "T0ACME", BOB).await;
    town.settle_in("T0UMBRELLA", "T0UMBRELLA", OTHER_BOB).await;
    let card = town.asks(&town.acme).await;
    town.asks(&town.umbrella).await;
    town.approves(&town.acme, &card).await;
    assert_eq!(town.requests("T0ACME").await.len(), 1);
    assert_eq!(town.requests("T0UMBRELLA").await.len(), 1);
}
