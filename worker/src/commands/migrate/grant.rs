//! The rights of the worker's role, where that is not the role that owns the schema: rows, not tables. In: a connection as
//! the owner, and the role's name; repeating it changes nothing.

use sqlx::PgConnection;

use super::{MigrateError, QUEUE_SCHEMA};

/// Tables that only migrations write.
const READ_ONLY: [&str; 4] = [
    "companion.schema_state",
    "companion.migrations_expand",
    "companion.migrations_contract",
    "graphile_worker.migrations",
];

/// Grants `role` what a worker does.
pub async fn to_worker(connection: &mut PgConnection, role: &str) -> Result<(), MigrateError> {
    grant(connection, role).await.map_err(|source| MigrateError::Grant {
        role: role.to_owned(),
        source,
    })
}

async fn grant(connection: &mut PgConnection, role: &str) -> Result<(), sqlx::Error> {
    let owner: String = sqlx::query_scalar("SELECT current_user")
        .fetch_one(&mut *connection)
        .await?;
    if owner == role {
        return Ok(());
    }
    let mut statements = Vec::new();
    let quoted = quote(role);
    for schema in ["companion", QUEUE_SCHEMA] {
        statements.push(format!("GRANT USAGE ON SCHEMA {schema} TO {quoted}"));
        statements.push(format!(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {quoted}"
        ));
        statements.push(format!("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {quoted}"));
    }
    let read_only: Vec<String> =
        sqlx::query_scalar("SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL")
            .bind(READ_ONLY.as_slice())
            .fetch_all(&mut *connection)
            .await?;
    for table in read_only {
        statements.push(format!("REVOKE INSERT, UPDATE, DELETE ON {table} FROM {quoted}"));
    }
    // The queue's tables have row security without a policy: nobody but their owner sees a row. Rights on the tables
    // decide who works with the queue, so the policy lets everyone who has them.
    let hidden: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_class c
         WHERE c.relnamespace = $1::regnamespace AND c.relrowsecurity
           AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)",
    )
    .bind(QUEUE_SCHEMA)
    .fetch_all(&mut *connection)
    .await?;
    for table in hidden {
        statements.push(format!(
            "CREATE POLICY companion_worker ON {table} USING (true) WITH CHECK (true)"
        ));
    }
    // Several statements in one message are one transaction.
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.join(";\n")))
        .execute(connection)
        .await?;
    Ok(())
}

/// A name as an SQL identifier.
fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_name_cannot_end_its_quotes() {
        assert_eq!(quote("worker\"; DROP"), "\"worker\"\"; DROP\"");
    }
}
