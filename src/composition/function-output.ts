// What a function says: events and metrics, a line of JSON each.

import type { EmfOptions } from '../aws/emf-metrics.ts';
import { systemClock } from '../aws/system-clock.ts';
import type { ReplicationConfig } from '../config/schema.ts';
import type { Log } from '../ports.ts';

/** Straight to standard output: console.log would wrap the line, and CloudWatch would miss the metrics. */
function writeLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export const logLine: Log = (event) => writeLine(JSON.stringify(event));

export function metricsOf({ name, source, destination }: ReplicationConfig): EmfOptions {
  const settings = {
    replication: name,
    sourceRegion: source.region,
    destinationRegion: destination.region,
  };
  return { settings, clock: systemClock, writeLine };
}
