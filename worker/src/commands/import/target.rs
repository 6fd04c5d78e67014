//! Writing what is brought: one transaction for each user, as the worker's role. What was brought before is noted in
//! `companion.imports`, so that nothing comes back that its user has deleted since.

use std::collections::BTreeSet;
use std::str::FromStr;

use anyhow::{Context, anyhow};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, PgTransaction};
use tokio::time::timeout;
use uuid::Uuid;

use super::carry::{self, Message, Rules};
use super::receipt::{CONVERSATIONS, MEMORIES, MESSAGES, Tallies, USERS};
use super::source::{Belongings, OldConversation, OldMemory, OldUser};
use super::{CONNECT, STATEMENT};
use crate::identity::UserId;
use crate::jobs::VECTORS;
use crate::store::{Role, SchemaState};

/// Key of the advisory lock, a random number.
const LOCK: i64 = 0x2c5e_91d7_40ab_63f1;

/// Our database.
pub struct Target {
    connection: PgConnection,
}

/// What became of a user.
pub enum Outcome {
    /// Counts.
    Brought(Tallies),
    /// The user was erased here, and nothing may come back.
    Erased,
}

impl Target {
    /// Connects to `url`, which comes from `variable`; one import runs at a time.
    ///
    /// # Errors
    /// It is not reached, has no schema, or another import runs.
    pub async fn open(url: &SecretString, variable: &'static str) -> anyhow::Result<Self> {
        let options = PgConnectOptions::from_str(url.expose_secret())
            .map_err(|_| {
                anyhow!("{variable}: not a PostgreSQL URL: write postgres://user:password@host:port/database")
            })?
            .application_name("companion-import")
            .options([("statement_timeout", STATEMENT), ("lock_timeout", "30s")]);
        let mut connection = timeout(CONNECT, options.connect())
            .await
            .with_context(|| format!("{variable}: no answer within {CONNECT:?}"))?
            .map_err(|error| {
                anyhow!(
                    "{variable}: failed to connect to {}:{}: {error}",
                    options.get_host(),
                    options.get_port()
                )
            })?;
        let state: SchemaState = sqlx::query_as("SELECT version, min_worker FROM companion.schema_state")
            .fetch_one(&mut connection)
            .await
            .with_context(|| {
                format!("{variable}: the schema is missing: run `companion-worker migrate --phase expand`")
            })?;
        state.check().with_context(|| variable.to_owned())?;
        let ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut connection)
            .await?;
        if !ours {
            return Err(anyhow!(
                "{variable}: another import runs into this database: wait for its end"
            ));
        }
        Ok(Self { connection })
    }

    /// Brings a user with everything of theirs, or with `dry_run` finds out what would be brought.
    ///
    /// # Errors
    /// The database's; nothing of this user was brought by this call.
    pub async fn bring(
        &mut self,
        user: UserId,
        old: &OldUser,
        belongings: &Belongings,
        rules: Rules,
        dry_run: bool,
    ) -> anyhow::Result<Outcome> {
        let mut transaction = self.connection.begin().await?;
        let mut tallies = Tallies::default();
        let since = old.created_at.unwrap_or_else(Utc::now);
        let made =
            sqlx::query("INSERT INTO companion.users (user_id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(user.as_uuid())
                .bind(since)
                .execute(&mut *transaction)
                .await?;
        let (epoch, since): (i64, DateTime<Utc>) =
            sqlx::query_as("SELECT epoch, created_at FROM companion.users WHERE user_id = $1 FOR SHARE")
                .bind(user.as_uuid())
                .fetch_one(&mut *transaction)
                .await?;
        if epoch > 0 {
            transaction.rollback().await?;
            return Ok(Outcome::Erased);
        }
        if made.rows_affected() > 0 {
            tallies.brought(USERS, 1);
        } else {
            tallies.known(USERS, 1);
        }
        let mut bringing = Bringing {
            user,
            noted: noted(&mut transaction, user).await?,
            new: Vec::new(),
            tallies,
        };
        for conversation in &belongings.conversations {
            bringing.conversation(&mut transaction, conversation).await?;
        }
        let holding = bringing
            .memories(
                &mut transaction,
                &belongings.memories,
                rules,
                old.created_at.unwrap_or(since),
            )
            .await?;
        if holding > 0 {
            sqlx::query("INSERT INTO companion.outbox (user_id, task, epoch) VALUES ($1, $2, $3)")
                .bind(user.as_uuid())
                .bind(VECTORS)
                .bind(epoch)
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query(
            "INSERT INTO companion.imports (user_id, item_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING",
        )
        .bind(user.as_uuid())
        .bind(&bringing.new)
        .execute(&mut *transaction)
        .await?;
        if dry_run {
            transaction.rollback().await?;
        } else {
            transaction.commit().await?;
        }
        Ok(Outcome::Brought(bringing.tallies))
    }
}

async fn noted(transaction: &mut PgTransaction<'_>, user: UserId) -> sqlx::Result<BTreeSet<Uuid>> {
    let items: Vec<Uuid> = sqlx::query_scalar("SELECT item_id FROM companion.imports WHERE user_id = $1")
        .bind(user.as_uuid())
        .fetch_all(&mut **transaction)
        .await?;
    Ok(items.into_iter().collect())
}

/// One user's import, on its way.
struct Bringing {
    user: UserId,
    /// Items of earlier imports.
    noted: BTreeSet<Uuid>,
    /// Items to be noted.
    new: Vec<Uuid>,
    tallies: Tallies,
}

const STORED: &str = "
SELECT turn_id, role FROM companion.messages WHERE user_id = $1 AND conversation_id = $2 ORDER BY seq";

const ADD_MESSAGES: &str = "
INSERT INTO companion.messages (user_id, conversation_id, seq, turn_id, role, text, created_at)
SELECT $1, $2, $3 + row.number, row.turn_id, row.role, row.text, coalesce(row.created_at, now())
FROM unnest($4::uuid[], $5::text[], $6::text[], $7::timestamptz[])
    WITH ORDINALITY AS row (turn_id, role, text, created_at, number)";

const ADD_MEMORIES: &str = "
INSERT INTO companion.memories
    (user_id, memory_id, kind, text, fingerprint, created_at, updated_at, superseded_at, expires_at)
SELECT $1, memory_id, kind, text, fingerprint, created_at, created_at, superseded_at, expires_at
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[])
    AS row (memory_id, kind, text, fingerprint, created_at, superseded_at, expires_at)
ON CONFLICT DO NOTHING RETURNING superseded_at IS NOT NULL";

impl Bringing {
    /// A conversation keeps the name that clients know it by. One that went on here, or was deleted here, stays as it is.
    async fn conversation(&mut self, transaction: &mut PgTransaction<'_>, old: &OldConversation) -> sqlx::Result<()> {
        let (user, id) = (self.user.as_uuid(), self.user.conversation(&old.id));
        let item = carry::item(self.user, "conversation", &old.id);
        let (messages, left) = carry::messages(self.user, &old.messages);
        for why in left {
            self.tallies.left(MESSAGES, 1, why);
        }
        let last_seq: Option<i32> = sqlx::query_scalar(
            "SELECT last_seq FROM companion.conversations WHERE user_id = $1 AND conversation_id = $2 FOR UPDATE",
        )
        .bind(user)
        .bind(id)
        .fetch_optional(&mut **transaction)
        .await?;
        let known = self.noted.contains(&item);
        let Some(last_seq) = last_seq else {
            if known {
                let why = "the conversation was deleted here";
                self.tallies.left(CONVERSATIONS, 1, why);
                self.tallies.left(MESSAGES, messages.len(), why);
                return Ok(());
            }
            sqlx::query(
                "INSERT INTO companion.conversations (user_id, conversation_id, last_seq, title, created_at, updated_at)
                 VALUES ($1, $2, 0, $3, coalesce($4, now()), coalesce($5, $4, now()))",
            )
            .bind(user)
            .bind(id)
            .bind(&old.title)
            .bind(old.created_at.or_else(|| messages.first()?.created_at))
            .bind(old.updated_at.or_else(|| messages.last()?.created_at))
            .execute(&mut **transaction)
            .await?;
            self.new.push(item);
            self.tallies.brought(CONVERSATIONS, 1);
            self.tallies.brought(MESSAGES, messages.len());
            return self.add_messages(transaction, id, 0, &messages).await;
        };
        if !known {
            // It is here by another way; once it is deleted here, it stays so.
            self.new.push(item);
        }
        self.tallies.known(CONVERSATIONS, 1);
        let stored: Vec<(Uuid, Role)> = sqlx::query_as(STORED)
            .bind(user)
            .bind(id)
            .fetch_all(&mut **transaction)
            .await?;
        let same = |(stored, message): &(&(Uuid, Role), &Message)| **stored == (message.turn, message.role);
        let known = stored.iter().zip(&messages).take_while(same).count();
        let new = &messages[known..];
        self.tallies.known(MESSAGES, known);
        if known < stored.len() || stored.len() < last_seq.unsigned_abs() as usize {
            let why = "its conversation went on or was emptied here";
            self.tallies.left(MESSAGES, new.len(), why);
            return Ok(());
        }
        self.tallies.brought(MESSAGES, new.len());
        self.add_messages(transaction, id, last_seq, new).await
    }

    async fn add_messages(
        &self,
        transaction: &mut PgTransaction<'_>,
        conversation: Uuid,
        last_seq: i32,
        messages: &[Message],
    ) -> sqlx::Result<()> {
        let Some(last) = messages.last() else { return Ok(()) };
        let user = self.user.as_uuid();
        let turns: Vec<Uuid> = messages.iter().map(|message| message.turn).collect();
        let roles: Vec<Role> = messages.iter().map(|message| message.role).collect();
        let texts: Vec<&str> = messages.iter().map(|message| message.text.as_str()).collect();
        let times: Vec<Option<DateTime<Utc>>> = messages.iter().map(|message| message.created_at).collect();
        let names: Vec<&str> = roles
            .iter()
            .map(|role| if *role == Role::User { "user" } else { "assistant" })
            .collect();
        sqlx::query(ADD_MESSAGES)
            .bind(user)
            .bind(conversation)
            .bind(last_seq)
            .bind(turns)
            .bind(names)
            .bind(texts)
            .bind(times)
            .execute(&mut **transaction)
            .await?;
        sqlx::query(
            "UPDATE companion.conversations SET last_seq = last_seq + $3, updated_at = greatest(updated_at, $4)
             WHERE user_id = $1 AND conversation_id = $2",
        )
        .bind(user)
        .bind(conversation)
        .bind(messages.len() as i32)
        .bind(last.created_at)
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }

    /// Returns how many were brought that hold: those need vectors.
    async fn memories(
        &mut self,
        transaction: &mut PgTransaction<'_>,
        old: &[OldMemory],
        rules: Rules,
        since: DateTime<Utc>,
    ) -> sqlx::Result<usize> {
        let mut memories = Vec::new();
        for memory in old {
            let item = carry::item(self.user, "memory", &memory.id);
            if self.noted.contains(&item) {
                self.tallies.known(MEMORIES, 1);
                continue;
            }
            match carry::memory(self.user, memory, rules, since) {
                Ok(memory) => {
                    memories.push(memory);
                    self.new.push(item);
                }
                Err(why) => self.tallies.left(MEMORIES, 1, why),
            }
        }
        let query = sqlx::query_scalar(ADD_MEMORIES)
            .bind(self.user.as_uuid())
            .bind(memories.iter().map(|memory| memory.id).collect::<Vec<_>>())
            .bind(memories.iter().map(|memory| memory.kind.as_str()).collect::<Vec<_>>())
            .bind(memories.iter().map(|memory| memory.text.as_str()).collect::<Vec<_>>())
            .bind(
                memories
                    .iter()
                    .map(|memory| memory.fingerprint.as_slice())
                    .collect::<Vec<_>>(),
            )
            .bind(memories.iter().map(|memory| memory.created_at).collect::<Vec<_>>())
            .bind(memories.iter().map(|memory| memory.superseded_at).collect::<Vec<_>>())
            .bind(memories.iter().map(|memory| memory.expires_at).collect::<Vec<_>>());
        let brought: Vec<bool> = query.fetch_all(&mut **transaction).await?;
        let superseded = brought.iter().filter(|superseded| **superseded).count();
        self.tallies.brought(MEMORIES, brought.len());
        self.tallies.superseded(MEMORIES, superseded);
        self.tallies.left(
            MEMORIES,
            memories.len() - brought.len(),
            "the user has the same one already",
        );
        Ok(brought.len() - superseded)
    }
}
