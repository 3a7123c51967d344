// What every AWS client of Ferry may be told beside its own options.

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface ClientSettings {
  readonly region: string;
  /** @default the Region's own */
  readonly endpoint?: string | undefined;
  /** @default the SDK's own search for them */
  readonly credentials?: Credentials | undefined;
}

/** The settings in the form that SDK clients take: what is not set is not there. */
export function clientSettings({ region, endpoint, credentials }: ClientSettings) {
  return {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}
