//! Proof that the simulation sees: breaks one rule of the engine at a time, in a copy of the sources, and lets the
//! simulation look for it.
//!
//! ```text
//! cargo test -p tests --test mutations                                  # the list fits the sources
//! cargo test -p tests --test mutations -- --ignored --nocapture         # the simulation finds every one
//! MUTATION="old handle" cargo test -p tests --test mutations -- --ignored --nocapture     # those with this in their name
//! ```
//!
//! The list is `tests/mutations/mutations.toml`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Instant,
};

use serde::Deserialize;

/// How many seeds a mutation may survive.
const SEEDS: u32 = 1_000;

/// How many the unbroken engine must pass first; with more of them, the simulation's own test is for that.
const UNBROKEN: u32 = 200;

/// What the workspace is made of.
const PARTS: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "sqs-worker",
    "sqs-worker-macros",
    "sqs-local",
    "examples",
    "tests",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutation: Vec<Mutation>,
}

/// One rule, broken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutation {
    name: String,
    /// The rule that it breaks.
    rule: String,
    /// Where, from the workspace's root.
    file: PathBuf,
    old: String,
    new: String,
}

#[test]
fn every_mutation_fits_the_sources() {
    let root = root();
    let errors: Vec<String> = list()
        .iter()
        .filter_map(|mutation| mutation.apply(&root).err())
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
#[ignore = "builds the workspace once for each mutation: half an hour on two cores"]
fn the_simulation_finds_every_mutation() {
    let (root, only) = (root(), std::env::var("MUTATION").unwrap_or_default());
    let copy = copy_of(&root);
    if let Some((seed, rule)) = simulate(&root, &copy, UNBROKEN) {
        panic!("it finds something without any: seed {seed}, {rule}");
    }
    let list = list();
    let survivors: Vec<&str> = list
        .iter()
        .filter(|mutation| mutation.name.contains(&only))
        .filter(|mutation| !is_found(mutation, &root, &copy))
        .map(|mutation| mutation.name.as_str())
        .collect();
    assert!(survivors.is_empty(), "the simulation does not see: {survivors:?}");
}

/// Breaks the copy, builds it, runs it, mends it; prints a line of the table.
fn is_found(mutation: &Mutation, root: &Path, copy: &Path) -> bool {
    let started = Instant::now();
    let broken = mutation.apply(root).unwrap_or_else(|error| panic!("{error}"));
    let file = copy.join(&mutation.file);
    fs::write(&file, broken).expect("the copy can be written");
    let verdict = simulate(root, copy, SEEDS);
    fs::copy(root.join(&mutation.file), &file).expect("the copy can be written");
    let seconds = started.elapsed().as_secs();
    let (found, text) = match verdict {
        Some((seed, rule)) => (true, format!("seed {seed:<5} {rule}")),
        None => (false, format!("NOT FOUND in {SEEDS} seeds: {}", mutation.rule)),
    };
    println!("{:<50} {seconds:>4} s   {text}", mutation.name);
    found
}

/// The seed and the invariant by which the simulation finds something in the copy.
fn simulate(root: &Path, copy: &Path, seeds: u32) -> Option<(String, String)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = |no_run: &[&str]| -> Output {
        Command::new(&cargo)
            .args([
                "test",
                "--release",
                "--quiet",
                "-p",
                "tests",
                "--test",
                "simulation",
            ])
            // What is built anew each time is built in a hurry; what it stands on is fast.
            .args(["--config", "profile.release.package.tests.opt-level=0"])
            .args(["--config", "profile.release.package.sqs-worker.opt-level=0"])
            .args(no_run)
            .current_dir(copy)
            // What others have built serves here too.
            .env("CARGO_TARGET_DIR", root.join("target"))
            .env("CARGO_INCREMENTAL", "1")
            .env("SIM_SEEDS", seeds.to_string())
            .env("SIM_BRIEF", "1")
            .output()
            .expect("cargo runs")
    };
    let built = run(&["--no-run"]);
    assert!(
        built.status.success(),
        "does not build: {}",
        String::from_utf8_lossy(&built.stderr)
    );
    let output = run(&["--", "--nocapture", "no_message_is_lost"]);
    if output.status.success() {
        return None;
    }
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().collect();
    let failure = lines.windows(2).find_map(|pair| {
        let seed = pair[0].strip_prefix("seed ")?.to_owned();
        let (rule, _) = pair[1].trim().strip_prefix('[')?.split_once(']')?;
        Some((seed, rule.to_owned()))
    });
    Some(failure.unwrap_or_else(|| ("?".to_owned(), format!("no verdict: {text}"))))
}

impl Mutation {
    /// The text of its file with the rule broken.
    fn apply(&self, root: &Path) -> Result<String, String> {
        let text = fs::read_to_string(root.join(&self.file))
            .map_err(|error| format!("{}: {}: {error}", self.name, self.file.display()))?;
        match text.matches(&self.old).count() {
            1 => Ok(text.replace(&self.old, &self.new)),
            count => Err(format!(
                "mutation \"{}\": its old text is {count} times in {}, and has to be there once",
                self.name,
                self.file.display()
            )),
        }
    }
}

fn list() -> Vec<Mutation> {
    let text = include_str!("../mutations/mutations.toml");
    toml::from_str::<List>(text)
        .unwrap_or_else(|error| panic!("{error}"))
        .mutation
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the workspace is there")
}

/// A fresh copy of the sources, with the times of the files kept so that what did not change is not built again.
fn copy_of(root: &Path) -> PathBuf {
    let copy = root.join("target/mutations");
    fs::create_dir_all(&copy).expect("a folder");
    for part in PARTS {
        copy_into(&root.join(part), &copy.join(part));
    }
    copy
}

fn copy_into(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder");
        let entries = fs::read_dir(from).expect("a folder to read");
        for entry in entries.map(|entry| entry.expect("an entry")) {
            copy_into(&entry.path(), &to.join(entry.file_name()));
        }
    } else if fs::read(from).ok() != fs::read(to).ok() {
        fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }
}
