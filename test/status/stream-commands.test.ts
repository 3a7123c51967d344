// Hints about a stream are commands that AWS takes as they are.

import { expect, it } from 'vitest';
import { streamAnewCommands, streamOnCommand } from '../../src/status/stream-commands.ts';

const place = { region: 'us-east-1', table: 'Orders' };

it('turns a stream on in one command', () => {
  expect(streamOnCommand(place)).toBe(
    'aws dynamodb update-table --region us-east-1 --table-name Orders --stream-specification StreamEnabled=true,StreamViewType=NEW_IMAGE',
  );
});

it('turns a stream with another view off before it turns it on', () => {
  expect(streamAnewCommands(place).split(' && ')).toEqual([
    'aws dynamodb update-table --region us-east-1 --table-name Orders --stream-specification StreamEnabled=false',
    'aws dynamodb wait table-exists --region us-east-1 --table-name Orders',
    streamOnCommand(place),
  ]);
});

it('turns a stream on with old images where they are needed', () => {
  const commands = streamAnewCommands(place, 'NEW_AND_OLD_IMAGES');

  expect(commands).toMatch(
    / --stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES$/,
  );
});

it('names the endpoint of the table in each command, and only where it has one', () => {
  const commands = streamAnewCommands({ ...place, endpoint: 'http://127.0.0.1:8000' });

  for (const command of commands.split(' && ')) {
    expect(command).toContain(' --endpoint-url http://127.0.0.1:8000');
  }
  expect(streamAnewCommands(place)).not.toContain('endpoint');
});
