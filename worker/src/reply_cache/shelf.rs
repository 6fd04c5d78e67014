//! Where replies are kept: one entry for each question, sealed with a digest, and for each user the names of those that are
//! there because of it, so that an erasure finds them.

use std::sync::LazyLock;
use std::time::Duration;

use chrono::Utc;
use redis::{AsyncCommands as _, Script};
use sha2::{Digest, Sha256};

use super::{Key, KnownReply};
use crate::identity::UserId;
use crate::link::{Connection, Link};
use crate::session::Keys;

/// Bytes of the digest before an entry's JSON.
const DIGEST: usize = 32;
/// Entries that one round trip of an erasure removes.
const BATCH: isize = 200;
/// An erasure holds for turns that were begun before it; none lasts longer.
const ERASED: Duration = Duration::from_secs(3_600);

/// Notes a name, lets go of those whose entries are gone, and refuses for a user who was erased meanwhile.
static NOTE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
         redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
         redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
         redis.call('PEXPIRE', KEYS[1], ARGV[4])
         return 1",
    )
});

/// Where entries stand.
#[derive(Clone)]
pub struct Shelf {
    /// The way there.
    pub link: Link,
    /// Their names.
    pub keys: Keys,
    /// How long each is kept.
    pub life: Duration,
    /// The largest one's bytes.
    pub most_bytes: usize,
}

/// What stands there is not an entry of ours.
pub struct Spoilt;

impl Shelf {
    /// The entry of `key`, if there is one.
    pub async fn take(&self, key: Key) -> Result<Option<KnownReply>, Spoilt> {
        let name = self.keys.reply(&key.0);
        let read = |mut connection: Connection| async move { connection.get(name).await };
        let Some(Some(bytes)) = self.link.ask::<Option<Vec<u8>>, _>(read).await else {
            return Ok(None);
        };
        open(key, &bytes).map(Some).ok_or(Spoilt)
    }

    /// Keeps `reply`, for which `user` was the first to ask: if it is whole, no larger than allowed, and there is room.
    pub async fn put(&self, user: UserId, key: Key, reply: &KnownReply) {
        let Some(bytes) = seal(key, reply).filter(|bytes| bytes.len() <= self.most_bytes) else {
            return;
        };
        if reply.finish != "stop" || reply.text.is_empty() || self.link.is_crowded() {
            return;
        }
        let name = self.keys.reply(&key.0);
        // First where an erasure finds it, then the entry.
        if !self.note(user, &name).await {
            return;
        }
        let (entry, life) = (name.clone(), self.life());
        let write = |mut connection: Connection| async move {
            connection.pset_ex::<_, _, ()>(entry, bytes, life.unsigned_abs()).await
        };
        self.link.ask(write).await;
        // An erasure between the two may have looked for the entry before it was there.
        let erased = self.keys.erased(user);
        let looked = |mut connection: Connection| async move { connection.exists(erased).await };
        if self.link.ask::<bool, _>(looked).await.unwrap_or(false) {
            self.remove(vec![name]).await;
        }
    }

    /// Lets go of all that is there because of `user`: how many entries, or nothing if Redis does not answer; then what is
    /// left is found by the next try.
    pub async fn erase(&self, user: UserId) -> Option<u32> {
        let names = self.keys.asked(user);
        self.mark_erased(user).await?;
        let mut gone = 0;
        loop {
            let set = names.clone();
            let batch: Vec<String> = self
                .link
                .ask(|mut connection: Connection| async move { connection.zrange(set, 0, BATCH - 1).await })
                .await?;
            if batch.is_empty() {
                return Some(gone);
            }
            gone += self.remove(batch.clone()).await?;
            let set = names.clone();
            self.link
                .ask::<(), _>(|mut connection: Connection| async move { connection.zrem(set, batch).await })
                .await?;
        }
    }

    /// What was begun before is not kept after this. Nothing if Redis does not answer.
    pub async fn mark_erased(&self, user: UserId) -> Option<()> {
        let erased = self.keys.erased(user);
        let mark = |mut connection: Connection| async move {
            connection.set_ex::<_, _, ()>(erased, 1, ERASED.as_secs()).await
        };
        self.link.ask(mark).await
    }

    async fn note(&self, user: UserId, name: &str) -> bool {
        let now = Utc::now().timestamp_millis();
        let mut note = NOTE.prepare_invoke();
        note.key(self.keys.asked(user)).key(self.keys.erased(user));
        note.arg(now)
            .arg(now.saturating_add(self.life()))
            .arg(name)
            .arg(self.life());
        let noted = async |mut connection| note.invoke_async::<bool>(&mut connection).await;
        self.link.ask(noted).await.unwrap_or(false)
    }

    async fn remove(&self, names: Vec<String>) -> Option<u32> {
        let removed = |mut connection: Connection| async move { connection.del(names).await };
        self.link.ask(removed).await
    }

    /// In milliseconds.
    fn life(&self) -> i64 {
        i64::try_from(self.life.as_millis()).unwrap_or(i64::MAX)
    }
}

/// An entry: a digest over key and JSON, then the JSON.
fn seal(key: Key, reply: &KnownReply) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(reply).ok()?;
    let mut bytes = digest(key, &json).to_vec();
    bytes.extend(json);
    Some(bytes)
}

/// The reply of an entry; none if it is another key's, cut, changed, or of another form.
fn open(key: Key, bytes: &[u8]) -> Option<KnownReply> {
    let (there, json) = bytes.split_at_checked(DIGEST)?;
    (digest(key, json) == there).then_some(())?;
    serde_json::from_slice(json).ok()
}

fn digest(key: Key, json: &[u8]) -> [u8; DIGEST] {
    Sha256::new_with_prefix(key.0).chain_update(json).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply_cache::tests::reply;

    #[test]
    fn an_entry_that_was_changed_is_none() {
        let (mine, other) = (Key([1; 32]), Key([2; 32]));
        let entry = seal(mine, &reply()).unwrap();
        assert_eq!(open(mine, &entry), Some(reply()));
        assert_eq!(open(other, &entry), None, "another question's");
        assert_eq!(open(mine, &entry[..entry.len() - 1]), None, "cut");
        assert_eq!(open(mine, b"{}"), None, "too short");
        let mut changed = entry;
        let last = changed.len() - 3;
        changed[last] ^= 1;
        assert_eq!(open(mine, &changed), None);
    }
}
