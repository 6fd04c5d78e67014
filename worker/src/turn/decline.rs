//! A message that no model answers: a few sentences of ours are its reply, in one piece.

use crate::app::App;
use crate::safety::course::Declined;
use crate::safety::replies;

use super::generate::{Ended, Reply};
use super::outlet::Outlet;
use super::{Event, Route, Turn};

/// Who replies, in place of a provider and a model.
const OURS: &str = "companion";
const POLICY: &str = "policy";

/// Why it ends, as OpenAI's API says it.
pub const FILTERED: &str = "content_filter";

/// Says why.
pub async fn decline(app: &App, turn: &Turn, why: Declined, outlet: &mut Outlet) -> Reply {
    let route = turn.course.route.as_str();
    outlet
        .tell(Event::Route(Route {
            route: route.to_owned(),
            label: turn.perception.verdict.label.as_str().to_owned(),
            provider: OURS.to_owned(),
            model: POLICY.to_owned(),
            simulated: false,
            cached: false,
            timing: None,
        }))
        .await;
    app.metrics.declined.with_label_values(&[route]).inc();
    let mut reply = Reply {
        text: replies::declined(why, turn.language()).to_owned(),
        finish: FILTERED.to_owned(),
        ended: Ended::Complete,
        ..Reply::default()
    };
    reply.spent.route = route.to_owned();
    reply.spent.provider = OURS.to_owned();
    reply.spent.model = POLICY.to_owned();
    outlet.say(&reply.text).await;
    reply
}
