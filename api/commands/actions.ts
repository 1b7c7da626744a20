import type { Clock } from "../../core/clock";
import { randomId } from "../../core/crypto";
import { DomainError } from "../../core/errors";
import type { Logger } from "../../core/logger";
import { type Command, inProgress, isFinal, type Outcome, rejectionOf, repetitionOf, storedRejection } from "./rules";
import type { CommandStore } from "./store";

export interface CommandDeps {
  commands: Pick<CommandStore, "insert" | "find" | "takeOver" | "finish" | "abandon">;
  clock: Clock;
  logger: Logger;
}

/** What a command answers with. */
export interface CommandReply {
  status: number;
  body: unknown;
}

/** A command's run. */
export interface CommandRun {
  /** Whether an earlier run ended without an answer: what the command is to change may be changed already. */
  isRerun: boolean;
}

/**
 * Executes a command once: of any number of requests with its id one executes it, the others get its answer, or are
 * rejected while there is none. A run whose process died is followed by another after 60 s.
 *
 * @param execute does what is asked; what it throws as DomainError is the command's answer as well
 * @throws DomainError `command.id_reused`, `command.in_progress`, and what the first run was rejected with
 */
export async function executeOnce(
  deps: CommandDeps,
  command: Command,
  execute: (run: CommandRun) => Promise<CommandReply>,
): Promise<CommandReply> {
  const begun = await begin(deps, command);
  if ("outcome" in begun) return replyOf(begun.outcome);
  const { runId, isRerun } = begun;
  const { commandId } = command;
  let reply: CommandReply;
  try {
    reply = await execute({ isRerun });
  } catch (error) {
    await recordFailure(deps, { commandId, runId }, error);
    throw error;
  }
  await deps.commands.finish(commandId, runId, { reply });
  return reply;
}

/** How often a command is read again that is deleted in the moment in which it is read. */
const READS = 3;

async function begin(
  { commands, clock }: Pick<CommandDeps, "commands" | "clock">,
  command: Command,
): Promise<{ outcome: Outcome } | { runId: string; isRerun: boolean }> {
  const { commandId } = command;
  for (let tries = 0; tries < READS; tries += 1) {
    const run = { runId: randomId(), startedAt: clock.now() };
    if (await commands.insert(command, run)) return { runId: run.runId, isRerun: false };
    const stored = await commands.find(commandId);
    if (stored === null) continue;
    const repetition = repetitionOf(stored, command, clock.now());
    if (repetition.kind === "answered") return { outcome: repetition.outcome };
    if (!(await commands.takeOver(commandId, stored.runId, run))) throw inProgress(1);
    return { runId: run.runId, isRerun: true };
  }
  throw inProgress(1);
}

/** A rejection is the answer. After any other error the run has ended without one, and a retry may begin at once. */
async function recordFailure(
  { commands, logger }: Pick<CommandDeps, "commands" | "logger">,
  { commandId, runId }: { commandId: string; runId: string },
  error: unknown,
): Promise<void> {
  try {
    if (error instanceof DomainError && isFinal(error)) {
      await commands.finish(commandId, runId, { rejection: storedRejection(error) });
    } else await commands.abandon(commandId, runId);
  } catch (failure) {
    // The command's own error is what the caller has to know; a retry finds the run abandoned after 60 s.
    logger.warn({ err: failure, commandId }, "what came of a command was not stored");
  }
}

function replyOf(outcome: Outcome): CommandReply {
  if ("rejection" in outcome) throw rejectionOf(outcome.rejection);
  return outcome.reply;
}
