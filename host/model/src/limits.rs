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
/// How many entries the transcript of one session takes beside what the child tells; then the oldest go.
pub const TRANSCRIPT_ENTRIES_MAX: u32 = 5000;
/// How many bytes these entries of one session may have together; then the oldest go.
pub const TRANSCRIPT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The longest content, and the longest details, of an entry of a transcript.
pub const TRANSCRIPT_TEXT_BYTES_MAX: usize = 256 * 1024;
/// The longest id, and the longest kind, of an entry of a transcript.
pub const TRANSCRIPT_NAME_CHARS_MAX: usize = 512;
/// How many rows one page of a transcript has at most.
pub const TRANSCRIPT_PAGE_MAX: u32 = 1000;
/// How large answers are cut for their clients: a piece has no more, unless one row alone has.
pub const ANSWER_PIECE_BYTES: usize = 64 * 1024;
/// How many bytes of answers may be made at once and not yet be taken by their clients.
pub const ANSWERS_UNTAKEN_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How many bytes the large answers under way may remember of what they are to tell.
pub const ANSWERS_REMEMBERED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How much of Codex's history one answer remembers; what is beyond it is asked for again when it is told.
pub const ANSWER_HISTORY_BYTES_MAX: usize = 128 * 1024;
/// How many large answers are worked at at once, off the thread that serves requests; never more than half of the
/// processors can, but one in any case.
pub const ANSWERS_MADE_MAX: usize = 4;
/// How many bytes of short answers may be made at once and not yet be taken by their clients, beside the large ones.
pub const ANSWERS_SHORT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How many transcripts are planned at once, or planned and waiting for room.
pub const ANSWERS_PLANNED_MAX: usize = 4;
/// How many answers of the child at once are asked for, or there and waiting for room.
pub const ANSWERS_ASKED_MAX: usize = 4;
/// How long a large answer waits for room, or for its turn. Longer than the slowest client is waited for.
pub const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);
/// The longest answer to a request of the child that is passed on as it is, as JSON text.
pub const INTERACTION_RESPONSE_BYTES_MAX: usize = 256 * 1024;
/// How much of what the child asks stands in a row of a transcript, in characters.
pub const INTERACTION_ROW_CHARS_MAX: usize = 2000;
/// How many invocations of one extension are kept; then the oldest go.
pub const INVOCATIONS_KEPT_MAX: u32 = 1000;
/// How many bytes of actions, journals and logs the invocations kept of one extension may have.
pub const INVOCATIONS_KEPT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How many bytes of actions and logs one page of invocations has.
pub const INVOCATIONS_PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many events one step of retention removes at most.
pub const PRUNE_EVENTS_MAX: u32 = 1000;
/// How many operations one step of retention removes at most.
pub const PRUNE_OPERATIONS_MAX: u32 = 1000;
/// How many interactions one step of retention removes at most.
pub const PRUNE_INTERACTIONS_MAX: u32 = 1000;
/// How many invocations one step of retention removes at most.
pub const PRUNE_INVOCATIONS_MAX: u32 = 1000;
/// How many names of requests one step of retention removes at most.
pub const PRUNE_REQUEST_KEYS_MAX: u32 = 1000;
/// How long the name of a request is kept with its answer.
pub const REQUEST_KEY_KEPT: Duration = Duration::from_secs(24 * 3600);
/// The longest name of a request, in characters.
pub const REQUEST_KEY_CHARS_MAX: usize = 255;
/// The largest answer that is kept for who asks again; a larger one is made again, of what was recorded.
pub const KEPT_ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// How many keys of actions one step of retention removes at most.
pub const PRUNE_ACTION_KEYS_MAX: u32 = 1000;
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
/// How many rows of the log one page of events looks at, for those that were asked for.
pub const EVENTS_LOOKED_AT_MAX: u32 = 2000;
/// How many bytes of frames one page of events has, before its last row.
pub const EVENTS_PAGE_BYTES_MAX: usize = 1024 * 1024;
/// How many sessions one subscription names, and how many types of frames.
pub const SUBSCRIPTION_NAMES_MAX: usize = 256;
/// How long one write to a client may make no progress.
pub const CLIENT_STALL_MAX: Duration = Duration::from_secs(10);
/// How long a request waits for the child's answer before it says 504 with an operation to ask for.
pub const OPERATION_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a command may run that a client has run outside of sessions, in milliseconds. A child that answers no call for
/// longer is taken for one that hangs.
pub const COMMAND_RUN_MS_MAX: u32 = 100_000;
/// How long a request may take to send its headers.
pub const HEADER_READ_MAX: Duration = Duration::from_secs(10);
/// The largest request head: request line and headers together.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// The longest address of a request: path and query together.
pub const URI_BYTES_MAX: usize = 8 * 1024;
/// How deep the JSON of a request may be nested.
pub const JSON_DEPTH_MAX: usize = 64;
/// How many elements one array, or members one object, of a request's JSON may have.
pub const JSON_ELEMENTS_MAX: usize = 10_000;
/// How many requests one token may make in a second in the long run, unless told otherwise.
pub const REQUESTS_PER_SECOND: u32 = 5_000;
/// How many requests one token may make at once after it has been silent, unless told otherwise.
pub const REQUESTS_BURST: u32 = 10_000;
/// How many acts that were done the audit keeps; then the oldest go.
pub const AUDIT_KEPT_MAX: u32 = 100_000;
/// How many acts that were refused to their sender the audit keeps beside those; then the oldest go.
pub const AUDIT_REFUSED_KEPT_MAX: u32 = AUDIT_KEPT_MAX / 10;
/// How many acts are written until those that are too many go.
pub const AUDIT_PRUNED_EVERY: u32 = 1000;
/// How many acts one page of the audit has at most.
pub const AUDIT_PAGE_MAX: u32 = 1000;
/// The longest id that the audit keeps of what an act was about.
pub const AUDIT_ID_BYTES_MAX: usize = 200;
/// How long a request may take to send its body.
pub const BODY_READ_MAX: Duration = Duration::from_secs(10);
/// How much of a refused body is read and forgotten, so that its sender gets to see the refusal.
pub const BODY_DISCARD_BYTES_MAX: usize = 64 * BODY_BYTES_MAX;
/// How long a refused body is read and forgotten.
pub const BODY_DISCARD_MAX: Duration = Duration::from_secs(2);
/// How many connections are served at once, if the process may open twice as many files. For a further one, the oldest
/// goes on which nobody has shown a token; where there is none, it waits.
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
/// Of how many sessions that were deleted it is known without a look at the store that nothing more is told of them.
pub const SESSIONS_FORGOTTEN_MAX: usize = 1024;
/// How many deletions are finished in one go.
pub const DELETIONS_LOOK_MAX: u32 = 64;
/// How long an answer waits for the child to forget a thread that was deleted; it forgets it in any case.
pub const DELETION_WAIT_MAX: Duration = Duration::from_secs(3);
/// How much of what a person asked for goes to whoever reviews changes, in characters.
pub const REVIEW_REQUEST_CHARS_MAX: usize = 8_000;
/// How much of a turn goes with a change that waits for approval, in characters; the end of it.
pub const REVIEW_TRANSCRIPT_CHARS_MAX: usize = 24_000;
/// How much of a turn goes with the news that it is over, in characters; the end of it.
pub const REVIEW_SNAPSHOT_CHARS_MAX: usize = 40_000;
/// How much of a change goes to whoever reviews it, in characters of JSON text.
pub const REVIEW_DETAILS_CHARS_MAX: usize = 50_000;
/// Among how many of a session's last requests for approval those of a turn are looked for.
pub const REVIEW_REQUESTS_LOOK_MAX: u32 = 500;
/// How many files are looked at to count those of a session.
pub const SESSION_FILES_LOOK_MAX: usize = 200_000;
/// How many operations one look at the outbox takes.
pub const OUTBOX_LOOK_MAX: u32 = 256;
/// The longest path that a client may name; the system's own bound.
pub const PATH_BYTES_MAX: usize = 4096;
/// The largest component that is compiled.
pub const EXTENSION_COMPONENT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The largest component that is compiled in the lane of small ones; guards have a sixth of it.
pub const EXTENSION_COMPILE_SMALL_BYTES: usize = 1024 * 1024;
/// How much address space the compiler of a small component has.
pub const EXTENSION_COMPILE_SMALL_MEMORY_BYTES: u64 = 1024 * 1024 * 1024;
/// How much processor time the compiler of a small component has, in seconds.
pub const EXTENSION_COMPILE_SMALL_CPU_SECONDS: u64 = 30;
/// How much address space the compiler of any other component has; interpreters in Python and JavaScript take a quarter.
pub const EXTENSION_COMPILE_MEMORY_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// How much processor time the compiler of any other component has, in seconds; those interpreters take a twelfth.
pub const EXTENSION_COMPILE_CPU_SECONDS: u64 = 180;
/// After how long a compiler is taken for one that hangs. What computes ends long before, also on a busy machine.
pub const EXTENSION_COMPILE_WALL: Duration = Duration::from_secs(1800);
/// The largest machine code that is kept of one component.
pub const EXTENSION_CODE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Of how many components it is kept what came of compiling them.
pub const EXTENSION_CODES_KEPT_MAX: u32 = 128;
/// How many core instances one component may have; interpreters in Python need dozens.
pub const EXTENSION_CORE_INSTANCES_MAX: u32 = 128;
/// How many linear memories one component may have.
pub const EXTENSION_MEMORIES_MAX: u32 = 16;
/// How many tables one component may have.
pub const EXTENSION_TABLES_MAX: u32 = 64;
/// How many elements one table may have.
pub const EXTENSION_TABLE_ELEMENTS_MAX: usize = 100_000;
/// How many invocations run at once; further ones wait for a place.
pub const EXTENSION_INVOCATIONS_MAX: u32 = 32;
/// How many of these places at most are kept for invocations that somebody waits for.
pub const EXTENSION_INVOCATIONS_RESERVED: u32 = 4;
/// How long a guest computes before it is looked at.
pub const EXTENSION_TICK: Duration = Duration::from_millis(5);
/// How long an invocation computes before it goes on in turns with others that compute for long.
pub const EXTENSION_CPU_BRIEF: Duration = Duration::from_millis(10);
/// How long an invocation may compute, unless told otherwise.
pub const EXTENSION_CPU: Duration = Duration::from_millis(250);
/// How long an invocation may be allowed to compute at most.
pub const EXTENSION_CPU_MAX: Duration = Duration::from_secs(5);
/// How long an invocation may take, unless told otherwise.
pub const EXTENSION_WALL: Duration = Duration::from_secs(10);
/// How long an invocation may be allowed to take at most.
pub const EXTENSION_WALL_MAX: Duration = Duration::from_secs(900);
/// How much memory an invocation may have, all its memories and tables together, unless told otherwise.
pub const EXTENSION_MEMORY_BYTES: usize = 64 * 1024 * 1024;
/// How much memory an invocation may be allowed at most.
pub const EXTENSION_MEMORY_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How many handles an invocation may hold at once.
pub const EXTENSION_HANDLES_MAX: usize = 1000;
/// How many calls of capabilities an invocation may make.
pub const EXTENSION_HOST_CALLS_MAX: u32 = 1000;
/// How much one call may bring from the guest to the host.
pub const EXTENSION_HOST_CALL_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How much an invocation may read through its capabilities, as its journal has it.
pub const EXTENSION_JOURNAL_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How much an invocation may return.
pub const EXTENSION_OUTPUT_BYTES_MAX: usize = 256 * 1024;
/// How many actions an invocation may return.
pub const EXTENSION_ACTIONS_MAX: usize = 100;
/// The longest name under which an action is done once.
pub const EXTENSION_ACTION_KEY_BYTES_MAX: usize = 200;
/// How many bytes an invocation may log.
pub const EXTENSION_LOG_BYTES_MAX: usize = 64 * 1024;
/// How many lines an invocation may log.
pub const EXTENSION_LOG_LINES_MAX: usize = 1000;
/// How much of what a guest says of itself goes into a sentence about it.
pub const EXTENSION_WORDS_CHARS_MAX: usize = 500;
/// The longest sentence about a call that is recorded and told.
pub const EXTENSION_SENTENCE_CHARS_MAX: usize = 2000;
/// How much of the name of a kind of action is told of a call that asked for it. No kind that there is has a longer one.
pub const EXTENSION_KIND_CHARS_MAX: usize = 100;
/// How many random bytes a guest may ask for at once.
pub const EXTENSION_RANDOM_BYTES_MAX: u64 = 64 * 1024;
/// The longest key that an extension may keep something under.
pub const KV_KEY_BYTES_MAX: usize = 512;
/// The longest value that an extension may keep under a key.
pub const KV_VALUE_BYTES_MAX: usize = 256 * 1024;
/// How many bytes of keys and values an extension may keep, unless its grant says otherwise.
pub const KV_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How many keys are listed at once.
pub const KV_KEYS_MAX: u32 = 1000;
/// How many sessions or items are listed to an extension at once.
pub const EXTENSION_PAGE_MAX: u32 = 100;
/// How many bytes of items are listed to an extension at once, unless one alone has more.
pub const EXTENSION_PAGE_BYTES_MAX: usize = 1024 * 1024;
/// The longest content, and the longest details, of a row that an extension writes into a transcript.
pub const EXTENSION_ROW_TEXT_BYTES_MAX: usize = 64 * 1024;
/// How many bytes the rows of one group have as they are told in the log: with the details that they keep.
pub const EXTENSION_ROWS_BYTES_MAX: usize = 512 * 1024;
/// The longest manifest of an extension.
pub const EXTENSION_MANIFEST_BYTES_MAX: usize = 64 * 1024;
/// How many problems of one manifest are told; those that come first in it.
pub const EXTENSION_MANIFEST_PROBLEMS_MAX: usize = 32;
/// How many folders of one drop folder are looked at.
pub const EXTENSION_DROPS_MAX: usize = 256;
/// The longest `extensions.lock`.
pub const EXTENSION_LOCK_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a pending interaction waits for the extensions that may decide it, and a group for those before it that may
/// claim the same.
pub const EXTENSION_DECIDE: Duration = Duration::from_secs(2);
/// How many failures within [`EXTENSION_FAILURES_WITHIN`] put an extension into quarantine.
pub const EXTENSION_FAILURES_MAX: usize = 5;
/// The time within which failures are counted together, unless so many of the extension's calls may take longer.
pub const EXTENSION_FAILURES_WITHIN: Duration = Duration::from_secs(600);
/// How long the host waits before it tries a call again that it could not make; twice as long each time.
pub const EXTENSION_HOST_RETRY: Duration = Duration::from_millis(250);
/// The longest that it waits.
pub const EXTENSION_HOST_RETRY_MAX: Duration = Duration::from_secs(30);
/// How often it tries again before it gives up and says so.
pub const EXTENSION_HOST_RETRIES_MAX: u32 = 10;
/// How many claims that are gone are remembered for extensions that are told of their event later. What was forgotten is
/// taken to be gone.
pub const EXTENSION_TAKEN_MAX: usize = 4096;
/// How often an event is handed to an extension again because the host itself ended in the middle of it.
pub const EXTENSION_CRASH_RERUNS_MAX: u32 = 2;
/// How many calls of handlers are under way or wait for their turn, of all extensions together; each may have an equal
/// part of them, and half of them at most. What is beyond its part stays in the log.
pub const EXTENSION_ROUNDS_MAX: usize = 1024;
/// How many bytes of payload they may have together, with the same parts.
pub const EXTENSION_ROUNDS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many calls of one extension run at once; those for pending interactions are not counted. With the most memory that
/// a call may have, they still leave places to others.
pub const EXTENSION_PARALLEL_MAX: usize = 6;
/// How many pending interactions are remembered. One that was forgotten is accepted by nobody but a person.
pub const EXTENSION_INTERACTIONS_MAX: usize = 4096;
/// How many events that extensions are told of are read at once, and how many of them wait to be told.
pub const EXTENSION_EVENTS_PAGE_MAX: u32 = 16;
/// How many calls have their outcome recorded in one transaction.
pub const EXTENSION_COMMITS_MAX: usize = 64;
/// How often at most it is made durable how far the extensions have come.
pub const EXTENSION_ADVANCE_INTERVAL: Duration = Duration::from_secs(1);
/// How often a handler runs again beside others because what it read had changed; from then on it runs alone.
pub const EXTENSION_CONFLICTS_MAX: u32 = 3;
/// How many causes may lie behind an event that extensions are told of.
pub const HOPS_MAX: u8 = 8;
/// How many projects there may be.
pub const PROJECTS_MAX: usize = 1000;
/// The longest name of a project, in characters.
pub const PROJECT_NAME_CHARS_MAX: usize = 120;
/// The longest working folder of a project, in characters.
pub const PROJECT_FOLDER_CHARS_MAX: usize = 2000;
/// The longest name of a model, in characters.
pub const MODEL_NAME_CHARS_MAX: usize = 200;
/// How large the settings of a session, or the default ones, may be as JSON text. They travel with every summary.
pub const SETTINGS_BYTES_MAX: usize = 32 * 1024;
/// How deep the settings may be nested. They are read back inside of events and of rows.
pub const SETTINGS_NESTING_MAX: usize = 32;
/// The longest key of a setting, in characters.
pub const SETTING_KEY_CHARS_MAX: usize = 200;
/// The longest name that a client gives to who changed something, in characters.
pub const ACTOR_LABEL_CHARS_MAX: usize = 120;
/// The longest name that a client gives to where something was changed, in characters.
pub const SOURCE_LABEL_CHARS_MAX: usize = 64;
/// How many suggestions of one session are kept; then the oldest go.
pub const SUGGESTIONS_KEPT_MAX: u32 = 100;
/// The longest key of a suggestion, in characters.
pub const SUGGESTION_KEY_CHARS_MAX: usize = 200;
/// The longest suggestion, in characters.
pub const SUGGESTION_CHARS_MAX: usize = 8000;
/// The longest reason why there is no suggestion, in characters.
pub const SUGGESTION_ERROR_CHARS_MAX: usize = 4000;
/// The longest draft that a suggestion may start from, in characters.
pub const SUGGESTION_DRAFT_CHARS_MAX: usize = 4000;
