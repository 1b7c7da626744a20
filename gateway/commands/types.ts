import { COMMANDS, type CommandRoute } from "../../core/internalApi";

/** What ExecuteCommand executes, and which of it changes something. */
export const COMMAND_TYPES: ReadonlyMap<string, { isWrite: boolean }> = new Map(
  Object.entries(COMMANDS).map(([type, { method }]) => [type, { isWrite: method !== "get" }]),
);

/** The command of a message type; undefined where there is none. */
export function commandOf(messageType: string): CommandRoute | undefined {
  return Object.hasOwn(COMMANDS, messageType) ? COMMANDS[messageType as keyof typeof COMMANDS] : undefined;
}
