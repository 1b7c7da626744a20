import { join, relative, resolve } from "node:path";
import { readEnvironment } from "../../core/config/environment";
import { messageOf } from "../../core/errors";
import { playStory } from "../demo/alice";
import { type RunningCairn, stageOf, startCairn } from "./cairn";
import { printEndpoints, processLine, sceneLines } from "./output";
import { createProgress } from "./progress";

const ROOT = join(__dirname, "..", "..");
/** Another folder lets two Cairns run side by side. */
const DATA_DIR = resolve(process.env["CAIRN_DATA_DIR"] ?? join(ROOT, ".cairn"));
const { say, doing, done } = createProgress(process.stdout);

/** `npm start`: everything on this machine, the story once, then it stays until Ctrl-C. */
async function main(): Promise<void> {
  const signal = waitForSignal();
  const startedAt = performance.now();
  if (readEnvironment()["NODE_ENV"] === "production") {
    throw new Error("npm start is for development: in production run npm run api, npm run worker and npm run indexer.");
  }
  say("Starting Cairn; Ctrl-C ends it.\n");
  process.send?.("speaking");
  const starting = startCairn({
    dataDir: DATA_DIR,
    env: readEnvironment(),
    report: (who, line) => say(processLine(who, line)),
    doing,
  });
  const first = await Promise.race([starting, signal]);
  // Asked to end while starting: what has started by then is ended all the same.
  const cairn = first === "signal" ? await starting : first;
  if (first !== "signal") {
    say(`\nAlice's story, with a real wallet\n`);
    await Promise.race([tellStory(cairn), signal]);
    done();
    say(`\nCairn is running (${((performance.now() - startedAt) / 1000).toFixed(0)} s)\n`);
    printEndpoints(say, cairn, ROOT);
    await signal;
  }
  say("\nEnding everything ...");
  doing("ending everything");
  await cairn.stop();
  done();
  say(`Ended. Data is kept in ${relative(process.cwd(), DATA_DIR)}/; delete that folder to start empty.`);
}

/** A story that stops is told too; Cairn stays up, so that one can look into it. */
async function tellStory(cairn: RunningCairn): Promise<void> {
  let number = 1;
  doing("step 1 of the story");
  try {
    await playStory(stageOf(cairn), (scene) => {
      say(sceneLines(scene, number));
      number += 1;
      doing(`step ${number} of the story`);
    });
  } catch (error) {
    say(`  The story stopped: ${messageOf(error)}\n  "npm run demo" continues it.`);
  }
}

/**
 * Resolves when someone wants us to end: Ctrl-C, a signal, or the launcher that is gone. Asked again later, we leave at
 * once: whatever we started ends with us.
 */
function waitForSignal(): Promise<"signal"> {
  let askedAt: number | undefined;
  return new Promise((resolve) => {
    const ask = () => {
      const now = performance.now();
      // One Ctrl-C may arrive twice, from the terminal and from the launcher.
      if (askedAt !== undefined && now - askedAt > 500) process.exit(130);
      askedAt ??= now;
      resolve("signal");
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, ask);
    process.on("disconnect", ask);
  });
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`\n${messageOf(error)}\n`);
    process.exit(1);
  },
);
