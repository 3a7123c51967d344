// What the plug-in sees of a client of the AWS SDK: its middleware stack, and the commands that pass through it. Types
// only, and only the part that all versions of the SDK have in common.

/** Of a client: what `middlewareStack` is. */
export interface ClientStack {
  add(middleware: never, options: never): void;
  identify(): string[];
}

/** A command on its way to the service. */
export interface CommandArgs {
  readonly input: object;
  /** From the step "serialize" on. */
  readonly request?: unknown;
}

/** Its answer on the way back. */
export interface CommandResult {
  readonly output: object;
  readonly response?: unknown;
}

export type Send = (args: CommandArgs) => Promise<CommandResult>;

interface CommandContext {
  /** As the class of the client is called that DynamoDB's own commands are sent by: `PutItemCommand`. */
  readonly commandName?: string | undefined;
}

export type Middleware = (next: Send, context: CommandContext) => Send;

interface Place {
  readonly name: string;
  readonly step: 'initialize' | 'build' | 'deserialize';
  readonly priority: 'high' | 'low';
}

/** A second time with the same name replaces the first. */
export function addTo(stack: ClientStack, middleware: Middleware, place: Place): void {
  stack.add(middleware as never, { ...place, override: true } as never);
}
