//! `AddPermission` and `RemovePermission`: statements in a queue's policy.
//!
//! The policy is kept and shown, not enforced. The form of the statements follows recorded answers.

use serde_json::{Map, Value, json};

use super::{Engine, Millis};
use crate::api::{AddPermission, Answer, Caller, RemovePermission};
use crate::error::{Error, ErrorKind};

impl Engine {
    pub(super) fn add_permission(
        &mut self,
        caller: &Caller,
        request: AddPermission,
        now: Millis,
    ) -> Result<Answer, Error> {
        let queue = self.queue(caller, request.queue_url.as_deref(), now)?;
        let label = request
            .label
            .filter(|label| !label.is_empty())
            .ok_or_else(|| Error::missing("Label"))?;
        if request.account_ids.is_empty() {
            return Err(Error::invalid_value("PrincipalId", "[]", "Unable to verify."));
        }
        if request.actions.is_empty() {
            return Err(Error::missing("Actions"));
        }
        if request.actions.len() > 7 {
            return Err(Error::new(
                ErrorKind::OverLimit,
                format!(
                    "{} Actions were found, maximum allowed is 7.",
                    request.actions.len()
                ),
            ));
        }
        for action in &request.actions {
            const ALLOWED: [&str; 8] = [
                "*",
                "ChangeMessageVisibility",
                "DeleteMessage",
                "GetQueueAttributes",
                "GetQueueUrl",
                "ListDeadLetterSourceQueues",
                "ReceiveMessage",
                "SendMessage",
            ];
            if !ALLOWED.contains(&action.as_str()) && action != "PurgeQueue" {
                return Err(Error::invalid_value(
                    "ActionName",
                    format_args!("SQS:{action}"),
                    "Only the queue owner is allowed to invoke this action.",
                ));
            }
        }
        let mut policy = read(queue.config.policy.as_deref()).unwrap_or_else(|| {
            let id = format!("{}/SQSDefaultPolicy", queue.arn);
            Map::from_iter([
                ("Version".to_owned(), json!("2008-10-17")),
                ("Id".to_owned(), json!(id)),
                ("Statement".to_owned(), json!([])),
            ])
        });
        let statements = statements(&mut policy);
        if statements.iter().any(|statement| statement["Sid"] == label) {
            return Err(Error::invalid_value("Label", label, "Already exists."));
        }
        let principals = request
            .account_ids
            .iter()
            .map(|id| format!("arn:aws:iam::{id}:root"))
            .collect();
        let actions = request
            .actions
            .iter()
            .map(|action| format!("SQS:{action}"))
            .collect();
        statements.push(json!({
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": one_or_many(principals)},
            "Action": one_or_many(actions),
            "Resource": &*queue.arn,
        }));
        queue.config.policy = Some(Value::Object(policy).to_string());
        queue.modified = now;
        Ok(Answer::Done)
    }

    pub(super) fn remove_permission(
        &mut self,
        caller: &Caller,
        request: RemovePermission,
        now: Millis,
    ) -> Result<Answer, Error> {
        let queue = self.queue(caller, request.queue_url.as_deref(), now)?;
        let label = request.label.ok_or_else(|| Error::missing("Label"))?;
        let unknown = || Error::invalid_value("Label", &label, "can't find label.");
        let mut policy = read(queue.config.policy.as_deref()).ok_or_else(unknown)?;
        let statements = statements(&mut policy);
        let before = statements.len();
        statements.retain(|statement| statement["Sid"] != label);
        if statements.len() == before {
            return Err(unknown());
        }
        let empty = statements.is_empty();
        queue.config.policy = (!empty).then(|| Value::Object(policy).to_string());
        queue.modified = now;
        Ok(Answer::Done)
    }
}

fn read(policy: Option<&str>) -> Option<Map<String, Value>> {
    serde_json::from_str(policy?).ok()
}

/// The policy's list of statements; one that has a single statement gets a list.
fn statements(policy: &mut Map<String, Value>) -> &mut Vec<Value> {
    let statement = policy.entry("Statement").or_insert_with(|| json!([]));
    if !statement.is_array() {
        *statement = Value::Array(vec![statement.take()]);
    }
    statement.as_array_mut().expect("it was just made an array")
}

fn one_or_many(mut values: Vec<String>) -> Value {
    if values.len() == 1 {
        Value::String(values.remove(0))
    } else {
        values.into()
    }
}
