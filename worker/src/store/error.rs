//! Errors of the store: is the database away (degrade, try again), or is it a bug?

/// Why an operation on PostgreSQL failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL cannot be read. Its text is not repeated: it holds a password.
    #[error("the database URL is not valid: write postgres://user:password@host:port/database")]
    Url,
    /// The database cannot serve now: away, too slow, read-only, out of connections. The same call may succeed later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The schema is missing, or this worker does not fit it.
    #[error("{0}")]
    Schema(String),
    /// A statement failed for a reason that trying again does not change.
    #[error("a database statement failed: {0}")]
    Statement(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the statement failed for what it was given: data exception (22) or integrity violation (23).
    pub fn is_about_the_data(&self) -> bool {
        let Self::Statement(sqlx::Error::Database(error)) = self else {
            return false;
        };
        error
            .code()
            .is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }

    /// Whether the same call may succeed later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error::{Database, Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
        let away = match &error {
            Database(database) => database.code().is_some_and(|code| is_away(&code)),
            Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed => true,
            _ => false,
        };
        if away {
            Self::Unavailable(error.to_string())
        } else {
            Self::Statement(error)
        }
    }
}

/// SQLSTATEs of a server that cannot serve now
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn is_away(code: &str) -> bool {
    let class = &code[..code.len().min(2)];
    // 08 connection, 53 resources, 57 operator intervention (shutdown, start-up, statement timeout), 58 system.
    matches!(class, "08" | "53" | "57" | "58")
        // read-only transaction (a standby), lock timeout, deadlock, serialization, idle transaction ended.
        || matches!(code, "25006" | "55P03" | "40P01" | "40001" | "25P03")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pool_and_a_standby_are_away_a_missing_column_is_a_bug() {
        assert!(StoreError::from(sqlx::Error::PoolTimedOut).is_unavailable());
        assert!(!StoreError::from(sqlx::Error::RowNotFound).is_unavailable());
        assert!(is_away("25006") && is_away("57014") && is_away("53300"));
        assert!(!is_away("42703"));
    }
}
