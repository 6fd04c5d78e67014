//! Finished turns: settled in one statement, which is one transaction and one round trip; found again by idempotency key
//! or by thread.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sqlx::Row;
use uuid::Uuid;

use super::perceived::{self, Perceived, STATEMENT as PERCEIVED};
use super::usage::{ADD, Spent, amount, count};
use super::{Store, StoreError, without_nul};
use crate::identity::UserId;
use crate::jobs::{EXTRACT, SUMMARISE};
use crate::memory::Recalled;

/// A turn that ended, to be stored. Redis keeps it as JSON while PostgreSQL is away.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewTurn {
    /// Whose turn it is.
    pub user: UserId,
    /// Given by the worker; settling the same turn twice stores it once.
    pub turn_id: Uuid,
    /// How often the user was erased before the turn began, where that is known: one that was erased since is not stored.
    pub epoch: Option<i64>,
    /// The conversation, which is made if it is new.
    pub conversation: Uuid,
    /// The client's key: at most one stored turn per user and key.
    pub idempotency_key: Option<String>,
    /// SHA-256 of the request's body: the same key with another body is refused.
    pub request_hash: [u8; 32],
    /// SHA-256 over the client's messages and this reply.
    pub thread: Option<[u8; 32]>,
    /// What the person wrote.
    pub user_text: String,
    /// What the model replied.
    pub reply_text: String,
    /// The reply ended before the model did.
    pub partial: bool,
    /// Why the model ended it; of a reply that broke off the failure as JSON, empty if the client went away.
    pub finish: String,
    /// Who replied, and what it cost.
    pub spent: Spent,
    /// Memories that stood in the prompt.
    pub recalled: Vec<Recalled>,
    /// What was perceived of the message and decided.
    #[serde(default)]
    pub perceived: Perceived,
}

/// A turn as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTurn {
    /// Its id.
    pub turn_id: Uuid,
    /// Its conversation.
    pub conversation: Uuid,
    /// Place of the person's message.
    pub user_seq: i32,
    /// Place of the reply.
    pub reply_seq: i32,
    /// SHA-256 of the request's body.
    pub request_hash: [u8; 32],
    /// What the model replied.
    pub reply_text: String,
    /// The reply ended before the model did.
    pub partial: bool,
    /// Why the model ended it; empty where it did not.
    pub finish: String,
    /// Who replied.
    pub provider: String,
    /// Which model replied.
    pub model: String,
    /// Tokens read.
    pub prompt_tokens: u32,
    /// Tokens written.
    pub completion_tokens: u32,
    /// Tokens of the prompt that the provider had cached.
    pub cached_tokens: u32,
    /// What it cost, in millionths of a dollar.
    pub cost: u64,
    /// It waits in Redis until PostgreSQL is back.
    pub pending: bool,
}

impl From<NewTurn> for StoredTurn {
    /// As it will be, but for its place.
    fn from(turn: NewTurn) -> Self {
        Self {
            turn_id: turn.turn_id,
            conversation: turn.conversation,
            user_seq: 0,
            reply_seq: 0,
            request_hash: turn.request_hash,
            reply_text: turn.reply_text,
            partial: turn.partial,
            finish: turn.finish,
            provider: turn.spent.provider,
            model: turn.spent.model,
            prompt_tokens: turn.spent.usage.prompt,
            completion_tokens: turn.spent.usage.completion,
            cached_tokens: turn.spent.usage.cached,
            cost: turn.spent.cost,
            pending: true,
        }
    }
}

/// What became of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is stored.
    Stored {
        /// Place of the person's message.
        user_seq: i32,
        /// Place of the reply.
        reply_seq: i32,
    },
    /// The user was erased since the turn began: nothing is stored.
    Erased,
    /// Another request with the same idempotency key, or an earlier try of this one, was first: this is its turn.
    Duplicate(StoredTurn),
}

/// A conversation whose messages we keep for its client is looked at for a summary after so many of them.
const SUMMARY_EVERY: i32 = 10;

/// One statement: it commits as a whole. The user's epoch is read FOR SHARE, so an erasure waits for this turn and finds
/// its rows; the conversation's row lock puts concurrent turns in order.
static SETTLE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "
WITH known AS (
    SELECT user_id, epoch FROM companion.users WHERE user_id = $1 FOR SHARE
), made AS (
    INSERT INTO companion.users (user_id, minor_since) SELECT $1, CASE WHEN $29::boolean THEN now() END
    WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT DO NOTHING RETURNING user_id, epoch
), owner AS (
    SELECT user_id, epoch FROM (SELECT * FROM known UNION ALL SELECT * FROM made) AS u
    WHERE $17::bigint IS NULL OR epoch = $17
), conversation AS (
    INSERT INTO companion.conversations AS c (user_id, conversation_id, last_seq) SELECT user_id, $3, 2 FROM owner
    ON CONFLICT (user_id, conversation_id) DO UPDATE SET last_seq = c.last_seq + 2, updated_at = now()
    RETURNING user_id, conversation_id, last_seq - 1 AS user_seq, last_seq AS reply_seq
), stored AS (
    INSERT INTO companion.messages (user_id, conversation_id, seq, turn_id, role, text, partial, withheld)
    SELECT user_id, conversation_id, user_seq, $2::uuid, 'user', $7, false, $30::boolean FROM conversation
    UNION ALL
    SELECT user_id, conversation_id, reply_seq, $2::uuid, 'assistant', $8, $9::boolean, $30::boolean FROM conversation
), turn AS (
    INSERT INTO companion.turns (user_id, turn_id, conversation_id, user_seq, reply_seq, idempotency_key, request_hash, thread,
                                 provider, model, prompt_tokens, completion_tokens, cached_tokens, finish, cost_microdollars)
    SELECT user_id, $2, conversation_id, user_seq, reply_seq, $4, $5, $6, $10, $11, $12, $13, $14, $16, $19 FROM conversation
), used AS (
    INSERT INTO companion.recalls (user_id, turn_id, memory_id, score, why)
    SELECT user_id, $2, memory_id, score, why
    FROM conversation, unnest($20::uuid[], $21::double precision[], $22::text[]) AS recalled (memory_id, score, why)
), spent AS (
    SELECT user_id, $18 AS route, $10 AS provider, $11 AS model, $12 AS prompt, $13 AS completion, $14 AS cached, $19 AS cost,
           1::bigint AS turns
    FROM owner
), counted AS ({ADD}
), {PERCEIVED}, work AS (
    INSERT INTO companion.outbox (user_id, task, epoch, conversation_id, seq)
    SELECT owner.user_id, $15, owner.epoch, conversation_id, user_seq FROM owner, conversation WHERE NOT $30::boolean
    UNION ALL
    SELECT owner.user_id, $23, owner.epoch, conversation_id, reply_seq FROM owner, conversation
    WHERE $6::bytea IS NULL AND reply_seq % {SUMMARY_EVERY} = 0
)
SELECT user_seq, reply_seq FROM conversation"
    )
});

const TURN: &str = "
SELECT t.turn_id, t.conversation_id, t.user_seq, t.reply_seq, t.request_hash, t.provider, t.model, t.finish,
       t.prompt_tokens, t.completion_tokens, t.cached_tokens, t.cost_microdollars, m.text, m.partial
FROM companion.turns t
JOIN companion.messages m ON m.user_id = t.user_id AND m.conversation_id = t.conversation_id AND m.seq = t.reply_seq
WHERE t.user_id = $1 AND ";

/// A turn holds its idempotency key for a day.
const FRESH: &str = "(t.created_at > now() - interval '24 hours')";

impl Store {
    /// Stores a turn: both messages with the next numbers, its usage, and the row that starts the work after the reply.
    pub async fn settle(&self, turn: &NewTurn) -> Result<Settled, StoreError> {
        // The second try is for two first turns of one user at once: the loser's snapshot sees no user row yet.
        for _ in 0..2 {
            match self.within(settle_once(self, turn)).await {
                Ok(Some((user_seq, reply_seq))) => return Ok(Settled::Stored { user_seq, reply_seq }),
                Ok(None) => {}
                Err(StoreError::Statement(sqlx::Error::Database(error))) if error.is_unique_violation() => {
                    if !self.free_old_key(turn).await? {
                        return self.first_settled(turn).await.map(Settled::Duplicate);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(begun) = turn.epoch
            && self.epoch(turn.user).await? > begun
        {
            return Ok(Settled::Erased);
        }
        Err(StoreError::Unavailable(
            "the user's row is being made by another request".into(),
        ))
    }

    /// The turn stored under an idempotency key in the last 24 hours.
    pub async fn find_turn(&self, user: UserId, idempotency_key: &str) -> Result<Option<StoredTurn>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!(
            "{TURN} t.idempotency_key = $2 AND {FRESH}"
        )))
        .bind(user.as_uuid())
        .bind(idempotency_key)
        .try_map(read_turn);
        self.within(query.fetch_optional(self.pool())).await
    }

    /// The turn with this id.
    pub async fn turn(&self, user: UserId, turn: Uuid) -> Result<Option<StoredTurn>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{TURN} t.turn_id = $2")))
            .bind(user.as_uuid())
            .bind(turn)
            .try_map(read_turn);
        self.within(query.fetch_optional(self.pool())).await
    }

    /// The conversation whose newest turn ended with this thread hash.
    pub async fn find_thread(&self, user: UserId, thread: [u8; 32]) -> Result<Option<Uuid>, StoreError> {
        let query = sqlx::query_scalar(
            "SELECT conversation_id FROM companion.turns WHERE user_id = $1 AND thread = $2 ORDER BY created_at DESC LIMIT 1",
        )
        .bind(user.as_uuid())
        .bind(thread);
        self.within(query.fetch_optional(self.pool())).await
    }

    /// Takes the key of `turn` from a turn that is too old to hold it. False if none was.
    async fn free_old_key(&self, turn: &NewTurn) -> Result<bool, StoreError> {
        let sql = format!(
            "UPDATE companion.turns t SET idempotency_key = NULL WHERE user_id = $1 AND idempotency_key = $2 AND NOT {FRESH}"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(turn.user.as_uuid())
            .bind(&turn.idempotency_key);
        Ok(self.within(query.execute(self.pool())).await?.rows_affected() > 0)
    }

    /// The turn that holds the key or the id of `turn`.
    async fn first_settled(&self, turn: &NewTurn) -> Result<StoredTurn, StoreError> {
        let sql = format!("{TURN} (t.turn_id = $2 OR t.idempotency_key = $3) ORDER BY t.turn_id = $2 DESC LIMIT 1");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(turn.user.as_uuid())
            .bind(turn.turn_id)
            .bind(&turn.idempotency_key)
            .try_map(read_turn);
        self.within(query.fetch_one(self.pool())).await
    }
}

async fn settle_once(store: &Store, turn: &NewTurn) -> Result<Option<(i32, i32)>, sqlx::Error> {
    let query = sqlx::query_as(SETTLE.as_str())
        .bind(turn.user.as_uuid())
        .bind(turn.turn_id)
        .bind(turn.conversation)
        .bind(&turn.idempotency_key)
        .bind(turn.request_hash)
        .bind(turn.thread)
        .bind(without_nul(&turn.user_text))
        .bind(without_nul(&turn.reply_text))
        .bind(turn.partial)
        .bind(&turn.spent.provider)
        .bind(&turn.spent.model)
        .bind(count(turn.spent.usage.prompt))
        .bind(count(turn.spent.usage.completion))
        .bind(count(turn.spent.usage.cached))
        .bind(EXTRACT)
        .bind(&turn.finish)
        .bind(turn.epoch)
        .bind(&turn.spent.route)
        .bind(amount(turn.spent.cost))
        .bind(turn.recalled.iter().map(|memory| memory.id).collect::<Vec<_>>())
        .bind(turn.recalled.iter().map(|memory| memory.score).collect::<Vec<_>>())
        .bind(turn.recalled.iter().map(|memory| memory.why.text()).collect::<Vec<_>>())
        .bind(SUMMARISE);
    perceived::bind(query, &turn.perceived)
        .fetch_optional(store.pool())
        .await
}

fn read_turn(row: sqlx::postgres::PgRow) -> Result<StoredTurn, sqlx::Error> {
    let tokens = |name: &str| row.try_get::<i32, _>(name).map(|count| count.max(0) as u32);
    Ok(StoredTurn {
        turn_id: row.try_get("turn_id")?,
        conversation: row.try_get("conversation_id")?,
        user_seq: row.try_get("user_seq")?,
        reply_seq: row.try_get("reply_seq")?,
        request_hash: row.try_get("request_hash")?,
        reply_text: row.try_get("text")?,
        partial: row.try_get("partial")?,
        finish: row.try_get("finish")?,
        provider: row.try_get("provider")?,
        model: row.try_get("model")?,
        prompt_tokens: tokens("prompt_tokens")?,
        completion_tokens: tokens("completion_tokens")?,
        cached_tokens: tokens("cached_tokens")?,
        cost: row.try_get::<i64, _>("cost_microdollars")?.unsigned_abs(),
        pending: false,
    })
}
