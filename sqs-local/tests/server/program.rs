//! The program `sqs-local` itself.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::http::Connection;

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> (Program, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sqs-local"));
    let mut child = command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (Program(child), line.trim().to_owned())
}

#[tokio::test]
async fn it_says_where_it_listens_and_serves_there() {
    let (_program, line) = start(&["--port", "0"]);
    let address = line
        .strip_prefix("sqs-local listening on http://")
        .expect(&line)
        .parse()
        .unwrap();
    let health = Connection::open(address).await.get("/_sqs-local/health").await;
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
}

#[cfg(unix)]
#[tokio::test]
async fn it_stops_well_when_told_to() {
    for signal in ["INT", "TERM"] {
        let (mut program, _) = start(&["--port", "0"]);
        let pid = program.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(program.0.wait().unwrap().success(), "{signal}");
    }
}

#[test]
fn it_refuses_what_it_cannot_do_in_one_line() {
    let (program, line) = start(&["--port", "0"]);
    let port = line.rsplit(':').next().unwrap();
    for (arguments, text) in [
        (["--port", port], "cannot listen on 127.0.0.1:"),
        (["--queues", "/missing.toml"], "/missing.toml: "),
        (["--faults", "/missing.toml"], "/missing.toml: "),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sqs-local"));
        let output = command.args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && error.contains(text) && error.lines().count() == 1,
            "{error}"
        );
    }
    drop(program);
}
