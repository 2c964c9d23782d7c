//! Other people's clients. They come from package registries, so CI installs them and names them in the environment.

use std::process::Command;

use crate::http::Running;

/// Runs a script of `tests/clients` against a server; the script ends with an error if anything is not as it should.
async fn run(interpreter: &str, script: &str) {
    run_with(interpreter, script, &[]).await;
}

async fn run_with(interpreter: &str, script: &str, environment: &[(&str, String)]) {
    let server = Running::start().await;
    let path = format!("{}/tests/clients/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(interpreter);
    command
        .arg(path)
        .env("ENDPOINT", format!("http://{}", server.address));
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1");
    command
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .envs(environment.iter().map(|(name, value)| (name, value)));
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .expect("the interpreter runs");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

fn program(variable: &str, default: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| default.into())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python with boto3 (PYTHON names it)"]
async fn boto3_does_a_round_trip() {
    run(&program("PYTHON", "python3"), "boto3_round_trip.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the AWS CLI (on the PATH, or AWS_CLI names it)"]
async fn the_aws_cli_does_a_round_trip() {
    // Installed by pip, it lies beside the interpreter.
    let python = program("PYTHON", "python3");
    let beside = std::path::Path::new(&python).with_file_name("aws");
    let default = if beside.is_absolute() && beside.exists() {
        beside.display().to_string()
    } else {
        "aws".into()
    };
    run_with("bash", "aws_cli.sh", &[("AWS_CLI", program("AWS_CLI", &default))]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node.js with @aws-sdk/client-sqs (NODE_PATH names the node_modules)"]
async fn the_javascript_sdk_does_a_round_trip() {
    run(&program("NODE", "node"), "javascript_sdk.cjs").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node.js with sqs-consumer (NODE_PATH names the node_modules)"]
async fn sqs_consumer_does_a_round_trip() {
    run(&program("NODE", "node"), "sqs_consumer.cjs").await;
}
