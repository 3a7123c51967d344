// The live page of a run, from before its Regions start until after its tables are compared: takes a
// snapshot a second, and sends it to every browser that is open.

import type { Clock } from '../../ports.ts';
import type { CountedWorld } from '../run/local-world.ts';
import type { RunResult } from '../run/run-result.ts';
import { startPageServer } from './page-server.ts';
import {
  EMPTY_STATE,
  type PageState,
  type Present,
  type RunPhase,
  type Snapshot,
  viewOf,
  withSnapshot,
} from './page-state.ts';
import type { ControlsView, StoryView } from './page-view.ts';
import type { RunControls } from './run-controls.ts';
import { COUNTED, type Counts } from './page-vitals.ts';
import { type TableWatch, watchTables } from './table-watch.ts';

export interface LivePage {
  readonly url: string;
  /** From now on, shows this run. */
  show(run: ShownRun): void;
  /** Sets the phase of the run, and the result of the comparison. */
  phase(phase: Exclude<RunPhase, 'ended'>, result?: RunResult): void;
  /** Shows the last counts and the result of the run. */
  end(result: RunResult): Promise<void>;
  /** Something has changed between two snapshots. */
  refresh(): void;
  /** Takes the faults back and asks the world no more; the last view stays. Safe to repeat. */
  freeze(): Promise<void>;
  /** Sends the last view, and ends. */
  close(): Promise<void>;
}

interface ShownRun {
  readonly world: CountedWorld;
  /** @default none of them does anything */
  readonly controls?: RunControls;
  /** Of a run with both directions. */
  readonly story?: () => StoryView;
  /** Writes that the workload has made so far. */
  readonly writes: () => number;
}

export interface LivePageOptions {
  readonly port?: number | undefined;
  readonly clock: Clock;
}

const SNAPSHOT_INTERVAL_MS = 1_000;

const CLOSED: ControlsView = {
  open: false,
  faults: { throttle: false, outage: false, poison: false },
  redriving: false,
  redriveResult: '',
};

interface Showing extends ShownRun {
  readonly tables: TableWatch;
  readonly timer: NodeJS.Timeout;
}

export async function openLivePage({ port, clock }: LivePageOptions): Promise<LivePage> {
  let state: PageState = EMPTY_STATE;
  let phase: RunPhase = 'starting';
  let result: RunResult | undefined;
  let showing: Showing | undefined;
  const present = (): Present => ({
    nowMs: clock.now(),
    phase,
    result,
    readerState: showing?.world.mapping.state ?? '',
    route: showing === undefined ? '' : routeOf(showing),
    controls: showing?.controls?.view() ?? CLOSED,
    story: showing?.story?.(),
    ...showing?.tables.latest(),
  });
  const server = await startPageServer({
    port,
    view: () => viewOf(state, present()),
    setFault: (name, on) => showing?.controls?.setFault(name, on) ?? false,
    redrive: () => showing?.controls?.redrive() ?? false,
  });
  const freeze = async () => {
    clearInterval(showing?.timer);
    await showing?.controls?.close();
    await showing?.tables.stop();
  };
  return {
    url: server.url,
    show(run) {
      const latencies = run.world.tally.latencyReader();
      const take = () => {
        state = withSnapshot(state, snapshotOf(run, { atMs: clock.now(), latencyMs: latencies() }));
        server.push();
      };
      take();
      const timer = setInterval(take, SNAPSHOT_INTERVAL_MS);
      const tables = watchTables(run.world, { clock, wanted: () => server.watchers() > 0 });
      showing = { ...run, timer, tables };
    },
    phase(now, shown = result) {
      phase = now;
      result = shown;
      server.push();
    },
    async end(shown) {
      await showing?.tables.refresh();
      phase = 'ended';
      result = shown;
      server.push();
    },
    refresh: () => server.push(),
    freeze,
    async close() {
      await freeze();
      // A comparison that replication went on after says nothing about how it has ended.
      if (phase !== 'ended') result = undefined;
      phase = 'ended';
      server.push();
      await server.stop();
    },
  };
}

/** What the function has published, and the consumer has counted. */
function snapshotOf(
  { world: { tally, mapping }, writes }: ShownRun,
  now: Pick<Snapshot, 'atMs' | 'latencyMs'>,
): Snapshot {
  const { received, done, givenUp } = mapping.counts;
  return {
    ...now,
    writes: writes(),
    sums: Object.fromEntries(COUNTED.map((name) => [name, tally.sum(name)])) as Counts,
    pending: received - done - givenUp,
    oldestUnappliedMs: tally.latest('OldestUnappliedAge') ?? 0,
  };
}

function routeOf({ world: { source, destination }, story }: ShownRun): string {
  return story?.().route ?? `${source.region} → ${destination.region}`;
}
