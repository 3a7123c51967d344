// A message between JSON and the queue's terms: as a producer sends it, as a consumer is shown it.

import { SqsError } from './error.ts';
import { type Fields, objectMap, optionalText, texts } from './input.ts';
import {
  type MessageAttribute,
  type MessageDraft,
  md5OfAttributes,
  md5OfBody,
  selectAttributes,
} from './message.ts';
import type { ReceivedMessage } from './queue.ts';

/** Parameters that the local queue could only ignore: they are refused instead. */
const PARAMETERS_REFUSED = ['MessageDeduplicationId', 'MessageGroupId', 'MessageSystemAttributes'];

/** The local queue does not know its callers; the service tells the id of a user or role. */
const SENDER_ID = 'local';

/** The message of a SendMessage request, or of an entry of SendMessageBatch. */
export function readDraft(fields: Fields): MessageDraft {
  const refused = PARAMETERS_REFUSED.find((name) => (fields[name] ?? undefined) !== undefined);
  if (refused !== undefined) {
    throw new SqsError('UnsupportedOperation', `The local queue does not offer ${refused}.`);
  }
  const attributes = [...objectMap(fields, 'MessageAttributes')];
  return {
    body: optionalText(fields, 'MessageBody') ?? '',
    attributes: new Map(attributes.map(([name, value]) => [name, readAttribute(value)])),
  };
}

/** What the producer is told. */
export function sentJson(messageId: string, { body, attributes }: MessageDraft): object {
  return {
    MessageId: messageId,
    MD5OfMessageBody: md5OfBody(body),
    MD5OfMessageAttributes: md5OfAttributes(attributes),
  };
}

/** The message with the attributes that the ReceiveMessage `request` names. */
export function receivedJson(message: ReceivedMessage, request: Fields): object {
  const attributes = selectAttributes(message.attributes, texts(request, 'MessageAttributeNames'));
  const systemNames = [
    ...texts(request, 'MessageSystemAttributeNames'),
    // The older name of the same parameter.
    ...texts(request, 'AttributeNames'),
  ];
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    Body: message.body,
    MD5OfBody: md5OfBody(message.body),
    Attributes: systemAttributes(message, systemNames),
    MessageAttributes: attributes.size === 0 ? undefined : Object.fromEntries(attributes),
    // Over the attributes that are shown, not over all that were sent.
    MD5OfMessageAttributes: md5OfAttributes(attributes),
  };
}

function readAttribute(value: Fields): MessageAttribute {
  if ((value['StringListValues'] ?? value['BinaryListValues'] ?? undefined) !== undefined) {
    throw new SqsError('UnsupportedOperation', 'Message attribute lists are not supported.');
  }
  const BinaryValue = optionalText(value, 'BinaryValue');
  if (BinaryValue !== undefined && !/^[A-Za-z0-9+/]*={0,2}$/.test(BinaryValue)) {
    throw new SqsError('SerializationException', 'BinaryValue must be base64.');
  }
  return {
    DataType: optionalText(value, 'DataType') ?? '',
    StringValue: optionalText(value, 'StringValue'),
    BinaryValue,
  };
}

/** The system attributes that are asked for; names of those that a message never has are passed over. */
function systemAttributes(
  message: ReceivedMessage,
  wanted: readonly string[],
): Record<string, string> | undefined {
  const known: Record<string, string> = {
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAtMs),
    ApproximateReceiveCount: String(message.receiveCount),
    SenderId: SENDER_ID,
    SentTimestamp: String(message.sentAtMs),
  };
  const shown = Object.entries(known).filter(
    ([name]) => wanted.includes('All') || wanted.includes(name),
  );
  return shown.length === 0 ? undefined : Object.fromEntries(shown);
}
