//! The IAM policy that a run needed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

/// An IAM policy; its [`Display`](fmt::Display) is the JSON document.
#[derive(Debug, Clone, PartialEq)]
pub struct IamPolicy {
    document: Value,
}

impl IamPolicy {
    /// One statement for each set of actions, with the resources that need it. Batch actions need the permission of
    /// their single action.
    pub(super) fn new(actions: BTreeMap<&str, Vec<&str>>) -> Self {
        let mut statements: BTreeMap<Vec<String>, Vec<&str>> = BTreeMap::new();
        for (resource, actions) in actions {
            let actions: BTreeSet<String> = actions
                .into_iter()
                .map(|action| format!("sqs:{}", action.strip_suffix("Batch").unwrap_or(action)))
                .collect();
            statements
                .entry(actions.into_iter().collect())
                .or_default()
                .push(resource);
        }
        let statements: Vec<Value> = statements
            .into_iter()
            .map(|(actions, resources)| json!({"Effect": "Allow", "Action": actions, "Resource": resources}))
            .collect();
        Self {
            document: json!({"Version": "2012-10-17", "Statement": statements}),
        }
    }

    /// Whether the policy allows an action such as `sqs:SendMessage` on a resource.
    pub fn allows(&self, action: &str, resource: &str) -> bool {
        let has = |list: &Value, wanted: &str| {
            list.as_array()
                .is_some_and(|list| list.iter().any(|item| item == wanted))
        };
        let statements = self.document["Statement"].as_array();
        statements.is_some_and(|statements| {
            statements
                .iter()
                .any(|s| has(&s["Action"], action) && has(&s["Resource"], resource))
        })
    }
}

impl fmt::Display for IamPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.document)
    }
}
