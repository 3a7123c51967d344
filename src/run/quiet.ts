// What an error is called, without what a service says: that may repeat what it was sent, and logs tell nothing of items.

import { FerryError, namedError } from '../errors.ts';
import { classifyFailure } from '../model/write-failure.ts';

/** For a log: Ferry's own errors say what happened, all others have a name. */
export function failureName(error: unknown): string {
  return error instanceof FerryError ? error.message : classifyFailure(error).name;
}

const UNSAID = 'what the service says is not logged';

/** The same port, whose errors have a name and no message. All of its methods are asynchronous. */
export function quiet<Port extends object>(port: Port): Port {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]): Promise<unknown> => {
        try {
          return await (Reflect.apply(value, target, args) as Promise<unknown>);
        } catch (error) {
          throw error instanceof FerryError ? error : namedError(failureName(error), UNSAID);
        }
      };
    },
  });
}
