//! Reading the old service's database: one snapshot, which it may go on writing beside, and nothing changed in it.

use std::str::FromStr;

use anyhow::{Context, anyhow};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};
use tokio::time::timeout;

use super::layout::{Catalogue, Layout, Names};
use super::receipt::{CONVERSATIONS, Kind, MEMORIES, MESSAGES, PERSONAS, USERS};
use super::{CONNECT, STATEMENT};

/// Users of one page.
const PAGE: i64 = 500;

/// The old database.
pub struct Source {
    connection: PgConnection,
    layout: Layout,
}

/// A user of the old service.
#[derive(Debug, sqlx::FromRow)]
pub struct OldUser {
    /// Its id there.
    pub id: String,
    /// What the identity service calls it.
    pub subject: Option<String>,
    /// When it came.
    pub created_at: Option<DateTime<Utc>>,
}

/// A conversation.
#[derive(Debug, sqlx::FromRow)]
pub struct OldConversation {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Option<String>,
    /// When it began.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last spoken in.
    pub updated_at: Option<DateTime<Utc>>,
    /// Its messages, oldest first.
    #[sqlx(skip)]
    pub messages: Vec<OldMessage>,
}

/// A message.
#[derive(Debug, sqlx::FromRow)]
pub struct OldMessage {
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub role: Option<String>,
    /// What was written.
    pub content: Option<String>,
    /// When.
    pub created_at: Option<DateTime<Utc>>,
}

/// A memory.
#[derive(Debug, sqlx::FromRow)]
pub struct OldMemory {
    /// Its id.
    pub id: String,
    /// It is a persona's.
    pub of_persona: bool,
    /// The fact.
    pub content: Option<String>,
    /// What it is about.
    pub memory_type: Option<String>,
    /// When it was stored.
    pub created_at: Option<DateTime<Utc>>,
    /// It holds.
    pub holds: bool,
    /// Since when it does not.
    pub superseded_at: Option<DateTime<Utc>>,
    /// Until when it holds.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a user has.
#[derive(Debug, Default)]
pub struct Belongings {
    /// Conversations, oldest first.
    pub conversations: Vec<OldConversation>,
    /// Memories, oldest first.
    pub memories: Vec<OldMemory>,
}

impl Source {
    /// Connects, and looks whether everything that is read is there.
    ///
    /// # Errors
    /// It is not reached, or something is missing.
    pub async fn open(url: &str, schema: &str, names: &Names) -> anyhow::Result<Self> {
        let options = options(url)?;
        let mut connection = timeout(CONNECT, options.connect())
            .await
            .with_context(|| format!("--from: no answer within {CONNECT:?}"))?
            .map_err(|error| {
                anyhow!(
                    "--from: failed to connect to {}:{}: {error}",
                    options.get_host(),
                    options.get_port()
                )
            })?;
        sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(&mut connection)
            .await
            .context("--from: failed to begin to read")?;
        let found = catalogue(&mut connection, schema)
            .await
            .context("--from: failed to look at the tables")?;
        let layout = Layout::of(schema, &found, names).map_err(|missing| anyhow!("--from: {missing}"))?;
        Ok(Self { connection, layout })
    }

    /// A page of users, in the order of their ids, after that one.
    ///
    /// # Errors
    /// The database's.
    pub async fn users(&mut self, after: Option<&str>) -> anyhow::Result<Vec<OldUser>> {
        let l = &self.layout;
        let from = match after {
            Some(_) => l.compare("users.id", ">", "$1"),
            None => "$1::text IS NULL".into(),
        };
        let sql = format!(
            "SELECT {} AS id, {} AS subject, {} AS created_at FROM {} WHERE {from} ORDER BY {} LIMIT {PAGE}",
            l.read("users.id", "text"),
            l.read("users.external_user_id", "text"),
            l.read("users.created_at", "timestamptz"),
            l.table("users").unwrap_or_default(),
            l.order("users.id"),
        );
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(after);
        query
            .fetch_all(&mut self.connection)
            .await
            .context("--from: failed to read the users")
    }

    /// Everything of a user.
    ///
    /// # Errors
    /// The database's.
    pub async fn belongings(&mut self, user: &str) -> anyhow::Result<Belongings> {
        let mut conversations = self
            .conversations(user)
            .await
            .context("--from: failed to read the conversations")?;
        for conversation in &mut conversations {
            let messages = self.messages(&conversation.id).await;
            conversation.messages = messages.context("--from: failed to read the messages")?;
        }
        let memories = self
            .memories(user)
            .await
            .context("--from: failed to read the memories")?;
        Ok(Belongings {
            conversations,
            memories,
        })
    }

    /// Rows of each table, whoever they belong to.
    ///
    /// # Errors
    /// The database's.
    pub async fn totals(&mut self) -> anyhow::Result<Vec<(Kind, u64)>> {
        let mut totals = Vec::new();
        for kind in [USERS, PERSONAS, CONVERSATIONS, MESSAGES, MEMORIES] {
            let Some(table) = self.layout.table(table_of(kind)) else {
                continue;
            };
            let query = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}")));
            let count: i64 = query
                .fetch_one(&mut self.connection)
                .await
                .context("--from: failed to count")?;
            totals.push((kind, count.unsigned_abs()));
        }
        Ok(totals)
    }

    async fn conversations(&mut self, user: &str) -> sqlx::Result<Vec<OldConversation>> {
        let l = &self.layout;
        let sql = format!(
            "SELECT {} AS id, {} AS title, {} AS created_at, {} AS updated_at FROM {} WHERE {} ORDER BY 3 NULLS FIRST, {}",
            l.read("conversations.id", "text"),
            l.read("conversations.title", "text"),
            l.read("conversations.created_at", "timestamptz"),
            l.read("conversations.updated_at", "timestamptz"),
            l.table("conversations").unwrap_or_default(),
            l.compare("conversations.user_id", "=", "$1"),
            l.order("conversations.id"),
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(user)
            .fetch_all(&mut self.connection)
            .await
    }

    async fn messages(&mut self, conversation: &str) -> sqlx::Result<Vec<OldMessage>> {
        let l = &self.layout;
        let sql = format!(
            // What was stored in one transaction has one time: the question comes before its answer.
            "SELECT {} AS id, {role} AS role, {} AS content, {} AS created_at FROM {} WHERE {}
             ORDER BY 4 NULLS FIRST, lower({role}) IN ('assistant', 'ai', 'bot'), {}",
            l.read("messages.id", "text"),
            l.read("messages.content", "text"),
            l.read("messages.created_at", "timestamptz"),
            l.table("messages").unwrap_or_default(),
            l.compare("messages.conversation_id", "=", "$1"),
            l.order("messages.id"),
            role = l.read("messages.role", "text"),
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(conversation)
            .fetch_all(&mut self.connection)
            .await
    }

    async fn memories(&mut self, user: &str) -> sqlx::Result<Vec<OldMemory>> {
        let l = &self.layout;
        let sql = format!(
            "SELECT {} AS id, {} IS NOT NULL AS of_persona, {} AS content, {} AS memory_type, {} AS created_at,
                    coalesce({}, true) AND {} IS NULL AND {superseded_at} IS NULL AS holds,
                    {superseded_at} AS superseded_at, {} AS expires_at
             FROM {} WHERE {} ORDER BY 5 NULLS FIRST, {}",
            l.read("memories.id", "text"),
            l.read("memories.persona_id", "text"),
            l.read("memories.content", "text"),
            l.read("memories.memory_type", "text"),
            l.read("memories.created_at", "timestamptz"),
            l.read("memories.is_active", "boolean"),
            l.read("memories.superseded_by", "text"),
            l.read("memories.expires_at", "timestamptz"),
            l.table("memories").unwrap_or_default(),
            l.compare("memories.user_id", "=", "$1"),
            l.order("memories.id"),
            superseded_at = l.read("memories.superseded_at", "timestamptz"),
        );
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(user)
            .fetch_all(&mut self.connection)
            .await
    }
}

/// The table that a kind is counted in.
fn table_of(kind: Kind) -> &'static str {
    if kind == PERSONAS { "persona_profiles" } else { kind }
}

/// SQLAlchemy names its driver in the scheme. Times without a zone are UTC, as the old service wrote them.
fn options(url: &str) -> anyhow::Result<PgConnectOptions> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let known = matches!(scheme.split('+').next(), Some("postgres" | "postgresql"));
    let problem = || anyhow!("--from: not a PostgreSQL URL: write postgres://user:password@host:port/database");
    if !known {
        return Err(problem());
    }
    let options = PgConnectOptions::from_str(&format!("postgres://{rest}")).map_err(|_| problem())?;
    Ok(options.application_name("companion-import").options([
        ("statement_timeout", STATEMENT),
        ("idle_in_transaction_session_timeout", "0"),
        ("TimeZone", "UTC"),
    ]))
}

const CATALOGUE: &str = "
SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped";

async fn catalogue(connection: &mut PgConnection, schema: &str) -> sqlx::Result<Catalogue> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(CATALOGUE).bind(schema).fetch_all(connection).await?;
    let mut tables = Catalogue::new();
    for (table, column, kind) in rows {
        tables.entry(table).or_default().insert(column, kind);
    }
    Ok(tables)
}
