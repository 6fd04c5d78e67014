//! Turns that ended while PostgreSQL was away, until they are stored: a list for each user in the order of the turns, and
//! the users who have one in a few sets, so that any worker finds them.

use std::sync::LazyLock;
use std::time::Duration;

use ::redis::{AsyncCommands as _, Script};
use uuid::Uuid;

use super::Sessions;
use crate::identity::UserId;
use crate::link::Connection;

/// Turns of one user that wait; more are not kept, so that nobody fills Redis.
const MOST: u32 = 50;
/// How long they wait.
const LIFE: Duration = Duration::from_secs(86_400);
/// Longest that one worker stores a user's turns while others wait.
const STORING: Duration = Duration::from_secs(30);

static KEEP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
         redis.call('RPUSH', KEYS[1], ARGV[1])
         redis.call('PEXPIRE', KEYS[1], ARGV[3])
         return 1",
    )
});

static LET_GO: LazyLock<Script> =
    LazyLock::new(|| Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"));

impl Sessions {
    /// Keeps a turn, as JSON, until PostgreSQL is back. False if it cannot be kept.
    pub async fn keep_unsettled(&self, user: UserId, turn: &str) -> bool {
        // First where workers look for it: a user of whom nothing waits costs a look.
        if !self.note_unsettled(user).await {
            return false;
        }
        let mut script = KEEP.prepare_invoke();
        script.key(self.keys.unsettled(user)).arg(turn).arg(MOST);
        script.arg(LIFE.as_millis() as u64);
        let kept: Option<bool> = self
            .link
            .ask(async |mut connection| script.invoke_async(&mut connection).await)
            .await;
        // A look between the two may have taken the user out again.
        kept == Some(true) && self.note_unsettled(user).await
    }

    /// The turns of `user` that wait, oldest first; nothing if Redis does not answer.
    pub async fn unsettled(&self, user: UserId) -> Option<Vec<String>> {
        let key = self.keys.unsettled(user);
        let read = |mut connection: Connection| async move { connection.lrange(key, 0, -1).await };
        self.link.ask(read).await
    }

    /// Lets go of a turn that is stored.
    pub async fn settled(&self, user: UserId, turn: &str) {
        let (key, turn) = (self.keys.unsettled(user), turn.to_owned());
        let remove = |mut connection: Connection| async move { connection.lrem::<_, _, ()>(key, 1, turn).await };
        self.link.ask(remove).await;
    }

    /// Lets go of all that wait. Nothing if Redis does not answer.
    pub async fn drop_unsettled(&self, user: UserId) -> Option<()> {
        let key = self.keys.unsettled(user);
        let remove = |mut connection: Connection| async move { connection.del::<_, ()>(key).await };
        self.link.ask(remove).await
    }

    /// Whether `user` was erased within the last hour, as far as Redis knows.
    pub async fn was_erased(&self, user: UserId) -> bool {
        let key = self.keys.erased(user);
        let read = |mut connection: Connection| async move { connection.exists(key).await };
        self.link.ask(read).await.unwrap_or(false)
    }

    /// The users of whom turns wait, as far as Redis answers.
    pub async fn users_with_unsettled(&self) -> Vec<UserId> {
        let mut users = Vec::new();
        for key in self.keys.all_with_unsettled() {
            let read = |mut connection: Connection| async move { connection.smembers(key).await };
            let names: Vec<String> = self.link.ask(read).await.unwrap_or_default();
            let ids = names.iter().filter_map(|name| Uuid::parse_str(name).ok());
            users.extend(ids.map(UserId::from_uuid));
        }
        users
    }

    /// Takes a user of whom none waits any more from those who are looked at.
    pub async fn forget_unsettled(&self, user: UserId) {
        let (key, name) = (self.keys.with_unsettled(user), user.to_string());
        let remove = |mut connection: Connection| async move { connection.srem::<_, _, ()>(key, name).await };
        self.link.ask(remove).await;
        // One that came meanwhile, or may have.
        if self.unsettled(user).await.is_none_or(|turns| !turns.is_empty()) {
            self.note_unsettled(user).await;
        }
    }

    /// The right to store the turns of `user`, so that they keep their order; `holder` gives it back.
    pub async fn begin_settling(&self, user: UserId, holder: Uuid) -> bool {
        let mut take = ::redis::cmd("SET");
        take.arg(self.keys.settling(user)).arg(holder.to_string()).arg("NX");
        take.arg("PX").arg(STORING.as_millis() as u64);
        let taken = async |mut connection| take.query_async::<Option<String>>(&mut connection).await;
        self.link.ask(taken).await.flatten().is_some()
    }

    /// Gives it back.
    pub async fn end_settling(&self, user: UserId, holder: Uuid) {
        let mut script = LET_GO.prepare_invoke();
        script.key(self.keys.settling(user)).arg(holder.to_string());
        self.link
            .ask(async |mut connection| script.invoke_async::<()>(&mut connection).await)
            .await;
    }

    /// False if Redis did not answer.
    async fn note_unsettled(&self, user: UserId) -> bool {
        let (key, name) = (self.keys.with_unsettled(user), user.to_string());
        let add = |mut connection: Connection| async move { connection.sadd::<_, _, ()>(key, name).await };
        self.link.ask(add).await.is_some()
    }
}
