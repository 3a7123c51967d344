// What the local SQS refuses, with the code, the query code and the HTTP status of the service.

/** Errors of SQS itself: query code and status as the SDK's model has them. */
const SERVICE_ERRORS = {
  InvalidAttributeName: ['InvalidAttributeName', 400],
  InvalidAttributeValue: ['InvalidAttributeValue', 400],
  InvalidMessageContents: ['InvalidMessageContents', 400],
  MessageNotInflight: ['AWS.SimpleQueueService.MessageNotInflight', 400],
  QueueDoesNotExist: ['AWS.SimpleQueueService.NonExistentQueue', 400],
  QueueNameExists: ['QueueAlreadyExists', 400],
  ReceiptHandleIsInvalid: ['ReceiptHandleIsInvalid', 404],
  UnsupportedOperation: ['AWS.SimpleQueueService.UnsupportedOperation', 400],
} as const;

/** Errors of the framework that all AWS services of this protocol share; no SDK models them. */
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

export class SqsError extends Error {
  /** Shape id, for `__type` in the body. */
  readonly type: string;
  /** Code of the older query protocol, for `x-amzn-query-error`. */
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
