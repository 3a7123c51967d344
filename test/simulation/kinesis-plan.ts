// One seed -> the plan of a world whose source sends its changes to a Kinesis stream: an ordinary world with another
// stream, which tells less about the order of changes and keeps them for longer.

import { below } from '../../src/local/seeded-random.ts';
import type { Random } from '../../src/ports.ts';
import { kinesisMotifOf } from './kinesis-motifs.ts';
import {
  DAY,
  type Disturbance,
  HOUR,
  type KinesisSettings,
  MINUTE,
  type Plan,
  type PlannedWrite,
  SECOND,
} from './plan.ts';
import { between, happens, oneOf, randomOf, swarm } from './random.ts';
import { planOf } from './workload.ts';

const MOVED = 0.15;
const MOVED_BACK = 0.5;
/** Worlds with writes of one item in the same microsecond, and with times in milliseconds. */
const TIED = 0.1;
const COARSE = 0.06;
/** Of chains: hops that are as in an ordinary world. */
const BY_TABLE = 0.3;

/** Worlds in which shards merge. Drawn apart, so that the others are as they were without. */
const MERGED = 0.3;

export function kinesisPlanOf(seed: number): Plan {
  const plan = unmergedPlanOf(seed);
  const random = randomOf(seed, 'Kinesis merges');
  if (plan.writes.length === 0 || !happens(random, MERGED)) return plan;
  const merges = Array.from({ length: 1 + below(random, 3) }, (): Disturbance => {
    const near = plan.writes[below(random, plan.writes.length)]?.atMs ?? plan.startMs;
    return { kind: 'merge', atMs: near + between(random, -5, 5) * SECOND };
  });
  return { ...plan, disturbances: inOrder([...plan.disturbances, ...merges]) };
}

function unmergedPlanOf(seed: number): Plan {
  const plan = planOf(seed);
  const first = withKinesis(plan, randomOf(seed, 'Kinesis'));
  if (plan.next === undefined) return first;
  const random = randomOf(seed, 'Kinesis of the second hop');
  if (happens(random, BY_TABLE)) return { ...first, next: plan.next };
  const next = withKinesis({ ...plan.next, calmAtMs: first.calmAtMs }, random);
  return happens(random, BY_TABLE) ? { ...plan, next } : { ...first, next };
}

function withKinesis(plan: Plan, random: Random): Plan {
  const { settings } = plan;
  const { writes: directed, ...motif } = kinesisMotifOf(random, plan);
  const moves = movesOf(plan, random);
  const isMoved = moves.length > 0;
  const isOwn = plan.writes.length > 0;
  const tied = isOwn && happens(random, TIED) ? tiedOf(plan, random) : [];
  const kinesis = { ...kinesisSettingsOf(random, isMoved), ...motif.kinesis };
  const coarse = isOwn && happens(random, COARSE) ? coarseOf(plan, random) : [];
  const precise = plan.disturbances.filter(({ kind }) => kind !== 're-point');
  const kept = isMoved ? precise.filter(isBesideMoves) : precise;
  const { untilMs = 0 } = motif;
  return {
    ...plan,
    settings: {
      ...settings,
      ...motif.settings,
      kinesis,
      maxRecordAgeSeconds: oneOf(random, [-1, -1, 60, 23 * 3600, 604_800]),
      hasOldImages: settings.hasOldImages === undefined ? undefined : true,
    },
    rates: { ...plan.rates, ...motif.rates },
    writes: numbered(isOwn ? [...plan.writes, ...tied, ...directed] : []),
    disturbances: inOrder([...kept, ...moves, ...coarse, ...motif.disturbances]),
    commands: inOrder([...plan.commands, ...motif.commands]),
    fixedAtMs: Math.max(plan.fixedAtMs, untilMs),
    calmAtMs: Math.max(plan.calmAtMs, untilMs),
  };
}

function kinesisSettingsOf(random: Random, isMoved: boolean): KinesisSettings {
  return {
    isFirst: !isMoved || happens(random, 0.5),
    shards: oneOf(random, [1, 2, 4, 8]),
    retentionMs: oneOf(random, [DAY, DAY, 7 * DAY, 30 * DAY, 365 * DAY]),
    lateMs: oneOf(random, [SECOND, 10 * SECOND, 2 * MINUTE, 20 * MINUTE]),
    lateShare: swarm(random, 0.7, 0.6),
    duplicates: swarm(random, 0.6, 0.5),
    foreign: swarm(random, 0.3, 0.5),
    precision: 'MICROSECOND',
  };
}

/** In the place of a re-pointing, or by chance: to the other stream of the table, and back. */
function movesOf({ disturbances, writes, startMs }: Plan, random: Random): Disturbance[] {
  const isAdoption = ({ kind }: Disturbance) => kind === 're-point' || kind === 'anew';
  const adoption = disturbances.find(isAdoption);
  const isAsked = happens(random, MOVED);
  if (adoption?.kind === 'anew' || (adoption === undefined && !isAsked)) return [];
  const near = writes[below(random, writes.length)]?.atMs ?? startMs + MINUTE;
  const atMs = adoption?.atMs ?? near + between(random, -5, 30) * SECOND;
  const moveAt = (ms: number): Disturbance => ({
    kind: 'move',
    atMs: ms,
    waitMs: between(random, 0, 60) * SECOND,
    killAfterMs: happens(random, 0.3) ? random.next() * 150 * SECOND : undefined,
  });
  const backMs = atMs + oneOf(random, [20 * MINUTE, 3 * HOUR, 30 * HOUR]);
  return [moveAt(atMs), ...(happens(random, MOVED_BACK) ? [moveAt(backMs)] : [])];
}

/** One mapping at a time, of one stream, where somebody adopts: the runbook says so. */
function isBesideMoves(one: Disturbance): boolean {
  if (one.kind === 'deploy') return one.change.reservedAttribute === undefined;
  return !['re-create', 'second-mapping', 'foreign-event'].includes(one.kind);
}

/** Another write of the item of some, in the same microsecond. */
function tiedOf({ writes }: Plan, random: Random): PlannedWrite[] {
  return Array.from({ length: 1 + below(random, 2) }, (): PlannedWrite[] => {
    const beside = writes[below(random, writes.length)];
    if (beside === undefined) return [];
    const kind = oneOf(random, ['put', 'put', 'delete'] as const);
    return [{ ...beside, kind, malformed: false, poison: false, isTied: true }];
  }).flat();
}

/** Milliseconds for a while, and writes within one. */
function coarseOf({ writes }: Plan, random: Random): Disturbance[] {
  const atMs = writes[below(random, writes.length)]?.atMs ?? 0;
  const [fromMs, toMs] = [atMs - random.next(), atMs + between(random, 0.1, 60 * SECOND)];
  return [
    { kind: 'precision', atMs: fromMs, precision: 'MILLISECOND' },
    { kind: 'precision', atMs: toMs, precision: 'MICROSECOND' },
  ];
}

/** In order of time, behind the items that are older than the stream. */
function numbered(writes: ReadonlyArray<Omit<PlannedWrite, 'number'>>): PlannedWrite[] {
  return inOrder(writes).map((write, index) => ({ ...write, number: NUMBER_MIN + index }));
}

const NUMBER_MIN = 10;

function inOrder<T extends { readonly atMs: number }>(planned: readonly T[]): T[] {
  return planned.toSorted((a, b) => a.atMs - b.atMs);
}
