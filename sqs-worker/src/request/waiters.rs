//! Who waits for which reply.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::handler::Delivery;

/// Everybody who waits, by correlation id.
#[derive(Debug, Default)]
pub(super) struct Waiters(Mutex<HashMap<String, oneshot::Sender<Delivery>>>);

/// A place among them, given up when it is dropped.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) id: String,
    waiters: Arc<Waiters>,
    reply: oneshot::Receiver<Delivery>,
}

impl Waiters {
    /// A new place.
    pub(super) fn enter(self: &Arc<Self>) -> Waiter {
        let (sender, reply) = oneshot::channel();
        let id = Uuid::now_v7().to_string();
        self.lock().insert(id.clone(), sender);
        Waiter {
            id,
            waiters: self.clone(),
            reply,
        }
    }

    /// Hands a reply to who waits for it; `false` when nobody does.
    pub(super) fn hand_over(&self, reply: Delivery) -> bool {
        let Some(id) = reply.headers().correlation_id.as_deref() else {
            return false;
        };
        let waiting = self.lock().remove(id);
        waiting.is_some_and(|waiting| waiting.send(reply).is_ok())
    }

    /// Sends everybody away without a reply.
    pub(super) fn dismiss(&self) {
        self.lock().clear();
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Delivery>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// The reply; `None` when everybody was sent away.
    pub(super) async fn reply(&mut self) -> Option<Delivery> {
        (&mut self.reply).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.waiters.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply_to(id: &str) -> Delivery {
        Delivery::fake("1").correlation_id(id).build()
    }

    #[tokio::test]
    async fn a_reply_finds_who_waits_for_it_once() {
        let waiters = Arc::new(Waiters::default());
        let (mut one, _two) = (waiters.enter(), waiters.enter());
        assert!(waiters.hand_over(reply_to(&one.id)));
        assert!(
            !waiters.hand_over(reply_to(&one.id)),
            "the second of the same is nobody's"
        );
        assert_eq!(one.reply().await.unwrap().body(), "1");
        assert_eq!(waiters.len(), 1);
    }

    #[tokio::test]
    async fn who_leaves_is_forgotten() {
        let waiters = Arc::new(Waiters::default());
        let id = waiters.enter().id.clone();
        assert!(!waiters.hand_over(reply_to(&id)));
        assert_eq!(waiters.len(), 0);
    }

    #[tokio::test]
    async fn a_reply_without_an_id_is_nobodys() {
        let waiters = Arc::new(Waiters::default());
        let _one = waiters.enter();
        assert!(!waiters.hand_over(Delivery::fake("1").build()));
    }

    #[tokio::test]
    async fn who_is_sent_away_has_no_reply() {
        let waiters = Arc::new(Waiters::default());
        let mut one = waiters.enter();
        waiters.dismiss();
        assert!(one.reply().await.is_none());
    }
}
