"""A queue with a dead-letter queue, attributes, batches and FIFO, through boto3."""

import json
import os

import boto3

sqs = boto3.client("sqs", endpoint_url=os.environ["ENDPOINT"])


def arn(url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


dead = sqs.create_queue(QueueName="orders-dead")["QueueUrl"]
policy = json.dumps({"deadLetterTargetArn": arn(dead), "maxReceiveCount": 1})
queue = sqs.create_queue(QueueName="orders", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})["QueueUrl"]

attributes = {
    "kind": {"DataType": "String", "StringValue": "shoes"},
    "picture": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    "size": {"DataType": "Number.int", "StringValue": "42"},
}
sent = sqs.send_message(QueueUrl=queue, MessageBody="hello", MessageAttributes=attributes)
receive = {"QueueUrl": queue, "MessageAttributeNames": ["All"], "AttributeNames": ["All"], "WaitTimeSeconds": 1}
(message,) = sqs.receive_message(**receive)["Messages"]
assert message["Body"] == "hello" and message["MessageAttributes"] == attributes, message
assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]

assert "Messages" not in sqs.receive_message(QueueUrl=queue)
(moved,) = sqs.receive_message(QueueUrl=dead, AttributeNames=["All"])["Messages"]
assert moved["MessageId"] == sent["MessageId"]
assert moved["Attributes"]["DeadLetterQueueSourceArn"] == arn(queue)
sqs.delete_message(QueueUrl=dead, ReceiptHandle=moved["ReceiptHandle"])

fifo = sqs.create_queue(
    QueueName="orders.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
)["QueueUrl"]
entries = [{"Id": str(n), "MessageBody": f"m{n}", "MessageGroupId": f"g{n % 2}"} for n in range(10)]
assert len(sqs.send_message_batch(QueueUrl=fifo, Entries=entries)["Successful"]) == 10
messages = sqs.receive_message(QueueUrl=fifo, MaxNumberOfMessages=10)["Messages"]
assert [m["Body"] for m in messages] == [f"m{n}" for n in (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)], messages
done = [{"Id": m["MessageId"], "ReceiptHandle": m["ReceiptHandle"]} for m in messages]
assert len(sqs.delete_message_batch(QueueUrl=fifo, Entries=done)["Successful"]) == 10

try:
    sqs.get_queue_url(QueueName="missing")
    raise SystemExit("a missing queue was found")
except sqs.exceptions.QueueDoesNotExist:
    pass
