// A log group as a journal, on the SDK's own protocol.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logGroup, logsClient } from '../../src/aws/log-group.ts';
import { fixedCredentials } from '../../src/aws/access.ts';
import type { Journal } from '../../src/ports.ts';
import { type LogsCloud, openLogsCloud } from '../fixtures/logs-cloud.ts';

const GROUP = '/ferry/orders/history';
const NOW_MS = Date.now();

let cloud: LogsCloud;
beforeEach(async () => {
  cloud = await openLogsCloud(GROUP);
});
afterEach(() => cloud.close());

function journal(group = GROUP): Journal {
  const client = logsClient({
    region: 'us-east-1',
    endpoint: cloud.environment['AWS_ENDPOINT_URL_CLOUDWATCH_LOGS'],
    credentials: fixedCredentials({ accessKeyId: 'test', secretAccessKey: 'test' }),
  });
  return logGroup(client, group);
}

describe('a line', () => {
  it('is added with one request, once the stream is there', async () => {
    const { requests } = cloud.state;
    const first = await journal().append('{"n":1}', NOW_MS);
    const ofFirst = requests.splice(0);
    const second = await journal().append('{"n":2}', NOW_MS);

    expect([first, second]).toEqual([true, true]);
    expect(ofFirst.map((one) => one.split(' ')[0])).toEqual([
      'PutLogEvents',
      'CreateLogStream',
      'PutLogEvents',
    ]);
    expect(requests).toEqual([`PutLogEvents ${GROUP}`]);
    expect(cloud.lines(GROUP)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it('is added by two callers at the same time, of whom one makes the stream', async () => {
    const added = await Promise.all([1, 2, 3].map((n) => journal().append(`{"n":${n}}`, NOW_MS)));

    expect(added).toEqual([true, true, true]);
    expect(cloud.lines(GROUP)).toHaveLength(3);
  });

  it('has no place where the log group is missing', async () => {
    expect(await journal('/ferry/books/history').append('{}', NOW_MS)).toBe(false);
  });

  it('that CloudWatch Logs rejects with success is an error', async () => {
    await journal().append('{}', NOW_MS);
    const adding = journal().append('{}', NOW_MS + 3 * 60 * 60 * 1000);

    await expect(adding).rejects.toMatchObject({ code: 'history.rejected' });
  });

  it('that is denied is an error of the service', async () => {
    cloud.state.refusal = { status: 400, type: 'AccessDeniedException' };

    await expect(journal().append('{}', NOW_MS)).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });
});

describe('lines', () => {
  it('are read over pages, with some of them empty, the newest first', async () => {
    for (let n = 0; n < 8; n += 1) await journal().append(`${n}`, NOW_MS + n);

    expect(await journal().read(NOW_MS + 1, NOW_MS + 7)).toEqual(['6', '5', '4', '3', '2', '1']);
  });

  it('of a log group without any are none, and of a missing one undefined', async () => {
    expect(await journal().read(0, NOW_MS)).toEqual([]);
    expect(await journal('/ferry/books/history').read(0, NOW_MS)).toBeUndefined();
  });
});
