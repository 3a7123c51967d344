// What the control row said when, told from the table alone: which streams may write, and in which epoch.

import type { Item } from './memory-dynamodb.ts';

interface Standing {
  readonly fromMs: number;
  readonly row: Item | undefined;
}

export class ControlHistory {
  readonly #rows: Standing[] = [{ fromMs: -Infinity, row: undefined }];

  note(row: Item | undefined, nowMs: number): void {
    this.#rows.push({ fromMs: nowMs, row });
  }

  /** Whether an epoch was opened, or the row made anew, behind one moment and not behind another. */
  isOpenedBetween(fromMs: number, toMs: number): boolean {
    return this.#rows.some(({ fromMs: beginMs, row }, index) => {
      const before = newestOf(this.#rows[index - 1]?.row);
      return newestOf(row)?.n !== before?.n && beginMs > fromMs && beginMs <= toMs;
    });
  }

  isThere(): boolean {
    return this.#rows.at(-1)?.row !== undefined;
  }

  /** The newest epoch now; 0 before any. */
  epoch(): number {
    return newestOf(this.#rows.at(-1)?.row)?.n ?? 0;
  }

  /** The newest epoch, and whether the row has changed since a moment. */
  epochSince(atMs: number): { readonly epoch: number; readonly isDuring: boolean } {
    return { epoch: this.epoch(), isDuring: (this.#rows.at(-1)?.fromMs ?? 0) >= atMs };
  }

  /** The newest epoch that lists a stream. */
  epochOf(streamArn: string): number {
    const epochs = epochsOf(this.#rows.at(-1)?.row);
    return epochs.findLast(({ streams }) => lists(streams, streamArn))?.n ?? 1;
  }

  /** Whether any epoch lists a stream of the table. */
  hasTable(streamArn: string): boolean {
    const [table] = streamArn.split('/stream/');
    const epochs = epochsOf(this.#rows.at(-1)?.row);
    // A batch of Lambda's names the Kinesis stream alone.
    const isListed = (one: string) =>
      one.split('/stream/')[0] === table || one.startsWith(`${streamArn}/table/`);
    return epochs.some(({ streams }) => streams.some(isListed));
  }

  /** Whether the row admitted a stream at some moment of a time, or at each. */
  admitted(
    { streamArn, reserved }: Writer,
    fromMs: number,
    toMs: number,
  ): 'always' | 'sometimes' | 'never' {
    const during = this.#rows.filter(({ fromMs: beginMs }, index) => {
      const endMs = this.#rows[index + 1]?.fromMs ?? Infinity;
      return beginMs <= toMs && endMs >= fromMs;
    });
    const verdicts = during.map(({ row }) => admits(row, { streamArn, reserved }));
    if (verdicts.every(Boolean)) return 'always';
    return verdicts.some(Boolean) ? 'sometimes' : 'never';
  }
}

interface Epoch {
  readonly n: number;
  readonly streams: readonly string[];
}

function epochsOf(row: Item | undefined): Epoch[] {
  return (row?.['epochs']?.L ?? []).map(({ M = {} }) => ({
    n: Number(M['n']?.N),
    streams: (M['streams']?.L ?? []).map(({ S = '' }) => S),
  }));
}

function newestOf(row: Item | undefined): Epoch | undefined {
  return epochsOf(row).at(-1);
}

/** Who wants to write, and under which attribute. */
interface Writer {
  readonly streamArn: string;
  readonly reserved: string;
}

function admits(row: Item | undefined, { streamArn, reserved }: Writer): boolean {
  if (row?.['format']?.N !== '1' || row['reserved']?.S !== reserved) return false;
  return lists(newestOf(row)?.streams ?? [], streamArn);
}

/** A stream that is listed, or a later one of its table: labels of one width grow with time. */
function lists(streams: readonly string[], streamArn: string): boolean {
  const [table] = streamArn.split('/stream/');
  return streams.some((one) => {
    const [listed] = one.split('/stream/');
    return one === streamArn || (listed === table && one < streamArn);
  });
}
