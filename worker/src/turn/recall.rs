//! What is known that bears on the message: memories of this user, and the conversation so far where Redis had none.
//! All of it is read side by side and against a deadline; what is late is left out and named.

use std::time::{Duration, Instant};

use tokio::time::timeout;
use uuid::Uuid;

use crate::app::App;
use crate::llm::{PromptMessage, Role};
use crate::memory::{self, Recalled};
use crate::safety::course::Standing;
use crate::safety::{Label, this_year};
use crate::store::{self, Place, Preferences};

use super::{Known, Turn};

/// Longest wait for memories: a reply without them is better than a late one.
const MEMORIES: Duration = Duration::from_millis(250);
/// Longest wait for the conversation so far: a reply that lost the thread is worse than a late one.
const CONVERSATION: Duration = Duration::from_secs(2);

/// What is known.
#[derive(Debug, Default)]
pub struct Recall {
    /// Memories, nearest first.
    pub memories: Vec<Recalled>,
    /// The conversation's stored messages, oldest first; `None` if they could not be read.
    pub history: Option<Vec<PromptMessage>>,
    /// The conversation that this message goes on with, if the client did not name it.
    pub thread: Option<Uuid>,
    /// What was said in the stored conversation before its last messages.
    pub summary: Option<String>,
    /// What the user wants to be called, and where they are.
    pub preferences: Preferences,
    /// What is known of their age; `None` if that could not be read.
    pub standing: Option<Standing>,
    /// In what the client says was said before, its user said to be under 18.
    pub young: bool,
    /// What the message means, where recall searched by it.
    pub vector: Option<Vec<f32>>,
    /// How often the user was erased before; `None` if that could not be read. An erasure from now on stops this turn from
    /// being stored.
    pub epoch: Option<i64>,
    /// What was left out: `recall`, `embeddings`, `history`.
    pub degraded: Vec<&'static str>,
}

impl Recall {
    /// The memories as the client is told.
    pub fn known(&self) -> Vec<Known> {
        let known = |memory: &Recalled| Known {
            id: memory.id,
            text: memory.text.clone(),
            score: memory.score,
            why: memory.why,
        };
        self.memories.iter().map(known).collect()
    }
}

/// Looks for what bears on `turn`.
#[tracing::instrument(skip_all)]
pub async fn recall(app: &App, turn: &Turn) -> Recall {
    let (history, young) = believed(app, turn);
    if turn.asked.ephemeral {
        return Recall {
            history: Some(history),
            young,
            standing: standing(app, turn).await,
            ..Recall::default()
        };
    }
    let (memories, (history, place), thread) =
        tokio::join!(memories(app, turn), known_before(app, turn, history), thread(app, turn));
    let epoch = place.as_ref().map(|place| place.epoch);
    let standing = place.as_ref().map(of_age);
    let place = place.unwrap_or_default();
    let mut recall = Recall {
        thread,
        epoch,
        summary: place.summary,
        preferences: place.preferences,
        young,
        standing,
        ..Recall::default()
    };
    match memories {
        Some(found) => {
            recall.memories = found.memories;
            recall.vector = found.vector;
            recall.degraded.extend(found.lexical.then_some("embeddings"));
        }
        None => recall.degraded.push("recall"),
    }
    if history.is_none() {
        recall.degraded.push("history");
    }
    recall.history = history;
    recall
}

/// What is known of the user's age, for a turn of which nothing else is known.
async fn standing(app: &App, turn: &Turn) -> Option<Standing> {
    let place = timeout(MEMORIES, app.store.place(turn.asked.user, None)).await;
    place.ok()?.ok().as_ref().map(of_age)
}

fn of_age(place: &Place) -> Standing {
    Standing {
        minor: place.minor,
        adult: place.adult,
    }
}

async fn memories(app: &App, turn: &Turn) -> Option<memory::Recall> {
    let settings = &app.config.memory;
    if settings.recalled == 0 || turn.perception.query.is_empty() {
        return Some(memory::Recall::default());
    }
    let began = Instant::now();
    let similarity = settings.min_similarity.value().map_or(0.0, f64::from);
    let search = app
        .memories
        .recall(turn.asked.user, &turn.perception.query, settings.recalled, similarity);
    let found = timeout(MEMORIES, search).await;
    app.metrics.recall_seconds.observe(began.elapsed().as_secs_f64());
    match found {
        Ok(Ok(found)) => {
            if found.lexical {
                app.metrics.degraded.with_label_values(&["embedder"]).inc();
            }
            return Some(found);
        }
        Ok(Err(error)) => tracing::warn!(%error, "nothing is recalled for a message"),
        Err(_) => tracing::warn!("nothing is recalled for a message: no answer within {MEMORIES:?}"),
    }
    app.metrics.degraded.with_label_values(&["postgres"]).inc();
    None
}

/// The history of the prompt, and where the turn begins if that can be read. The history is the `believed` one of the client,
/// or what Redis kept if PostgreSQL knows of nothing newer, or what PostgreSQL holds.
async fn known_before(
    app: &App,
    turn: &Turn,
    believed: Vec<PromptMessage>,
) -> (Option<Vec<PromptMessage>>, Option<Place>) {
    let asked = &turn.asked;
    let conversation = asked.conversation.filter(|_| asked.uses_stored_history());
    let place = timeout(MEMORIES, app.store.place(asked.user, conversation)).await;
    let place = place.ok().and_then(Result::ok);
    let history = match conversation {
        Some(conversation) => stored_history(app, turn, conversation, place.as_ref().map(|place| place.last_seq)).await,
        None => Some(believed),
    };
    (history, place)
}

/// What the client says was said before, as far as it may enter the prompt, without what is never answered and what was
/// replied to that; and whether its user said to be under 18 in it.
fn believed(app: &App, turn: &Turn) -> (Vec<PromptMessage>, bool) {
    let history = &turn.asked.history;
    let from = history.len().saturating_sub(app.config.memory.history as usize);
    let (mut kept, mut young, mut left_out) = (Vec::new(), false, false);
    for message in &history[from..] {
        if message.role == Role::User {
            let verdict = app.classifier.classify(&message.content, this_year());
            young |= verdict.user_minor;
            left_out = matches!(verdict.label, Label::MinorRisk | Label::Nonconsensual);
        }
        if !left_out {
            kept.push(message.clone());
        }
    }
    (kept, young)
}

async fn stored_history(app: &App, turn: &Turn, conversation: Uuid, stored: Option<i64>) -> Option<Vec<PromptMessage>> {
    let asked = &turn.asked;
    let recent = &turn.leave.session.recent;
    let newest = recent.iter().map(|message| message.seq).max();
    if newest.is_some_and(|newest| stored.is_none_or(|stored| newest >= stored)) {
        let role = |user| if user { Role::User } else { Role::Assistant };
        return Some(
            recent
                .iter()
                .map(|message| PromptMessage::new(role(message.user), &*message.text))
                .collect(),
        );
    }
    let reading = app.store.history(asked.user, conversation, app.config.memory.history);
    let cause = match timeout(CONVERSATION, reading).await {
        Ok(Ok(messages)) => {
            let role = |role| {
                if role == store::Role::User {
                    Role::User
                } else {
                    Role::Assistant
                }
            };
            return Some(
                messages
                    .into_iter()
                    .map(|message| PromptMessage::new(role(message.role), message.text))
                    .collect(),
            );
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {CONVERSATION:?}"),
    };
    tracing::warn!(cause, "a conversation goes on without its history");
    app.metrics.degraded.with_label_values(&["postgres"]).inc();
    None
}

/// The conversation whose last turn ended with what the client sent. Not finding it begins a new one, which costs the
/// user nothing: the client's messages are the history.
async fn thread(app: &App, turn: &Turn) -> Option<Uuid> {
    if turn.asked.conversation.is_some() {
        return None;
    }
    let hash = turn.asked.thread_before()?;
    timeout(MEMORIES, app.store.find_thread(turn.asked.user, hash))
        .await
        .ok()?
        .ok()?
}
