// What the local S3 refuses, with the code and the HTTP status of the service.

const STATUS = {
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  EntityTooLarge: 400,
  InternalError: 500,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NotImplemented: 501,
  XAmzContentSHA256Mismatch: 400,
} as const;

/** A refusal on its way to the caller. */
export class S3Error extends Error {
  readonly code: keyof typeof STATUS;
  readonly status: number;
  /** Further elements of the answer, by name. */
  readonly details: Readonly<Record<string, string>>;

  constructor(
    code: keyof typeof STATUS,
    message: string,
    details: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = STATUS[code];
    this.details = details;
  }
}

export function invalidArgument(name: string, value: string, message: string): S3Error {
  return new S3Error('InvalidArgument', message, { ArgumentName: name, ArgumentValue: value });
}
