//! `companion-worker preflight` as the operator's Job runs it: the program itself, its report on stdout.

use std::process::Output;

use companion_crds::report::{Outcome, PreflightReport};
use secrecy::ExposeSecret;

use crate::support::{CONFIG, Database, run, url};

fn preflight(config: &str, worker: &str, direct: &str) -> (bool, PreflightReport, Output) {
    let file = std::env::temp_dir().join(format!("companion-{}.yaml", uuid::Uuid::new_v4()));
    std::fs::write(&file, config).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_companion-worker"))
        .args(["preflight", "--config"])
        .arg(&file)
        .env("COMPANION_DATABASE_URL", worker)
        .env("COMPANION_DATABASE_DIRECT_URL", direct)
        .env("COMPANION_REDIS_URL", "redis://:pw@127.0.0.1:1")
        .output()
        .unwrap();
    std::fs::remove_file(file).unwrap();
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    let report = stdout.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    let report = report.unwrap_or_else(|| panic!("no report in {output:?}"));
    (output.status.success(), report, output)
}

#[tokio::test]
async fn connections_are_what_server_role_and_database_leave() {
    let database = Database::empty().await;
    let mut connection = database.as_owner().await;
    let server: i32 = sqlx::query_scalar(
        "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
              - coalesce(current_setting('reserved_connections', true)::int, 0)",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    let (worker, direct) = (url(&database.worker), url(&database.owner));
    let look = || {
        let (ok, report, output) = preflight(CONFIG, worker.expose_secret(), direct.expose_secret());
        assert!(!ok, "Redis is away");
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!text.contains("pw@"), "{text}");
        let Outcome::Failed(redis) = report.redis else {
            panic!("Redis is away")
        };
        assert!(
            redis.starts_with("COMPANION_REDIS_URL (redis.external.urlSecretRef): failed to connect"),
            "{redis}"
        );
        match report.database {
            Outcome::Ok(found) => found,
            Outcome::Failed(problem) => panic!("{problem}"),
        }
    };
    let found = look();
    assert_eq!(i64::from(found.connections), i64::from(server));
    assert!(found.pgvector.starts_with("0."), "{found:?}");
    let mut admin = sqlx::ConnectOptions::connect(&database.admin).await.unwrap();
    run(
        &mut admin,
        &format!("ALTER DATABASE {} CONNECTION LIMIT 21", database.name),
    )
    .await;
    assert_eq!(look().connections, 21);
    run(
        &mut admin,
        &format!("ALTER ROLE {} CONNECTION LIMIT 9", database.worker.get_username()),
    )
    .await;
    assert_eq!(look().connections, 9);
    database.drop().await;
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let database = Database::empty().await;
    let (worker, direct) = (url(&database.worker), url(&database.owner));
    let problem = |config: &str, worker: &str, direct: &str| {
        let (ok, report, _) = preflight(config, worker, direct);
        assert!(!ok);
        match report.database {
            Outcome::Ok(found) => panic!("{found:?}"),
            Outcome::Failed(problem) => problem,
        }
    };
    let wrong_password = direct.expose_secret().replace(":pw@", ":wrong@");
    let text = problem(CONFIG, worker.expose_secret(), &wrong_password);
    assert!(
        text.starts_with("COMPANION_DATABASE_DIRECT_URL (database.external.directUrlSecretRef): failed to connect"),
        "{text}"
    );
    assert!(
        text.contains("password authentication failed") && !text.contains("wrong"),
        "{text}"
    );
    let text = problem(
        CONFIG,
        "postgres://nobody:pw@127.0.0.1:1/nothing",
        direct.expose_secret(),
    );
    assert!(
        text.starts_with("COMPANION_DATABASE_URL (database.external.urlSecretRef): failed to connect to 127.0.0.1:1"),
        "{text}"
    );
    let text = problem(
        &CONFIG.replace("poolSize: 8", "poolSize: 0"),
        worker.expose_secret(),
        direct.expose_secret(),
    );
    assert!(text.contains("database.poolSize"), "{text}");
    database.drop().await;
}
