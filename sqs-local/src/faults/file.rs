//! Rules from a TOML file, for the server's `--faults`.

use std::time::Duration;

use serde::Deserialize;

use super::{Fault, Faults, Rule};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    rule: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    fault: Fault,
    action: Option<String>,
    queue: Option<String>,
    from_seconds: Option<f64>,
    until_seconds: Option<f64>,
    chance: Option<f64>,
    skip: Option<u64>,
    times: Option<u64>,
    delay_seconds: Option<(f64, f64)>,
    share: Option<f64>,
}

impl Faults {
    /// Reads rules from TOML:
    ///
    /// ```
    /// let faults = sqs_local::faults::Faults::from_toml(r#"
    ///     seed = 7
    ///
    ///     [[rule]]
    ///     fault = "throttle"          # the names of `Fault` in kebab-case
    ///     action = "ReceiveMessage"   # optional, and so is all that follows
    ///     queue = "orders"
    ///     chance = 0.1
    ///     skip = 3
    ///     times = 10
    ///     from-seconds = 60
    ///     until-seconds = 120
    ///
    ///     [[rule]]
    ///     fault = "slow-answer"
    ///     delay-seconds = [0.1, 2.5]
    /// "#);
    /// assert!(faults.is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// A text that says where the file is wrong and how.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        file.rule
            .into_iter()
            .try_fold(Self::seeded(file.seed), |faults, entry| {
                Ok(faults.rule(entry.rule()?))
            })
    }
}

impl Entry {
    fn rule(self) -> Result<Rule, String> {
        let time = |seconds: f64| {
            Duration::try_from_secs_f64(seconds).map_err(|error| format!("{seconds} s: {error}"))
        };
        let mut rule = Rule::new(self.fault);
        if let Some(action) = self.action {
            rule = rule.action(action);
        }
        if let Some(queue) = self.queue {
            rule = rule.queue(queue);
        }
        if let Some(from) = self.from_seconds {
            rule = rule.from(time(from)?);
        }
        if let Some(until) = self.until_seconds {
            rule = rule.until(time(until)?);
        }
        if let Some(chance) = self.chance {
            rule = rule.chance(chance);
        }
        if let Some(skip) = self.skip {
            rule = rule.skip(skip);
        }
        if let Some(times) = self.times {
            rule = rule.times(times);
        }
        if let Some((least, most)) = self.delay_seconds {
            rule = rule.delay(time(least)?, time(most)?);
        }
        if let Some(share) = self.share {
            rule = rule.share(share);
        }
        Ok(rule)
    }
}
