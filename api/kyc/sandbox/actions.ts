import type { Clock } from "../../../core/clock";
import { randomId } from "../../../core/crypto";
import { assertNever, DomainError } from "../../../core/errors";
import type { KycSubstatus } from "../rules";
import type { SandboxEvent, SandboxSession, SandboxStore } from "./store";

/** What a person at the sandbox's page may decide. */
export const SANDBOX_DECISIONS = ["approve", "reject", "review", "resubmit", "expire"] as const;
export type SandboxDecision = (typeof SANDBOX_DECISIONS)[number];

/** How the sandbox reports a decision: as it should, or as providers do on a bad day. */
export const SANDBOX_BEHAVIOURS = ["normal", "duplicate", "delay", "reorder", "lose"] as const;
export type SandboxBehaviour = (typeof SANDBOX_BEHAVIOURS)[number];

const SUBSTATUS_OF: Record<SandboxDecision, KycSubstatus> = {
  approve: "approved",
  reject: "declined",
  review: "needs_review",
  resubmit: "resubmission_requested",
  expire: "expired",
};

const DELAY_MS = 5_000;
const REORDER_MS = 1_500;

/** What the sandbox needs to decide and report. */
export interface SandboxDeps {
  sandbox: SandboxStore;
  clock: Clock;
  /**
   * Queues one report of an event.
   *
   * @param report.copy tells apart several reports of one event
   */
  report(report: { sessionId: string; eventId: string; copy: number }, delayMs: number): Promise<void>;
}

/** @throws DomainError `kyc_sandbox.not_found` */
export async function findSandboxSession(
  { sandbox }: Pick<SandboxDeps, "sandbox">,
  id: string,
): Promise<SandboxSession> {
  const session = await sandbox.find(id);
  if (session !== null) return session;
  throw new DomainError(
    "kyc_sandbox.not_found",
    "not_found",
    "The sandbox has no such session: start a verification first.",
  );
}

/**
 * Decides a sandbox session as its page asked, and reports it by webhook in the manner asked for.
 *
 * @throws DomainError `kyc_sandbox.not_found`, `kyc_sandbox.closed`
 */
export async function decideSandboxSession(
  deps: SandboxDeps,
  input: { sessionId: string; decision: SandboxDecision; behaviour: SandboxBehaviour },
): Promise<void> {
  const { sandbox, clock } = deps;
  const { sessionId } = await findSandboxSession(deps, input.sessionId).then(({ _id }) => ({ sessionId: _id }));
  const at = clock.now();
  const handedIn: SandboxEvent = { id: randomId(), substatus: "in_progress", at: new Date(at.getTime() - 1) };
  const decided: SandboxEvent = { id: randomId(), substatus: SUBSTATUS_OF[input.decision], at };
  if (!(await sandbox.append(sessionId, [handedIn, decided], at))) {
    const fix = "start a verification anew";
    throw new DomainError(
      "kyc_sandbox.closed",
      "conflict",
      `The session is closed and cannot be decided again: ${fix}.`,
    );
  }

  const send = (event: SandboxEvent, delayMs: number, copy = 0) =>
    deps.report({ sessionId, eventId: event.id, copy }, delayMs);
  switch (input.behaviour) {
    case "lose":
      return;
    case "duplicate":
      await Promise.all([0, 1, 2].map((copy) => send(decided, 0, copy)));
      return;
    case "delay":
      return send(decided, DELAY_MS);
    case "reorder":
      await Promise.all([send(decided, 0), send(handedIn, REORDER_MS)]);
      return;
    case "normal":
      await Promise.all([send(handedIn, 0), send(decided, 0)]);
      return;
    default:
      assertNever(input.behaviour);
  }
}
