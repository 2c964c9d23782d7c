//! Keeps the latest requests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Journal, RequestRecord};
use crate::service::Shared;

/// Where requests are written down; clones write into the same journal.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    limit: usize,
    kept: Arc<Mutex<Kept>>,
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Kept {
    requests: VecDeque<RequestRecord>,
    dropped: u64,
}

impl Recorder {
    pub(crate) fn new(limit: usize, shared: Arc<Shared>) -> Self {
        Self {
            limit,
            kept: Arc::default(),
            shared,
        }
    }

    pub(super) fn record(&self, request: RequestRecord) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.requests.len() >= self.limit {
            kept.requests.pop_front();
            kept.dropped += 1;
        }
        kept.requests.push_back(request);
    }

    pub(crate) fn journal(&self) -> Journal {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Journal {
            requests: kept.requests.iter().cloned().collect(),
            dropped: kept.dropped,
        }
    }

    pub(crate) fn clear(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Kept::default();
    }
}
