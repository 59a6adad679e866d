//! The program as a person at a terminal meets it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use jitbot::sandbox::{Sandbox, Settings};
use jitbot::slack::manifest;
use jitbot::store::Store;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::harness::store::{empty, fresh};

const POLICY: &str = r##"
version: 1
defaults: { channel: "#access-requests", fallback_channel: "#access-fallback" }
groups:
  dba: { members: [bob@acme.example] }
connectors:
  staging: { kind: postgres, mode: login, url: { env: JIT_TEST_TARGET_URL } }
resources:
  staging-db: { connector: staging, roles: { readonly: pg_read_all_data } }
rules:
  - name: reading
    match: { resources: [staging-db] }
    decision: review
    steps: [{ from: [dba] }]
"##;

/// `jit` without any setting of this machine.
fn jit(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jit"));
    command
        .args(arguments)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    read(&jit(arguments).output().unwrap())
}

fn read(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn file(content: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("jit-cli-{}.yaml", uuid::Uuid::now_v7().simple()));
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn help_is_worth_reading() {
    for command in [
        "",
        "demo",
        "serve",
        "doctor",
        "migrate",
        "policy",
        "policy check",
        "policy test",
        "policy explain",
        "policy diff",
        "policy assert",
        "policy schema",
        "audit",
        "audit export",
        "audit verify",
        "manifest",
        "completions",
    ] {
        let mut words: Vec<&str> = command.split_whitespace().collect();
        words.push("--help");
        let (status, help, _) = run(&words);
        assert_eq!(status, 0, "{command}");
        let name = format!("help {command}").trim().replace(' ', "_");
        insta::assert_snapshot!(name, help);
    }
}

#[test]
fn wrong_calls_and_missing_settings_have_their_own_status() {
    for (arguments, status, said) in [
        (&["fly"][..], 2, "unrecognized subcommand"),
        (&["serve"], 2, "SLACK_BOT_TOKEN"),
        (&["serve", "--listen", "here"], 2, "JIT_LISTEN"),
        (&["doctor"], 1, ""),
        (&["manifest", "--mode", "http"], 2, "--url"),
        (
            &[
                "manifest",
                "--mode",
                "http",
                "--url",
                "http://jit.example.com",
            ],
            2,
            "https",
        ),
        (
            &["manifest", "--url", "https://jit.example.com"],
            2,
            "--mode http",
        ),
        (&["policy", "check", "/nowhere"], 2, "cannot be read"),
        (&["audit", "verify"], 2, "required"),
        (&["audit", "verify", "/nowhere"], 2, "cannot be read"),
    ] {
        let (found, _, error) = run(arguments);
        assert_eq!(found, status, "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[test]
fn the_manifest_is_printed() {
    let (status, text, _) = run(&[
        "manifest",
        "--mode",
        "http",
        "--url",
        "https://jit.example.com/",
    ]);
    let mode = manifest::Mode::Http {
        url: "https://jit.example.com".into(),
    };
    assert_eq!((status, text), (0, manifest::to_file(&mode)));
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let (status, text, _) = run(&["completions", shell]);
        assert!(
            status == 0 && text.contains("doctor") && text.contains("audit"),
            "{shell}"
        );
    }
}

#[test]
fn a_policy_is_checked_and_explained() {
    let good = file(POLICY);
    let path = good.to_str().unwrap();
    let (status, text, _) = run(&["policy", "check", path]);
    assert!(status == 0 && text.contains("no faults"), "{text}");
    let explain = |resource| {
        run(&[
            "policy",
            "explain",
            "dana@acme.example",
            resource,
            "1h",
            "--policy",
            path,
        ])
    };
    let (status, text, _) = explain("staging-db");
    assert!(status == 0 && text.contains("needs 1 of dba"), "{text}");
    let (status, text, _) = explain("other-db");
    assert!(status == 1 && text.contains("refused"), "{text}");
    let bad = file(&POLICY.replace("rules:", "rulez:"));
    let (status, _, error) = run(&["policy", "check", bad.to_str().unwrap()]);
    assert!(
        status == 1 && error.contains("did you mean `rules`"),
        "{error}"
    );
    std::fs::remove_file(good).unwrap();
    std::fs::remove_file(bad).unwrap();
}

#[tokio::test]
async fn a_ledger_goes_out_and_is_verified_elsewhere() {
    let (store, url) = fresh().await;
    let by = jitbot::domain::PersonId::from_uuid(uuid::Uuid::now_v7());
    let refusal = jitbot::domain::Refusal::NoSuchRequest;
    let event = jitbot::domain::Event::DecisionRefused { by, refusal };
    let mut tx = store.begin().await.unwrap();
    let at = tx.database_now().await.unwrap();
    let events = [event.clone(), event];
    tx.append(&jitbot::domain::Actor::Clock, None, &events, at)
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let path = file("");
    let name = path.to_str().unwrap();
    let out = jit(&["audit", "export", "--out", name])
        .env("DATABASE_URL", &url)
        .output()
        .unwrap();
    let (status, _, said) = read(&out);
    assert!(
        status == 0 && said.contains("2 entries, 1 to 2, head "),
        "{said}"
    );
    let (status, text, _) = run(&["audit", "verify", name]);
    assert!(status == 0 && text.contains("whole: 2 entries"), "{text}");
    let out = jit(&["audit", "verify", "--database"])
        .env("DATABASE_URL", &url)
        .output()
        .unwrap();
    assert_eq!(read(&out).1, text, "both have the same head");

    let lines = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, lines.replacen("clock", "worker", 1)).unwrap();
    let (status, _, error) = run(&["audit", "verify", name]);
    assert!(status == 1 && error.contains("entry 1"), "{error}");
    std::fs::write(&path, "hello").unwrap();
    let (status, _, error) = run(&["audit", "verify", name]);
    assert!(status == 2 && error.contains("line 1"), "{error}");
    std::fs::remove_file(path).unwrap();
}

/// A stand-in for Slack whose app has the scopes that the manifest asks for.
async fn slack() -> Sandbox {
    Sandbox::start(Settings::acme().with_scopes(&manifest::scopes()))
        .await
        .unwrap()
}

fn connected(arguments: &[&str], slack: &Sandbox, database: &str, policy: &Path) -> Command {
    let mut command = jit(arguments);
    command
        .env("SLACK_API_URL", slack.api_url())
        .env("SLACK_BOT_TOKEN", "xoxb-acme-bot")
        .env("SLACK_APP_TOKEN", "xapp-acme-app")
        .env("SLACK_SIGNING_SECRET", "acme-signing-secret")
        .env("DATABASE_URL", database)
        .env("JIT_POLICY", policy)
        .env("JIT_TEST_TARGET_URL", database);
    command
}

async fn output(mut command: Command) -> (i32, String, String) {
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    read(&run.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_is_wrong_and_says_what_to_do() {
    let (slack, database, policy) = (slack().await, empty().await, file(POLICY));
    let doctor = || connected(&["doctor", "--json"], &slack, &database, &policy);
    let (status, text, _) = output(doctor()).await;
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, 1);
    let ill = |found: &Value| -> Vec<String> {
        let checks = found["checks"].as_array().unwrap().clone();
        let ill = checks.iter().filter(|check| check["ok"] == false);
        ill.map(|check| format!("{}: {}", check["name"], check["remedy"]))
            .collect()
    };
    assert_eq!(
        ill(&found),
        [r#""schema": "run `jit migrate`, or start `jit serve`, which does it""#]
    );

    let (status, said, error) = output(connected(&["migrate"], &slack, &database, &policy)).await;
    assert!(status == 0 && said.contains("up to date"), "{said}{error}");
    let (status, text, _) = output(doctor()).await;
    assert_eq!(status, 0, "{text}");

    let lost = file(&POLICY.replace("#access-fallback", "#nowhere"));
    let mut wrong = connected(&["doctor"], &slack, &database, &lost);
    wrong
        .env("JIT_TEST_TARGET_URL", "postgres://127.0.0.1:1/none")
        .env("SLACK_APP_TOKEN", "xapp-other");
    let (status, text, _) = output(wrong).await;
    assert_eq!(status, 1);
    for part in [
        "FAULT  channel #nowhere",
        "/invite @jit",
        "FAULT  connector staging",
        "FAULT  socket mode",
        "3 faults.",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    std::fs::remove_file(policy).unwrap();
    std::fs::remove_file(lost).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_asks_every_source_of_people() {
    use wiremock::matchers::path;
    let (slack, database) = (slack().await, empty().await);
    let server = wiremock::MockServer::start().await;
    let on_call = serde_json::json!({ "oncalls": [{ "user": { "email": "bob@acme.example" } }], "more": false });
    wiremock::Mock::given(path("/oncalls"))
        .respond_with(wiremock::ResponseTemplate::new(200).set_body_json(on_call))
        .mount(&server)
        .await;
    let (token, api) = (file("pd-token\n"), server.uri());
    let token = token.to_str().unwrap();
    let groups = format!(
        r##"defaults: {{ manager_field: Xf0MANAGER, channel: "#access-requests" }}
groups:
  approvers: {{ slack_usergroup: S0APPROVERS }}
  closed: {{ slack_usergroup: S0CLOSED, fallback: dba }}
  oncall: {{ pagerduty: {{ schedule: PABC123, token: {{ file: "{token}" }}, api: "{api}" }} }}
  unset: {{ pagerduty: {{ schedule: PABC123, token: {{ env: JIT_TEST_UNSET }}, api: "{api}" }}, fallback: dba }}
  crm: {{ webhook: {{ url: "{api}/crm", secret: {{ file: "{token}" }} }} }}"##
    );
    let (_, rest) = POLICY.split_once("groups:").unwrap();
    let policy = file(&format!("version: 1\n{groups}{rest}"));
    let mut doctor = connected(&["doctor"], &slack, &database, &policy);
    doctor.env("JIT_WEBHOOK_ALLOW", "127.0.0.1");
    let (_, text, error) = output(doctor).await;
    for line in [
        "ok     group approvers (slack_usergroup): it answers: ",
        "ok     group closed (slack_usergroup): it answers, but nobody is in it",
        "until then `dba` stands in",
        "ok     group oncall (pagerduty): it answers: 1 person",
        "FAULT  group unset (pagerduty): its secret is missing; set the environment variable JIT_TEST_UNSET",
        "FAULT  group crm (webhook)",
        "requests that need it are refused until then",
        "manager field Xf0MANAGER: ",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}{error}");
    }
    assert!(!text.contains("pd-token"), "{text}");

    // Without the scopes for it, what to do is said.
    let few: Vec<&str> = manifest::scopes()
        .into_iter()
        .filter(|scope| *scope != "usergroups:read" && *scope != "users.profile:read")
        .collect();
    let poor = Sandbox::start(Settings::acme().with_scopes(&few))
        .await
        .unwrap();
    let mut doctor = connected(&["doctor"], &poor, &database, &policy);
    doctor.env("JIT_WEBHOOK_ALLOW", "127.0.0.1");
    let (_, text, _) = output(doctor).await;
    for line in [
        "FAULT  group approvers",
        "FAULT  manager field",
        "then reinstall the app",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    std::fs::remove_file(policy).unwrap();
    std::fs::remove_file(token).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_served_bot_is_ready_and_stops_cleanly() {
    let (slack, database, policy) = (slack().await, empty().await, file(POLICY));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut command = connected(&["serve"], &slack, &database, &policy);
    let mut child = command
        .env("JIT_LISTEN", address.to_string())
        .env("JIT_LOG", "warn")
        .spawn()
        .unwrap();

    let get = async |path: &str| {
        let answer = reqwest::get(format!("http://{address}{path}")).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    };
    let begun = Instant::now();
    let ready = loop {
        match get("/readyz").await {
            Some((200, ready)) => break ready,
            other => assert!(
                begun.elapsed() < Duration::from_mins(1),
                "not ready: {other:?}"
            ),
        }
        tokio::task::yield_now().await;
    };
    let ready: Value = serde_json::from_str(&ready).unwrap();
    for part in ["database", "migrations", "policy", "slack", "socket"] {
        assert_eq!(ready["parts"][part]["ok"], true, "{part}");
    }
    assert_eq!(get("/livez").await, Some((200, "ok".to_owned())));
    let (status, metrics) = get("/metrics").await.unwrap();
    assert!(
        status == 200 && metrics.contains("\njit_slack_connections 2\n"),
        "{metrics}"
    );
    assert_eq!(
        Store::connect_lazy(&database, 1)
            .unwrap()
            .missing_migrations()
            .await
            .unwrap(),
        0
    );

    // Slack's routes are there, and do not answer whoever does not sign.
    let client = reqwest::Client::new();
    let forged = client
        .post(format!("http://{address}/slack/commands"))
        .body("command=%2Fjit");
    assert_eq!(forged.send().await.unwrap().status().as_u16(), 401);

    kill(
        Pid::from_raw(child.id().try_into().unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    let stopped = tokio::task::spawn_blocking(move || child.wait().unwrap())
        .await
        .unwrap();
    assert_eq!(stopped.code(), Some(0));
    assert_eq!(get("/livez").await, None);
    std::fs::remove_file(policy).unwrap();
}
