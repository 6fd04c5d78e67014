//! The reply, as it comes: from the provider to the client, one piece at a time. It ends when the model ends, when the
//! client goes away (unless an idempotency key says that it will come back), when time is up, or when the worker must go;
//! what was said until then stays in the [`Reply`]. Leaving here drops the request to the provider, which cancels it.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::app::App;
use crate::llm::{LlmError, Piece, Usage};

use super::{Event, Turn, TurnError};

/// What the model replied.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Its text so far.
    pub text: String,
    /// What it cost, as the provider counted or as an estimate.
    pub usage: Usage,
    /// Why the model ended it.
    pub finish: String,
    /// Why it ended here.
    pub ended: Ended,
}

/// Why a reply ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ended {
    /// The model had said all.
    #[default]
    Complete,
    /// Nobody listens.
    ClientGone,
    /// It broke off.
    Failed(TurnError),
}

/// Asks for the reply to `turn` and passes it on.
pub async fn generate(app: &App, turn: &Turn, events: &mpsc::Sender<Event>) -> Reply {
    let mut reply = Reply::default();
    let mut counted = None;
    let patience: Duration = app.config.llm.timeouts.turn.duration();
    let comes_back = turn.asked.idempotency_key.is_some();
    reply.ended = tokio::select! {
        spoken = speak(app, turn, events, &mut reply.text, &mut reply.finish, &mut counted) => match spoken {
            Ok(()) => Ended::Complete,
            Err(error) => Ended::Failed(TurnError::Provider(error)),
        },
        () = events.closed(), if !comes_back => Ended::ClientGone,
        () = sleep(patience) => Ended::Failed(TurnError::TooLong(patience)),
        () = app.lifecycle.until_cut() => Ended::Failed(TurnError::ShuttingDown),
    };
    let nothing_asked = reply.text.is_empty() && reply.ended != Ended::Complete;
    reply.usage = counted.unwrap_or_else(|| Usage::estimate(&turn.prompt, &reply.text));
    if !nothing_asked {
        let provider = app.config.llm.routes.normal.provider.as_str();
        for (kind, tokens) in [
            ("prompt", reply.usage.prompt),
            ("completion", reply.usage.completion),
            ("cached", reply.usage.cached),
        ] {
            app.metrics
                .provider_tokens
                .with_label_values(&[provider, kind])
                .inc_by(tokens.into());
        }
    }
    reply
}

async fn speak(
    app: &App,
    turn: &Turn,
    events: &mpsc::Sender<Event>,
    text: &mut String,
    finish: &mut String,
    counted: &mut Option<Usage>,
) -> Result<(), LlmError> {
    let route = &app.config.llm.routes.normal;
    let asked_at = Instant::now();
    let mut pieces = app.models.ask(route, &turn.prompt, &turn.asked.sampling).await?;
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(Piece::Text(piece)) => {
                if text.is_empty() {
                    let waited = asked_at.elapsed().as_secs_f64();
                    app.metrics
                        .first_token_seconds
                        .with_label_values(&[route.provider.as_str()])
                        .observe(waited);
                }
                text.push_str(&piece);
                // Whether the client is gone is decided by the caller, who knows if it comes back.
                let _ = events.send(Event::Text(piece)).await;
            }
            Ok(Piece::Usage(usage)) => *counted = Some(usage),
            Ok(Piece::End(reason)) => *finish = reason,
            // After the end only the count is missing, and it can be estimated.
            Err(_) if !finish.is_empty() => break,
            Err(error) => {
                app.metrics
                    .provider_calls
                    .with_label_values(&[route.provider.as_str(), error.label()])
                    .inc();
                return Err(error);
            }
        }
    }
    if finish.is_empty() {
        Err(LlmError::Broken)
    } else {
        Ok(())
    }
}
