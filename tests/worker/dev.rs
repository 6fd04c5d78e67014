//! `companion-worker dev` on a machine of its own: everything started, used, ended; what is missing or wrong, told.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use companion_tests::environment::required;
use companion_tests::machine::Machine;
use companion_tests::redis_server::RedisServer;
use companion_tests::stub_provider::StubProvider;
use companion_tests::{TestDatabase, unique};
use tokio::process::Command;

#[tokio::test]
async fn one_command_serves_remembers_and_leaves_nothing_running() {
    let machine = Machine::of_root();
    let mut dev = machine.dev(&[]);
    let chat = dev.chat().await;
    let said = dev.stdout();
    for words in [
        "PostgreSQL  17.",
        "pgvector 0.",
        "Redis       ",
        "replies     simulated",
        "/var/lib/companion/dev",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let reply = chat.stream("My sister Anna lives in Lisbon.").await;
    assert!(reply.pieces > 1, "{reply:?}");
    chat.await_memory("Lisbon").await;
    let reply = chat.stream_with_memories("Where does my sister live?").await;
    assert!(reply.text.contains("Lisbon"), "{reply:?}");
    let page = reqwest_text(&format!("{}/chat", dev.url)).await;
    assert!(page.contains("<html"), "{page}");
    let key = std::fs::metadata(machine.data("signing-key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(key & 0o777, 0o600);
    for log in ["postgres.log", "redis.log"] {
        let mode = std::fs::metadata(machine.data(log)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{log} may hold what users said");
    }

    // A second one says so, or how to reach the first.
    machine
        .dev(&[])
        .refused(&["one runs already", &dev.url, "dev --env"])
        .await;
    let mut lines = machine.dev(&["--env"]);
    assert!(lines.ended().await, "{}", lines.stderr());
    let output = Command::new("bash")
        .args([
            "-euc",
            "eval \"$1\"; echo \"$COMPANION_URL $COMPANION_TOKEN\"; exec \"$2\" -c \"$3\"",
            "bash",
        ])
        .args([&lines.stdout(), &required("COMPANION_PYTHON"), OPENAI_CLIENT])
        .output()
        .await
        .expect("bash can be run");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && printed.contains("[simulated] You said: \"Good morning\""),
        "{printed}"
    );

    let processes = dev.processes();
    let running = processes.running();
    for program in ["postgres", "redis-server", "companion-worker"] {
        assert!(
            running.iter().any(|(_, line)| line.contains(program)),
            "{program}: {running:?}"
        );
    }
    dev.terminate();
    assert!(dev.ended().await, "{}", dev.stderr());
    let left = processes.running();
    assert!(left.is_empty(), "{left:?}");
    // Redis and PostgreSQL may be late on a busy machine.
    let said = dev.stderr();
    let late = ["no answer within", "slow statement"];
    let other = said.lines().find(|line| !late.iter().any(|words| line.contains(words)));
    assert_eq!(other, None, "nothing to say of what goes well");

    // What was said is found again.
    let mut again = machine.dev(&[]);
    let begin = Instant::now();
    let memories = again.chat().await.memories().await;
    assert!(memories.iter().any(|text| text.contains("Lisbon")), "{memories:?}");
    println!("the second start took {:?}", begin.elapsed());
}

const OPENAI_CLIENT: &str = "from openai import OpenAI
print(OpenAI().chat.completions.create(model='default', messages=[{'role': 'user', 'content': 'Good morning'}]).choices[0].message.content)";

#[tokio::test]
async fn one_that_was_killed_takes_its_servers_along_and_starts_again() {
    let machine = Machine::of_user();
    let mut dev = machine.dev(&[]);
    let chat = dev.chat().await;
    let reply = chat.stream("My sister Anna lives in Lisbon.").await;
    assert_eq!(reply.companion["stored"], true, "{reply:?}");
    let processes = dev.processes();
    dev.kill().await;
    // At once: what ends by itself may still be at it.
    let mut again = machine.dev(&[]);
    let chat = again.chat().await;
    chat.await_memory("Lisbon").await;
    processes.gone().await;
    assert!(machine.data("postgres/cluster/PG_VERSION").exists());
}

#[tokio::test]
async fn one_that_is_told_to_end_while_it_starts_leaves_nothing() {
    let machine = Machine::of_root();
    for wait in [600, 1_200, 2_000] {
        let mut dev = machine.dev(&[]);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let processes = dev.processes();
        dev.terminate();
        dev.ended().await;
        processes.gone().await;
    }
    // Whatever was half made is no obstacle.
    machine.dev(&[]).chat().await.stream("Hello").await;
}

#[tokio::test]
async fn a_server_that_ends_by_itself_ends_all_with_its_name() {
    for (program, name) in [("postgres -D", "PostgreSQL"), ("redis-server", "Redis")] {
        let machine = Machine::of_root();
        let mut dev = machine.dev(&[]);
        dev.ready().await;
        let processes = dev.processes();
        let running = processes.running();
        let server = running
            .iter()
            .find(|(_, line)| line.contains(program) && !line.contains("setpriv"));
        let (id, _) = server.unwrap_or_else(|| panic!("{program}: {running:?}"));
        let killed = Command::new("kill").args(["-KILL", &id.to_string()]).status().await;
        assert!(killed.unwrap().success());
        assert!(!dev.ended().await);
        let said = dev.stderr();
        assert!(said.contains(&format!("error: {name} ended by itself")), "{said}");
        processes.gone().await;
    }
}

#[tokio::test]
async fn servers_that_run_are_used_and_left_alone() {
    let (database, redis) = (TestDatabase::create().await, RedisServer::start().await);
    // Nothing needs to be installed for it.
    let machine = Machine::of_user()
        .without("/usr/lib/postgresql")
        .with_empty_path()
        .with_variable("COMPANION_DEV_DATABASE_URL", &database.owner_url);
    let mut dev = machine.dev(&["--redis-url", &redis.url, "--user", "anna"]);
    let chat = dev.chat().await;
    let said = dev.stdout();
    assert!(
        said.contains("the one of --database-url") && said.contains("the one of --redis-url"),
        "{said}"
    );
    chat.stream("My sister Anna lives in Lisbon.").await;
    chat.await_memory("Lisbon").await;
    dev.terminate();
    assert!(dev.ended().await, "{}", dev.stderr());
    assert_eq!(database.ask("SELECT count(*)::text FROM companion.turns").await, "1");
    redis.command(&["PING"]).await;
}

#[tokio::test]
async fn a_key_and_an_address_say_who_replies_and_our_own_token_does_not() {
    let stub = StubProvider::start().await;
    let machine = Machine::of_root()
        .with_variable("OPENAI_API_KEY", "sk-of-a-person")
        .with_variable("OPENAI_BASE_URL", &stub.url());
    let mut dev = machine.dev(&["--model", "large-1"]);
    dev.chat().await.stream("Hello").await;
    let asked = stub.last_request();
    assert_eq!(asked.authorization, "Bearer sk-of-a-person");
    assert_eq!(asked.body["model"], "large-1");
    assert!(
        dev.stdout().contains(&format!("large-1 at {}", stub.url())),
        "{}",
        dev.stdout()
    );
    dev.terminate();
    assert!(dev.ended().await);
    drop(dev);

    // The lines of `--env` in the same shell: it must not ask itself.
    let machine = machine
        .with_variable("OPENAI_API_KEY", "token")
        .with_variable("COMPANION_TOKEN", "token");
    let mut dev = machine.dev(&[]);
    let reply = dev.chat().await.stream("Hello").await;
    assert!(reply.text.starts_with("[simulated]"), "{reply:?}");
    assert!(dev.stderr().contains("OPENAI_API_KEY"), "{}", dev.stderr());
    assert_eq!(stub.requests().len(), 1);
}

#[tokio::test]
async fn what_is_missing_is_named_with_how_to_get_it() {
    let pgvector = "apt-get install postgresql-17-pgvector";
    let control = "/usr/share/postgresql/17/extension/vector.control";
    let nobody = "root:x:0:0:root:/root:/bin/bash\n";
    let (nothing, model) = ("/nothing", ["--model", "large-1"]);
    type Case<'a> = (Machine, &'a [&'a str], &'a [&'a str]);
    let cases: [Case; 8] = [
        (
            Machine::of_root().without("/usr/lib/postgresql"),
            &[],
            &["PostgreSQL is missing", pgvector, "--database-url"],
        ),
        (
            Machine::of_root().with_file(control, "default_version = '0.4.2'\n"),
            &[],
            &[
                "0.7 or newer is needed",
                "PostgreSQL 17 with pgvector 0.4.2 in /usr/lib/postgresql/17/bin",
                pgvector,
            ],
        ),
        (
            Machine::of_root().with_file(control, ""),
            &[],
            &["PostgreSQL 17 with no pgvector", pgvector],
        ),
        (
            Machine::of_root().with_empty_path(),
            &[],
            &["Redis is missing", "apt-get install redis-server", "--redis-url"],
        ),
        (
            Machine::of_root().with_file("/etc/passwd", nobody),
            &[],
            &["PostgreSQL does not run as root", "no user postgres", "--database-url"],
        ),
        (
            Machine::of_root(),
            &["--model-dir", nothing],
            &[
                "--model-dir: /nothing has no model.safetensors",
                "config/images/model.sh",
            ],
        ),
        (
            Machine::of_root().without("/usr/share/companion/model"),
            &[],
            &[
                "the embedding model is missing",
                "config/images/model.sh",
                "--model-dir",
            ],
        ),
        (Machine::of_root(), &model, &["--model: set OPENAI_API_KEY"]),
    ];
    for (machine, arguments, words) in cases {
        machine.dev(arguments).refused(words).await;
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_no_password_is_told() {
    let database = TestDatabase::create().await;
    let redis = required("COMPANION_TEST_REDIS_URL");
    let hidden = unique("hidden");
    let wrong_password = database
        .owner_url
        .replace(&format!(":{}@", database.name), &format!(":{hidden}@"));
    let closed = format!("postgres://ada:{hidden}@127.0.0.1:1/chat");
    let no_redis = format!("redis://:{hidden}@127.0.0.1:1");
    let wrong_key = redis.replace("redis://:", &format!("redis://:{hidden}"));
    let machine = Machine::of_root();
    let cases: [(&[&str], &[&str]); 6] = [
        (
            &["--database-url", "mysql://ada@localhost/chat"],
            &["--database-url: not a PostgreSQL URL"],
        ),
        (
            &["--database-url", &closed, "--redis-url", &redis],
            &["--database-url: failed to connect to 127.0.0.1:1"],
        ),
        (
            &["--database-url", &wrong_password, "--redis-url", &redis],
            &["--database-url: failed to connect", "password authentication failed"],
        ),
        (&["--redis-url", "http://localhost"], &["--redis-url: is no Redis URL"]),
        (
            &["--database-url", &database.owner_url, "--redis-url", &no_redis],
            &["--redis-url: failed to connect"],
        ),
        (
            &["--database-url", &database.owner_url, "--redis-url", &wrong_key],
            &["--redis-url: the server refuses the user and password of the URL"],
        ),
    ];
    for (arguments, words) in cases {
        let mut dev = machine.dev(arguments);
        dev.refused(words).await;
        assert!(!dev.stderr().contains(&hidden), "{}", dev.stderr());
    }

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    machine
        .dev_at(port, &[])
        .refused(&["--port: failed to listen on 127.0.0.1", "give another port"])
        .await;
    machine
        .dev(&["--user", " "])
        .refused(&["--user: \" \" is no user"])
        .await;
    let deep = format!("/var/lib/companion/{}", "deep/".repeat(20));
    machine
        .dev(&["--data-dir", &deep])
        .refused(&["--data-dir: the path of the socket", "at most 107"])
        .await;
}

async fn reqwest_text(url: &str) -> String {
    let response = companion_tests::chat::http().get(url).send().await.expect("it answers");
    response.text().await.expect("it is text")
}
