// Many tasks, a few at a time.

export type Task = () => Promise<void>;

/**
 * Runs all tasks, at most `atOnce` at the same time. After a task has thrown, no other is begun; those
 * under way are waited for, and then the first error is thrown.
 */
export async function inParallel(tasks: readonly Task[], atOnce: number): Promise<void> {
  const queue = tasks.values();
  const errors: unknown[] = [];
  const worker = async () => {
    for (const task of queue) {
      if (errors.length > 0) return;
      try {
        await task();
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, tasks.length) }, worker));
  if (errors.length > 0) throw errors[0];
}
