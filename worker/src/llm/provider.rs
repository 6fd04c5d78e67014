//! The two kinds of provider behind one door.

use companion_crds::llm::Route;
use futures::stream::BoxStream;

use super::openai::OpenAi;
use super::{LlmError, Piece, Prompt, Sampling, simulated};

/// A provider.
pub enum Provider {
    /// A service that speaks the OpenAI API.
    OpenAi(Box<OpenAi>),
    /// The deterministic stand-in.
    Simulated,
}

impl Provider {
    /// Asks for a reply to `prompt`. Dropping the stream ends the request.
    ///
    /// # Errors
    /// The provider was not reached or refused.
    pub async fn stream(
        &self,
        route: &Route,
        prompt: &Prompt,
        sampling: &Sampling,
    ) -> Result<BoxStream<'static, Result<Piece, LlmError>>, LlmError> {
        match self {
            Self::OpenAi(openai) => openai.stream(route, prompt, sampling).await,
            Self::Simulated => Ok(simulated::stream(prompt)),
        }
    }
}
