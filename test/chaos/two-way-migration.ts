// A pair of tables on real engines that goes from one direction to both and back, under traffic: its functions are
// deployed anew at each step, and its operator runs the commands that ship. The judge knows the applications' last writes,
// and reads both tables by scans of its own.

import {
  DeleteItemCommand,
  DynamoDBClient,
  paginateScan,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { systemClock } from '../../src/aws/system-clock.ts';
import { otherDirection } from '../../src/config/directions.ts';
import type { Side } from '../../src/config/identity.ts';
import type { ReplicationConfig, ServiceEndpoints, TwoWayConfig } from '../../src/config/schema.ts';
import type { Cleanup } from '../../src/local/run/cleanup.ts';
import { keepConfig } from '../../src/local/run/kept-config.ts';
import {
  createWayBack,
  inOneDirection,
  type LocalPlace,
  type LocalWorldOptions,
  openLocalPlace,
} from '../../src/local/run/local-place.ts';
import { type LocalWorld, startDirection } from '../../src/local/run/local-world.ts';
import { below, seededRandom } from '../../src/local/seeded-random.ts';
import type { Item } from '../../src/ports.ts';
import { ferryStamp } from '../../src/stamp/index.ts';
import { lambdaState, openLambdaCloud } from '../fixtures/lambda-cloud.ts';
import { type Finished, runHere } from '../fixtures/two-regions.ts';
import { CREDENTIALS } from './disturbance.ts';
import { replicationIn } from './two-way.ts';

export interface MigrationOptions {
  readonly seed: number;
  readonly directory: string;
  /** Whether the operator's adoptions find the functions, and wait until nothing of them can land: minutes. */
  readonly waits: boolean;
  readonly onStory: (line: string) => void;
}

/** What each side may be written by. */
interface Writer {
  /** Of the plug-in; without it, writes are plain. */
  readonly epoch?: number;
  readonly keys: ReadonlyArray<keyof typeof KEYS>;
}

type Writers = Readonly<Partial<Record<Side, Writer>>>;

const KEYS = { own: 'item', other: 'eu#item' } as const;
const KEYS_EACH = 25;
const DELETE_SHARE = 0.2;
const PAUSE_MS = 10;
const CALM_MS = 1_500;

export class Migration {
  readonly #options: MigrationOptions;
  readonly #place: LocalPlace;
  readonly #wayBack: LocalPlace;
  readonly #worldOptions: LocalWorldOptions;
  readonly #cleanups: Cleanup[];
  /** By key: the number of the last write; undefined after a delete. Only of items that one side has written. */
  readonly #expected = new Map<string, number | undefined>();
  #outward: LocalWorld;
  #back: LocalWorld | undefined;
  #traffic: { readonly stop: AbortController; readonly over: Promise<unknown> } | undefined;
  #writes = 0;

  private constructor(parts: {
    readonly options: MigrationOptions;
    readonly place: LocalPlace;
    readonly wayBack: LocalPlace;
    readonly worldOptions: LocalWorldOptions;
    readonly cleanups: Cleanup[];
    readonly outward: LocalWorld;
  }) {
    this.#options = parts.options;
    this.#place = parts.place;
    this.#wayBack = parts.wayBack;
    this.#worldOptions = parts.worldOptions;
    this.#cleanups = parts.cleanups;
    this.#outward = parts.outward;
  }

  /** In one direction, between two tables whose streams have both images. */
  static async open(options: MigrationOptions, cleanups: Cleanup[]): Promise<Migration> {
    const worldOptions = {
      replication: replicationIn('home'),
      credentials: CREDENTIALS,
      runId: `migration-${options.seed}`,
      clock: systemClock,
      random: seededRandom(options.seed),
      onProblem: () => undefined,
    };
    const place = await openLocalPlace(worldOptions, cleanups);
    const wayBack = await createWayBack(place, systemClock);
    const oneWay = { ...place, replication: inOneDirection(place.replication) };
    const outward = await startDirection(oneWay, worldOptions, cleanups);
    const nothing = await openLambdaCloud(lambdaState({ isDeployed: false }));
    cleanups.push(() => nothing.close());
    return new Migration({ options, place, wayBack, worldOptions, cleanups, outward });
  }

  get writes(): number {
    return this.#writes;
  }

  /** Deploys both directions, the way back for the first time if it is not there. */
  async deployBoth(changes: Pick<TwoWayConfig, 'mode' | 'epoch'>): Promise<void> {
    const replication = this.#both(changes);
    await this.#outward.deployAs(replication);
    const back = otherDirection(replication);
    if (this.#back !== undefined) return this.#back.deployAs(back);
    const place = { ...this.#wayBack, replication: back };
    this.#back = await startDirection(place, this.#worldOptions, this.#cleanups);
  }

  /** Removes the way back. */
  async deployOneWay(): Promise<void> {
    await this.#outward.deployAs(inOneDirection(this.#place.replication));
    await this.#back?.mapping.stop();
    await this.#back?.lambda.stop();
    this.#back = undefined;
  }

  #both({ mode, epoch }: Pick<TwoWayConfig, 'mode' | 'epoch'>): ReplicationConfig {
    const { twoWay, ...rest } = this.#place.replication;
    if (twoWay === undefined) throw new Error('the place has one direction');
    const { home, ...settings } = twoWay;
    return { ...rest, twoWay: { ...settings, mode, epoch, ...(mode === 'home' && { home }) } };
  }

  /** From now on, applications write so. @returns once they have written for a while. */
  async write(writers: Writers): Promise<void> {
    await this.quiet();
    const stop = new AbortController();
    const loops = (['source', 'destination'] as const).flatMap((side) => {
      const writer = writers[side];
      return writer === undefined ? [] : [this.#writeAt(side, writer, stop.signal)];
    });
    this.#traffic = { stop, over: Promise.all(loops) };
    await delay(CALM_MS);
  }

  /** No application writes any more. */
  async quiet(): Promise<void> {
    this.#traffic?.stop.abort();
    await this.#traffic?.over;
    this.#traffic = undefined;
  }

  /** Nothing waits in either stream. */
  async drain(): Promise<void> {
    await this.quiet();
    for (let round = 1; round <= 2; round += 1) {
      await this.#outward.settled();
      await this.#back?.settled();
    }
  }

  async #writeAt(side: Side, { epoch, keys }: Writer, stop: AbortSignal): Promise<void> {
    const { region, endpoint } = this.#place[side];
    const TableName = this.#place.replication[side].table;
    const client = new DynamoDBClient({ region, endpoint, credentials: CREDENTIALS });
    if (epoch !== undefined)
      client.middlewareStack.use(
        ferryStamp({ epoch, origin: side, tables: [TableName], now: Date.now }),
      );
    const random = seededRandom(this.#options.seed + this.#writes);
    const isShared = keys.length > 1 && epoch !== undefined;
    while (!stop.aborted) {
      const group = keys[below(random, keys.length)] ?? 'own';
      const text = `${KEYS[group]}-${below(random, KEYS_EACH)}`;
      const key = { pk: { S: text }, sk: { S: 'one' } };
      this.#writes += 1;
      const number = this.#writes;
      const isDelete = random.next() < DELETE_SHARE;
      await (isDelete
        ? client.send(new DeleteItemCommand({ TableName, Key: key }))
        : client.send(
            new PutItemCommand({ TableName, Item: { ...key, write: { N: String(number) } } }),
          ));
      if (isShared) this.#expected.delete(text);
      else this.#expected.set(text, isDelete ? undefined : number);
      await delay(PAUSE_MS);
    }
    client.destroy();
  }

  /** As an operator: the commands that ship, in this process, with the configuration that is deployed. */
  async ferry(...args: readonly string[]): Promise<Finished> {
    const config = join(this.#options.directory, `${args.join('-')}.json`);
    const kept = keepConfig(this.#kept(), config);
    const finished = await runHere([...args, '--json', '--config', config]);
    kept.remove();
    this.#options.onStory(`ferry ${args.join(' ')}: ${finished.exitCode} ${finished.out}`);
    return finished;
  }

  #kept() {
    const [outward, back] = [this.#outward, this.#back];
    const { replication } = outward;
    const faults = { endpoint: outward.destination.endpoint };
    return {
      ...outward,
      replication,
      faults,
      endpoints: this.#endpoints(outward),
      ...(back && { back: { streamArn: back.streamArn, endpoints: this.#endpoints(back) } }),
    };
  }

  /** In a Lambda without functions, an adoption has nothing to wait for. */
  #endpoints({ endpoints: { lambda, ...others } }: LocalWorld): ServiceEndpoints {
    return { ...others, ...(this.#options.waits && lambda !== undefined && { lambda }) };
  }

  /** What makes the tables unequal, or other than the applications have left them; by scans, not by Ferry. */
  async unequal(): Promise<string[]> {
    const [source, destination] = await Promise.all([
      this.#scan('source'),
      this.#scan('destination'),
    ]);
    const keys = new Set([...source.keys(), ...destination.keys(), ...this.#expected.keys()]);
    return [...keys].flatMap((key) => {
      const [one, other] = [source.get(key), destination.get(key)];
      if (!isDeepStrictEqual(one, other)) return [`${key}: ${shown(one)} and ${shown(other)}`];
      if (!this.#expected.has(key)) return [];
      const expected = this.#expected.get(key);
      const found = one?.['write']?.N;
      return found === expected?.toString() ? [] : [`${key}: ${found}, and not ${expected}`];
    });
  }

  async #scan(side: Side): Promise<Map<string, Item>> {
    const items = new Map<string, Item>();
    const { client } = this.#place[side];
    const TableName = this.#place.replication[side].table;
    for await (const page of paginateScan({ client }, { TableName, ConsistentRead: true }))
      for (const { _ferry: _, ...item } of page.Items ?? []) items.set(item['pk']?.S ?? '', item);
    return items;
  }
}

const shown = (item: Item | undefined) => item?.['write']?.N ?? 'nothing';
