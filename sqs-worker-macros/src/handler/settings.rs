//! What the attribute says.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Expr, Path, Type, spanned::Spanned};

use crate::attr::{Entries, Entry, Errors, Known, Located, TWELVE_HOURS, Value, known};

const KEYS: &[Known] = &[
    known("queue", "queue = \"orders\""),
    known("concurrency", "concurrency = 32"),
    known("visibility", "visibility = \"60s\""),
    known("timeout", "timeout = \"10m\""),
    known("retry", "retry(max = 5, base = \"2s\", cap = \"5m\")"),
    known("idempotent", "idempotent"),
    known("dead_letter", "dead_letter = \"orders-dead\""),
    known("batch", "batch(size = 100, linger = \"200ms\", bytes = \"4MiB\")"),
    known("no_reply", "no_reply"),
    known("state", "state = App"),
    known("crate", "crate = my_crate::sqs_worker"),
];

const RETRY_KEYS: &[Known] = &[
    known("max", "max = 5"),
    known("base", "base = \"2s\""),
    known("cap", "cap = \"5m\""),
];

const IDEMPOTENT_KEYS: &[Known] = &[
    known("scope", "scope = \"payments\""),
    known("ttl", "ttl = \"7d\""),
    known("key", "key = |order: &OrderPlaced| order.id"),
];

const BATCH_KEYS: &[Known] = &[
    known("size", "size = 100"),
    known("linger", "linger = \"200ms\""),
    known("bytes", "bytes = \"4MiB\""),
];

/// SQS has at most this many messages of a queue in flight.
const MOST_IN_FLIGHT: u64 = 120_000;
/// The most that `maxReceiveCount` of a redrive policy can be.
const MOST_RECEIVES: u64 = 1_000;
const MOST_IN_BATCH: u64 = 10_000;
const LONGEST_LINGER: Duration = Duration::from_secs(300);

/// The settings as written, each checked by itself.
pub(super) struct Settings {
    pub(super) queue: Option<String>,
    pub(super) concurrency: Option<u64>,
    pub(super) visibility: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Option<Retry>,
    pub(super) idempotent: Option<Idempotent>,
    pub(super) dead_letter: Option<String>,
    pub(super) batch: Option<Batch>,
    pub(super) no_reply: bool,
    pub(super) state: Option<Type>,
    krate: Option<Path>,
}

pub(super) struct Retry {
    pub(super) max: Option<u64>,
    pub(super) base: Option<Duration>,
    pub(super) cap: Option<Duration>,
}

pub(super) struct Idempotent {
    pub(super) span: Span,
    pub(super) scope: Option<String>,
    pub(super) ttl: Option<Duration>,
    pub(super) key: Option<Expr>,
}

pub(super) struct Batch {
    pub(super) size: u64,
    pub(super) linger: Option<Duration>,
    pub(super) bytes: Option<u64>,
}

impl Settings {
    pub(super) fn parse(attribute: TokenStream, errors: &mut Errors) -> Self {
        let mut keys = Entries::parse(attribute, KEYS, errors);
        Self {
            queue: keys.queue("queue", errors),
            concurrency: keys.count("concurrency", 1, MOST_IN_FLIGHT, errors),
            visibility: keys
                .duration("visibility", errors)
                .and_then(|located| visibility(&located, errors)),
            timeout: keys
                .duration("timeout", errors)
                .and_then(|located| timeout(&located, errors)),
            retry: keys.list("retry", errors).map(|tokens| retry(tokens, errors)),
            idempotent: keys
                .take("idempotent")
                .and_then(|entry| idempotent(entry, errors)),
            dead_letter: keys.queue("dead_letter", errors),
            batch: keys.list("batch", errors).map(|tokens| batch(tokens, errors)),
            no_reply: keys.flag("no_reply", errors).is_some(),
            state: keys.ty("state", errors),
            krate: keys.path("crate", errors),
        }
    }

    /// Takes over what the `impl` block around a method says; the state is the block's alone.
    pub(super) fn inherit(&mut self, krate: Option<&Path>, errors: &mut Errors) {
        if let Some(state) = &self.state {
            errors.push(
                state.span(),
                "the state is that of the whole service: write `#[handlers(state = ..)]`",
            );
        }
        if self.krate.is_none() {
            self.krate = krate.cloned();
        }
    }

    /// The path of the framework.
    pub(super) fn krate(&self) -> TokenStream {
        self.krate
            .as_ref()
            .map_or_else(|| quote!(::sqs_worker), |path| quote!(#path))
    }
}

fn visibility(located: &Located<Duration>, errors: &mut Errors) -> Option<Duration> {
    if located.value > TWELVE_HOURS {
        errors.push(located.span, "SQS keeps a message invisible for at most 12 hours");
        return None;
    }
    if located.value.subsec_nanos() != 0 {
        errors.push(located.span, "SQS counts the visibility timeout in whole seconds");
        return None;
    }
    Some(located.value)
}

fn timeout(located: &Located<Duration>, errors: &mut Errors) -> Option<Duration> {
    if located.value.is_zero() {
        errors.push(
            located.span,
            "a timeout of nothing ends every run before it starts",
        );
        return None;
    }
    if located.value > TWELVE_HOURS {
        errors.push(
            located.span,
            "a run cannot be longer than 12 hours: SQS then gives the message to another consumer",
        );
        return None;
    }
    Some(located.value)
}

fn retry(tokens: TokenStream, errors: &mut Errors) -> Retry {
    let mut keys = Entries::parse(tokens, RETRY_KEYS, errors);
    let max = keys.count("max", 1, MOST_RECEIVES, errors);
    let mut delay = |key| {
        let located = keys.duration(key, errors)?;
        if located.value > TWELVE_HOURS {
            errors.push(
                located.span,
                "a retry waits for at most 12 hours: SQS hides a message no longer",
            );
            return None;
        }
        Some(located)
    };
    let (base, cap) = (delay("base"), delay("cap"));
    if let (Some(base), Some(cap)) = (&base, &cap)
        && cap.value < base.value
    {
        errors.push(
            cap.span,
            "`cap` is the longest delay and `base` the first: `cap` cannot be shorter",
        );
    }
    Retry {
        max,
        base: base.map(|located| located.value),
        cap: cap.map(|located| located.value),
    }
}

fn idempotent(entry: Entry, errors: &mut Errors) -> Option<Idempotent> {
    let span = entry.key.span();
    let tokens = match entry.value {
        Value::Flag => TokenStream::new(),
        Value::List(tokens) => tokens,
        Value::Assigned(_) => {
            errors.push(
                span,
                "`idempotent` stands alone or takes a list: `idempotent(scope = \"payments\", ttl = \"7d\")`",
            );
            return None;
        }
    };
    let mut keys = Entries::parse(tokens, IDEMPOTENT_KEYS, errors);
    let scope = keys.text("scope", errors).and_then(|scope| {
        if scope.value.is_empty() {
            errors.push(scope.span, "a scope needs a name: keys are unique within it");
            return None;
        }
        Some(scope.value)
    });
    let ttl = keys.duration("ttl", errors).and_then(|ttl| {
        if ttl.value.is_zero() {
            errors.push(
                ttl.span,
                "a key that is remembered for no time keeps nothing from running twice",
            );
            return None;
        }
        Some(ttl.value)
    });
    Some(Idempotent {
        span,
        scope,
        ttl,
        key: keys.assigned("key", errors),
    })
}

fn batch(tokens: TokenStream, errors: &mut Errors) -> Batch {
    let mut keys = Entries::parse(tokens, BATCH_KEYS, errors);
    let linger = keys.duration("linger", errors).and_then(|linger| {
        if linger.value > LONGEST_LINGER {
            errors.push(
                linger.span,
                "a batch waits for at most 5 minutes: the messages in it are held all that time",
            );
            return None;
        }
        Some(linger.value)
    });
    Batch {
        size: keys.count("size", 1, MOST_IN_BATCH, errors).unwrap_or(10),
        linger,
        bytes: keys.bytes("bytes", errors),
    }
}
