//! Everything that is kept of a user, as lines of JSON: the same tables that an erasure empties, read in one snapshot and
//! passed on row by row, so that a user with much costs no more memory than one with little.

use std::time::Duration;

use futures::TryStreamExt;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};
use tokio::sync::mpsc;

use super::erase::TABLES;
use super::{Store, StoreError};
use crate::identity::UserId;

/// Longest export, and longest wait for a reader that reads nothing.
const LONGEST: Duration = Duration::from_secs(600);
const SLOW: Duration = Duration::from_secs(30);

impl Store {
    /// Sends a line for each row of `user`, then one with the counts, which tells a whole export from a broken one. Ends
    /// early where nobody reads.
    ///
    /// # Errors
    /// The database; what was sent so far has no last line.
    pub async fn export(&self, user: UserId, lines: mpsc::Sender<String>) -> Result<(), StoreError> {
        match tokio::time::timeout(LONGEST, self.export_all(user, &lines)).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(StoreError::Unavailable(format!("no end within {LONGEST:?}"))),
        }
    }

    async fn export_all(&self, user: UserId, lines: &mpsc::Sender<String>) -> Result<(), sqlx::Error> {
        let mut transaction = self.long_read().await.begin().await?;
        let limits = format!("SET LOCAL statement_timeout = {}", LONGEST.as_millis());
        for statement in ["SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", &limits] {
            sqlx::query(AssertSqlSafe(statement.to_owned()))
                .execute(&mut *transaction)
                .await?;
        }
        let mut counts = serde_json::Map::new();
        // Parents first: who reads the file sees a conversation before its messages.
        for table in TABLES.into_iter().rev() {
            let select = format!("SELECT to_jsonb(t) AS row FROM companion.{table} t WHERE user_id = $1");
            let mut rows = sqlx::query(AssertSqlSafe(select))
                .bind(user.as_uuid())
                .fetch(&mut *transaction);
            let mut count = 0_u64;
            while let Some(row) = rows.try_next().await? {
                let row: Value = row.try_get("row")?;
                if !send(lines, &json!({ "table": table, "row": row })).await {
                    return Ok(());
                }
                count += 1;
            }
            counts.insert(table.to_owned(), count.into());
        }
        send(lines, &json!({ "complete": true, "rows": counts })).await;
        Ok(())
    }
}

async fn send(lines: &mpsc::Sender<String>, line: &Value) -> bool {
    lines.send_timeout(format!("{line}\n"), SLOW).await.is_ok()
}
