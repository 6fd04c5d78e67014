//! The schema's state, as the migrations leave it: one row that says which workers fit.

use super::{Store, StoreError};

/// The schema version this worker needs: that of the newest file in `migrations/expand`.
pub const REQUIRED_SCHEMA: i32 = 8;

/// What contract migrations compare with: a schema whose `min_worker` is higher has dropped what this worker uses.
pub const WORKER_LEVEL: i32 = 1;

/// The row in `companion.schema_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SchemaState {
    /// Raised by every expand migration.
    pub version: i32,
    /// Raised by every contract migration.
    pub min_worker: i32,
}

impl SchemaState {
    /// Whether this worker may serve on this schema; the error says what to do. A schema that is newer is no reason to
    /// refuse: old pods restart after an expand.
    pub fn check(self) -> Result<(), StoreError> {
        if self.version < REQUIRED_SCHEMA {
            return Err(StoreError::Schema(format!(
                "the schema has version {}, this worker needs {REQUIRED_SCHEMA}: run `companion-worker migrate --phase expand`",
                self.version
            )));
        }
        if WORKER_LEVEL < self.min_worker {
            return Err(StoreError::Schema(format!(
                "the schema needs workers of level {}, this one has {WORKER_LEVEL}: run a newer image",
                self.min_worker
            )));
        }
        Ok(())
    }
}

impl Store {
    /// Reads the schema's state.
    pub async fn schema(&self) -> Result<SchemaState, StoreError> {
        let query = sqlx::query_as("SELECT version, min_worker FROM companion.schema_state");
        let result = self.within(query.fetch_one(self.pool())).await;
        match result {
            Err(StoreError::Statement(sqlx::Error::Database(error)))
                if matches!(error.code().as_deref(), Some("42P01" | "3F000" | "42501")) =>
            {
                Err(StoreError::Schema(format!(
                    "the schema is missing or not readable ({error}): run `companion-worker migrate --phase expand`"
                )))
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_serves_an_older_one_and_a_contracted_one_do_not() {
        let state = |version, min_worker| SchemaState { version, min_worker };
        assert!(state(REQUIRED_SCHEMA + 5, WORKER_LEVEL).check().is_ok());
        assert!(state(REQUIRED_SCHEMA - 1, WORKER_LEVEL).check().is_err());
        assert!(state(REQUIRED_SCHEMA, WORKER_LEVEL + 1).check().is_err());
    }
}
