#!/bin/bash
# A queue with a dead-letter queue, attributes, a batch and FIFO, through the AWS CLI.
set -euo pipefail
export AWS_PAGER= AWS_DEFAULT_OUTPUT=text
sqs() { "${AWS_CLI:-aws}" --endpoint-url "$ENDPOINT" sqs "$@"; }
arn() { sqs get-queue-attributes --queue-url "$1" --attribute-names QueueArn --query Attributes.QueueArn; }

dead=$(sqs create-queue --queue-name orders-dead --query QueueUrl)
policy="{\"deadLetterTargetArn\":\"$(arn "$dead")\",\"maxReceiveCount\":\"1\"}"
queue=$(sqs create-queue --queue-name orders --query QueueUrl \
    --attributes "$(printf '{"RedrivePolicy":"%s","VisibilityTimeout":"0"}' "${policy//\"/\\\"}")")

sqs send-message --queue-url "$queue" --message-body hello \
    --message-attributes '{"kind":{"DataType":"String","StringValue":"shoes"}}' > /dev/null
received=$(sqs receive-message --queue-url "$queue" --message-attribute-names All \
    --query 'Messages[0].[Body,MessageAttributes.kind.StringValue]')
[ "$received" = $'hello\tshoes' ] || { echo "received: $received"; exit 1; }

[ "$(sqs receive-message --queue-url "$queue" --query 'length(Messages || `[]`)')" = 0 ]
handle=$(sqs receive-message --queue-url "$dead" --query 'Messages[0].ReceiptHandle')
sqs delete-message --queue-url "$dead" --receipt-handle "$handle"

fifo=$(sqs create-queue --queue-name orders.fifo --query QueueUrl \
    --attributes FifoQueue=true,ContentBasedDeduplication=true)
sqs send-message-batch --queue-url "$fifo" --entries \
    '[{"Id":"a","MessageBody":"one","MessageGroupId":"g"},{"Id":"b","MessageBody":"two","MessageGroupId":"g"}]' > /dev/null
bodies=$(sqs receive-message --queue-url "$fifo" --max-number-of-messages 10 --query 'Messages[].Body')
[ "$bodies" = $'one\ttwo' ] || { echo "bodies: $bodies"; exit 1; }
