//! Message move tasks: a dead-letter queue's messages go to another queue, at a rate.
//!
//! A task has no thread of its own: whoever looks at the queues first moves what is due by then.
//!
//! Source: SQS API reference, `StartMessageMoveTask` and `ListMessageMoveTasks`; recorded answers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Engine, Millis, QueueNumber};
use crate::api::{
    Answer, CancelMessageMoveTask, ListMessageMoveTasks, MessageId, MoveTask, StartMessageMoveTask,
};
use crate::error::{Error, ErrorKind};

/// Messages a second when nobody asked for a rate: the highest one may ask for.
const FASTEST: u32 = 500;

/// All tasks of all queues, in the order of their start.
#[derive(Debug, Default)]
pub(crate) struct MoveTasks {
    tasks: Vec<Task>,
}

#[derive(Debug)]
struct Task {
    id: MessageId,
    source: QueueNumber,
    source_arn: Arc<str>,
    destination: Option<(QueueNumber, String)>,
    rate: Option<i32>,
    status: &'static str,
    failure: Option<&'static str>,
    started: Millis,
    moved: u64,
    total: u64,
}

const RUNNING: &str = "RUNNING";

impl Task {
    /// When the next message is moved.
    fn due(&self) -> Millis {
        let rate = self.rate.map_or(FASTEST, i32::unsigned_abs);
        self.started + self.moved * 1000 / u64::from(rate)
    }

    fn handle(&self) -> String {
        STANDARD.encode(json!({"taskId": self.id, "sourceArn": &*self.source_arn}).to_string())
    }
}

impl MoveTasks {
    /// When the next message arrives in this queue.
    pub(crate) fn next_due(&self, number: QueueNumber) -> Option<Millis> {
        let arrives = |task: &&Task| task.destination.as_ref().is_none_or(|(to, _)| *to == number);
        self.tasks
            .iter()
            .filter(|task| task.status == RUNNING)
            .filter(arrives)
            .map(Task::due)
            .min()
    }
}

fn no_resource(parameter: &str) -> Error {
    Error::new(
        ErrorKind::ResourceNotFound,
        format!("The resource that you specified for the {parameter} parameter doesn't exist."),
    )
}

impl Engine {
    pub(super) fn start_move(&mut self, request: StartMessageMoveTask, now: Millis) -> Result<Answer, Error> {
        let source_arn = request.source_arn.ok_or_else(|| Error::missing("SourceArn"))?;
        let source = self
            .registry
            .resolve_arn(&source_arn)
            .ok_or_else(|| no_resource("SourceArn"))?;
        let is_target = |queue: &super::Queue| {
            queue
                .config
                .redrive
                .as_ref()
                .is_some_and(|redrive| redrive.target_arn == source_arn)
        };
        if !self.registry.all().into_iter().any(is_target) {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                "Source queue must be configured as a Dead Letter Queue.",
            ));
        }
        let destination = match request.destination_arn {
            None => None,
            Some(arn) => Some((
                self.registry
                    .resolve_arn(&arn)
                    .ok_or_else(|| no_resource("DestinationArn"))?,
                arn,
            )),
        };
        let rate = request.max_number_of_messages_per_second;
        if rate.is_some_and(|rate| !(1..=500).contains(&rate)) {
            return Err(Error::invalid_value(
                "MaxNumberOfMessagesPerSecond",
                rate.unwrap_or_default(),
                "Must be between 1 and 500, if provided.",
            ));
        }
        if self
            .move_tasks
            .tasks
            .iter()
            .any(|task| task.source == source && task.status == RUNNING)
        {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ));
        }
        let Some(queue) = self.registry.get_mut(source) else {
            return Err(no_resource("SourceArn"));
        };
        queue.settle(now);
        let total = queue.counts().visible as u64;
        let task = Task {
            id: self.new_message_id(),
            source,
            source_arn: source_arn.into(),
            destination,
            rate,
            status: RUNNING,
            failure: None,
            started: now,
            moved: 0,
            total,
        };
        let handle = task.handle();
        self.move_tasks.tasks.push(task);
        // Only the ten latest of a queue are ever shown.
        let of_source = |task: &&Task| task.source == source;
        if self.move_tasks.tasks.iter().filter(of_source).count() > 10
            && let Some(oldest) = self
                .move_tasks
                .tasks
                .iter()
                .position(|task| task.source == source)
        {
            self.move_tasks.tasks.remove(oldest);
        }
        self.touch_destinations();
        Ok(Answer::MoveStarted(handle))
    }

    pub(super) fn cancel_move(
        &mut self,
        request: CancelMessageMoveTask,
        _now: Millis,
    ) -> Result<Answer, Error> {
        let handle = request.task_handle.ok_or_else(|| Error::missing("TaskHandle"))?;
        let invalid = || {
            Error::new(
                ErrorKind::InvalidParameterValue,
                "Value for parameter TaskHandle is invalid.",
            )
        };
        let decoded = STANDARD.decode(&handle).map_err(|_| invalid())?;
        let decoded: Value = serde_json::from_slice(&decoded).map_err(|_| invalid())?;
        let (Some(id), Some(source_arn)) = (decoded["taskId"].as_str(), decoded["sourceArn"].as_str()) else {
            return Err(invalid());
        };
        self.registry
            .resolve_arn(source_arn)
            .ok_or_else(|| no_resource("SourceArn"))?;
        let task = self
            .move_tasks
            .tasks
            .iter_mut()
            .find(|task| task.id.to_string() == id);
        let task = task.ok_or_else(|| Error::new(ErrorKind::ResourceNotFound, "Task does not exist."))?;
        if task.status != RUNNING {
            return Err(Error::new(
                ErrorKind::InvalidParameterValue,
                "Only active tasks can be cancelled.",
            ));
        }
        task.status = "CANCELLED";
        Ok(Answer::MoveCancelled(task.moved))
    }

    pub(super) fn list_moves(&self, request: &ListMessageMoveTasks) -> Result<Answer, Error> {
        let source_arn = request
            .source_arn
            .as_deref()
            .ok_or_else(|| Error::missing("SourceArn"))?;
        self.registry
            .resolve_arn(source_arn)
            .ok_or_else(|| no_resource("SourceArn"))?;
        let max = match request.max_results {
            None => 1,
            Some(max @ 1..=10) => max.unsigned_abs() as usize,
            Some(max) => {
                return Err(Error::invalid_value(
                    "MaxResults",
                    max,
                    "Must be between 1 and 10, if provided.",
                ));
            }
        };
        let shown = |task: &Task| MoveTask {
            task_handle: (task.status == RUNNING).then(|| task.handle()),
            status: task.status,
            source_arn: task.source_arn.to_string(),
            destination_arn: task.destination.as_ref().map(|(_, arn)| arn.clone()),
            max_number_of_messages_per_second: task.rate,
            approximate_number_of_messages_moved: task.moved,
            approximate_number_of_messages_to_move: task.total,
            failure_reason: task.failure,
            started_timestamp: task.started,
        };
        let tasks = self
            .move_tasks
            .tasks
            .iter()
            .rev()
            .filter(|task| *task.source_arn == *source_arn);
        Ok(Answer::MoveTasks(tasks.take(max).map(shown).collect()))
    }

    /// Moves the messages that are due.
    pub(super) fn run_move_tasks(&mut self, now: Millis) {
        if self.move_tasks.tasks.iter().all(|task| task.status != RUNNING) {
            return;
        }
        let mut tasks = std::mem::take(&mut self.move_tasks.tasks);
        for task in &mut tasks {
            while task.status == RUNNING && task.due() <= now {
                match self.move_one(task) {
                    Ok(true) => task.moved += 1,
                    Ok(false) => task.status = "COMPLETED",
                    Err(reason) => (task.status, task.failure) = ("FAILED", Some(reason)),
                }
            }
        }
        self.move_tasks.tasks = tasks;
    }

    /// Moves the next message of a task, under a new id; false if there is none left.
    fn move_one(&mut self, task: &Task) -> Result<bool, &'static str> {
        const GONE: &str = "AWS.SimpleQueueService.NonExistentQueue";
        let now = task.due();
        let source = self.registry.get_mut(task.source).ok_or(GONE)?;
        source.settle(now);
        let place = match source.next_group() {
            Some(group) => {
                let next = source.next_in_group(group, None).map(|(_, place)| place);
                source.refresh(Some(group));
                next
            }
            None => source.next_standard(),
        };
        let Some(entry) = place.and_then(|place| source.get(place)) else {
            return Ok(false);
        };
        let came_from = entry.source_arn.clone();
        let target = match (&task.destination, &came_from) {
            (Some((number, _)), _) => *number,
            (None, Some(arn)) => self.registry.resolve_arn(arn).ok_or(GONE)?,
            (None, None) => return Err("CouldNotDetermineMessageSource"),
        };
        let fifo = self.registry.get(target).ok_or(GONE)?.config.fifo;
        let entry = place.and_then(|place| self.registry.get_mut(task.source)?.remove(place));
        if let Some(entry) = entry {
            let id = self.new_message_id();
            let payload = self.renamed(&entry.payload, id, fifo, entry.payload.deduplication_id.clone());
            if let Some(queue) = self.registry.get_mut(target) {
                queue.add(payload, now, None);
            }
            self.touched.insert(target);
        }
        Ok(true)
    }

    fn touch_destinations(&mut self) {
        let numbers: Vec<_> = self
            .registry
            .all()
            .into_iter()
            .map(|queue| queue.number)
            .collect();
        self.touched.extend(numbers);
    }
}
