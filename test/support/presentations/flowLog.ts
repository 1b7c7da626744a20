import type { Fixture } from "../fixture";

export interface FlowLine {
  level: string;
  msg: string;
  flowSessionId?: string;
  [field: string]: unknown;
}

/** The lines that a flow has logged, oldest first. */
export function linesOf({ log }: Pick<Fixture, "log">, sessionId: string): FlowLine[] {
  return log()
    .split("\n")
    .filter((line) => line.includes(sessionId))
    .map((line) => JSON.parse(line) as FlowLine);
}

export function messagesOf(on: Pick<Fixture, "log">, sessionId: string): string[] {
  return linesOf(on, sessionId).map(({ msg }) => msg);
}
