// A table whose stream has to change -> the commands of AWS's that change it, for hints.

import type { TableFacts } from '../model/table-facts.ts';

type Place = Pick<TableFacts, 'region' | 'table' | 'endpoint'>;

/** What the records of a stream have, as far as Ferry reads them. */
type View = 'NEW_IMAGE' | 'NEW_AND_OLD_IMAGES';

/** Turns on a stream with new images. */
export function streamOnCommand(place: Place, view: View = 'NEW_IMAGE'): string {
  return updateTable(place, `StreamEnabled=true,StreamViewType=${view}`);
}

/** DynamoDB refuses another view for a stream that is on: it has to be turned off first, and gets another ARN. */
export function streamAnewCommands(place: Place, view?: View): string {
  // A table takes no second change while it has the status UPDATING.
  return [
    updateTable(place, 'StreamEnabled=false'),
    `aws dynamodb wait table-exists ${placeOptions(place)}`,
    streamOnCommand(place, view),
  ].join(' && ');
}

/** Makes a table send its changes to a Kinesis stream, with times that order them; or changes the times. */
export function streamingCommand(
  verb: 'enable' | 'update',
  place: Place,
  streamArn: string,
): string {
  return `aws dynamodb ${verb}-kinesis-streaming-destination ${placeOptions(place)} --stream-arn ${streamArn} --${verb}-kinesis-streaming-configuration ApproximateCreationDateTimePrecision=MICROSECOND`;
}

/** Changes how long a Kinesis stream keeps a record. */
export function retentionCommand(
  verb: 'decrease' | 'increase',
  { region }: Pick<Place, 'region'>,
  { streamArn, hours }: { readonly streamArn: string; readonly hours: number },
): string {
  return `aws kinesis ${verb}-stream-retention-period --region ${region} --stream-arn ${streamArn} --retention-period-hours ${hours}`;
}

function updateTable(place: Place, specification: string): string {
  return `aws dynamodb update-table ${placeOptions(place)} --stream-specification ${specification}`;
}

/** The options by which a command of AWS's finds the table. */
export function placeOptions({ region, table, endpoint }: Place): string {
  const at = endpoint === undefined ? '' : ` --endpoint-url ${endpoint}`;
  return `--region ${region} --table-name ${table}${at}`;
}
