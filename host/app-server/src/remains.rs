//! What a dead child leaves to be done.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::connection::Connection;
use crate::reader::ReadEnd;
use crate::signals::SignalSender;
use crate::{Exit, Signal};

/// How long a consumer that takes nothing may hold up [`stop`](crate::AppServer::stop).
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// What could be heard of a life, and who still waits for it.
pub(crate) struct Remains {
    pub(crate) reader: AbortOnDropHandle<ReadEnd>,
    pub(crate) dead: CancellationToken,
    pub(crate) connection: Connection,
}

impl Remains {
    /// Lets what is in the pipe be read, however slow the consumer is, fails the calls that were not answered by that,
    /// and tells the end. Until then no other life begins, so signals of two lives never mix.
    pub(crate) async fn settle(mut self, exit: Exit, signals: &SignalSender, stopping: &CancellationToken) {
        self.dead.cancel();
        if !self.reader.is_finished() {
            tokio::select! {
                _ = &mut self.reader => {}
                () = async { stopping.cancelled().await; tokio::time::sleep(STOP_PATIENCE).await } => self.reader.abort(),
            }
        }
        self.connection.pending().close();
        signals.tell(Signal::Exited { generation: self.connection.generation().clone(), exit });
    }
}
