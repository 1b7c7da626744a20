/** What kind of rejection a {@link DomainError} is; HTTP maps each to one status. */
export type ErrorKind =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "not_acceptable"
  | "conflict"
  | "gone"
  | "too_large"
  | "unsupported_media_type"
  | "too_many"
  | "not_implemented";

/**
 * One invalid input: `field` is a path such as `body.email`, `message` says what is wrong and how to fix it, and `code`
 * names the error where a program may want to know which it is.
 */
export interface FieldError {
  field: string;
  message: string;
  code?: string;
}

export interface DomainErrorOptions {
  /** Invalid input fields, shown to the caller. */
  fields?: FieldError[];
  /** Further public facts, for instance `{ maxBytes: 65536 }`. Never a secret. */
  details?: Record<string, unknown>;
  /** When a later try may succeed, for instance after a rate limit. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/**
 * A rejection by a rule of the domain. Trying again without a change gives the same answer, so a worker does not
 * retry it.
 */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly fields: FieldError[];
  readonly details: Record<string, unknown>;
  readonly retryAfterSeconds: number | undefined;

  /**
   * @param code stable and machine readable, `<subject>.<what_happened>`, for instance `session.idle`
   * @param kind decides the HTTP status at the edge
   * @param message a sentence for people: what was rejected, why, and how to fix it
   */
  constructor(
    readonly code: string,
    readonly kind: ErrorKind,
    message: string,
    options: DomainErrorOptions = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.fields = options.fields ?? [];
    this.details = options.details ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Something outside did not answer as it should; the same request may succeed later. Workers retry it, HTTP answers 503. */
export class TransientError extends Error {
  override readonly name = "TransientError";

  /** @param code stable, for instance `rpc.timeout` or `mongo.unavailable` */
  constructor(
    readonly code: string,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
  }
}

/** One problem of the configuration, or of what it points at, and how to fix it. */
export interface BootProblem {
  /** The variable or part concerned, for instance `RPC_URL`. */
  subject: string;
  problem: string;
  fix: string;
}

/** The process cannot start. Its message lists every problem found, so that all can be fixed at once. */
export class BootError extends Error {
  override readonly name = "BootError";

  constructor(
    readonly processName: string,
    readonly problems: BootProblem[],
  ) {
    const lines = problems.map(({ subject, problem, fix }) => `  - ${subject}: ${problem}\n      fix: ${fix}`);
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super(`The ${processName} cannot start; ${count} in its configuration:\n${lines.join("\n")}`);
  }
}

/**
 * Ends a switch over every event or state: one that misses a case does not compile.
 *
 * @throws RangeError when a value came in that its type does not have
 */
export function assertNever(value: never): never {
  throw new RangeError(`no case for ${JSON.stringify(value)}`);
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
