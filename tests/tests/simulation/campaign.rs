//! Many seeds: run on two threads, watched, counted, and the first failure told so that it can be repeated.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sqs_local::faults::Fault;

use crate::{
    invariants::{self, Violation},
    scenario::{self, Scenario},
    shrink, trace,
    world::{self, Past},
};

const THREADS: usize = 2;

/// One seed in so many is run twice, to see whether both runs are the same.
const TWICE: u64 = 8;

/// A seed that takes longer than this in real time goes round in circles.
const TOO_LONG: Duration = Duration::from_secs(100);

/// What came of a number of seeds.
#[derive(Debug, Default)]
pub(crate) struct Campaign {
    seeds: u64,
    twice: u64,
    messages: u64,
    runs: u64,
    requests: u64,
    virtual_time: Duration,
    real_time: Duration,
    injected: BTreeMap<Fault, u64>,
    /// The failed seeds and what was wrong.
    failures: BTreeMap<u64, Vec<Violation>>,
}

/// What came of one seed.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) violations: Vec<Violation>,
    /// None if the run panicked.
    past: Option<Past>,
}

/// Runs a seed and checks it.
pub(crate) fn try_seed(seed: u64) -> Trial {
    try_scenario(&scenario::generate(seed))
}

/// Runs a scenario and checks it.
pub(crate) fn try_scenario(scenario: &Scenario) -> Trial {
    match catch_unwind(AssertUnwindSafe(|| world::run(scenario))) {
        Ok(past) => Trial {
            violations: invariants::check(scenario, &past),
            past: Some(past),
        },
        Err(_) => Trial {
            violations: vec![Violation {
                rule: "nothing panics",
                at: Duration::ZERO,
                what: "the run panicked".to_owned(),
            }],
            past: None,
        },
    }
}

/// Runs a seed with its whole story on the screen.
pub(crate) fn replay(seed: u64) {
    let scenario = scenario::generate(seed);
    println!("{scenario:#?}");
    let trial = try_scenario(&scenario);
    if let Some(past) = &trial.past {
        println!("{}", trace::story(past));
    }
    for violation in &trial.violations {
        println!("{violation}");
    }
    assert!(
        trial.violations.is_empty(),
        "{}",
        smallest(&scenario, &trial.violations)
    );
    println!("seed {seed}: nothing is wrong");
}

impl Campaign {
    /// Runs these seeds; stops soon after the first that fails.
    pub(crate) fn run(seeds: Range<u64>) -> Self {
        let (started, next, stop) = (
            Instant::now(),
            AtomicU64::new(seeds.start),
            AtomicBool::new(false),
        );
        let total = Mutex::new(Self::default());
        let at_work: [Mutex<Option<(u64, Instant)>>; THREADS] = Default::default();
        let keep_going = std::env::var_os("SIM_KEEP_GOING").is_some();
        std::thread::scope(|scope| {
            let threads: Vec<_> = at_work
                .iter()
                .map(|mine| {
                    let (next, stop, total, end) = (&next, &stop, &total, seeds.end);
                    scope.spawn(move || {
                        while !stop.load(Ordering::Relaxed) {
                            let seed = next.fetch_add(1, Ordering::Relaxed);
                            if seed >= end {
                                break;
                            }
                            *lock(mine) = Some((seed, Instant::now()));
                            let trial = try_twice(seed);
                            *lock(mine) = None;
                            let mut total = lock(total);
                            total.add(seed, trial);
                            if !total.failures.is_empty() && !keep_going {
                                stop.store(true, Ordering::Relaxed);
                            }
                        }
                    })
                })
                .collect();
            while !threads.iter().all(|thread| thread.is_finished()) {
                std::thread::sleep(Duration::from_millis(20));
                at_work.iter().for_each(watch);
            }
        });
        let mut total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
        total.real_time = started.elapsed();
        total
    }

    fn add(&mut self, seed: u64, trial: Trial) {
        self.seeds += 1;
        self.twice += u64::from(seed % TWICE == 0);
        if let Some(past) = trial.past {
            self.messages += past.messages.iter().filter(|message| message.original).count() as u64;
            self.requests += past.requests();
            self.runs += past.runs();
            self.virtual_time += past.lasted;
            for (fault, count) in past.injected {
                *self.injected.entry(fault).or_default() += count;
            }
        }
        if !trial.violations.is_empty() {
            if std::env::var_os("SIM_KEEP_GOING").is_some() {
                println!(
                    "seed {seed}: {} violations, first {}",
                    trial.violations.len(),
                    trial.violations[0]
                );
            }
            self.failures.insert(seed, trial.violations);
        }
    }

    /// The first failure, with how to see it again and the smallest scenario that still fails.
    pub(crate) fn failure(&self) -> Option<String> {
        let (seed, violations) = self.failures.first_key_value()?;
        let mut text = format!("seed {seed}\n");
        for violation in violations.iter().take(10) {
            let _ = writeln!(text, "  {violation}");
        }
        if std::env::var_os("SIM_BRIEF").is_none() {
            let scenario = scenario::generate(*seed);
            let _ = writeln!(text, "{}", smallest(&scenario, violations));
        }
        let _ = write!(
            text,
            "SIM_SEED={seed} cargo test -p tests --test simulation -- --nocapture"
        );
        Some(text)
    }
}

/// A trial; some seeds are run again, which must give the same.
fn try_twice(seed: u64) -> Trial {
    let mut trial = try_seed(seed);
    if seed % TWICE == 0
        && let Some(first) = &trial.past
        && let Some(second) = try_seed(seed).past
        && first.fingerprint != second.fingerprint
    {
        trial.violations.push(Violation {
            rule: "the same seed gives the same run",
            at: first.parting(&second),
            what: "the two runs differ from here on".to_owned(),
        });
    }
    trial
}

/// The smallest scenario found that breaks the same rule, with its story.
fn smallest(scenario: &Scenario, violations: &[Violation]) -> String {
    let Some(first) = violations.first() else {
        return String::new();
    };
    let small = shrink::shrink(scenario, first.rule);
    let trial = try_scenario(&small);
    let mut text = format!(
        "the smallest scenario that breaks \"{}\":\n{small:#?}\n",
        first.rule
    );
    if let Some(past) = &trial.past {
        text.push_str(&trace::story(past));
    }
    for violation in &trial.violations {
        let _ = writeln!(text, "{violation}");
    }
    text
}

/// Ends the program when a seed takes too long: nothing inside could.
fn watch(at_work: &Mutex<Option<(u64, Instant)>>) {
    if let Some((seed, since)) = *lock(at_work)
        && since.elapsed() > TOO_LONG
    {
        eprintln!("seed {seed}\n  [everything ends] no end after {TOO_LONG:?} of real time");
        eprintln!("SIM_SEED={seed} cargo test -p tests --test simulation -- --nocapture");
        std::process::exit(101);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seeds            {} ({} of them twice)",
            self.seeds, self.twice
        )?;
        writeln!(f, "messages         {}", self.messages)?;
        writeln!(f, "handler runs     {}", self.runs)?;
        writeln!(f, "requests         {}", self.requests)?;
        writeln!(f, "virtual hours    {}", self.virtual_time.as_secs() / 3_600)?;
        writeln!(f, "real time        {:.1?}", self.real_time)?;
        for (fault, count) in &self.injected {
            writeln!(f, "fault            {fault:?}: {count}")?;
        }
        write!(
            f,
            "violations       {}",
            self.failures.values().map(Vec::len).sum::<usize>()
        )
    }
}
