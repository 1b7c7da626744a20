import { existsSync, readFileSync } from "node:fs";
import { dataDirOf, readEnvironment } from "../../core/config/environment";
import { messageOf } from "../../core/errors";
import { demoTargetOf, type RunningRecord, runningRecordPath, startCairn } from "../dev/cairn";
import { processLine } from "../dev/output";
import { createProgress } from "../dev/progress";
import { runAliceDemo } from "./alice";
import type { Demo, DemoTarget } from "./demo";
import { runGatewayDemo } from "./gateway";
import { runKycDemo } from "./kyc";
import { runOAuthDemo } from "./oauth";
import { runPresentationDemo } from "./presentation";
import { printDemo } from "./printDemo";

const DATA_DIR = dataDirOf(readEnvironment());
const progress = createProgress(process.stdout);

const DEMOS: Record<string, Demo> = {
  alice: runAliceDemo,
  kyc: runKycDemo,
  presentation: runPresentationDemo,
  gateway: runGatewayDemo,
  oauth: (target, reportStep) => runOAuthDemo(target, reportStep, printStartUrl()),
};

/** `npm run demo -- oauth --by-hand`: a person opens the printed address and clicks through the pages. */
function printStartUrl(): ((startUrl: string) => void) | undefined {
  return process.argv.includes("--by-hand") ? (url) => progress.print(`\n  Open ${url}\n`) : undefined;
}

/** `npm run demo [-- alice|kyc|presentation|oauth|gateway]`: runs a demo on the Cairn that runs here, or on one of its own, which it ends. */
async function main(name = "alice"): Promise<void> {
  process.send?.("printing");
  const demo = DEMOS[name];
  if (demo === undefined) {
    throw new Error(`there is no demo "${name}"; there are ${Object.keys(DEMOS).join(", ")}`);
  }
  const running = findRunning();
  if (running === undefined) {
    await runOnOwnCairn(demo);
    return;
  }
  progress.print(`Using the Cairn that runs at ${running.apiUrl}\n`);
  await runTimed(demo, running);
}

async function runOnOwnCairn(demo: Demo): Promise<void> {
  progress.print("No Cairn runs here; starting one for the demo.\n");
  const cairn = await startCairn({
    dataDir: DATA_DIR,
    env: readEnvironment(),
    report: (name, line) => progress.print(processLine(name, line)),
    onActivity: progress.start,
  });
  const end = async () => {
    await cairn.stop();
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end());
  try {
    progress.print("");
    await runTimed(demo, demoTargetOf(cairn));
  } finally {
    await cairn.stop();
  }
}

async function runTimed(demo: Demo, target: DemoTarget): Promise<void> {
  const startedMs = performance.now();
  await printDemo(progress, demo, target);
  progress.end();
  progress.print(`\nDone in ${((performance.now() - startedMs) / 1000).toFixed(1)} s.`);
}

function findRunning(): DemoTarget | undefined {
  const path = runningRecordPath(DATA_DIR);
  if (!existsSync(path)) return undefined;
  const { pid, demoTarget } = JSON.parse(readFileSync(path, "utf8")) as RunningRecord;
  try {
    process.kill(pid, 0);
    return demoTarget;
  } catch {
    // The process of that record was killed before it could remove it.
    return undefined;
  }
}

main(process.argv[2]).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`\nThe demo stopped: ${messageOf(error)}\n`);
    process.exit(1);
  },
);
