// Mistakes of the steps: their order, their waits, whom they ask, and what they leave behind.

import { momentNow } from '../../../src/pacing/moment.ts';
import type { Fence } from '../../../src/switching/ports.ts';
import { SECOND } from '../plan.ts';
import type { SwitchMutant } from './mutants.ts';
import { heldBy, inPhases, rewriting, skipTo, withSides } from './mutations.ts';
import { SIDES } from './world.ts';

const CLOSING = { closing: { BOOL: true } } as const;

export const MUTANTS_OF_THE_STEPS: readonly SwitchMutant[] = [
  {
    name: 'passes do not look for their own record',
    caughtBy: 60,
    seedsMax: 1_000,
    step: inPhases(['auditing', 'probing', 'waiting', 'looking-again'], ({ step, state, ports }) =>
      step(
        state,
        withSides(ports, (side) => ({ ...side, reader: heldBy(state.id, side.reader) })),
      ),
    ),
  },
  {
    name: "goes on from a dead operator's close",
    caughtBy: 8,
    seedsMax: 50,
    step: inPhases(['claiming', 'waiting'], async ({ step, state, work, ports }) => {
      const isResumed = work.before?.step === 'closed' && work.request.kind === 'switch';
      if (!isResumed || work.finishes || work.reopened > 0) return step(state, ports);
      if (work.phase === 'waiting') {
        const result = await step(state, ports);
        return result.phase === 'looking-again' ? skipTo(work, 'opening') : result;
      }
      const closed = withSides(ports, (side) => ({
        ...side,
        writer: rewriting(side.writer, (item) => ({ ...item, ...CLOSING })),
      }));
      await step(state, closed);
      work.closedAt = momentNow(ports);
      return skipTo(work, 'closing');
    }),
  },
  {
    name: 'cancel takes the fence away first',
    caughtBy: 187,
    seedsMax: 2_000,
    step: inPhases(['claiming'], async ({ step, state, work, ports }) => {
      if (work.request.kind === 'cancel' && !work.isClaimed) {
        await ports.old.fence.set({ fenced: false }, work.id);
        await ports.clock.sleep(8 * SECOND);
      }
      return step(state, ports);
    }),
  },
  {
    name: 'a claim leaves the fence of the function',
    caughtBy: 4,
    seedsMax: 2_000,
    step: (step, state, ports) => {
      const leaving = (fence: Fence): Fence => ({
        ...fence,
        async set({ inboundRefused, ...wish }, id) {
          const known = inboundRefused === true ? { inboundRefused } : {};
          return fence.set({ ...wish, ...known }, id);
        },
      });
      const phases = ['claiming', 'reopening', 'unfencing'];
      if (!phases.includes(state.work?.phase ?? '')) return step(state, ports);
      return step(
        state,
        withSides(ports, (side) => ({ ...side, fence: leaving(side.fence) })),
      );
    },
  },
  {
    name: 'opens in two writes',
    caughtBy: 1,
    seedsMax: 20,
    step: inPhases(['opening'], ({ step, state, ports }) => {
      const { target } = ports;
      return step(state, {
        ...ports,
        target: {
          ...target,
          writer: {
            async write(request) {
              const { input } = request;
              const item = 'Item' in input ? input.Item : undefined;
              const epochs = item?.['epochs']?.L;
              const revision = Number(item?.['revision']?.N);
              if (epochs === undefined || !('Item' in input) || request.operation !== 'PutItem')
                return target.writer.write(request);
              const before = { ...item, epochs: { L: openAgain(epochs) } };
              await target.writer.write({
                operation: 'PutItem',
                input: { ...input, Item: before },
              });
              const next = { ...item, revision: { N: `${revision + 1}` } };
              const values = { ':before': { N: `${revision}` } };
              return target.writer.write({
                operation: 'PutItem',
                input: { ...input, Item: next, ExpressionAttributeValues: values },
              });
            },
          },
        },
      });
    }),
  },
  {
    name: 'no look at the clock',
    caughtBy: 125,
    seedsMax: 1_000,
    switchPorts: (ports) =>
      withSides(ports, (side) => ({ ...side, serviceSeconds: async () => undefined })),
  },
  {
    name: 'waits for no late request',
    caughtBy: 55,
    seedsMax: 500,
    step: inPhases(['waiting'], ({ step, state, work, ports }) => {
      const { closedAt = momentNow(ports), request } = work;
      const earlierMs = ports.clock.now() - 17 * SECOND;
      if (request.kind === 'switch' && closedAt.wallMs > earlierMs)
        work.closedAt = {
          wallMs: closedAt.wallMs - 17 * SECOND,
          monotonicMs: closedAt.monotonicMs - 17 * SECOND,
        };
      return step(state, ports);
    }),
  },
  {
    name: 'waits for less than a lease',
    caughtBy: 1,
    seedsMax: 20,
    step: inPhases(['waiting'], ({ step, state, work, ports }) => {
      work.closedAt = { wallMs: 0, monotonicMs: 0 };
      return step(state, ports);
    }),
  },
  {
    name: 'applications let in before the target is opened',
    caughtBy: 1,
    seedsMax: 20,
    step: inPhases(['closing'], async ({ step, state, ports, world }) => {
      const result = await step(state, ports);
      const target = SIDES.find((side) => world.regions[side].name === ports.target.region);
      await ports.target.fence.set({ fenced: false }, state.id);
      world.applications.isQuiet = false;
      world.applications.letIn = target;
      if (target !== undefined) for (const side of SIDES) world.applications.belief[side] = target;
      return result;
    }),
  },
  {
    name: 'items of accepted letters not repaired',
    caughtBy: 2330,
    seedsMax: 5_000,
    step: inPhases(['repairing'], ({ step, state, work, ports }) =>
      work.request.kind === 'switch' ? skipTo(work, 'releasing') : step(state, ports),
    ),
  },
];

/** Without the newest epoch, and without the end of the one before. */
function openAgain(epochs: ReadonlyArray<{ readonly M?: Record<string, unknown> | undefined }>) {
  const [last] = epochs.slice(-2, -1);
  const { to: _, end: __, ...open } = last?.M ?? {};
  return [...epochs.slice(0, -2), { M: open }] as never[];
}
