import { DomainError, type ErrorKind, type FieldError } from "../../core/errors";

/** How long a run of a command may take before a retry runs it again: whoever ran it has died by then. */
export const RUN_SECONDS = 60;

/** A write of a device, which takes effect once however often it is sent. */
export interface Command {
  /** `<device session id>/<request id>` */
  commandId: string;
  userId: string;
  /** A keyed digest of what is asked: another command must not have this one's id. */
  digest: string;
}

/** One attempt to execute a command. */
export interface Run {
  runId: string;
  startedAt: Date;
}

/** What came of a command: its reply, or the rejection by a rule, which a retry would meet again. */
export type Outcome = { reply: { status: number; body: unknown } } | { rejection: StoredRejection };

/** A DomainError as it is stored. */
export interface StoredRejection {
  code: string;
  kind: ErrorKind;
  message: string;
  fields: FieldError[];
  details: Record<string, unknown>;
}

/** A command as it is stored. */
export interface StoredCommand extends Command, Run {
  status: "running" | "done";
  /** Null while it is running. */
  outcome: Outcome | null;
}

/** What to do about a command that is stored already. */
export type Repetition = { kind: "answered"; outcome: Outcome } | { kind: "abandoned" };

/**
 * Decides about a command that was sent before.
 *
 * @throws DomainError `command.id_reused` when it asks for something else, `command.in_progress` while a run of it may
 * still be under way
 */
export function repetitionOf(stored: StoredCommand, { digest, userId }: Command, now: Date): Repetition {
  if (stored.digest !== digest || stored.userId !== userId) {
    const message = "Another command of this session had this request id: give each its own.";
    throw new DomainError("command.id_reused", "conflict", message);
  }
  if (stored.outcome !== null) return { kind: "answered", outcome: stored.outcome };
  const leftMs = stored.startedAt.getTime() + RUN_SECONDS * 1000 - now.getTime();
  if (leftMs > 0) throw inProgress(leftMs / 1000);
  return { kind: "abandoned" };
}

/** The rejection of a command that is being executed. */
export function inProgress(retryAfterSeconds: number): DomainError {
  const message = "This command is being executed: send it again in a moment.";
  return new DomainError("command.in_progress", "conflict", message, {
    // Most runs take milliseconds; only one whose process died takes the whole time.
    retryAfterSeconds: Math.min(Math.ceil(retryAfterSeconds), 2),
  });
}

/**
 * Whether a rejection is the command's answer for good. One that says when to come back is not.
 */
export function isFinal({ retryAfterSeconds }: DomainError): boolean {
  return retryAfterSeconds === undefined;
}

/** A rejection in the form in which it is stored. */
export function storedRejection({ code, kind, message, fields, details }: DomainError): StoredRejection {
  return { code, kind, message, fields, details };
}

/** The rejection that was stored. */
export function rejectionOf({ code, kind, message, fields, details }: StoredRejection): DomainError {
  return new DomainError(code, kind, message, { fields, details });
}
