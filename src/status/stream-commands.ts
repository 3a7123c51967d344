// A table whose stream has to change -> the commands of AWS's that change it, for hints.

import type { TableFacts } from '../model/table-facts.ts';

type Place = Pick<TableFacts, 'region' | 'table' | 'endpoint'>;

/** Turns on a stream with new images. */
export function streamOnCommand(place: Place): string {
  return updateTable(place, 'StreamEnabled=true,StreamViewType=NEW_IMAGE');
}

/** DynamoDB refuses another view for a stream that is on: it has to be turned off first, and gets another ARN. */
export function streamAnewCommands(place: Place): string {
  // A table takes no second change while it has the status UPDATING.
  return [
    updateTable(place, 'StreamEnabled=false'),
    `aws dynamodb wait table-exists ${placeOptions(place)}`,
    streamOnCommand(place),
  ].join(' && ');
}

function updateTable(place: Place, specification: string): string {
  return `aws dynamodb update-table ${placeOptions(place)} --stream-specification ${specification}`;
}

function placeOptions({ region, table, endpoint }: Place): string {
  const at = endpoint === undefined ? '' : ` --endpoint-url ${endpoint}`;
  return `--region ${region} --table-name ${table}${at}`;
}
