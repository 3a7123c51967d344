// `ferry projection test`: applies the projection to real items of the source, and shows what it makes of them.

import { randomBytes } from 'node:crypto';
import { dynamoDbReader, readClient } from '../aws/dynamodb-reader.ts';
import { systemClock } from '../aws/system-clock.ts';
import { retriesUntil } from '../composition/pair-work.ts';
import { requireTable } from '../composition/table-check.ts';
import { requireProjection, tryProjection } from '../composition/try-projection.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import { UsageError } from '../errors.ts';
import { seededRandom } from '../local/seeded-random.ts';
import { paceOf } from '../pacing/pace.ts';
import { pacedReader } from '../pacing/paced-reader.ts';
import { type Judged, judge } from '../projection/sample-test.ts';
import { drawItems } from '../verify/sample-items.ts';
import { aboutReplication, type Call, untilInterrupted } from './call.ts';
import { type Command, numberOption } from './command.ts';
import { countBar, EXIT } from './output.ts';
import { printProjectionTest } from './projection-result.ts';
import { replicationOptions, selectedReplication } from './replication.ts';

export const projectionTestCommand: Command = {
  name: 'projection test',
  options: {
    ...replicationOptions,
    sample: numberOption('N', [1, 10_000], 'how many items to project, chosen at random', 100),
    show: numberOption('N', [0, 1_000], 'how many of them to show before and after', 3),
    'keys-only': { help: 'show no attribute values but those of keys' },
    seed: numberOption('N', [0, 4_294_967_295], 'choose the items of an earlier run again'),
    'seconds-per-item': numberOption('N', [1, 900], 'how long a module may take for one item', 10),
    json: { help: 'print the result as one line of JSON' },
  },
  async run(options, io) {
    const replication = await selectedReplication(options);
    if (replication.projection === undefined) throw noProjection(replication);
    const work = { hint: 'Nothing was changed.', changes: false, run: testProjection };
    return aboutReplication(replication, { options, io }, work);
  },
};

function noProjection({ name }: ReplicationConfig): UsageError {
  return new UsageError(`The replication ${name} has no projection.`, {
    code: 'usage.projection',
    hint: 'Set "projection" in the configuration. docs/projections.md shows how.',
  });
}

async function testProjection(call: Call): Promise<number> {
  const { options, io, replication, sides } = call;
  const seed = options.integer('seed') ?? randomBytes(4).readUInt32BE();
  const secondsPerItem = options.integer('seconds-per-item') ?? 0;
  const trial = { replication, source: sides.source, secondsPerItem, stop: io.interrupted };
  const tested = await untilInterrupted(io, async () => {
    await requireProjection({ ...trial, onCall: () => undefined });
    const { items, ...drawn } = await drawFrom(call, seed);
    let calls = 0;
    const onCall = () => io.status(countBar((calls += 1), 3 * items.length));
    const { digest, tried } = await tryProjection(items, { ...trial, onCall });
    return { ...drawn, digest, judged: [...tried.map(judge), ...drawn.unreadable] };
  });
  if (tested !== undefined) return printProjectionTest({ ...call, ...tested, seed });
  io.err('Stopped. Nothing was changed.');
  return EXIT.differences;
}

async function drawFrom({ options, io, replication, sides }: Call, seed: number) {
  const { table } = replication.source;
  const facts = await requireTable(sides.source, table, 'source');
  const keyAttributes = facts.keys.map(({ name }) => name);
  const client = readClient(sides.source);
  try {
    const source = pacedReader(
      dynamoDbReader(client, { table, keyAttributes }),
      paceOf(Infinity, systemClock),
      retriesUntil(io.interrupted),
    );
    const wanted = options.integer('sample') ?? 0;
    const drawn = await drawItems(source, { wanted, facts, random: seededRandom(seed) });
    return {
      ...drawn,
      items: drawn.items.map((item) => ({ key: source.keyOf(item), source: item })),
      // The function cannot read them either.
      unreadable: drawn.unreadable.map(({ key, reason }): Judged => {
        return { key, source: key, kind: 'failed', name: 'Unreadable', message: reason };
      }),
      viewType: facts.stream?.viewType,
    };
  } finally {
    client.destroy();
  }
}
