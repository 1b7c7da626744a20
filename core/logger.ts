import { pino, stdTimeFunctions, type Logger as PinoLogger } from "pino";
import type { Config } from "./config/config";

/** A structured logger. One line of JSON an entry; `notice: true` marks what a person at the terminal should see. */
export type Logger = PinoLogger;

/**
 * Paths that never reach a log line, wherever an object is logged: credentials, tokens, keys and personal data.
 * The names are those of the API's bodies and headers.
 */
const REDACTED = [
  "password",
  "newPassword",
  "currentPassword",
  "email",
  "name",
  "signature",
  "registrationSignature",
  "sessionId",
  "token",
  "authorization",
  "cookie",
  "relayerPrivateKey",
];

/**
 * Makes the logger of a process. Times are ISO 8601, levels are words, errors keep their cause and stack.
 *
 * @param destination where lines go; standard output when absent
 */
export function createLogger(
  { processName, logLevel }: Pick<Config, "processName" | "logLevel">,
  destination?: { write(line: string): void },
): Logger {
  const options = {
    level: logLevel,
    base: { process: processName },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: "[redacted]" },
  };
  // Each line is written before the call returns: lines that wait while the process exits would be retried for ever once
  // nobody reads standard output any more.
  return pino(options, destination ?? pino.destination({ dest: process.stdout.fd, sync: true }));
}
