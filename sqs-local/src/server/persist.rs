//! The state in a file, so that a restart finds it again.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::SqsLocal;

/// How often a changed state is written.
const EVERY: Duration = Duration::from_secs(5);

/// Keeps the state of an [`SqsLocal`] in a file: queues, messages with their receipts, deduplication ids.
///
/// What happened in the last seconds before a crash is lost; a graceful stop loses nothing. Move tasks and the journal
/// are not kept.
#[derive(Debug)]
pub struct Persist {
    sqs: SqsLocal,
    path: PathBuf,
    written: Option<u64>,
}

impl Persist {
    /// Reads the state from the file, if there is one. The SQS must be new.
    ///
    /// # Errors
    ///
    /// A text, if the file is there and cannot be read.
    pub fn load(sqs: SqsLocal, path: impl Into<PathBuf>) -> Result<Self, String> {
        let path = path.into();
        let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        match File::open(&path) {
            Ok(file) => {
                let dump = serde_json::from_reader(BufReader::new(file)).map_err(|error| fail(&error))?;
                sqs.restore(dump).map_err(|error| fail(&error))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(&error)),
        }
        Ok(Self {
            sqs,
            path,
            written: None,
        })
    }

    /// Writes the state every five seconds if it changed. Never ready; drop it to stop, then [`save`](Self::save).
    pub async fn run(&mut self) {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(error) = self.save() {
                tracing::warn!(%error, "the state could not be written");
            }
        }
    }

    /// Writes the state now, if it changed since it was last written.
    ///
    /// # Errors
    ///
    /// A text, if the file cannot be written; the old one stays.
    pub fn save(&mut self) -> Result<(), String> {
        let Some((dump, changes)) = self.sqs.dump(self.written) else {
            return Ok(());
        };
        let written = write(&self.path, &dump).map_err(|error| format!("{}: {error}", self.path.display()));
        if written.is_ok() {
            self.written = Some(changes);
        }
        written
    }
}

/// Writes beside the file and then in its place, so that a crash leaves the one or the other.
fn write(path: &Path, dump: &crate::engine::Dump) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let file = File::create(&beside)?;
    let mut writer = BufWriter::new(file);
    serde_json::to_writer(&mut writer, dump)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    std::fs::rename(&beside, path)
}
