// What a run has read, compared and accepted -> the proof that it prints.

import { newestEpoch } from '../model/control-row.ts';
import { retry } from '../pacing/retry.ts';
import type { SwitchPorts } from './ports.ts';
import { PROOF_FORMAT, proofIn, proofKey, putProof, type SwitchProof } from './proof.ts';
import { countsOf, type SwitchWork } from './run.ts';

/** @param opened the epoch that is about to be opened; undefined of a drain. */
export function proofOf(
  work: SwitchWork,
  { replication, old, target }: SwitchPorts,
  opened: number | undefined,
): SwitchProof {
  const { shards, records, keys, applied } = countsOf(work);
  const { row, accepted, fencedAtMs = 0, lookedAgain, comparison, id, request } = work;
  return {
    format: PROOF_FORMAT,
    replication,
    from: old.region,
    to: target.region,
    epochs: { ended: newestEpoch(row).n, ...(opened !== undefined && { opened }) },
    shards,
    records,
    keys,
    applied,
    lettersAccepted: [...accepted],
    writesRefused: { from: new Date(fencedAtMs).toISOString() },
    rpo: { seconds: 0, proven: true },
    lookedAgain,
    ...(comparison !== undefined && { compared: { ...comparison.counts } }),
    fence: old.fence.kind,
    switch: id,
    by: request.by,
  };
}

/** From when on applications could write again. */
export function withAdmission(proof: SwitchProof, admittedAtMs: number): SwitchProof {
  const { from, to = new Date(admittedAtMs).toISOString() } = proof.writesRefused;
  const rtoSeconds = Math.ceil((Date.parse(to) - Date.parse(from)) / 1000);
  return { ...proof, writesRefused: { from, to }, rtoSeconds };
}

export async function saveProof(proof: SwitchProof, ports: SwitchPorts): Promise<void> {
  const { writer, rules } = ports.target;
  await retry(() => writer.write(putProof(proof, rules)), ports);
}

/** Of an earlier run, by the epoch that it has opened. */
export async function savedProof(
  epoch: number,
  ports: SwitchPorts,
): Promise<SwitchProof | undefined> {
  const key = proofKey(ports.replication, epoch);
  return proofIn(await retry(() => ports.target.ledger.get(key), ports));
}
