//! How many users were active on a day, over all workers: a HyperLogLog, 12 kB however many they are and within one per
//! cent of the truth, from which nobody can read who they were.

use chrono::{DateTime, Utc};
use redis::AsyncCommands as _;

use super::Sessions;
use crate::identity::UserId;
use crate::link::Connection;

/// A day's count is kept for so long after its last turn, in seconds: time zones and late readers.
const KEPT: i64 = 2 * 86_400;

impl Sessions {
    /// Notes that `user` was active at `now`.
    pub async fn note_active(&self, user: UserId, now: DateTime<Utc>) {
        let key = self.keys.active(now.date_naive());
        let mut note = redis::pipe();
        note.pfadd(&key, user.to_string()).ignore().expire(&key, KEPT).ignore();
        let noted = |mut connection: Connection| async move { note.query_async::<()>(&mut connection).await };
        self.link.ask(noted).await;
    }

    /// How many users were active on the day of `now` so far; nothing if Redis does not answer.
    pub async fn active(&self, now: DateTime<Utc>) -> Option<i64> {
        let key = self.keys.active(now.date_naive());
        self.link
            .ask(|mut connection: Connection| async move { connection.pfcount(key).await })
            .await
    }
}
