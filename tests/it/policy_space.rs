//! What a change of policy changes for people, and what holds for every request: over real pairs of
//! policies, and against the evaluator that answers people.

mod assert;
mod corners;
mod diff;
mod random;

use std::path::{Path, PathBuf};
use std::process::Command;

use jitbot::policy::{Policy, Source};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy/diff")
}

fn policy(text: &str) -> Policy {
    let name = "policy.yaml".to_owned();
    let source = Source {
        name,
        text: text.to_owned(),
    };
    Policy::from_sources(vec![source]).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

/// Runs the program in a folder: exit status, standard output, standard error.
fn jit(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    run(Command::new(env!("CARGO_BIN_EXE_jit"))
        .args(arguments)
        .current_dir(folder))
}

/// Runs a command as people copy it from a report.
fn shell(folder: &Path, line: &str) -> (i32, String, String) {
    let jit = Path::new(env!("CARGO_BIN_EXE_jit"));
    let path = std::env::join_paths(
        std::iter::once(jit.parent().unwrap().to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut command = Command::new("sh");
    run(command
        .args(["-c", line])
        .env("PATH", path.unwrap())
        .current_dir(folder))
}

fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.env_remove("JIT_POLICY").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}
