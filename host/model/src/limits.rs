//! Every bound of the host in one place, with its unit last.

use std::time::Duration;

/// The longest line taken from the child. Codex was seen to answer lines of 20 MB; a longer one ends that child.
pub const CHILD_LINE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How many signals of the child wait for the intake; when it is full, the child's pipe holds the child back.
pub const CHILD_SIGNALS_MAX: usize = 1024;
/// How many bytes of signals of the child wait for the intake.
pub const CHILD_SIGNALS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many calls and replies wait to be written to the child; when it is full, callers wait.
pub const CHILD_WRITES_MAX: usize = 64;
/// How many messages of the child are kept that came before the handshake was done.
pub const CHILD_EARLY_MESSAGES_MAX: usize = 256;
/// How many bytes of them.
pub const CHILD_EARLY_BYTES_MAX: usize = 1024 * 1024;
/// How many lines that were not understood are told of in a minute.
pub const CHILD_NOISE_PER_MINUTE_MAX: u32 = 20;
/// How large the log of the child's standard error grows before it is put aside; one such is kept.
pub const CHILD_STDERR_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How much of one line of the child's standard error is kept.
pub const CHILD_STDERR_LINE_BYTES_MAX: usize = 16 * 1024;
/// How much of the end of the child's standard error goes into the reason of its exit.
pub const CHILD_STDERR_TAIL_BYTES_MAX: usize = 2 * 1024;
/// How many operations wait for the store's writer; when it is full, callers wait.
pub const STORE_QUEUE_MAX: usize = 4096;
/// How many operations share one transaction at most.
pub const STORE_BATCH_MAX: usize = 512;
/// How many reads of the store go on at once.
pub const STORE_READERS_MAX: usize = 4;
/// How many events one step of retention removes at most.
pub const PRUNE_EVENTS_MAX: u32 = 1000;
/// How many operations one step of retention removes at most.
pub const PRUNE_OPERATIONS_MAX: u32 = 1000;
/// How many ephemeral events are kept for readers that are a little behind.
pub const EPHEMERAL_EVENTS_MAX: usize = 4096;
/// How many bytes of ephemeral events are kept for them.
pub const EPHEMERAL_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many latest-only events are kept, one a key, for readers that come later.
pub const LATEST_EVENTS_MAX: usize = 256;
/// How many bytes of latest-only events are kept.
pub const LATEST_BYTES_MAX: usize = 1024 * 1024;
/// The largest request body.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How much of an item's text is kept while it streams.
pub const ITEM_TEXT_BYTES_MAX: usize = 1024 * 1024;
/// How often what a streaming item has said is made durable.
pub const ITEM_FLUSH_INTERVAL: Duration = Duration::from_millis(500);
/// How many frames the readers at the head of the stream share.
pub const RING_FRAMES_MAX: usize = 4096;
/// How many bytes of frames the readers at the head of the stream share.
pub const RING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How many events one read of the log takes.
pub const EVENT_PAGE_MAX: u32 = 200;
/// How long one write to a client may make no progress.
pub const CLIENT_STALL_MAX: Duration = Duration::from_secs(10);
/// How long a request waits for the child's answer before it says 504 with an operation to ask for.
pub const OPERATION_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a request may take to send its headers.
pub const HEADER_READ_MAX: Duration = Duration::from_secs(10);
/// The largest request head: request line and headers together.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// How long a request may take to send its body.
pub const BODY_READ_MAX: Duration = Duration::from_secs(10);
/// How much of a refused body is read and forgotten, so that its sender gets to see the refusal.
pub const BODY_DISCARD_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;
/// How long a refused body is read and forgotten.
pub const BODY_DISCARD_MAX: Duration = Duration::from_secs(2);
/// How many connections are served at once; further ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 1024;
/// How many tokens may be valid at once.
pub const TOKENS_MAX: usize = 256;
/// The longest name of a token, in characters.
pub const TOKEN_NAME_CHARS_MAX: usize = 120;
/// How many bytes of frames a reader that lags takes from the log at once.
pub const LOG_PAGE_BYTES_MAX: usize = 64 * 1024;
/// The largest frame that a client of the stream may send.
pub const CLIENT_FRAME_BYTES_MAX: usize = 64 * 1024;
/// How often a silent stream shows that it is alive.
pub const STREAM_BEAT_INTERVAL: Duration = Duration::from_secs(15);
/// How long a connection that ends may take to say so.
pub const CLOSE_GRACE: Duration = Duration::from_secs(2);
/// How deep the params of a child's message may be nested. What reads a row back gives up at 128, and a row wraps them.
pub const CHILD_NESTING_MAX: usize = 100;
/// How large the params of a child's message may be, as JSON text, to be part of an event. Larger ones are left out of it.
pub const EVENT_PAYLOAD_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How many items may be streaming at once; the deltas of further ones are passed on and not gathered.
pub const OPEN_ITEMS_MAX: usize = 4096;
/// How many bytes the items may take that are streaming now.
pub const OPEN_ITEMS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many sessions' turns and introductions intake remembers.
pub const SESSIONS_REMEMBERED_MAX: usize = 4096;
/// How many operations one look at the outbox takes.
pub const OUTBOX_LOOK_MAX: u32 = 256;
/// The longest path that a client may name; the system's own bound.
pub const PATH_BYTES_MAX: usize = 4096;
