// Operators, who switch, are killed, and begin again.

import { switchedRow, endedEpochs } from '../../../src/model/switch-rows.ts';
import { putControlRow } from '../../../src/model/control-item.ts';
import type { ControlRow } from '../../../src/model/control-row.ts';
import { SECOND } from '../plan.ts';
import type { PlannedSwitch, Side } from './plan.ts';
import { otherSide, type SwitchWorld } from './world.ts';

export class Operators {
  readonly #world: SwitchWorld;
  #endedAtMs = 0;

  constructor(world: SwitchWorld) {
    this.#world = world;
  }

  schedule(one: PlannedSwitch): void {
    this.#world.scheduler.at(one.atMs, () => void this.#scripted(one.target));
  }

  finish(): void {}

  requireEnded(_: number): void {}

  async #scripted(target: Side): Promise<void> {
    const { scheduler, regions, judge, db } = this.#world;
    const old = otherSide(target);
    if (judge.activeSide() === target) return;
    const put = (side: Side, row: ControlRow) => {
      const rules = {
        replication: side === 'west' ? 'orders' : 'orders-back',
        stateTable: regions[side].ledger,
      };
      db.execute(putControlRow(row, rules), undefined);
    };
    const row = (side: Side) => judge.rows[side] as ControlRow;
    if (judge.rows[old] === undefined) put(old, { ...row(target), revision: 1 });
    regions[old].policy.set({ ...regions[old].policy.state(), fence: true }, scheduler.now());
    await scheduler.sleep(120 * SECOND);
    put(target, switchedRow(row(target), { tag: 'x', closing: true }));
    put(old, switchedRow(row(old), { tag: 'x', closing: true }));
    await scheduler.sleep(24 * SECOND);
    const fromMs = Math.floor(scheduler.now()) - 2000;
    const epochs = (side: Side) => [
      ...endedEpochs(row(side), 'drained', fromMs),
      {
        n: (row(side).epochs.at(-1)?.n ?? 0) + 1,
        region: regions[target].name,
        fromMs,
        streams: [regions[target].stream.arn],
      },
    ];
    put(target, switchedRow(row(target), { tag: 'x', epochs: epochs(target) }));
    regions[target].policy.set({ fence: false, inbound: false }, scheduler.now());
    put(old, switchedRow(row(old), { tag: 'x', epochs: epochs(old) }));
    this.#endedAtMs = scheduler.now();
  }
}
