//! The reply, as it comes: from the provider to the client, one piece at a time. It ends when the model ends, when the
//! client goes away (unless an idempotency key says that it will come back), when time is up, or when the worker must go;
//! what was said until then stays in the [`Reply`]. Leaving here drops the request to the provider, which cancels it.

use std::time::Duration;

use tokio::time::sleep_until;

use crate::app::App;
use crate::llm::{Piece, Usage};

use super::outlet::Outlet;
use super::{Event, Failure, Route, Turn};

/// What the model replied.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Its text so far.
    pub text: String,
    /// What it cost, as the provider counted or as an estimate.
    pub usage: Usage,
    /// The provider that replied, not always the route's own. Empty where none did.
    pub provider: String,
    /// Its model.
    pub model: String,
    /// The stand-in replied.
    pub simulated: bool,
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
    Failed(Failure),
}

/// Asks for the reply to `turn` and passes it on.
pub async fn generate(app: &App, turn: &Turn, outlet: &mut Outlet) -> Reply {
    let mut reply = Reply::default();
    let patience: Duration = app.config.llm.timeouts.turn.duration();
    let ended = tokio::select! {
        spoken = speak(app, turn, outlet, &mut reply) => spoken,
        () = sleep_until(turn.deadline) => Ended::Failed(Failure::TooLong(patience)),
        () = app.lifecycle.until_cut() => Ended::Failed(Failure::ShuttingDown),
    };
    reply.ended = ended;
    reply
}

/// Asks the provider and passes on what it says, until it has said all or nobody listens.
async fn speak(app: &App, turn: &Turn, outlet: &mut Outlet, reply: &mut Reply) -> Ended {
    let route = &app.config.llm.routes.normal;
    let asking = app.models.ask(route, &turn.prompt, &turn.asked.sampling);
    let mut pieces = tokio::select! {
        asked = asking => match asked {
            Ok(pieces) => pieces,
            Err(error) => return Ended::Failed(Failure::Provider(error)),
        },
        () = outlet.closed(), if !outlet.goes_on_alone() => return Ended::ClientGone,
    };
    let target = pieces.target();
    reply.provider = target.provider().to_owned();
    reply.model = target.model.clone();
    reply.simulated = target.is_simulated();
    app.metrics
        .first_token_seconds
        .with_label_values(&[reply.provider.as_str()])
        .observe(turn.began.elapsed().as_secs_f64());
    let chosen = Event::Route(Route {
        route: "normal".to_owned(),
        provider: reply.provider.clone(),
        model: reply.model.clone(),
        simulated: reply.simulated,
    });
    outlet.tell(chosen).await;
    loop {
        let piece = tokio::select! {
            piece = pieces.next() => piece,
            () = outlet.due() => {
                outlet.flush().await;
                continue;
            }
            () = outlet.closed(), if !outlet.goes_on_alone() => return Ended::ClientGone,
        };
        reply.usage = pieces.usage();
        match piece {
            None => return Ended::Complete,
            Some(Err(error)) => return Ended::Failed(Failure::Provider(error)),
            Some(Ok(Piece::Text(piece))) => {
                reply.text.push_str(&piece);
                outlet.say(&piece).await;
            }
            // It is in the usage already.
            Some(Ok(Piece::Usage(_))) => {}
            Some(Ok(Piece::End(reason))) => reply.finish = reason,
        }
    }
}
