// The npm package sqs-consumer handles messages of a queue, FIFO and batches included.
const assert = require("node:assert/strict");
const { SQSClient, CreateQueueCommand, SendMessageBatchCommand, GetQueueAttributesCommand } = require("@aws-sdk/client-sqs");
const { Consumer } = require("sqs-consumer");

async function consume(sqs, queueUrl, bodies) {
  const seen = [];
  await new Promise((resolve, reject) => {
    const consumer = Consumer.create({
      queueUrl,
      sqs,
      batchSize: 10,
      waitTimeSeconds: 1,
      handleMessageBatch: async (messages) => {
        seen.push(...messages.map((message) => message.Body));
        if (seen.length >= bodies.length) {
          consumer.once("response_processed", () => consumer.stop());
        }
        return messages;
      },
    });
    consumer.on("error", reject);
    consumer.on("processing_error", reject);
    consumer.on("stopped", resolve);
    consumer.start();
  });
  assert.deepEqual(seen, bodies);
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ["All"] }));
  assert.equal(Attributes.ApproximateNumberOfMessages, "0");
  assert.equal(Attributes.ApproximateNumberOfMessagesNotVisible, "0");
}

async function main() {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const sqs = new SQSClient({ endpoint: process.env.ENDPOINT, region: "us-east-1", credentials });
  const bodies = [..."0123456789"].map((n) => `m${n}`);
  for (const [QueueName, Attributes, group] of [
    ["orders", {}, undefined],
    ["orders.fifo", { FifoQueue: "true", ContentBasedDeduplication: "true" }, "g"],
  ]) {
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
    const Entries = bodies.map((body, n) => ({ Id: `${n}`, MessageBody: body, MessageGroupId: group }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    await consume(sqs, QueueUrl, bodies);
  }
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
