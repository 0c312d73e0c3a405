//! Every bound of the host in one place, with its unit last.

use std::time::Duration;

/// The longest line taken from the child. Codex was seen to answer lines of 20 MB; a longer one ends that child.
pub const CHILD_LINE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How many signals of the child wait for the intake; when it is full, the child's pipe holds the child back.
pub const CHILD_SIGNALS_MAX: usize = 1024;
/// How many bytes of signals of the child wait for the intake.
pub const CHILD_SIGNALS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many operations wait for the store's writer; when it is full, callers wait.
pub const STORE_QUEUE_MAX: usize = 4096;
/// How many operations share one transaction at most.
pub const STORE_BATCH_MAX: usize = 512;
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
/// How many hops of cause and effect an event may be away from its origin.
pub const HOPS_MAX: u8 = 8;
