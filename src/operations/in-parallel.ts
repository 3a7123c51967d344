// Many tasks, a few at a time.

export type Task = () => Promise<void>;

/** Runs all tasks, at most `atOnce` at the same time. A task that throws fails the whole. */
export async function inParallel(tasks: readonly Task[], atOnce: number): Promise<void> {
  const queue = tasks.values();
  const worker = async () => {
    for (const task of queue) await task();
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, tasks.length) }, worker));
}
