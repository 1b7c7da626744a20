import { readEnvironmentBesideRunning } from "../../core/config/environment";
import { BootError, messageOf } from "../../core/errors";

/** Exit codes; those that sysexits.h has are its EX_USAGE and EX_CONFIG. */
export const EXIT = { done: 0, failed: 1, usage: 64, configuration: 78 } as const;

/** The arguments are not what the command's usage says. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What a command takes from outside beside its arguments. */
export interface CommandContext {
  env: NodeJS.ProcessEnv;
  /** Prints one line of the result. */
  print(line: string): void;
}

/** A command that an operator runs at a terminal. */
export interface Command {
  /** Printed for `--help` and after wrong arguments. */
  usage: string;
  /** @throws UsageError, or what `parseArgs` throws, for arguments it does not know */
  run(args: string[], context: CommandContext): Promise<void> | void;
}

/**
 * Runs a command: its result goes to `print`, what went wrong to `printError`.
 *
 * @returns the exit code: 0 done, 1 failed, 64 wrong arguments (the usage is printed), 78 wrong configuration
 */
export async function executeCommand(
  { usage, run }: Command,
  args: string[],
  context: CommandContext & { printError(line: string): void },
): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    context.print(usage);
    return EXIT.done;
  }
  try {
    await run(args, context);
    return EXIT.done;
  } catch (error) {
    const code = exitCodeOf(error);
    context.printError(code === EXIT.usage ? `${messageOf(error)}\n\n${usage}` : shortMessageOf(error));
    return code;
  }
}

/** Runs a command with this process's arguments, environment and streams, and sets its exit code. */
export async function runCommand(command: Command): Promise<void> {
  process.exitCode = await executeCommand(command, process.argv.slice(2), {
    env: readEnvironmentBesideRunning(),
    print: (line) => process.stdout.write(`${line}\n`),
    printError: (line) => process.stderr.write(`${line}\n`),
  });
}

function exitCodeOf(error: unknown): number {
  if (error instanceof BootError) return EXIT.configuration;
  return error instanceof UsageError || isParseArgsError(error) ? EXIT.usage : EXIT.failed;
}

/** What `parseArgs` of node:util throws for an unknown option or a value that is missing. */
function isParseArgsError(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}

/** The message without the request and bytecode that ethers appends to its own. */
function shortMessageOf(error: unknown): string {
  return error instanceof Error && "shortMessage" in error ? String(error.shortMessage) : messageOf(error);
}
