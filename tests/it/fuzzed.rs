//! The fuzzer needs a nightly compiler and time; its targets and seeds are looked at here, by any.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/targets.rs"]
mod targets;

fn seeds(of: &str) -> Vec<Vec<u8>> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(of);
    let files = fs::read_dir(folder).unwrap();
    let mut seeds: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{of} has no seeds");
    seeds.iter().map(|seed| fs::read(seed).unwrap()).collect()
}

#[test]
fn every_seed_of_the_fuzzer_is_read_or_refused() {
    for (of, feed) in [
        ("policy_file", targets::policy_file as fn(&str)),
        ("condition", targets::condition),
        ("typed", targets::typed),
    ] {
        for seed in seeds(of) {
            let text = String::from_utf8(seed).unwrap();
            feed(&text);
            targets::delivery(text.as_bytes());
        }
    }
}
