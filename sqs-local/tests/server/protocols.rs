//! Both protocols on one port.

use crate::http::Running;

#[tokio::test]
async fn json_requests_get_json_answers() {
    let server = Running::start().await;
    let url = server.queue("orders").await;
    let mut connection = server.connect().await;
    let sent = connection
        .json(
            "SendMessage",
            &format!(r#"{{"QueueUrl":"{url}","MessageBody":"a \"b\" <c>"}}"#),
        )
        .await;
    assert!(sent.head.contains("content-type: application/x-amz-json-1.0"));
    assert!(sent.head.contains("x-amzn-requestid: "));
    let received = connection
        .json("ReceiveMessage", &format!(r#"{{"QueueUrl":"{url}"}}"#))
        .await;
    assert!(
        received.body.contains(r#""Body":"a \"b\" <c>""#),
        "{}",
        received.body
    );
}

#[tokio::test]
async fn query_requests_get_xml_answers() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let created = connection
        .form(
            "/",
            "Action=CreateQueue&QueueName=orders&Attribute.1.Name=DelaySeconds&Attribute.1.Value=0",
        )
        .await;
    let url = format!("http://{}/000000000000/orders", server.address);
    assert!(
        created.body.contains(&format!("<QueueUrl>{url}</QueueUrl>")),
        "{}",
        created.body
    );
    assert!(created.head.contains("content-type: text/xml"));

    let message = "Action=SendMessageBatch&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=x+%3Cy%3E\
                   &SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=colour\
                   &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String\
                   &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=blue\
                   &SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=%01";
    let sent = connection.form("/000000000000/orders", message).await;
    assert!(
        sent.body.contains("<SendMessageBatchResultEntry><Id>a</Id>"),
        "{}",
        sent.body
    );
    assert!(
        sent.body
            .contains("<BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault>"),
        "{}",
        sent.body
    );

    let received = connection
        .form(
            "/000000000000/orders",
            "Action=ReceiveMessage&MessageAttributeName.1=All",
        )
        .await;
    assert!(
        received.body.contains("<Body>x &lt;y&gt;</Body>"),
        "{}",
        received.body
    );
    let attribute = "<MessageAttribute><Name>colour</Name><Value><StringValue>blue</StringValue><DataType>String</DataType>";
    assert!(received.body.contains(attribute), "{}", received.body);
}

#[tokio::test]
async fn an_error_in_xml_has_the_text_of_the_query_protocol() {
    let server = Running::start().await;
    let error = server
        .connect()
        .await
        .form("/", "Action=GetQueueUrl&QueueName=missing")
        .await;
    assert_eq!(error.status, 400);
    assert!(
        error
            .body
            .contains("<Code>AWS.SimpleQueueService.NonExistentQueue</Code>"),
        "{}",
        error.body
    );
    assert!(
        error
            .body
            .contains("The specified queue does not exist for this wsdl version."),
        "{}",
        error.body
    );
}

#[tokio::test]
async fn a_queue_url_answers_to_get() {
    let server = Running::start().await;
    server.queue("orders").await;
    let mut connection = server.connect().await;
    connection
        .get("/000000000000/orders?Action=SendMessage&MessageBody=hello")
        .await;
    let received = connection.get("/000000000000/orders?Action=ReceiveMessage").await;
    assert!(received.body.contains("<Body>hello</Body>"));
    let nothing = connection.get("/000000000000/orders").await;
    assert_eq!(
        (nothing.status, nothing.body.as_str()),
        (404, "<?xml version=\"1.0\"?><UnknownOperationException/>")
    );
}

#[tokio::test]
async fn the_page_of_queues_shows_counts() {
    let server = Running::start().await;
    let url = server.queue("orders").await;
    server
        .json(
            "SendMessage",
            &format!(r#"{{"QueueUrl":"{url}","MessageBody":"x"}}"#),
        )
        .await;
    let page = server.connect().await.get("/").await;
    assert!(page.head.contains("content-type: text/html"));
    assert!(
        page.body
            .contains("arn:aws:sqs:us-east-1:000000000000:orders<td>1<td>0<td>0"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn the_clock_can_be_moved_from_outside() {
    let server = Running::start().await;
    let url = server.queue("orders").await;
    let mut connection = server.connect().await;
    connection
        .json(
            "SendMessage",
            &format!(r#"{{"QueueUrl":"{url}","MessageBody":"x","DelaySeconds":900}}"#),
        )
        .await;
    connection
        .send("POST", "/_sqs-local/clock?skip=900", "", "")
        .await;
    assert_eq!(connection.answer().await.status, 200);
    let received = connection
        .json("ReceiveMessage", &format!(r#"{{"QueueUrl":"{url}"}}"#))
        .await;
    assert!(received.body.contains("\"Body\":\"x\""), "{}", received.body);
    connection
        .send("POST", "/_sqs-local/clock?skip=soon", "", "")
        .await;
    assert_eq!(connection.answer().await.status, 400);
}

#[tokio::test]
async fn the_least_policy_can_be_asked_for() {
    let server = Running::start().await;
    let url = server.queue("orders").await;
    server
        .json(
            "SendMessage",
            &format!(r#"{{"QueueUrl":"{url}","MessageBody":"x"}}"#),
        )
        .await;
    let policy = server.connect().await.get("/_sqs-local/iam-policy").await;
    assert!(policy.body.contains("\"sqs:SendMessage\""), "{}", policy.body);
}

#[tokio::test]
async fn another_region_is_another_place_and_its_urls_say_so() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let headers = "x-amz-target: AmazonSQS.CreateQueue\r\ncontent-type: application/x-amz-json-1.0\r\nauthorization: \
                   AWS4-HMAC-SHA256 Credential=111111111111/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host\r\n";
    connection
        .send("POST", "/", headers, r#"{"QueueName":"orders"}"#)
        .await;
    let created = connection.answer().await.body;
    let path = "/queue/eu-west-1/111111111111/orders";
    assert!(created.contains(path), "{created}");
    let arn = connection
        .get(&format!(
            "{path}?Action=GetQueueAttributes&AttributeName.1=QueueArn"
        ))
        .await;
    assert!(
        arn.body.contains("arn:aws:sqs:eu-west-1:111111111111:orders"),
        "{}",
        arn.body
    );
}

#[tokio::test]
async fn null_means_that_a_parameter_is_left_out() {
    let server = Running::start().await;
    let created = server
        .json(
            "CreateQueue",
            r#"{"QueueName":"orders","Attributes":null,"tags":null}"#,
        )
        .await;
    assert_eq!(created.status, 200, "{}", created.body);
    let url = format!("http://{}/000000000000/orders", server.address);
    let nulls = r#""DelaySeconds":null,"MessageAttributes":null,"MessageSystemAttributes":null,"MessageGroupId":null"#;
    let sent = server
        .json(
            "SendMessage",
            &format!(r#"{{"QueueUrl":"{url}","MessageBody":"x",{nulls}}}"#),
        )
        .await;
    assert_eq!(sent.status, 200, "{}", sent.body);
}

#[tokio::test]
async fn a_region_that_is_none_does_not_get_into_the_page() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let headers = "x-amz-target: AmazonSQS.CreateQueue\r\nauthorization: AWS4-HMAC-SHA256 \
                   Credential=test/20260101/<script>/sqs/aws4_request, SignedHeaders=host\r\n";
    connection
        .send("POST", "/", headers, r#"{"QueueName":"orders"}"#)
        .await;
    connection.answer().await;
    let page = connection.get("/").await;
    assert!(
        page.body.contains("arn:aws:sqs:us-east-1:000000000000:orders"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("<script>"));
}
