// One plan -> one life of a simulated world: faults and operators at work, then calm, then what the runbook
// says, then the verdict.

import { parseDeadLetters } from '../../src/redrive/dead-letter.ts';
import { redriveLetters } from '../../src/redrive/lanes.ts';
import type { StreamRange } from '../../src/model/failure-message.ts';
import { destinationHealth } from '../../src/replicate/destination-health.ts';
import { paceOf } from '../../src/pacing/pace.ts';
import { TABLES } from './judge.ts';
import { judgeTables, reasonOf, requireEqual, requireVerified } from './judge-tables.ts';
import { controlFor } from './command-parts.ts';
import { requireEverything } from './copying.ts';
import { type Command, type Ending, HIDDEN_SECONDS, startCommand } from './operators.ts';
import type { Item } from './memory-dynamodb.ts';
import { DAY, type Deployed, type Disturbance, HOUR, type Plan, SECOND } from './plan.ts';
import { isSound, rulesOf } from './projecting.ts';
import { happens } from './random.ts';
import { MALFORMED } from './stream.ts';
import { World, type WorldOptions } from './world.ts';

export interface RunResult {
  readonly violations: readonly string[];
  readonly coverage: ReadonlyMap<string, number>;
  readonly events: number;
}

export type RunOptions = Omit<WorldOptions, 'plan'>;

/** Events of one world; a world that needs more does not come to rest. */
const EVENTS_MAX = 30_000;
const REDRIVES_MAX = 6;

export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<RunResult> {
  const hops = hopsOf(plan, options);
  const [world] = hops;
  const violations = () => hops.flatMap(({ judge }) => judge.violations);
  const inOrder = async (step: (hop: World) => Promise<void> | void) => {
    for (const hop of hops) if (violations().length === 0) await step(hop);
  };
  for (const hop of hops) schedule(hop);
  await rest(world);
  await inOrder(followRunbook);
  await inOrder(requireAlong);
  await inOrder(applyAgain);
  await inOrder(({ judge }) => judge.requireLetters());
  return { violations: violations(), coverage: coverageOf(hops), events: world.scheduler.ran };
}

/** A mistake is made by all hops, or by the second one only. */
function hopsOf(plan: Plan, options: RunOptions): [World, ...World[]] {
  const { mutation } = options;
  const isOfSecond = mutation?.isOfSecondHop === true;
  const before = new World({ plan, ...options, mutation: isOfSecond ? undefined : mutation });
  if (plan.next === undefined) return [before];
  return [before, new World({ ...options, plan: plan.next, before })];
}

/** The end of a chain has what its beginning has, unless a hop keeps an item that is not Ferry's. */
function requireAlong(last: World): void {
  const { before } = last;
  if (before === undefined) return;
  before.note('chain');
  for (const key of new Set([...before.names(), ...last.names()])) {
    if (before.differs(key) || last.differs(key)) continue;
    const [from, to] = [before.expected(key), last.db.get(TABLES.twin, key)];
    const isLeftOut = last.expected(key) === undefined;
    if (from === 'fails' || (from !== undefined && isLeftOut && to === undefined)) continue;
    if (JSON.stringify(from?.['w']) !== JSON.stringify(to?.['of']))
      last.judge.violation(`along: ${key} is another item at the end of the chain`);
  }
}

function coverageOf(hops: readonly World[]): Map<string, number> {
  const named = hops.flatMap(({ before, coverage }) =>
    [...coverage].map(([name, count]) => [before ? `second hop: ${name}` : name, count] as const),
  );
  return new Map(named);
}

function schedule(world: World): void {
  const { plan, scheduler } = world;
  for (const write of plan.writes) scheduler.at(write.atMs, () => world.source.write(write));
  for (const one of plan.disturbances) scheduler.at(one.atMs, () => disturb(one, world));
  for (const command of plan.commands)
    scheduler.at(command.atMs, () => startCommand(command, world, () => undefined));
  scheduler.at(plan.calmAtMs, () => world.tell(() => 'faults end'));
}

function disturb(one: Disturbance, world: World): void {
  switch (one.kind) {
    case 'split':
      world.source.split();
      return;
    case 'merge':
      world.source.merge();
      return;
    case 'restart':
      world.source.mapping.restart(one.back, false);
      return;
    case 'overlap':
      world.source.mapping.restart(one.back, true);
      return;
    case 'replay':
      world.note('replay from the oldest record');
      world.tell(() => 'the mapping is made again at TRIM_HORIZON');
      world.source.mapping.replay();
      return;
    case 'parallelize':
      world.tell(() => `the parallelization factor is ${one.factor}`);
      world.source.mapping.parallelize(one.factor);
      return;
    case 'second-mapping':
      world.source.addSecond(one.forMs);
      return;
    case 'deploy':
      deploy(one.change, world);
      return;
    case 're-point':
      world.source.repoint();
      world.scheduler.after(one.waitMs, () => adoptAtLast(one.killAfterMs, world, () => undefined));
      return;
    case 'move':
      world.source.move();
      world.scheduler.after(one.waitMs, () => adoptAtLast(one.killAfterMs, world, () => undefined));
      return;
    case 'precision':
      world.tell(() => `the Kinesis stream tells times in ${one.precision}S`);
      world.source.setPrecision(one.precision);
      return;
    case 'anew':
      makeAnew(one, world);
      return;
    case 'foreign-event':
      void world.lambda.invokeForeign(one.key);
      return;
    case 're-create':
      world.source.recreateStream(one.gapMs, one.drained);
      return;
    case 'tamper':
      world.tamper(one.key, one.how);
      return;
    case 'mapping-off':
      switchOff(one.forMs, world);
      return;
    case 'access':
      world.tell(() => `${one.error} for ${one.who}, ${one.forMs / SECOND} s`);
      return;
    case 'outage':
      world.tell(() => `outage: ${one.how}, ${one.share} of all requests, ${one.forMs / SECOND} s`);
  }
}

/** As often as it takes; a mapping that a killed one has disabled is enabled by hand. */
function adoptAtLast(
  killAfterMs: number | undefined,
  world: World,
  onEnd: () => void,
  count = 1,
): void {
  const name = `adopt-${world.scheduler.now().toFixed(0)}-${count}`;
  const slow = { settleMs: 0, slowMs: CALM_REQUEST_MS, killAfterMs };
  startCommand({ name, kind: 'adopt', ...slow }, world, ({ kind }) => {
    if (kind === 'ended') {
      world.source.setEnabled(true);
      onEnd();
      return;
    }
    const pauseMs = Math.min(20 * SECOND * 2 ** (count - 1), HOUR);
    world.scheduler.after(pauseMs, () => adoptAtLast(undefined, world, onEnd, count + 1));
  });
}

/** The mapping is off, unless it is done without care; then adopt, and copy. */
function makeAnew(
  { tables, isSudden, killAfterMs }: Extract<Disturbance, { kind: 'anew' }>,
  world: World,
): void {
  const { scheduler, db, judge } = world;
  const replace = () => {
    for (const table of tables) {
      world.note(`${table} table made anew`);
      world.tell(() => `the ${table} table is made anew`);
      db.recreate(table);
      judge.recreated(table, isSudden);
    }
    world.isAnew = true;
    const copy = { kind: 'backfill', settleMs: 0, slowMs: CALM_REQUEST_MS } as const;
    const name = `backfill-${scheduler.now().toFixed(0)}`;
    adoptAtLast(killAfterMs, world, () => {
      if (!isSudden) world.source.mapping.resume();
      startCommand({ ...copy, name }, world, () => undefined);
    });
  };
  if (isSudden) replace();
  else {
    world.source.mapping.pause();
    scheduler.after(world.settings().lookAgainSeconds * SECOND, replace);
  }
}

/** Commands under the rules before are stopped; then everything is rewritten that is not as it must be by now. */
function deployProjection(change: Partial<Deployed>, world: World): void {
  world.note('projection changed');
  world.deployProjection(change);
  const atMs = world.scheduler.now();
  const name = `reproject-${atMs.toFixed(0)}`;
  const slow = { settleMs: SECOND, slowMs: CALM_REQUEST_MS };
  const isBulk = happens(world.random, 0.3);
  startCommand(
    { ...slow, name, kind: 'backfill', isBulk, reproject: true },
    world,
    () => undefined,
  );
}

/** A mistake in the configuration is taken back after so long. */
const MISTAKE_MS = 90 * SECOND;

/** What is decided under either settings must have landed, and been looked at, before the other begins. */
function deploy(change: Partial<Deployed>, world: World): void {
  if ('projection' in change) {
    deployProjection(change, world);
    return;
  }
  if (change.tombstones === undefined) {
    const isMistake = change.reservedAttribute !== undefined;
    // Before the first adoption, it is no mistake.
    if (isMistake && !world.judge.control.isThere()) return;
    world.deploy(change);
    const back = { reservedAttribute: '_ferry' };
    if (isMistake) world.scheduler.after(MISTAKE_MS, () => world.deploy(back));
    return;
  }
  const { mapping } = world.source;
  mapping.pause();
  world.scheduler.after(world.settings().lookAgainSeconds * SECOND, () => {
    world.deploy(change);
    mapping.resume();
  });
}

function switchOff(forMs: number, world: World): void {
  const { mapping } = world.source;
  world.tell(() => `the mapping is off for ${forMs / SECOND} s`);
  mapping.pause();
  world.scheduler.after(forMs, () => mapping.resume());
}

async function rest(world: World): Promise<void> {
  const hops = world.before === undefined && world.next === undefined ? 1 : 2;
  const isAtRest = await world.scheduler.rest(EVENTS_MAX * hops);
  if (!isAtRest) world.judge.violation('the world does not come to rest');
}

type CalmCommand = Pick<Command, 'name' | 'kind' | 'reproject'>;
const CALM_REQUEST_MS = 20;

/** A command in calm, which must come to its end. */
async function command(what: CalmCommand, world: World): Promise<Ending | undefined> {
  let ending: Ending | undefined;
  const slow = { settleMs: SECOND, slowMs: CALM_REQUEST_MS };
  startCommand({ ...slow, ...what }, world, (one) => {
    ending = one;
  });
  await rest(world);
  if (ending?.kind !== 'ended' && world.judge.violations.length === 0)
    world.judge.violation(`calm: ${what.kind} ${ending?.kind ?? 'never ended'}`);
  return ending;
}

/** Redrive until nothing is left, copy what is older than the stream, compare, repair, compare. */
async function followRunbook(world: World): Promise<void> {
  world.tell(() => 'all is calm');
  if (!isSound(world.deployed.projection)) {
    const projection = rulesOf(world.plan.seed, 'last rules', false);
    world.deployProjection({ projection });
  }
  await redriveAll(world);
  const { preExisting } = world.plan;
  if (preExisting.length > 0 || world.isAnew || world.isReprojecting) {
    const ending = await command(
      { name: 'last-backfill', kind: 'backfill', reproject: world.isReprojecting },
      world,
    );
    const isWhole = ending?.kind === 'ended' && !(ending.report as { resumed: boolean }).resumed;
    // One that goes on has copied some items long ago.
    if (isWhole) requireEverything(world);
  }
  if (world.judge.violations.length > 0) return;
  const differences = judgeTables(world);
  const found = await command({ name: 'last-verify', kind: 'verify' }, world);
  requireVerified(found, differences, world);
  if (differences.size === 0 || world.judge.violations.length > 0) return;
  world.note('repair needed in the end');
  await command({ name: 'last-repair', kind: 'repair' }, world);
  const left = requireEqual(world);
  const after = await command({ name: 'verify-of-repair', kind: 'verify' }, world);
  requireVerified(after, left, world);
}

async function redriveAll(world: World): Promise<void> {
  const isAnything = world.places.bodies().length + world.places.objects.size > 0;
  for (let count = 0; count < REDRIVES_MAX; count += 1) {
    if (count === 0 ? !isAnything : parked(world) === 0) return;
    // Messages that a killed redrive was at work on come back after a while.
    world.scheduler.after((HIDDEN_SECONDS + 10) * SECOND, () => undefined);
    await rest(world);
    await command({ name: `last-redrive-${count + 1}`, kind: 'redrive' }, world);
    if (world.judge.violations.length > 0) return;
  }
  const left = parked(world);
  if (left > 0) world.judge.violation(`calm: ${left} dead letters or batches stay`);
}

interface BatchMessage {
  readonly DDBStreamBatchInfo?: StreamRange;
  readonly KinesisBatchInfo?: StreamRange;
  readonly payload?: string;
}

/** Letters and batches that can be put back: with images, and of a table that the replication has had. */
function parked({ places, judge, source }: World): number {
  const bodies = [...places.bodies(), ...places.objects.values()];
  const isOwn = (body: string) => {
    const arn = /arn:aws:(?:dynamodb|kinesis):[^"\\]*/.exec(body)?.[0] ?? '';
    return judge.control.hasTable(arn);
  };
  const isGone = (body: string) => {
    const {
      KinesisBatchInfo,
      DDBStreamBatchInfo: range = KinesisBatchInfo,
      payload,
    } = JSON.parse(body) as BatchMessage;
    return range !== undefined && payload === undefined && source.staysAside(range);
  };
  const hasSense = (body: string) => !body.includes(MALFORMED) && !source.isMalformed(body);
  return bodies.filter((body) => hasSense(body) && isOwn(body) && !isGone(body)).length;
}

/** Every record that ever came, once more, in any order: nothing may change. */
async function applyAgain(world: World): Promise<void> {
  await replayAll(world);
  if (world.judge.violations.length === 0) await redriveAgain(world);
}

/** Through the stream path, in order: records of the latest day, some of which the function has for young. */
async function replayAll(world: World): Promise<void> {
  const before = contents(world);
  world.tell(() => 'everything is delivered once more');
  world.source.mapping.replay();
  await rest(world);
  const after = contents(world);
  for (const key of new Set([...before.keys(), ...after.keys()]))
    if (before.get(key) !== after.get(key) && reasonOf(key, world) === undefined)
      world.judge.violation(`again: a replay of the stream changed ${key}`);
}

async function redriveAgain(world: World): Promise<void> {
  const { judge, scheduler } = world;
  const before = contents(world);
  // What a replay has just brought back may be put right.
  const differed = new Set(world.names().filter((key) => world.differs(key)));
  const isFresh = ({ atMs }: { atMs: number }) => scheduler.now() - atMs < 14 * DAY;
  const came = judge
    .writes()
    .filter((one) => one.lost === undefined && isFresh(one) && !one.malformed)
    .filter(({ key }) => !judge.itemOf(key).isTampered);
  const failedAtMs = scheduler.now();
  const facts = { name: 'again', kind: 'redrive', slowMs: CALM_REQUEST_MS } as const;
  const process = world.process({ ...facts, mayCrash: false });
  const { random } = process.facts;
  const records = came.flatMap(({ entries }) => entries.map(({ record }) => record));
  const shuffled = records
    .map((record) => ({ place: random.next(), failed: { reason: 'again', failedAtMs, record } }))
    .toSorted((a, b) => a.place - b.place);
  const clock = world.clockOf(process);
  const stop = new AbortController().signal;
  const all = (async () => {
    const context = {
      ...world.ports(process),
      rules: process.facts.settings,
      control: await controlFor(process, world),
      withoutSource: false,
      clock,
      random,
      health: destinationHealth(),
      remainingMs: () => Infinity,
    };
    const run = { context, pace: paceOf(Infinity, clock), stop };
    // One by one: together, only the newest of each item would be written.
    for (const one of shuffled)
      await redriveLetters(parseDeadLetters([one.failed], context.control, context.rules), {
        ...run,
        unknown: new Set<string>(),
      });
  })();
  await rest(world);
  await all;
  const after = contents(world);
  // What says that an item was deleted may have been lost with the state table.
  // Of an item that was left out, no verify could find that its delete was lost.
  const isLost = (key: string) => {
    const last = judge.writes().findLast((write) => write.key === key);
    return world.hasProjectedAnew && last?.kind === 'delete' && last.lost !== undefined;
  };
  // Whatever came first has stayed.
  const isTied = (key: string) => reasonOf(key, world)?.startsWith('tied') === true;
  const isExcused = (key: string) =>
    differed.has(key) || isTied(key) || judge.itemOf(key).stays === 'forgotten' || isLost(key);
  for (const key of new Set([...before.keys(), ...after.keys()]))
    if (before.get(key) !== after.get(key) && !isExcused(key))
      judge.violation(`again: records that came twice changed ${key}`);
}

/** Without versions: those of copies give way to those of records. */
function contents({ db }: World): Map<string, string> {
  const items = [...db.contents('twin')];
  const textOf = (item: Item) => JSON.stringify({ ...item, _ferry: undefined });
  return new Map(items.map(([key, item]) => [key, textOf(item)]));
}
