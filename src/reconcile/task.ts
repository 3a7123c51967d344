// What the state machine of reconciliation hands to the function, and gets back, as JSON: the start of a run, and its end.

import { bulkInput } from '../bulk/task.ts';
import { FerryError } from '../errors.ts';
import { formatProblem } from '../model/stored-format.ts';
import type { GoodRun } from '../model/reconciliation-row.ts';
import type { MapInput } from './plan.ts';

/** The rule starts it, or an operator. */
export interface Start {
  readonly reconcile: 'start';
  /** ARN of the execution. */
  readonly execution: string;
  /** `{"now": true}` compares though no run is due. */
  readonly input: { readonly now?: unknown };
}

/** What has been found, and what has become of it. */
export type Counts = Omit<GoodRun, 'run' | 'startedAtMs' | 'endedAtMs'>;

/** Of a run that is due: the input of the map, and what its end has to know. */
export interface Run extends MapInput {
  readonly reconcile: 'end';
  readonly due: true;
  /** The name of the execution. */
  readonly run: string;
  readonly startedAtMs: number;
  /** Why the map has failed, as Step Functions says it. */
  readonly error?: { readonly Error?: string; readonly Cause?: string } | undefined;
  /** What the reports add up to. Undefined until they are added up. */
  readonly counts?: Counts | undefined;
  /** Listed differences that have had their turn in a repair. */
  readonly looked?: number | undefined;
  readonly done: boolean;
}

export type StartAnswer = Run | { readonly due: false };

/** `failed` ends the execution as a failed one. */
export type EndAnswer =
  | Run
  | { readonly done: true; readonly ended: 'well' }
  | { readonly done: true; readonly failed: string };

/** In the form in which it travels. */
export function runInput(run: Run): Run {
  return bulkInput(run) as Run;
}

export function isReconcileEvent(event: unknown): event is Start | Run {
  const kind = (event as { readonly reconcile?: unknown } | null)?.reconcile;
  return kind === 'start' || kind === 'end';
}

/** @throws FerryError `bulk.task-format` where a later release has begun the run. */
export function requireKnownRun({ task }: Run): void {
  const problem = formatProblem((task as { readonly format?: unknown }).format);
  if (problem === undefined) return;
  throw new FerryError(`The run cannot be read: ${problem}.`, {
    code: 'bulk.task-format',
    hint: 'It was begun by a later release than the function has. Deploy that release: `npx cdk deploy --all`.',
  });
}
