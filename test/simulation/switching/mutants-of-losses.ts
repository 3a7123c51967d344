// Mistakes where a Region is lost, and taken back.

import { parseControlRow } from '../../../src/model/control-item.ts';
import { isHalfOpen } from '../../../src/switching/lost-epochs.ts';
import type { SwitchDirection } from '../../../src/switching/ports.ts';
import type { SwitchPhase } from '../../../src/switching/step.ts';
import type { Item } from '../memory-dynamodb.ts';
import type { SwitchMutant } from './mutants.ts';
import { inPhases, rewriting, skipTo, type StepMade } from './mutations.ts';

/** Something else in some phases of one kind of run. */
const of = (
  kind: 'lost' | 'rejoin',
  phases: readonly SwitchPhase[],
  instead: (made: StepMade) => ReturnType<StepMade['step']>,
) =>
  inPhases(phases, (made) =>
    made.state.request.kind === kind ? instead(made) : made.step(made.state, made.ports),
  );

/** Ends the lost epoch where the next one begins. */
function endedWhereOpened(item: Item, toMs: number): Item {
  const epochs = item['epochs']?.L ?? [];
  const last = epochs.at(-1);
  if (last?.M?.['end'] === undefined) return item;
  const ended = { M: { ...last.M, to: { N: `${toMs}` } } };
  return { ...item, epochs: { L: [...epochs.slice(0, -1), ended] } };
}

/** The first so many epochs, and the last of them without an end. */
function goingOn(epochs: NonNullable<Item[string]['L']>, count: number) {
  const { to: _, end: __, ...last } = epochs[count - 1]?.M ?? {};
  return [...epochs.slice(0, count - 1), { M: last }];
}

/** Nothing is listed in its bucket. */
function withoutStranded(direction: SwitchDirection): SwitchDirection {
  async function* list() {
    yield [];
  }
  return { ...direction, bucket: { ...direction.bucket, list } };
}

function withoutClosing(item: Item): Item {
  const { closing: _, ...open } = item;
  return open;
}

export const MUTANTS_OF_LOSSES: readonly SwitchMutant[] = [
  {
    name: 'lost: waits for nobody',
    caughtBy: 1,
    seedsMax: 20,
    step: of('lost', ['waiting'], ({ step, state, work, ports }) => {
      work.closedAt = { wallMs: 0, monotonicMs: 0 };
      return step(state, ports);
    }),
  },
  {
    name: 'lost: what a switch had closed goes on in its epoch',
    caughtBy: 2385,
    seedsMax: 5_000,
    step: of('lost', ['opening'], ({ step, state, work, ports }) => {
      const { row } = work;
      if (!isHalfOpen(row, ports.target.region)) return step(state, ports);
      const writer = rewriting(ports.target.writer, (item) => ({
        ...item,
        epochs: { L: goingOn(item['epochs']?.L ?? [], row.epochs.length) },
      }));
      return step(state, { ...ports, target: { ...ports.target, writer } });
    }),
  },
  {
    name: 'lost: its epoch ends when the other side was opened',
    caughtBy: 1,
    seedsMax: 20,
    step: of('rejoin', ['closing'], async ({ step, state, ports }) => {
      const { items } = await ports.target.reader.read({
        operation: 'GetItem',
        input: {
          TableName: ports.target.rules.stateTable,
          Key: { id: { S: `${ports.target.rules.replication}#control` } },
          ConsistentRead: true,
        },
      });
      const found = parseControlRow(items[0]);
      const toMs = found.kind === 'row' ? (found.row.epochs.at(-2)?.toMs ?? 0) : 0;
      const writer = rewriting(ports.old.writer, (item) => endedWhereOpened(item, toMs));
      return step(state, { ...ports, old: { ...ports.old, writer } });
    }),
  },
  {
    name: 'lost: taken back without a fence',
    caughtBy: 20,
    seedsMax: 500,
    step: of('rejoin', ['fencing', 'probing'], async ({ step, state, work, ports }) => {
      if (work.phase === 'probing') return skipTo(work, 'closing');
      const { fence } = ports.old;
      const open = { ...fence, set: fence.set.bind(fence) };
      return step(state, {
        ...ports,
        old: {
          ...ports.old,
          fence: { ...open, set: (_, id) => fence.set({ inboundRefused: false }, id) },
        },
      });
    }),
  },
  {
    name: 'lost: records acknowledged and not kept',
    caughtBy: 1,
    seedsMax: 100,
    keepsNothing: true,
  },
  {
    name: 'lost: tables not compared',
    caughtBy: 67,
    seedsMax: 200,
    step: of('rejoin', ['comparing'], ({ work }) => skipTo(work, 'telling')),
  },
  {
    name: 'lost: taken back without closing',
    caughtBy: 1,
    seedsMax: 20,
    step: of('rejoin', ['closing', 'waiting'], ({ step, state, work, ports }) => {
      if (work.phase === 'waiting') return skipTo(work, 'comparing');
      const writer = rewriting(ports.old.writer, withoutClosing);
      return step(state, { ...ports, old: { ...ports.old, writer } });
    }),
  },
  {
    name: 'lost: active again while writes are undecided',
    caughtBy: 27,
    seedsMax: 500,
    step: (step, state, ports) => {
      if (state.request.kind !== 'switch') return step(state, ports);
      const [drained, back] = [ports.drained, ports.back].map(withoutStranded);
      return step(state, { ...ports, ...(drained && { drained }), ...(back && { back }) });
    },
  },
  {
    name: 'lost: replayed over what was written since',
    caughtBy: 27,
    seedsMax: 500,
    replaysAll: true,
  },
  {
    name: 'lost: taken back without repair',
    caughtBy: 14,
    seedsMax: 100,
    step: of('rejoin', ['repairing'], ({ work }) => skipTo(work, 'releasing')),
  },
];
