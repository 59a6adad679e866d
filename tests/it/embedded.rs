//! The private Postgres server: it starts as root and as anybody, keeps what is to be kept, and is
//! gone when whoever started it is gone, however that ended.

#![expect(
    clippy::print_stdout,
    reason = "the parent in the middle speaks by its output"
)]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jitbot::embedded::{Data, Embedded, EmbeddedError, Options};
use jitbot::store::Store;
use url::Url;

fn options(data: Data) -> Options {
    Options {
        exe: env!("CARGO_BIN_EXE_jit").into(),
        data,
    }
}

fn kept_folder() -> PathBuf {
    std::env::temp_dir().join(format!("jit-test-{}", uuid::Uuid::now_v7().simple()))
}

fn port_of(url: &str) -> u16 {
    Url::parse(url).unwrap().port().unwrap()
}

/// Polls until it holds; the limit is only there so that a failure ends.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "waited in vain until {what}"
        );
        tokio::task::yield_now().await;
    }
}

fn refuses(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err()
}

#[tokio::test]
async fn a_temporary_server_answers_and_is_gone_after_stop() {
    let server = Embedded::start(options(Data::Temporary)).await.unwrap();
    let url = server.database_url("some database").await.unwrap();
    assert_eq!(url, server.database_url("some database").await.unwrap());
    Store::connect_lazy(&url, 1).unwrap().ping().await.unwrap();
    let port = port_of(server.admin_url());
    server.stop().await;
    assert!(refuses(port));
}

#[tokio::test]
async fn dropping_it_stops_the_server() {
    let server = Embedded::start(options(Data::Temporary)).await.unwrap();
    let port = port_of(server.admin_url());
    drop(server);
    until("the port refuses", || refuses(port)).await;
}

#[tokio::test]
async fn only_the_right_password_opens_it() {
    let server = Embedded::start(options(Data::Temporary)).await.unwrap();
    for password in [None, Some("wrong")] {
        let mut url = Url::parse(server.admin_url()).unwrap();
        url.set_password(password).unwrap();
        let store = Store::connect_lazy(url.as_str(), 1).unwrap();
        let refused = store.ping().await.unwrap_err();
        let refused = format!("{refused:?}");
        assert!(
            refused.contains("28P01") || refused.contains("password"),
            "{refused}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn kept_data_survives_a_kill_and_is_for_one_process_at_a_time() {
    let folder = kept_folder();
    let first = Embedded::start(options(Data::Keep(folder.clone())))
        .await
        .unwrap();
    let url = first.database_url("jit").await.unwrap();
    Store::connect_lazy(&url, 1)
        .unwrap()
        .migrate()
        .await
        .unwrap();

    let second = Embedded::start(options(Data::Keep(folder.clone())))
        .await
        .unwrap_err();
    assert!(
        matches!(&second, EmbeddedError::Holder(text) if text.contains("Another jit")),
        "{second}"
    );

    // The worst end: server and holder are killed with no chance to tidy up.
    let data = folder.join("data");
    kill(postmaster(&data));
    drop(first);
    until("the holder has let go", || lock_is_free(&folder)).await;

    let again = Embedded::start(options(Data::Keep(folder.clone())))
        .await
        .unwrap();
    let url = again.database_url("jit").await.unwrap();
    assert_eq!(
        Store::connect_lazy(&url, 1)
            .unwrap()
            .missing_migrations()
            .await
            .unwrap(),
        0
    );
    again.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_server_whose_holder_was_killed_is_taken_over() {
    let folder = kept_folder();
    let first = Embedded::start(options(Data::Keep(folder.clone())))
        .await
        .unwrap();
    let url = first.admin_url().to_owned();
    kill(first.holder_id().unwrap().try_into().unwrap());
    until("the holder has let go", || lock_is_free(&folder)).await;
    assert!(!refuses(port_of(&url)), "the server outlives its holder");

    let server = Embedded::start(options(Data::Keep(folder.clone())))
        .await
        .unwrap();
    assert_ne!(
        server.admin_url(),
        url,
        "the old one was stopped, and a new one started"
    );
    until("the old port refuses", || refuses(port_of(&url))).await;
    server.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn data_of_another_version_is_explained() {
    let folder = kept_folder();
    Embedded::start(options(Data::Keep(folder.clone())))
        .await
        .unwrap()
        .stop()
        .await;
    std::fs::write(folder.join("data/PG_VERSION"), "11\n").unwrap();
    let refused = Embedded::start(options(Data::Keep(folder.clone())))
        .await
        .unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("written by Postgres 11") && text.contains("Install Postgres 11"),
        "{text}"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

/// `kill -9` of whoever started the server leaves nothing running and no folder. The process in the
/// middle is this test binary itself, running only the test below.
#[tokio::test]
async fn a_killed_parent_leaves_no_server() {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args([
            "embedded::parent_that_waits_to_be_killed",
            "--exact",
            "--nocapture",
        ])
        .env(PARENT, "yes")
        .stdout(Stdio::piped())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let url = lines
        .map_while(Result::ok)
        .find_map(|line| line.split_once("url=").map(|(_, url)| url.to_owned()))
        .expect("the parent names its server");
    let port = port_of(&url);
    assert!(!refuses(port));
    parent.kill().unwrap();
    parent.wait().unwrap();
    until("the port refuses", || refuses(port)).await;
}

const PARENT: &str = "JIT_TEST_PARENT";

#[tokio::test]
async fn parent_that_waits_to_be_killed() {
    if std::env::var_os(PARENT).is_none() {
        return;
    }
    let server = Embedded::start(options(Data::Temporary)).await.unwrap();
    println!("\nurl={}", server.admin_url());
    // Ends when the test above goes away without killing it.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

fn postmaster(data: &Path) -> i32 {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

fn kill(pid: i32) {
    use nix::sys::signal::{Signal, kill};
    kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

fn lock_is_free(folder: &Path) -> bool {
    let lock = std::fs::OpenOptions::new()
        .write(true)
        .open(folder.join("lock"))
        .unwrap();
    lock.try_lock().is_ok()
}
