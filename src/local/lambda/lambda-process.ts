// A Lambda function on this machine: the bundle that ships, run in child processes as Lambda runs it
// in execution environments. One invocation at a time in each; they stay warm and are used again.

import { FerryError } from '../../errors.ts';
import { type EnvironmentOptions, ExecutionEnvironment } from './execution-environment.ts';

export interface LambdaFunction {
  /**
   * Resolves with the handler's response, after all lines that it wrote were handed on.
   * Rejects with the name and message of what the handler threw, with `Sandbox.Timedout` when the
   * time is up, or with `Runtime.ExitError` when the process died.
   */
  invoke(event: unknown): Promise<unknown>;
  /** What later invocations run with. Those under way end as they began. */
  deploy(changes: Pick<LambdaProcessOptions, 'bundlePath' | 'environment'>): void;
  /** Kills every environment, whatever it is doing. The next invocation starts a new one. */
  crash(): void;
  /**
   * Stops the process of an invocation in the midst of its work, and lets its invoker go on at once, with
   * an error, as if its poller had been replaced. The process is not used again.
   * @returns what lets the invocation go on, without a receiver of its response; undefined where none runs.
   */
  abandon(): (() => void) | undefined;
  /** Resolves once no invocation that was abandoned is under way any more. */
  idle(): Promise<void>;
  /** Lets running invocations finish and ends every process. Safe to repeat. */
  stop(): Promise<void>;
}

export interface LambdaProcessOptions extends EnvironmentOptions {
  /** Environments at the same time; further invocations wait. @default 10 */
  readonly environmentsMax?: number | undefined;
}

/** The largest parallelization factor of one shard. */
const ENVIRONMENTS_MAX = 10;

/** The function is ready at once; its processes start with the invocations that need them. */
export function startLambdaProcess(options: LambdaProcessOptions): LambdaFunction {
  const { environmentsMax = ENVIRONMENTS_MAX } = options;
  let deployed = options;
  const environments = new Set<ExecutionEnvironment>();
  const idle: ExecutionEnvironment[] = [];
  const running = new Set<Promise<unknown>>();
  const abandoned = new Set<Promise<void>>();
  const queue: Array<() => void> = [];
  let used = 0;
  let stopping = false;

  const invokeInTurn = async (event: unknown): Promise<unknown> => {
    if (used >= environmentsMax) await new Promise<void>((resolve) => queue.push(resolve));
    else used += 1;
    try {
      return await invokeNow(event);
    } finally {
      // The place goes to the next in the queue, if there is one.
      const next = queue.shift();
      if (next === undefined) used -= 1;
      else next();
    }
  };

  const invokeNow = async (event: unknown): Promise<unknown> => {
    const environment = takeAlive(idle) ?? startEnvironment();
    try {
      return await environment.invoke(event);
    } finally {
      if (environment.options === deployed) idle.push(environment);
      else void environment.end();
    }
  };

  const startEnvironment = (): ExecutionEnvironment => {
    const environment = new ExecutionEnvironment(deployed);
    environments.add(environment);
    void environment.gone.then(() => environments.delete(environment));
    return environment;
  };

  return {
    invoke(event) {
      if (stopping) {
        const message = 'The function was stopped and takes no more invocations.';
        return Promise.reject(new FerryError(message, { code: 'local.function.stopped' }));
      }
      const invocation = invokeInTurn(event);
      running.add(invocation);
      const over = () => void running.delete(invocation);
      invocation.then(over, over);
      return invocation;
    },
    deploy(changes) {
      deployed = { ...deployed, ...changes };
      for (const environment of idle.splice(0)) void environment.end();
    },
    crash() {
      for (const environment of environments) void environment.end();
    },
    abandon() {
      const busy = [...environments].find((environment) => environment.isBusy);
      if (busy === undefined) return undefined;
      const { goOn, over } = busy.abandon();
      abandoned.add(over);
      void over.then(() => abandoned.delete(over));
      return goOn;
    },
    async idle() {
      while (abandoned.size > 0) await Promise.all(abandoned);
    },
    async stop() {
      stopping = true;
      await Promise.allSettled(running);
      await Promise.all([...environments].map((environment) => environment.end()));
    },
  };
}

function takeAlive(idle: ExecutionEnvironment[]): ExecutionEnvironment | undefined {
  let environment = idle.pop();
  while (environment !== undefined && !environment.alive) environment = idle.pop();
  return environment;
}
