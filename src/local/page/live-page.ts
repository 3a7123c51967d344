// The live page of a run, from before its Regions start until after its tables are compared: takes a
// snapshot a second, and shows it to whoever looks.

import type { Clock } from '../../ports.ts';
import type { LocalWorld } from '../run/local-world.ts';
import { startPageServer } from './page-server.ts';
import { EMPTY_STATE, type PageState, type Present, viewOf, withSnapshot } from './page-state.ts';
import type { ControlsView } from './page-view.ts';
import type { RunControls } from './run-controls.ts';
import { snapshots } from './snapshots.ts';
import { type TableWatch, watchTables } from './table-watch.ts';
import type { Ending, RunPhase } from './verdict.ts';

export interface LivePage {
  readonly url: string;
  /** Gives it something to show. */
  show(run: ShownRun): void;
  /** Says how far the run has come, and what the comparison has shown. */
  phase(phase: Exclude<RunPhase, 'ended'>, ending?: Ending): void;
  /** Says how the run has ended, with the last counts. */
  end(ending: Ending): Promise<void>;
  /** Something has changed between two snapshots. */
  refresh(): void;
  /** Lets go of the world, its faults taken back; what was seen last stays. Safe to repeat. */
  freeze(): Promise<void>;
  /** Says that the run has ended, and ends. */
  close(): Promise<void>;
}

export interface ShownRun {
  readonly world: LocalWorld;
  /** Writes that the workload has made so far. */
  readonly writes: () => number;
  readonly controls: RunControls;
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
  let ending: Ending | undefined;
  let showing: Showing | undefined;
  const present = (): Present => ({
    nowMs: clock.now(),
    phase,
    ending,
    route: showing === undefined ? '' : routeOf(showing.world),
    controls: showing?.controls.view() ?? CLOSED,
    ...showing?.tables.latest(),
  });
  const server = await startPageServer({
    port,
    view: () => viewOf(state, present()),
    setFault: (name, on) => showing?.controls.setFault(name, on) ?? false,
    redrive: () => showing?.controls.redrive() ?? false,
  });
  const freeze = async () => {
    clearInterval(showing?.timer);
    await showing?.controls.close();
    await showing?.tables.stop();
  };
  return {
    url: server.url,
    show(run) {
      const next = snapshots(run, clock);
      const take = () => {
        state = withSnapshot(state, next());
        server.push();
      };
      take();
      const timer = setInterval(take, SNAPSHOT_INTERVAL_MS);
      const tables = watchTables(run.world, { clock, wanted: () => server.watchers() > 0 });
      showing = { ...run, timer, tables };
    },
    phase(now, shown = ending) {
      phase = now;
      ending = shown;
      server.push();
    },
    async end(shown) {
      await showing?.tables.refresh();
      phase = 'ended';
      ending = shown;
      server.push();
    },
    refresh: () => server.push(),
    freeze,
    async close() {
      await freeze();
      // A comparison that replication went on after says nothing about how it has ended.
      if (phase !== 'ended') ending = undefined;
      phase = 'ended';
      server.push();
      await server.stop();
    },
  };
}

function routeOf({ source, destination }: LocalWorld): string {
  return `${source.region} → ${destination.region}`;
}
