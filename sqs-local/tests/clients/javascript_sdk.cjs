// A queue with a dead-letter queue, attributes, batches and FIFO, through the AWS SDK for JavaScript v3.
const assert = require("node:assert/strict");
const { SQS, QueueDoesNotExist } = require("@aws-sdk/client-sqs");

async function main() {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const sqs = new SQS({ endpoint: process.env.ENDPOINT, region: "us-east-1", credentials });
  const { QueueUrl: dead } = await sqs.createQueue({ QueueName: "orders-dead" });
  const { Attributes } = await sqs.getQueueAttributes({ QueueUrl: dead, AttributeNames: ["QueueArn"] });
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes.QueueArn, maxReceiveCount: 1 });
  const { QueueUrl } = await sqs.createQueue({
    QueueName: "orders",
    Attributes: { RedrivePolicy, VisibilityTimeout: "0" },
  });

  const MessageAttributes = {
    kind: { DataType: "String", StringValue: "shoes" },
    picture: { DataType: "Binary", BinaryValue: new Uint8Array([0, 1, 255]) },
  };
  // The SDK checks the MD5 of what it sends and receives.
  const sent = await sqs.sendMessage({ QueueUrl, MessageBody: "hello", MessageAttributes });
  const { Messages } = await sqs.receiveMessage({ QueueUrl, MessageAttributeNames: ["All"], WaitTimeSeconds: 1 });
  assert.equal(Messages[0].Body, "hello");
  assert.equal(Messages[0].MessageAttributes.kind.StringValue, "shoes");
  assert.deepEqual([...Messages[0].MessageAttributes.picture.BinaryValue], [0, 1, 255]);

  assert.equal((await sqs.receiveMessage({ QueueUrl })).Messages, undefined);
  const moved = (await sqs.receiveMessage({ QueueUrl: dead })).Messages[0];
  assert.equal(moved.MessageId, sent.MessageId);
  await sqs.deleteMessage({ QueueUrl: dead, ReceiptHandle: moved.ReceiptHandle });

  const fifo = await sqs.createQueue({
    QueueName: "orders.fifo",
    Attributes: { FifoQueue: "true", ContentBasedDeduplication: "true" },
  });
  const Entries = [..."0123456789"].map((n) => ({ Id: n, MessageBody: `m${n}`, MessageGroupId: "g" }));
  assert.equal((await sqs.sendMessageBatch({ QueueUrl: fifo.QueueUrl, Entries })).Successful.length, 10);
  const batch = await sqs.receiveMessage({ QueueUrl: fifo.QueueUrl, MaxNumberOfMessages: 10 });
  assert.deepEqual(batch.Messages.map((m) => m.Body), Entries.map((e) => e.MessageBody));
  const done = batch.Messages.map((m) => ({ Id: m.MessageId, ReceiptHandle: m.ReceiptHandle }));
  assert.equal((await sqs.deleteMessageBatch({ QueueUrl: fifo.QueueUrl, Entries: done })).Successful.length, 10);

  await assert.rejects(sqs.getQueueUrl({ QueueName: "missing" }), QueueDoesNotExist);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
