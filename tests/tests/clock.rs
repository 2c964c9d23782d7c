//! Hours of SQS in milliseconds: the real SDK client on `sqs-local` under tokio's paused clock.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use tests::Setup;
use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(start_paused = true)]
async fn a_long_poll_on_an_empty_queue_takes_twenty_seconds_of_its_clock_and_none_of_ours() {
    let (setup, wall) = (Setup::standard().await, std::time::Instant::now());
    let started = Instant::now();
    let answer = setup
        .client
        .receive_message()
        .queue_url(&setup.url)
        .wait_time_seconds(20)
        .send()
        .await
        .unwrap();
    assert!(answer.messages.is_none());
    assert_eq!(started.elapsed().as_secs(), 20);
    assert!(wall.elapsed() < Duration::from_secs(2), "{:?}", wall.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_delay_of_fifteen_minutes_ends_after_fifteen_minutes() {
    let (setup, wall) = (Setup::standard().await, std::time::Instant::now());
    setup
        .client
        .send_message()
        .queue_url(&setup.url)
        .message_body("x")
        .delay_seconds(900)
        .send()
        .await
        .unwrap();
    let started = Instant::now();
    let mut polls = 0;
    loop {
        let poll = setup
            .client
            .receive_message()
            .queue_url(&setup.url)
            .wait_time_seconds(20);
        polls += 1;
        if poll.send().await.unwrap().messages.is_some() {
            break;
        }
    }
    assert_eq!((started.elapsed().as_secs(), polls), (900, 45));
    assert!(wall.elapsed() < Duration::from_secs(2), "{:?}", wall.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_message_hidden_for_twelve_hours_comes_back_after_twelve_hours() {
    let timeout = [(Attribute::VisibilityTimeout, "43200")];
    let (setup, wall) = (Setup::standard_with(&timeout).await, std::time::Instant::now());
    setup.send_raw("x").await;
    let receive = || setup.client.receive_message().queue_url(&setup.url);
    assert_eq!(receive().send().await.unwrap().messages().len(), 1);

    tokio::time::advance(12 * HOUR - Duration::from_secs(1)).await;
    assert!(receive().send().await.unwrap().messages.is_none());
    let woken = Instant::now();
    assert_eq!(
        receive()
            .wait_time_seconds(20)
            .send()
            .await
            .unwrap()
            .messages()
            .len(),
        1
    );
    assert_eq!(woken.elapsed().as_secs(), 1);
    assert!(wall.elapsed() < Duration::from_secs(2), "{:?}", wall.elapsed());
}
