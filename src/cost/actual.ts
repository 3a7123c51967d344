// The estimate beside what CloudWatch and the tables show of the deployment.

import type { Bill, Measure } from './bill.ts';
import { dollarsFor, type PriceName, type Prices } from './prices.ts';
import { GB, SECONDS_A_MONTH } from './workload.ts';

/** Of a deployment, summed up over `seconds`. */
export interface DeployedFigures {
  readonly seconds: number;
  readonly twinWriteUnits: number;
  readonly stateWriteUnits: number;
  readonly invocations: number;
  readonly durationMs: number;
  readonly logBytes: number;
  /** As DescribeTable has it. */
  readonly twinBytes: number;
}

export interface Compared {
  readonly measure: Measure;
  readonly estimated: number;
  readonly actual: number;
  readonly estimatedDollars: number;
  readonly actualDollars: number;
}

/** In a month, by the rate of these seconds. */
export function compared(
  bill: Bill,
  figures: DeployedFigures,
  { memoryMiB, prices }: { readonly memoryMiB: number; readonly prices: Prices },
): Compared[] {
  const monthly = SECONDS_A_MONTH / figures.seconds;
  const actual: Readonly<Record<Measure, number>> = {
    'twin write units': figures.twinWriteUnits * monthly,
    'state write units': figures.stateWriteUnits * monthly,
    'function requests': figures.invocations * monthly,
    'function GB-seconds': ((figures.durationMs * monthly) / 1000) * (memoryMiB / 1024),
    'log GB': (figures.logBytes * monthly) / GB,
    'twin GB': figures.twinBytes / GB,
  };
  const all = bill.parts.flatMap(({ lines }) => lines);
  return (Object.keys(actual) as Measure[]).flatMap((measure) => {
    const own = all.filter((line) => line.measure === measure);
    const [first] = own;
    if (first === undefined) return [];
    const priced = (amount: number) =>
      dollarsFor({ amount, price: first.price as PriceName, region: first.region }, prices) ?? 0;
    const estimated = own.reduce((sum, { amount }) => sum + amount, 0);
    return {
      measure,
      estimated,
      actual: actual[measure],
      estimatedDollars: priced(estimated),
      actualDollars: priced(actual[measure]),
    };
  });
}
