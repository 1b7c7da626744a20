/** What kind of refusal a {@link DomainError} is; the edge that speaks HTTP maps each to one status. */
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

/** One faulty input: `field` is a path such as `body.email`, `message` says what is wrong and how to mend it. */
export interface FieldFault {
  field: string;
  message: string;
}

export interface DomainErrorOptions {
  /** Input fields at fault, shown to the caller. */
  fields?: FieldFault[];
  /** Further public facts, for instance `{ maxBytes: 65536 }`. Never a secret. */
  details?: Record<string, unknown>;
  /** When a later try may succeed, for instance after a rate limit. */
  retryAfterSeconds?: number;
  cause?: unknown;
}

/**
 * A refusal by a rule of the domain. Trying again without a change gives the same answer,
 * so a worker does not retry it.
 */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly fields: FieldFault[];
  readonly details: Record<string, unknown>;
  readonly retryAfterSeconds: number | undefined;

  /**
   * @param code stable and machine readable, `<subject>.<what_happened>`, for instance `session.idle`
   * @param kind decides the HTTP status at the edge
   * @param message a sentence for people: what was refused, why, and what would mend it
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

/** One fault of the configuration or of what it points at, with the way to mend it. */
export interface BootFault {
  /** The variable or part at fault, for instance `RPC_URL`. */
  subject: string;
  problem: string;
  mend: string;
}

/** The process cannot start. Its message lists every fault found, so that one round of mending is enough. */
export class BootError extends Error {
  override readonly name = "BootError";

  constructor(
    readonly processName: string,
    readonly faults: BootFault[],
  ) {
    const lines = faults.map((fault) => `  - ${fault.subject}: ${fault.problem}\n      mend: ${fault.mend}`);
    const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
    super(`The ${processName} cannot start; ${count} in its configuration:\n${lines.join("\n")}`);
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
