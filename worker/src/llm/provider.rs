//! The two kinds of provider behind one door.

use futures::stream::BoxStream;

use super::openai::OpenAi;
use super::{LlmError, Piece, Question, simulated};

/// A provider.
pub enum Provider {
    /// A service that speaks the OpenAI API.
    OpenAi(Box<OpenAi>),
    /// The deterministic stand-in.
    Simulated,
}

impl Provider {
    /// Asks `question`. Dropping the stream ends the request.
    ///
    /// # Errors
    /// The provider was not reached or refused.
    pub async fn stream(
        &self,
        question: &Question<'_>,
    ) -> Result<BoxStream<'static, Result<Piece, LlmError>>, LlmError> {
        match self {
            Self::OpenAi(openai) => openai.stream(question).await,
            Self::Simulated => Ok(simulated::stream(question.prompt)),
        }
    }
}
