//! A reply that has begun: pieces come out until its end, each within a deadline. After the model's own end only the count of
//! tokens is missing, which is not waited for long and can be estimated.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::{Instant, timeout_at};

use super::call::Call;
use super::{LlmError, Piece, Target, Usage};

/// Longest wait for the count of tokens after the end.
const AFTER_END: Duration = Duration::from_secs(1);
/// Longest reply in bytes: what a broken model repeats until the turn's deadline must not fill the memory.
const MAX_BYTES: usize = 512 * 1024;

/// A reply that has begun.
pub struct Reply {
    pieces: BoxStream<'static, Result<Piece, LlmError>>,
    first: Option<Piece>,
    call: Call,
    idle: Duration,
    deadline: Instant,
    bytes: usize,
    ended: bool,
    over: bool,
}

/// Waits for the first text, or the end of a reply without any. A count before it counts nothing yet.
///
/// # Errors
/// It broke off before.
pub async fn first_text(pieces: &mut BoxStream<'static, Result<Piece, LlmError>>) -> Result<Piece, LlmError> {
    loop {
        match pieces.next().await.ok_or(LlmError::Broken)?? {
            Piece::Usage(_) => {}
            first => return Ok(first),
        }
    }
}

impl Reply {
    /// The reply that begins with `first`.
    pub fn new(
        pieces: BoxStream<'static, Result<Piece, LlmError>>,
        first: Piece,
        call: Call,
        idle: Duration,
        deadline: Instant,
    ) -> Self {
        Self {
            pieces,
            first: Some(first),
            call,
            idle,
            deadline,
            bytes: 0,
            ended: false,
            over: false,
        }
    }

    /// Who replies.
    pub fn target(&self) -> &Target {
        self.call.target()
    }

    /// Tokens so far, as the provider counted or as an estimate.
    pub fn usage(&self) -> Usage {
        self.call.usage()
    }

    /// What they cost by the price list, in millionths of a dollar.
    pub fn cost(&self) -> u64 {
        self.call.cost()
    }

    /// The next piece; nothing after [`Piece::End`] and the usage that may follow it.
    ///
    /// # Errors
    /// The reply broke off; nothing follows.
    pub async fn next(&mut self) -> Option<Result<Piece, LlmError>> {
        if self.over {
            return None;
        }
        if let Some(piece) = self.first.take() {
            return Some(self.pass_on(piece));
        }
        let patience = if self.ended { AFTER_END } else { self.idle };
        let deadline = self.deadline.min(Instant::now() + patience);
        let error = match timeout_at(deadline, self.pieces.next()).await {
            Ok(Some(Ok(piece))) => return Some(self.pass_on(piece)),
            _ if self.ended => {
                self.over = true;
                self.call.completed();
                return None;
            }
            Ok(Some(Err(error))) => error,
            Ok(None) => LlmError::Broken,
            Err(_) => LlmError::Timeout(patience),
        };
        Some(Err(self.fail(error)))
    }

    fn pass_on(&mut self, piece: Piece) -> Result<Piece, LlmError> {
        match &piece {
            Piece::Text(text) => {
                self.bytes += text.len();
                if self.bytes > MAX_BYTES {
                    return Err(self.fail(LlmError::Broken));
                }
                self.call.said(text);
            }
            Piece::Usage(usage) => self.call.counted(*usage),
            Piece::End(_) => self.ended = true,
        }
        Ok(piece)
    }

    fn fail(&mut self, error: LlmError) -> LlmError {
        self.over = true;
        self.call.failed(&error);
        error
    }
}
