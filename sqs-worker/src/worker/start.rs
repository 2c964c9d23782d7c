//! From handlers and options to runners: every queue is asked for before anything is polled.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_sqs::Client;
use tokio::runtime::Handle;

use super::{
    BoxLayer, Mount, QueueOptions, WorkerError,
    budget::Budget,
    clock::Clock,
    command::Commands,
    control::Panels,
    options::Settings,
    poll::Receiver,
    runner::{Parts, Runner},
    shutdown::Grace,
    stats::Counters,
    wrap,
};
use crate::{
    clients,
    handler::{HandlerSpec, Router},
    idempotency::Idempotency,
    queue::{self, Queue},
};

/// What all queues of a worker share.
pub(super) struct Context<S> {
    pub(super) client: Client,
    pub(super) state: S,
    pub(super) layers: Vec<BoxLayer>,
    pub(super) idempotency: Option<Idempotency>,
    pub(super) grace: Grace,
    pub(super) seed: u64,
    pub(super) clock: Clock,
    pub(super) stats: Arc<Counters>,
    pub(super) panels: Panels,
    /// What all queues may run together, where there is such a limit.
    pub(super) budget: Option<Arc<Budget>>,
    /// Where handlers run.
    pub(super) spawner: Handle,
}

/// The handlers of one queue, with its options.
pub(super) struct Group<S> {
    options: QueueOptions,
    mounts: Vec<Mount<S>>,
}

impl<S> Group<S> {
    pub(super) fn specs(&self) -> impl Iterator<Item = &HandlerSpec> {
        self.mounts.iter().map(|mount| &mount.spec)
    }
}

/// Sorts handlers by queue, in the order of the queues' names.
pub(super) fn group<S>(
    mounts: Vec<Mount<S>>,
    options: Vec<QueueOptions>,
    panels: &Panels,
) -> Result<Vec<Group<S>>, WorkerError> {
    if mounts.is_empty() {
        return Err(WorkerError::NoHandlers);
    }
    let mut groups: BTreeMap<String, Group<S>> = BTreeMap::new();
    for mount in mounts {
        let Some(queue) = mount
            .queue
            .clone()
            .or_else(|| mount.spec.queue.map(str::to_owned))
        else {
            return Err(WorkerError::NoQueue {
                handler: mount.spec.name,
            });
        };
        let new = || Group {
            options: QueueOptions::named(queue.clone()),
            mounts: Vec::new(),
        };
        groups.entry(queue.clone()).or_insert_with(new).mounts.push(mount);
    }
    let named = options.iter().map(|options| options.name.clone());
    if let Some(queue) = named
        .chain(panels.names())
        .find(|name| !groups.contains_key(name))
    {
        let known: Vec<String> = groups.keys().map(|name| format!("`{name}`")).collect();
        return Err(WorkerError::UnknownQueue {
            queue,
            known: known.join(", "),
        });
    }
    for options in options {
        if let Some(group) = groups.get_mut(&options.name) {
            group.options = options;
        }
    }
    Ok(groups.into_values().collect())
}

impl<S> Context<S>
where
    S: Clone + Send + Sync + 'static,
{
    pub(super) async fn runner(&self, number: u64, group: Group<S>) -> Result<Runner, WorkerError> {
        let Group { options, mounts } = group;
        let commands = clients::commands(&self.client);
        let queue = queue::resolve(&commands, &options.target()?).await?;
        let specs: Vec<HandlerSpec> = mounts.iter().map(|mount| mount.spec).collect();
        let settings = Settings::resolve(&options, &specs, &queue)?;

        let mut router = mounts.into_iter().fold(Router::new(), |router, mount| {
            (mount.add)(router, settings.concurrency)
        });
        if let Some(name) = options.unnamed {
            router = router.unnamed_as(name);
        }
        let handler = router.build_with(self.state.clone(), |spec, handler| {
            wrap::handler(spec, handler, self.idempotency.as_ref(), self.clock, &self.stats)
        })?;
        let handler = self.layers.iter().fold(handler, |inner, layer| layer(inner));
        let handler = wrap::queue(&specs, handler, &self.client, &self.stats);

        let dead_letter = dead_letter(&commands, &options, &specs, &queue).await?;
        announce(&queue, &settings, &specs, dead_letter.as_ref());
        let receiver = Receiver::new(
            clients::polls(&self.client, settings.wait),
            queue.clone(),
            settings.visibility,
            settings.wait,
        );
        let panel = self.panels.of(&options.name);
        let share = self
            .budget
            .as_ref()
            .map(|budget| budget.share(settings.priority, settings.weight, panel.wake.clone()));
        let settling = clients::settling(&self.client);
        Ok(Runner::new(Parts {
            receiver,
            commands: Commands::new(settling, queue.clone(), dead_letter.clone()),
            own_thread: Handle::current().id() != self.spawner.id(),
            spawner: self.spawner.clone(),
            share,
            panel,
            dead_letter: dead_letter.map(|(name, _)| name),
            queue,
            settings,
            handler,
            stats: self.stats.clone(),
            grace: self.grace,
            // Each queue draws its own numbers, whatever the others do.
            seed: self.seed.wrapping_add(number),
            clock: self.clock,
        }))
    }
}

/// The dead-letter queue's name and URL. One that was named must exist; one that the redrive policy names may be out
/// of reach, and is then left to SQS.
async fn dead_letter(
    client: &Client,
    options: &QueueOptions,
    specs: &[HandlerSpec],
    queue: &Queue,
) -> Result<Option<(String, String)>, WorkerError> {
    let mut of_handlers = specs.iter().filter_map(|spec| spec.dead_letter);
    let first = of_handlers.next();
    if options.dead_letter.is_none()
        && let Some(other) = of_handlers.find(|other| Some(*other) != first)
    {
        return Err(WorkerError::Setting {
            queue: options.name.clone(),
            parameter: "dead_letter",
            value: format!("both `{}` and `{other}`", first.unwrap_or_default()),
            rule: "a queue has one dead-letter queue: let its handlers name the same, or set \
                   `QueueOptions::dead_letter`",
        });
    }
    if let Some(named) = options.dead_letter.as_deref().or(first) {
        let name = named.parse()?;
        let url = queue::url_of(client, &name).await?;
        return Ok(Some((name.to_string(), url)));
    }
    let Some(redrive) = &queue.redrive else {
        return Ok(None);
    };
    match queue::url_of(client, &redrive.target).await {
        Ok(url) => Ok(Some((redrive.target.to_string(), url))),
        Err(error) => {
            tracing::warn!(queue = %queue.name, "failed messages are left to the redrive policy: {error}");
            Ok(None)
        }
    }
}

/// Says at start-up how the queue will be worked on.
fn announce(
    queue: &Queue,
    settings: &Settings,
    specs: &[HandlerSpec],
    dead_letter: Option<&(String, String)>,
) {
    let handlers = specs.iter().map(|spec| spec.name).collect::<Vec<_>>().join(", ");
    tracing::info!(
        queue = %queue.name,
        url = queue.url,
        handlers,
        concurrency = settings.concurrency,
        prefetch = %settings.prefetch.map_or_else(|| "adaptive".to_owned(), |ahead| ahead.to_string()),
        pollers = settings.pollers,
        visibility = ?settings.visibility,
        long_poll = ?settings.wait,
        dead_letter_queue = dead_letter.map_or("none", |(name, _)| name),
        "consuming"
    );
    if dead_letter.is_none() {
        tracing::warn!(
            queue = %queue.name,
            "no dead-letter queue is known: a message that can never be handled is tried until the queue's \
             retention period ends; give the queue a redrive policy, or name one with `dead_letter`"
        );
    }
}
