// Many tasks, a few at a time.

/** Rejects where it fails, and never throws. */
export type Task = () => Promise<void>;

/**
 * Runs all tasks, at most `atOnce` at the same time; where that is a function, it is asked again whenever a
 * task has ended. After a task has thrown, no other is begun; those under way are waited for, and then the
 * first error is thrown.
 */
export async function inParallel(
  tasks: readonly Task[],
  atOnce: number | (() => number),
): Promise<void> {
  const limit = typeof atOnce === 'number' ? () => atOnce : atOnce;
  const errors: unknown[] = [];
  await new Promise<void>((resolve) => {
    let begun = 0;
    let running = 0;
    const ended = () => {
      running -= 1;
      goOn();
    };
    const failed = (error: unknown) => {
      errors.push(error);
      ended();
    };
    const goOn = () => {
      while (running < limit() && errors.length === 0) {
        const task = tasks[begun];
        if (task === undefined) break;
        begun += 1;
        running += 1;
        task().then(ended, failed);
      }
      if (running === 0) resolve();
    };
    goOn();
  });
  if (errors.length > 0) throw errors[0];
}

/** The results of `map`, in the order of the items; as `inParallel` runs its tasks. */
export async function mapInParallel<T, Result>(
  items: readonly T[],
  atOnce: number,
  map: (item: T, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const tasks = items.map((item, index) => async () => {
    results[index] = await map(item, index);
  });
  await inParallel(tasks, atOnce);
  return results;
}
