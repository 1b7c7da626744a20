import { parseArgs } from "node:util";
import { createStopSwitch, type StopSwitch } from "../../chain/relayer/stopSwitch";
import { systemClock } from "../../core/clock";
import { loadConfig } from "../../core/config/config";
import { connectMongo } from "../../core/mongo";
import { type CommandContext, runCommand, UsageError } from "./command";

const usage = `npm run relayer -- status             whether the relayer may spend
npm run relayer -- stop [reason]      it signs and sends nothing from now on, in every process, without a restart
npm run relayer -- start              it goes on`;

interface Deps extends CommandContext {
  stopSwitch: StopSwitch;
  /** Whether the configuration stops the relayer, whatever the switch says. */
  stoppedByConfig: boolean;
}

/** Stops the relayer, and lets it go on. */
async function run(args: string[], context: CommandContext): Promise<void> {
  const act = actionOf(parseArgs({ args, options: {}, allowPositionals: true }).positionals);
  const config = loadConfig("operator", context.env);
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "relayer" });
  try {
    await act({ ...context, stopSwitch: createStopSwitch(mongo), stoppedByConfig: config.spending.stopped });
  } finally {
    await mongo.close();
  }
}

/** What the arguments ask for. Nothing is connected before they are known to be right. */
function actionOf([command, ...words]: string[]): (deps: Deps) => Promise<void> {
  if (command === "stop") return (deps) => set(deps, true, words.join(" "));
  if (words.length > 0) throw new UsageError(`Unexpected argument: ${words.join(" ")}.`);
  if (command === "start") return (deps) => set(deps, false, "");
  if (command === "status") return printStatus;
  throw new UsageError("Give one of the commands below.");
}

async function set(deps: Deps, stopped: boolean, reason: string): Promise<void> {
  await deps.stopSwitch.set({ stopped, reason, changedAt: systemClock.now() });
  await printStatus(deps);
}

async function printStatus({ stopSwitch, stoppedByConfig, print }: Deps): Promise<void> {
  if (stoppedByConfig) print("stopped by the configuration: RELAYER_STOPPED is true");
  const state = await stopSwitch.read();
  if (state === null) print("the switch was never used: the relayer may spend");
  else {
    const reason = state.reason === "" ? "" : `: ${state.reason}`;
    print(`${state.stopped ? "stopped" : "may spend"} since ${state.changedAt.toISOString()}${reason}`);
  }
}

void runCommand({ usage, run });
