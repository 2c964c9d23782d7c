"""Places orders the way any tutorial does: once with boto3, once with the AWS CLI.

Usage: place_orders.py ENDPOINT_URL QUEUE
"""

import json
import os
import subprocess
import sys

import boto3

endpoint, queue = sys.argv[1:3]
os.environ.update(
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_PAGER="",
)
sqs = boto3.client("sqs", endpoint_url=endpoint)

dead_url = sqs.create_queue(QueueName=queue + "-dead")["QueueUrl"]
attributes = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]
policy = {"deadLetterTargetArn": attributes["QueueArn"], "maxReceiveCount": "5"}
url = sqs.create_queue(
    QueueName=queue,
    Attributes={"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "30"},
)["QueueUrl"]


def order(number):
    return json.dumps({"id": number, "customer": 7, "sku": "tea", "cents": 990})


# With attributes, one by one.
for number in range(101, 111):
    sent = sqs.send_message(
        QueueUrl=url,
        MessageBody=order(number),
        MessageAttributes={
            "Author": {"StringValue": "John Grisham", "DataType": "String"},
            "WeeksOn": {"StringValue": "6", "DataType": "Number"},
            "Seal": {"BinaryValue": b"\x00\x01\xff", "DataType": "Binary"},
        },
    )
    assert sent["MD5OfMessageBody"] and sent["MD5OfMessageAttributes"], sent

# With the name that routes it, in batches.
for start in (111, 121):
    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {
                "Id": str(number),
                "MessageBody": order(number),
                "MessageAttributes": {
                    "message-name": {"StringValue": "orders.placed", "DataType": "String"}
                },
            }
            for number in range(start, start + 10)
        ],
    )
    assert len(answer["Successful"]) == 10 and "Failed" not in answer, answer

# What is no order.
sqs.send_message(QueueUrl=url, MessageBody="two baguettes, please")
sqs.send_message(
    QueueUrl=url,
    MessageBody="{}",
    MessageAttributes={"message-name": {"StringValue": "bread.baked", "DataType": "String"}},
)


def aws(*arguments):
    command = [sys.executable, "-m", "awscli", "--endpoint-url", endpoint, "sqs", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "{}")


found = aws("get-queue-url", "--queue-name", queue)["QueueUrl"]
for number in range(201, 204):
    aws(
        "send-message",
        "--queue-url",
        found,
        "--message-body",
        order(number),
        "--message-attributes",
        json.dumps({"Source": {"DataType": "String", "StringValue": "cli"}}),
    )
counts = aws("get-queue-attributes", "--queue-url", found, "--attribute-names", "All")["Attributes"]
assert counts["ApproximateNumberOfMessages"] == "35", counts
print("placed 33 orders and 2 that are none")
