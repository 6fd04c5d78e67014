//! The reply, as it comes: from the provider to the client, one piece at a time. It ends when the model ends, when the
//! client goes away (unless an idempotency key says that it will come back), when time is up, or when the worker must go;
//! what was said until then stays in the [`Reply`]. Leaving here drops the request to the provider, which cancels it.

use std::time::Duration;

use companion_crds::llm;
use tokio::time::{Instant, sleep_until};
use tracing::Span;

use crate::app::App;
use crate::llm::Piece;
use crate::reply_cache::{Begun, Key, KnownReply};
use crate::safety::config::guarded;
use crate::safety::guard::{Guard, Violation};
use crate::safety::{Route as Way, replies, this_year};
use crate::store::Spent;

use super::outlet::Outlet;
use super::{Event, Failure, Route, Timing, Turn};

/// What the model replied.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Its text so far.
    pub text: String,
    /// Bytes of it that the model said; what we add stands behind them.
    pub said: usize,
    /// The provider that replied, not always the route's own, and what it cost. Empty where none did.
    pub spent: Spent,
    /// The stand-in replied.
    pub simulated: bool,
    /// It was made for an earlier request that asked the same.
    pub cached: bool,
    /// Why the model ended it.
    pub finish: String,
    /// Why it ended here.
    pub ended: Ended,
    /// What it was about to be, where it was withheld.
    pub violation: Option<Violation>,
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

/// Asks for the reply to `turn` and passes it on. Its span has OpenTelemetry's names for what models do.
#[tracing::instrument(skip_all, fields(
    otel.kind = "client",
    otel.status_code,
    gen_ai.operation.name = "chat",
    gen_ai.provider.name,
    gen_ai.request.model,
    gen_ai.usage.input_tokens,
    gen_ai.usage.output_tokens,
))]
pub async fn generate(app: &App, turn: &Turn, outlet: &mut Outlet) -> Reply {
    let mut reply = Reply::default();
    let patience: Duration = app.config.llm.timeouts.turn.duration();
    let ended = tokio::select! {
        spoken = speak(app, turn, outlet, &mut reply) => spoken,
        () = sleep_until(turn.deadline) => Ended::Failed(Failure::TooLong(patience)),
        () = app.lifecycle.until_cut() => Ended::Failed(Failure::ShuttingDown),
    };
    reply.ended = ended;
    describe(&reply);
    reply
}

fn describe(reply: &Reply) {
    let (span, spent) = (Span::current(), &reply.spent);
    span.record("gen_ai.provider.name", spent.provider.as_str());
    span.record("gen_ai.request.model", spent.model.as_str());
    span.record("gen_ai.usage.input_tokens", spent.usage.prompt);
    span.record("gen_ai.usage.output_tokens", spent.usage.completion);
    if let Ended::Failed(_) = reply.ended {
        span.record("otel.status_code", "ERROR");
    }
}

/// Passes on a reply that was made already, or what the provider says, until it has said all or nobody listens.
async fn speak(app: &App, turn: &Turn, outlet: &mut Outlet, reply: &mut Reply) -> Ended {
    let route = model_route(app, turn);
    let began = Instant::now();
    let lead = tokio::select! {
        looked = look_in_cache(app, turn, route) => match looked {
            Begun::Found(known) => return tell_known(app, turn, *known, began.elapsed(), outlet, reply).await,
            Begun::Failed(error) => return Ended::Failed(Failure::Provider(error)),
            Begun::ToAsk(lead) => lead,
        },
        () = outlet.closed(), if !outlet.goes_on_alone() => return Ended::ClientGone,
    };
    let ended = ask(app, turn, began.elapsed(), outlet, reply).await;
    if let Some(lead) = lead {
        match &ended {
            Ended::Complete => lead.land(route, known(reply)).await,
            Ended::Failed(Failure::Provider(error)) => lead.fail(error.clone()),
            // Somebody who still listens takes it over.
            _ => drop(lead),
        }
    }
    ended
}

/// Looks for the reply among those that were made already. Only a turn of which nothing is stored has no personal context.
async fn look_in_cache(app: &App, turn: &Turn, route: &llm::Route) -> Begun {
    if !turn.asked.ephemeral || turn.asked.fresh || !app.replies.keeps() {
        return Begun::ToAsk(None);
    }
    let key = Key::new(route, &turn.prompt, &turn.asked.sampling);
    app.replies.begin(turn.asked.user, key).await
}

/// Asks the provider and passes on what it says. The time that was `waited` for another's call is the provider's as well.
async fn ask(app: &App, turn: &Turn, waited: Duration, outlet: &mut Outlet, reply: &mut Reply) -> Ended {
    let route = model_route(app, turn);
    let own = turn.began.elapsed().saturating_sub(waited);
    let asking = app.models.ask(route, &turn.prompt, &turn.asked.sampling);
    let mut pieces = tokio::select! {
        asked = asking => match asked {
            Ok(pieces) => pieces,
            Err(error) => return Ended::Failed(Failure::Provider(error)),
        },
        () = outlet.closed(), if !outlet.goes_on_alone() => return Ended::ClientGone,
    };
    let whole = turn.began.elapsed();
    app.metrics.overhead_seconds.observe(own.as_secs_f64());
    let target = pieces.target();
    reply.spent.route = turn.course.route.as_str().to_owned();
    reply.spent.provider = target.provider().to_owned();
    reply.spent.model = target.model.clone();
    reply.simulated = target.is_simulated();
    app.metrics
        .first_token_seconds
        .with_label_values(&[reply.spent.provider.as_str()])
        .observe(whole.as_secs_f64());
    let chosen = Event::Route(Route {
        route: reply.spent.route.clone(),
        label: turn.perception.verdict.label.as_str().to_owned(),
        provider: reply.spent.provider.clone(),
        model: reply.spent.model.clone(),
        simulated: reply.simulated,
        cached: false,
        timing: Some(Timing {
            overhead_us: micros(own),
            provider_us: micros(whole.saturating_sub(own)),
        }),
    });
    outlet.tell(chosen).await;
    if discloses(app, turn) {
        let disclosure = format!("{}\n\n", replies::disclosure(turn.language()));
        reply.text.push_str(&disclosure);
        outlet.say(&disclosure).await;
    }
    let mut guard = guard(app, turn);
    loop {
        let piece = tokio::select! {
            piece = pieces.next() => piece,
            () = outlet.due() => {
                outlet.flush().await;
                continue;
            }
            () = outlet.closed(), if !outlet.goes_on_alone() => return Ended::ClientGone,
        };
        (reply.spent.usage, reply.spent.cost) = (pieces.usage(), pieces.cost());
        match piece {
            None => break,
            Some(Err(error)) => return Ended::Failed(Failure::Provider(error)),
            Some(Ok(Piece::Text(piece))) => {
                let Ok(piece) = passed(app, guard.as_mut(), &piece, reply) else {
                    return withhold(outlet, reply).await;
                };
                reply.text.push_str(&piece);
                outlet.say(&piece).await;
            }
            // It is in the usage already.
            Some(Ok(Piece::Usage(_))) => {}
            Some(Ok(Piece::End(reason))) => reply.finish = reason,
        }
    }
    finish(app, turn, guard, outlet, reply).await
}

/// Whether the reply begins with that it is an AI's: it is the first of its conversation.
fn discloses(app: &App, turn: &Turn) -> bool {
    let first = turn.recall.history.as_ref().is_some_and(Vec::is_empty);
    app.config.content.disclosure.at_start && first && !turn.asked.ephemeral
}

/// The model of the turn's way.
fn model_route<'a>(app: &'a App, turn: &Turn) -> &'a llm::Route {
    let routes = &app.config.llm.routes;
    let own = match turn.course.route {
        Way::Romance => routes.romance.as_ref(),
        Way::Explicit => routes.explicit.as_ref(),
        Way::Fetish => routes.fetish.as_ref(),
        Way::Normal | Way::Refusal | Way::HardRefusal => None,
    };
    // An adult way is only chosen where it has a model of its own.
    own.unwrap_or(&routes.normal)
}

fn guard(app: &App, turn: &Turn) -> Option<Guard> {
    guarded(&app.config).then(|| Guard::new(app.classifier.clone(), &turn.course, this_year()))
}

/// What of `piece` may be said now.
fn passed(app: &App, guard: Option<&mut Guard>, piece: &str, reply: &mut Reply) -> Result<String, ()> {
    match guard {
        None => Ok(piece.to_owned()),
        Some(guard) => guard.push(piece).map_err(|violation| note(app, *violation, reply)),
    }
}

fn note(app: &App, violation: Violation, reply: &mut Reply) {
    let label = violation.verdict.label.as_str();
    app.metrics
        .decisions
        .with_label_values(&["reply", label, reply.spent.route.as_str()])
        .inc();
    reply.violation = Some(violation);
}

/// The reply ends, and nothing of it stays.
async fn withhold(outlet: &mut Outlet, reply: &mut Reply) -> Ended {
    reply.text.clear();
    outlet.take_back().await;
    Ended::Failed(Failure::Withheld)
}

/// Says what the guard held back, and what stands below a reply to somebody in a crisis.
async fn finish(app: &App, turn: &Turn, guard: Option<Guard>, outlet: &mut Outlet, reply: &mut Reply) -> Ended {
    if let Some(mut guard) = guard {
        match guard.finish() {
            Ok(rest) if rest.is_empty() => {}
            Ok(rest) => {
                reply.text.push_str(&rest);
                outlet.say(&rest).await;
            }
            Err(violation) => {
                note(app, *violation, reply);
                return withhold(outlet, reply).await;
            }
        }
    }
    reply.said = reply.text.len();
    if turn.course.care {
        let contacts = replies::contacts(&app.config.content.crisis.resources, turn.language());
        let help = format!("\n\n{}", replies::help(&contacts, turn.language()));
        reply.text.push_str(&help);
        outlet.say(&help).await;
    }
    Ended::Complete
}

fn known(reply: &Reply) -> KnownReply {
    KnownReply {
        text: reply.text.get(..reply.said).unwrap_or_default().to_owned(),
        finish: reply.finish.clone(),
        provider: reply.spent.provider.clone(),
        model: reply.spent.model.clone(),
        simulated: reply.simulated,
    }
}

/// Tells a reply that was made for an earlier request. It costs nothing.
async fn tell_known(
    app: &App,
    turn: &Turn,
    known: KnownReply,
    waited: Duration,
    outlet: &mut Outlet,
    reply: &mut Reply,
) -> Ended {
    reply.spent.route = turn.course.route.as_str().to_owned();
    reply.spent.provider = known.provider;
    reply.spent.model = known.model;
    reply.simulated = known.simulated;
    reply.cached = true;
    reply.finish = known.finish;
    outlet
        .tell(Event::Route(Route {
            route: reply.spent.route.clone(),
            label: turn.perception.verdict.label.as_str().to_owned(),
            provider: reply.spent.provider.clone(),
            model: reply.spent.model.clone(),
            simulated: reply.simulated,
            cached: true,
            timing: Some(Timing {
                overhead_us: micros(turn.began.elapsed().saturating_sub(waited)),
                provider_us: micros(waited),
            }),
        }))
        .await;
    // The rules may have changed since it was kept.
    let mut guard = guard(app, turn);
    let Ok(text) = passed(app, guard.as_mut(), &known.text, reply) else {
        return withhold(outlet, reply).await;
    };
    reply.text = text;
    outlet.say(&reply.text).await;
    finish(app, turn, guard, outlet, reply).await
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
