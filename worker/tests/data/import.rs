//! `companion-worker import` from a database as the old Python service has it: SQLAlchemy's tables on a real PostgreSQL.

use chrono::{DateTime, Utc};
use companion_worker::identity::UserId;
use companion_worker::store::Store;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tokio_util::sync::CancellationToken;

use crate::support::{CONFIG, Database, eventually, memories, run, turn, url, user};

/// As SQLAlchemy makes them: times without a zone, an enum for roles, vectors beside memories.
const TABLES: &str = "
CREATE TYPE messagerole AS ENUM ('user', 'assistant', 'system');
CREATE TABLE users (id uuid PRIMARY KEY, external_user_id varchar(255), email text, created_at timestamp NOT NULL DEFAULT now());
CREATE TABLE persona_profiles (id uuid PRIMARY KEY, user_id uuid REFERENCES users, name text, traits jsonb);
CREATE TABLE conversations (id uuid PRIMARY KEY, user_id uuid, persona_id uuid, title text,
    created_at timestamp NOT NULL, updated_at timestamp);
CREATE TABLE messages (id bigserial PRIMARY KEY, conversation_id uuid, role messagerole NOT NULL, content text,
    created_at timestamp NOT NULL);
CREATE TABLE memories (id uuid PRIMARY KEY, user_id uuid, persona_id uuid, content text, memory_type varchar(50),
    importance double precision, embedding vector(1536), is_active boolean NOT NULL DEFAULT true, superseded_by uuid,
    created_at timestamp NOT NULL)";

const ROWS: &str = "
INSERT INTO users VALUES
    ('a0000000-0000-0000-0000-000000000001', 'sam', 'sam@old.example', '2024-01-01'),
    ('a0000000-0000-0000-0000-000000000002', 'kim', NULL, '2024-01-02'),
    ('a0000000-0000-0000-0000-000000000003', NULL, NULL, '2024-01-03');
INSERT INTO persona_profiles VALUES
    ('b0000000-0000-0000-0000-000000000001', 'a0000000-0000-0000-0000-000000000001', 'Luna', '{}'),
    ('b0000000-0000-0000-0000-000000000002', 'a0000000-0000-0000-0000-000000000001', 'Max', '{}');
INSERT INTO conversations VALUES
    ('c0000000-0000-0000-0000-000000000001', 'a0000000-0000-0000-0000-000000000001', NULL, 'Family', '2024-02-01 10:00', NULL),
    ('c0000000-0000-0000-0000-000000000002', 'a0000000-0000-0000-0000-000000000002', NULL, NULL, '2024-02-02 10:00', NULL),
    ('c0000000-0000-0000-0000-000000000003', 'a0000000-0000-0000-0000-000000000003', NULL, NULL, '2024-02-03 10:00', NULL),
    ('c0000000-0000-0000-0000-000000000009', NULL, NULL, NULL, '2024-02-09 10:00', NULL);
INSERT INTO messages (conversation_id, role, content, created_at) VALUES
    ('c0000000-0000-0000-0000-000000000001', 'system', 'You are kind.', '2024-02-01 10:00'),
    ('c0000000-0000-0000-0000-000000000001', 'assistant', 'Lovely!', '2024-02-01 10:02'),
    ('c0000000-0000-0000-0000-000000000001', 'user', 'My sister Anna lives in Lisbon.', '2024-02-01 10:01'),
    ('c0000000-0000-0000-0000-000000000001', 'user', '', '2024-02-01 10:03'),
    ('c0000000-0000-0000-0000-000000000002', 'user', 'Hello', '2024-02-02 10:00'),
    ('c0000000-0000-0000-0000-000000000003', 'user', 'Who am I?', '2024-02-03 10:00'),
    ('c0000000-0000-0000-0000-000000000009', 'user', 'Nobody said this.', '2024-02-09 10:00');
INSERT INTO memories (id, user_id, persona_id, content, memory_type, is_active, superseded_by, created_at) VALUES
    ('d0000000-0000-0000-0000-000000000001', 'a0000000-0000-0000-0000-000000000001', NULL, 'The user''s sister Anna lives in Lisbon.', 'relation', true, NULL, '2024-03-01'),
    ('d0000000-0000-0000-0000-000000000002', 'a0000000-0000-0000-0000-000000000001', NULL, 'The user lives in Rome.', 'fact', false, NULL, '2024-03-02'),
    ('d0000000-0000-0000-0000-000000000003', 'a0000000-0000-0000-0000-000000000001', NULL, 'The user lives in Turin.', 'fact', true, 'd0000000-0000-0000-0000-000000000004', '2024-03-03'),
    ('d0000000-0000-0000-0000-000000000004', 'a0000000-0000-0000-0000-000000000001', NULL, 'The user lives in Milan.', 'fact', true, NULL, '2024-03-04'),
    ('d0000000-0000-0000-0000-000000000005', 'a0000000-0000-0000-0000-000000000001', NULL, 'the user lives in milan', NULL, true, NULL, '2024-03-05'),
    ('d0000000-0000-0000-0000-000000000006', 'a0000000-0000-0000-0000-000000000001', 'b0000000-0000-0000-0000-000000000001', 'The user trusts Luna.', 'fact', true, NULL, '2024-03-06'),
    ('d0000000-0000-0000-0000-000000000007', 'a0000000-0000-0000-0000-000000000002', NULL, 'The user is allergic to nuts.', 'allergy', true, NULL, '2024-03-07')";

/// The old database and ours.
struct Move {
    old: Database,
    new: Database,
}

impl Move {
    async fn begin() -> Self {
        let (old, new) = (Database::empty().await, Database::migrated().await);
        let moving = Self { old, new };
        for statement in TABLES.split(";\n").chain(ROWS.split(";\n")) {
            moving.in_old(statement).await;
        }
        moving
            .in_old(&format!(
                "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}",
                moving.old.worker.get_username()
            ))
            .await;
        moving
    }

    async fn in_old(&self, statement: &str) {
        run(&mut self.old.admin.connect().await.unwrap(), statement).await;
    }

    fn store(&self) -> Store {
        self.new.store()
    }

    /// Runs the program; its receipt, or what it says instead.
    fn import(&self, arguments: &[&str]) -> Result<Value, String> {
        self.import_from(url(&self.old.worker).expose_secret(), arguments)
    }

    fn import_from(&self, from: &str, arguments: &[&str]) -> Result<Value, String> {
        let file = std::env::temp_dir().join(format!("companion-{}.yaml", uuid::Uuid::new_v4()));
        std::fs::write(&file, CONFIG).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_companion-worker"))
            .args(["import", "--from", from, "--config"])
            .arg(&file)
            .args(arguments)
            .env("COMPANION_DATABASE_URL", url(&self.new.worker).expose_secret())
            .output()
            .unwrap();
        std::fs::remove_file(file).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match serde_json::from_slice(&output.stdout) {
            Ok(receipt) if output.status.success() => Ok(receipt),
            _ => Err(said),
        }
    }

    async fn rows(&self) -> String {
        let mut counts = Vec::new();
        for table in ["users", "conversations", "messages", "memories", "outbox", "imports"] {
            counts.push(self.new.count(&format!("SELECT count(*) FROM companion.{table}")).await);
        }
        format!("{counts:?}")
    }

    async fn texts(&self, sql: &str, user: UserId) -> Vec<String> {
        let mut connection = self.new.as_owner().await;
        let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).bind(user.as_uuid());
        query.fetch_all(&mut connection).await.unwrap()
    }

    async fn end(self) {
        self.old.drop().await;
        self.new.drop().await;
    }
}

fn conversation(number: u8) -> uuid::Uuid {
    format!("c0000000-0000-0000-0000-00000000000{number}").parse().unwrap()
}

/// Nothing is lost between the lines.
fn adds_up(receipt: &Value) {
    for kind in ["users", "personas", "conversations", "messages", "memories"] {
        let tally = &receipt[kind];
        let left: u64 = tally["left"]
            .as_object()
            .unwrap()
            .values()
            .map(|rows| rows.as_u64().unwrap())
            .sum();
        let sum = tally["brought"].as_u64().unwrap() + tally["known"].as_u64().unwrap() + left;
        assert_eq!(tally["found"], sum, "{kind}: {receipt}");
    }
}

#[tokio::test]
async fn everything_that_has_a_place_is_brought_and_the_rest_is_counted() {
    let moving = Move::begin().await;
    let dry = moving.import(&["--dry-run"]).unwrap();
    assert_eq!(moving.rows().await, "[0, 0, 0, 0, 0, 0]", "a dry run keeps nothing");
    let receipt = moving.import(&[]).unwrap();
    adds_up(&receipt);
    for part in ["users", "personas", "conversations", "messages", "memories"] {
        assert_eq!(dry[part], receipt[part], "a dry run tells what would be");
    }
    assert_eq!(
        (&receipt["complete"], &receipt["dry_run"]),
        (&json!(true), &json!(false))
    );
    let no_subject = "its external_user_id is missing or longer than a token's subject may be";
    let of_nobody = "it belongs to no user or conversation that is there";
    assert_eq!(
        receipt["users"],
        json!({ "found": 3, "brought": 2, "known": 0, "left": { no_subject: 1 } })
    );
    assert_eq!(
        receipt["personas"],
        json!({ "found": 2, "brought": 0, "known": 0, "left": { "personas have no place here yet": 2 } })
    );
    assert_eq!(
        receipt["conversations"],
        json!({ "found": 4, "brought": 2, "known": 0, "left": { no_subject: 1, of_nobody: 1 } })
    );
    assert_eq!(
        receipt["messages"],
        json!({ "found": 7, "brought": 3, "known": 0, "left": {
            no_subject: 1, of_nobody: 1, "it is empty": 1, "its role is neither user nor assistant": 1,
        } })
    );
    assert_eq!(
        receipt["memories"],
        json!({ "found": 7, "brought": 5, "superseded": 2, "known": 0, "left": {
            "the user has the same one already": 1,
            "it is a persona's, and personas have no place here yet (--merge-personas)": 1,
        } })
    );

    let (store, sam, kim) = (moving.store(), user("sam"), user("kim"));
    let said = store.history(sam, conversation(1), 10).await.unwrap();
    let texts: Vec<&str> = said.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["My sister Anna lives in Lisbon.", "Lovely!"]);
    assert_eq!(
        said[0].created_at,
        "2024-02-01T10:01:00Z".parse::<DateTime<Utc>>().unwrap()
    );
    let named = store.conversation(sam, conversation(1)).await.unwrap().unwrap();
    assert_eq!(named.title.as_deref(), Some("Family"));
    assert!(
        store.conversation(kim, conversation(1)).await.unwrap().is_none(),
        "it is sam's"
    );
    let kept = memories(&store).list(sam, 10, None).await.unwrap();
    let texts: Vec<&str> = kept.iter().map(|memory| memory.text.as_str()).collect();
    assert_eq!(
        texts,
        ["The user lives in Milan.", "The user's sister Anna lives in Lisbon."],
        "newest first"
    );
    assert_eq!(kept[1].kind, "relation");

    // The conversation goes on, with its messages behind it.
    let goes_on = turn(sam, conversation(1), "She moves to Porto.");
    store.settle(&goes_on).await.unwrap();
    assert_eq!(store.history(sam, conversation(1), 10).await.unwrap().len(), 4);
    moving.end().await;
}

#[tokio::test]
async fn vectors_are_made_here_and_what_is_superseded_is_never_found() {
    let moving = Move::begin().await;
    moving.import(&[]).unwrap();
    let (store, sam) = (moving.store(), user("sam"));
    let stop = CancellationToken::new();
    let metrics = companion_worker::telemetry::Metrics::new().unwrap();
    let jobs = companion_worker::jobs::run(store.clone(), memories(&store), None, metrics, stop.clone());
    let working = tokio::spawn(jobs);
    let vectors = "SELECT count(*) FROM companion.memory_vectors";
    eventually("every memory that holds has a vector", || async {
        moving.new.count(vectors).await == 3
    })
    .await;
    let found = memories(&store)
        .search(sam, "Where does the user live?", 10)
        .await
        .unwrap();
    let texts: Vec<&str> = found.iter().map(|memory| memory.text.as_str()).collect();
    assert!(texts.contains(&"The user lives in Milan."), "{texts:?}");
    assert!(
        !texts.iter().any(|text| text.contains("Rome") || text.contains("Turin")),
        "{texts:?}"
    );
    let history = moving
        .texts(
            "SELECT text FROM companion.memories WHERE user_id = $1 AND superseded_at IS NOT NULL ORDER BY memory_id",
            sam,
        )
        .await;
    assert_eq!(history, ["The user lives in Rome.", "The user lives in Turin."]);
    stop.cancel();
    working.await.unwrap();
    moving.end().await;
}

#[tokio::test]
async fn again_brings_what_is_new_and_nothing_twice_or_back() {
    let moving = Move::begin().await;
    moving.import(&[]).unwrap();
    let before = moving.rows().await;
    let again = moving.import(&[]).unwrap();
    adds_up(&again);
    assert_eq!(moving.rows().await, before, "{again}");
    assert_eq!(
        (&again["memories"]["brought"], &again["messages"]["brought"]),
        (&json!(0), &json!(0))
    );

    // Both services go on: a memory is deleted here, a conversation is continued here, another one there.
    let (store, sam, kim) = (moving.store(), user("sam"), user("kim"));
    let milan = memories(&store).list(sam, 1, None).await.unwrap().remove(0);
    assert!(memories(&store).delete(sam, milan.id).await.unwrap());
    store
        .settle(&turn(sam, conversation(1), "She moves to Porto."))
        .await
        .unwrap();
    for number in [1, 2] {
        moving
            .in_old(&format!(
                "INSERT INTO messages (conversation_id, role, content, created_at)
                 VALUES ('{}', 'assistant', 'Still there?', '2024-04-01')",
                conversation(number)
            ))
            .await;
    }
    let third = moving.import(&[]).unwrap();
    adds_up(&third);
    let texts: Vec<String> = memories(&store)
        .list(sam, 10, None)
        .await
        .unwrap()
        .into_iter()
        .map(|memory| memory.text)
        .collect();
    assert_eq!(
        texts,
        ["The user's sister Anna lives in Lisbon."],
        "what was deleted here stays deleted"
    );
    let said = store.history(sam, conversation(1), 10).await.unwrap();
    assert!(!said.iter().any(|message| message.text == "Still there?"), "{said:?}");
    assert_eq!(
        third["messages"]["left"]["its conversation went on or was emptied here"],
        1
    );
    let said = store.history(kim, conversation(2), 10).await.unwrap();
    assert_eq!(said.last().unwrap().text, "Still there?");

    // What is deleted or erased here does not come back either.
    assert!(store.delete_conversation(kim, conversation(2)).await.unwrap());
    store.erase(sam).await.unwrap();
    let fourth = moving.import(&[]).unwrap();
    adds_up(&fourth);
    assert_eq!(fourth["users"]["left"]["the user was erased here"], 1);
    assert_eq!(fourth["conversations"]["left"]["the conversation was deleted here"], 1);
    let rows = moving.new.count("SELECT count(*) FROM companion.conversations").await;
    assert_eq!(rows, 0);
    moving.end().await;
}

#[tokio::test]
async fn memories_of_personas_come_when_they_are_asked_for() {
    let moving = Move::begin().await;
    moving.import(&[]).unwrap();
    let receipt = moving.import(&["--merge-personas"]).unwrap();
    adds_up(&receipt);
    assert_eq!(receipt["memories"]["brought"], 1, "{receipt}");
    let kept = memories(&moving.store()).list(user("sam"), 1, None).await.unwrap();
    assert_eq!(kept[0].text, "The user trusts Luna.");
    moving.end().await;
}

#[tokio::test]
async fn an_import_that_breaks_off_keeps_whole_users_and_goes_on_the_next_time() {
    let moving = Move::begin().await;
    // Kim's message is what the column cannot be read as.
    moving
        .in_old("ALTER TABLE messages ALTER COLUMN created_at TYPE text USING CASE WHEN content = 'Hello' THEN 'yesterday-ish' ELSE created_at::text END")
        .await;
    let said = moving.import(&[]).unwrap_err();
    assert!(
        said.contains("user a0000000-0000-0000-0000-000000000002 of the old service"),
        "{said}"
    );
    assert!(
        said.contains("failed to read the messages") && said.contains("yesterday-ish"),
        "{said}"
    );
    assert_eq!(moving.new.count("SELECT count(*) FROM companion.users").await, 1);
    moving
        .in_old("UPDATE messages SET created_at = '2024-02-02 10:00' WHERE content = 'Hello'")
        .await;
    let receipt = moving.import(&[]).unwrap();
    adds_up(&receipt);
    assert_eq!(
        (&receipt["users"]["known"], &receipt["users"]["brought"]),
        (&json!(1), &json!(1))
    );
    moving.end().await;
}

#[tokio::test]
async fn names_that_differ_are_mapped_and_what_is_missing_is_named() {
    let moving = Move::begin().await;
    for statement in [
        "ALTER TABLE memories RENAME TO long_term",
        "ALTER TABLE long_term RENAME COLUMN content TO fact",
        "ALTER TABLE users RENAME COLUMN external_user_id TO auth_sub",
    ] {
        moving.in_old(statement).await;
    }
    let said = moving.import(&[]).unwrap_err();
    for words in [
        "the schema public has no table \\\"memories\\\"",
        "--map memories=NAME",
        "public.users has no column \\\"external_user_id\\\"",
        "--map users.external_user_id=NAME",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let maps = [
        "memories=long_term",
        "memories.content=fact",
        "users.external_user_id=auth_sub",
    ];
    let arguments: Vec<&str> = maps.iter().flat_map(|map| ["--map", map]).collect();
    let receipt = moving.import(&arguments).unwrap();
    assert_eq!(receipt["memories"]["brought"], 5, "{receipt}");

    moving
        .in_old("ALTER TABLE long_term DROP COLUMN is_active, DROP COLUMN superseded_by")
        .await;
    assert!(
        moving
            .import(&arguments)
            .unwrap_err()
            .contains("says which memories hold no more")
    );
    let said = moving.import(&["--map", "facts=memories"]).unwrap_err();
    assert!(said.contains("no \\\"facts\\\" is read"), "{said}");
    let said = moving.import(&["--schema", "old"]).unwrap_err();
    assert!(
        said.contains("the schema old has no table \\\"users\\\" (found: none)"),
        "{said}"
    );
    moving.end().await;
}

#[tokio::test]
async fn urls_may_be_sqlalchemys_and_a_wrong_one_tells_no_password() {
    let moving = Move::begin().await;
    let from = url(&moving.old.worker).expose_secret().to_owned();
    let receipt = moving
        .import_from(&from.replace("postgres://", "postgresql+asyncpg://"), &[])
        .unwrap();
    assert_eq!(receipt["users"]["brought"], 2);
    for (from, words) in [
        (from.replace(":pw@", ":hidden@"), "--from: failed to connect to"),
        (
            "mysql://ada:hidden@localhost/chat".into(),
            "--from: not a PostgreSQL URL",
        ),
    ] {
        let said = moving.import_from(&from, &[]).unwrap_err();
        assert!(said.contains(words) && !said.contains("hidden"), "{said}");
    }
    moving.end().await;
}
