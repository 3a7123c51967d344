// Findings about the Kinesis stream to which the source sends its changes.

import { type KinesisFacts, isStreaming } from '../model/kinesis-facts.ts';
import { type Check, error, type Finding, nameOf, note, type Pair, warning } from './finding.ts';
import { retentionCommand, streamingCommand } from './stream-commands.ts';

type Found = (kinesis: KinesisFacts, pair: Pair) => Finding[];

/** Each but the last of a pair that is replicated through such a stream. */
export const KINESIS_CHECKS: readonly Check[] = [
  ...[streaming, precision, retention, key].map(
    (check: Found): Check =>
      (pair) =>
        pair.kinesis === undefined ? [] : check(pair.kinesis, pair),
  ),
  unread,
];

function unread({ source, unreadKinesis: found }: Pair): Finding[] {
  if (found === undefined) return [];
  const name = nameOf(source);
  if ('why' in found)
    return note(
      'kinesis-unread',
      `Whether ${name} sends its changes to a Kinesis stream is not known: ${found.why}.`,
      'Ferry reads the stream of the table.',
    );
  return note(
    'kinesis-unread',
    `${name} also sends its changes to the Kinesis stream ${found.streamArn}.`,
    'Ferry reads the stream of the table, which keeps a change for 24 hours. A Kinesis stream keeps it for up to 365 days. To read that one, set "source.kinesisStreamArn" to it, and "source.kinesisRetentionHours" to its retention, as `ferry init --kinesis-stream` does.',
  );
}

function streaming(kinesis: KinesisFacts, { source }: Pair): Finding[] {
  const { status, streamArn, otherStreamArn, retentionHours } = kinesis;
  if (retentionHours === undefined)
    return error(
      'kinesis',
      `There is no Kinesis stream ${streamArn}.`,
      'Correct "kinesisStreamArn", or create the stream.',
    );
  if (status === 'ACTIVE' || status === 'UPDATING') return [];
  const name = nameOf(source);
  if (status === 'ENABLING')
    return error(
      'kinesis',
      `${name} is about to send its changes to ${streamArn}: the status is ENABLING.`,
      'Wait until it is ACTIVE.',
    );
  if (otherStreamArn !== undefined)
    return error(
      'kinesis',
      `${name} sends its changes to ${otherStreamArn}, and not to ${streamArn}.`,
      'A table sends its changes to one Kinesis stream. Correct "kinesisStreamArn".',
    );
  return error(
    'kinesis',
    `${name} does not send its changes to ${streamArn}${status === undefined ? '' : `: the status is ${status}`}.`,
    `Enable it with microseconds: \`${streamingCommand('enable', source, streamArn)}\`.`,
  );
}

function precision(kinesis: KinesisFacts, { source }: Pair): Finding[] {
  if (!isStreaming(kinesis) || kinesis.precision === 'MICROSECOND') return [];
  return error(
    'kinesis-precision',
    `${nameOf(source)} sends its changes with times in milliseconds.`,
    `Of two changes of an item in one millisecond, Ferry would not know the later one. Change it to microseconds: \`${streamingCommand('update', source, kinesis.streamArn)}\`.`,
  );
}

/** Tombstones live as long as the configuration says, and a day. */
function retention({ streamArn, retentionHours }: KinesisFacts, pair: Pair): Finding[] {
  const { source, configuredRetentionHours: configured = retentionHours } = pair;
  if (retentionHours === undefined || configured === undefined) return [];
  const says = `The Kinesis stream keeps a record for ${retentionHours} hours, and "kinesisRetentionHours" is ${configured}.`;
  if (retentionHours > configured)
    return error(
      'kinesis-retention',
      says,
      `A record that outlives the memory of its delete would bring a deleted item back. Set "kinesisRetentionHours" to ${retentionHours}, and deploy. Or shorten the retention: \`${retentionCommand('decrease', source, { streamArn, hours: configured })}\`.`,
    );
  if (retentionHours === configured) return [];
  return warning(
    'kinesis-retention',
    says,
    `Changes are lost earlier than alarms and commands say. Prolong the retention: \`${retentionCommand('increase', source, { streamArn, hours: configured })}\`.`,
  );
}

/** Not the key that AWS manages for all streams of the account. */
function key({ keyId }: KinesisFacts, { configuredKinesisKey: named }: Pair): Finding[] {
  if (keyId === undefined || keyId.endsWith('alias/aws/kinesis')) return [];
  if (named === undefined)
    return note(
      'kinesis-key',
      `The Kinesis stream is encrypted with ${keyId}.`,
      'If it is a customer managed key, "kinesisKmsKeyArn" gives the role of the function the permission to use it.',
    );
  if (!keyId.startsWith('arn:') || !keyId.includes(':key/') || keyId === named) return [];
  return error(
    'kinesis-key',
    `The configuration names the key ${named} for the Kinesis stream, but the stream is encrypted with ${keyId}.`,
    'Correct "source.kinesisKmsKeyArn", and deploy again. Until then, Lambda cannot read the stream.',
  );
}
