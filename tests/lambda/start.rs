//! Functions that cannot be started, and what is said of them.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use landfall::doubles::lambda::{Exit, Function, FunctionConfig, FunctionError};
use landfall::secret::Secret;

use crate::stage::{config, exists, until};

async fn refused(config: FunctionConfig) -> FunctionError {
    Function::start(config).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_not_there_or_not_to_be_executed() {
    let error = refused(config(&["no-such-program-anywhere"])).await;
    assert!(matches!(&error, FunctionError::NotFound { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "cannot start the function authorizer: there is no program no-such-program-anywhere, or not the interpreter \
         that its first line names; correct the command, or install it"
    );
    let folder = tempfile::tempdir().unwrap();
    let mut inside = config(&["./bootstrap"]);
    inside.directory = Some(folder.path().to_owned());
    assert!(matches!(refused(inside.clone()).await, FunctionError::NotFound { .. }));
    let bootstrap = folder.path().join("bootstrap");
    std::fs::write(&bootstrap, "exit 0").unwrap();
    for why in ["Permission denied", "Exec format error"] {
        let error = refused(inside.clone()).await;
        assert!(matches!(&error, FunctionError::NotExecutable { .. }), "{error:?}");
        assert!(error.to_string().contains(&format!("bootstrap cannot be executed ({why}")), "{error}");
        std::fs::set_permissions(&bootstrap, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    inside.directory = Some(bootstrap);
    let error = refused(inside.clone()).await;
    assert!(error.to_string().ends_with("this is no folder; name the one that it is in"), "{error}");
    assert!(matches!(refused(config(&[])).await, FunctionError::NoCommand(_)));
    let mut unlogged = config(&["sh"]);
    unlogged.log = Some(folder.path().join("no/such/log"));
    let error = refused(unlogged).await;
    assert!(matches!(&error, FunctionError::Log { .. }), "{error:?}");
    let mut taken = config(&["sh"]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    taken.port = listener.local_addr().unwrap().port();
    assert!(matches!(refused(taken).await, FunctionError::Bind(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_ends_tells_how_and_what_it_wrote() {
    let mut config = config(&["sh", "-c", "echo starting; echo \"key is $KEY\" >&2; exit 4"]);
    config.environment.insert("KEY".to_owned(), Secret::new("hunter2222"));
    let error = refused(config).await;
    let FunctionError::Exited { exit, tail, .. } = &error else { panic!("{error}") };
    let mut lines = tail.lines().to_vec();
    lines.sort_unstable();
    assert_eq!(
        (*exit, lines),
        (Exit::Status(4), vec!["key is [redacted]".to_owned(), "starting".to_owned()])
    );
    let text = error.to_string();
    let expected = "the function authorizer ended with exit status 4 before it asked for its first event; correct \
                    it: it wrote:\n  ";
    assert!(text.starts_with(expected), "{text}");
    let silent = refused(self::config(&["sh", "-c", "kill -9 $$"])).await.to_string();
    assert!(silent.contains("ended with signal: killed") && silent.ends_with("it wrote nothing"), "{silent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_asks_for_nothing_is_killed() {
    let mut hanging = config(&["sh", "-c", "echo $$; sleep 3600 & wait"]);
    hanging.init_timeout = Duration::from_millis(800);
    let error = refused(hanging).await;
    let FunctionError::InitTimeout { limit, tail, .. } = &error else { panic!("{error}") };
    assert_eq!(*limit, Duration::from_millis(800));
    assert!(error.to_string().contains("has not asked for its first event after 800ms"), "{error}");
    let process: i64 = tail.lines()[0].parse().unwrap();
    until("it is killed and reaped", || !exists(process)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_given_up_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut hanging = config(&["sh", "-c", "echo $$; sleep 3600 & wait"]);
    let log = folder.path().join("log");
    hanging.log = Some(log.clone());
    let starting = tokio::spawn(Function::start(hanging));
    let mut written = String::new();
    until("it runs", || {
        written = std::fs::read_to_string(&log).unwrap_or_default();
        written.ends_with('\n')
    })
    .await;
    let process: i64 = written.trim().strip_prefix("1 out ").unwrap().parse().unwrap();
    assert!(exists(process));
    starting.abort();
    until("it is killed and reaped", || !exists(process)).await;
}

#[test]
fn the_end_of_the_runtime_leaves_no_process_either() {
    let folder = tempfile::tempdir().unwrap();
    let mut hanging = config(&["sh", "-c", "echo $$; sleep 3600 & echo $!; wait"]);
    let log = folder.path().join("log");
    hanging.log = Some(log.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let written = runtime.block_on(async {
        tokio::spawn(Function::start(hanging));
        let mut written = String::new();
        until("it runs", || {
            written = std::fs::read_to_string(&log).unwrap_or_default();
            written.lines().count() == 2
        })
        .await;
        written
    });
    let processes: Vec<i64> =
        written.lines().map(|line| line.strip_prefix("1 out ").unwrap().parse().unwrap()).collect();
    drop(runtime);
    let end = std::time::Instant::now() + crate::stage::DEADLINE;
    while processes.iter().any(|process| crate::stage::runs(*process)) {
        assert!(std::time::Instant::now() < end, "{processes:?} run on");
        std::thread::yield_now();
    }
}
