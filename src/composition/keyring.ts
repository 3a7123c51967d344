// What one call of Ferry has found out about credentials, so that a command about many replications asks once.

import type { CredentialSource } from '../aws/access.ts';
import { openOnce } from './open-once.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

class Keyring {
  readonly #credentials = new Map<string, CredentialSource>();
  readonly #accounts = new Map<string, () => Promise<string>>();

  credentials(key: string, make: () => CredentialSource): CredentialSource {
    const found = this.#credentials.get(key) ?? make();
    this.#credentials.set(key, found);
    return found;
  }

  /** A failed question is asked again. */
  account(key: string, ask: () => Promise<string>): Promise<string> {
    const asked = this.#accounts.get(key) ?? openOnce(ask);
    this.#accounts.set(key, asked);
    return asked();
  }
}

const KEYRINGS = new WeakMap<Environment, Keyring>();

/** @param environment the object that the call has, and no copy of it. */
export function keyringOf(environment: Environment): Keyring {
  const found = KEYRINGS.get(environment) ?? new Keyring();
  KEYRINGS.set(environment, found);
  return found;
}
