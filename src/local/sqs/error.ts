// What the local SQS refuses, with the code, the query code and the HTTP status of the service.

/** Errors that are the service's own: query code and status as the SDK's model has them. */
const SERVICE_ERRORS = {
  BatchEntryIdsNotDistinct: ['AWS.SimpleQueueService.BatchEntryIdsNotDistinct', 400],
  BatchRequestTooLong: ['AWS.SimpleQueueService.BatchRequestTooLong', 400],
  EmptyBatchRequest: ['AWS.SimpleQueueService.EmptyBatchRequest', 400],
  InvalidAttributeName: ['InvalidAttributeName', 400],
  InvalidAttributeValue: ['InvalidAttributeValue', 400],
  InvalidBatchEntryId: ['AWS.SimpleQueueService.InvalidBatchEntryId', 400],
  InvalidMessageContents: ['InvalidMessageContents', 400],
  MessageNotInflight: ['AWS.SimpleQueueService.MessageNotInflight', 400],
  PurgeQueueInProgress: ['AWS.SimpleQueueService.PurgeQueueInProgress', 403],
  QueueDoesNotExist: ['AWS.SimpleQueueService.NonExistentQueue', 400],
  QueueNameExists: ['QueueAlreadyExists', 400],
  ReceiptHandleIsInvalid: ['ReceiptHandleIsInvalid', 404],
  TooManyEntriesInBatchRequest: ['AWS.SimpleQueueService.TooManyEntriesInBatchRequest', 400],
  UnsupportedOperation: ['AWS.SimpleQueueService.UnsupportedOperation', 400],
} as const;

/** Errors of the framework that every AWS service of this protocol shares; no SDK models them. */
const FRAMEWORK_ERRORS = {
  InternalFailure: ['InternalFailure', 500],
  InvalidParameterValueException: ['InvalidParameterValue', 400],
  MissingRequiredParameterException: ['MissingParameter', 400],
  RequestEntityTooLargeException: ['RequestEntityTooLarge', 413],
  SerializationException: ['MalformedInput', 400],
  UnknownOperationException: ['InvalidAction', 400],
} as const;

type ServiceErrorCode = keyof typeof SERVICE_ERRORS;
type FrameworkErrorCode = keyof typeof FRAMEWORK_ERRORS;

/** A refusal on its way to the caller. */
export class SqsError extends Error {
  /** Shape id, for `__type` in the body. */
  readonly type: string;
  /** Code of the older query protocol, for `x-amzn-query-error` and for failed batch entries. */
  readonly queryCode: string;
  readonly status: number;

  constructor(code: ServiceErrorCode | FrameworkErrorCode, message: string) {
    super(message);
    this.name = code;
    const isService = isServiceError(code);
    this.type = `${isService ? 'com.amazonaws.sqs' : 'com.amazon.coral.service'}#${code}`;
    [this.queryCode, this.status] = isService ? SERVICE_ERRORS[code] : FRAMEWORK_ERRORS[code];
  }
}

/** The value of a parameter is out of range or not allowed. */
export function invalidValue(name: string, value: string | number, reason: string): SqsError {
  return invalidParameter(`Value ${value} for parameter ${name} is invalid. Reason: ${reason}`);
}

export function invalidParameter(message: string): SqsError {
  return new SqsError('InvalidParameterValueException', message);
}

export function missingParameter(name: string): SqsError {
  return new SqsError(
    'MissingRequiredParameterException',
    `The request must contain the parameter ${name}.`,
  );
}

function isServiceError(code: string): code is ServiceErrorCode {
  return Object.hasOwn(SERVICE_ERRORS, code);
}
