import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readEnvironment } from "../../core/config/environment";
import { messageOf } from "../../core/errors";
import { playKycStory } from "./kyc";
import { playOAuth } from "./oauth";
import type { Scene, Stage } from "./stage";
import { playStory } from "./alice";
import { type RunningRecord, runningRecordPath, stageOf, startCairn } from "../dev/cairn";
import { processLine, sceneLines } from "../dev/output";
import { createProgress } from "../dev/progress";

const DATA_DIR = resolve(process.env["CAIRN_DATA_DIR"] ?? join(__dirname, "..", "..", ".cairn"));
const { say, doing, done } = createProgress(process.stdout);

type Story = (stage: Stage, tell: (scene: Scene) => void) => Promise<void>;

/** `npm run demo -- <name>`; without a name the first. */
const STORIES: Record<string, Story> = {
  alice: playStory,
  kyc: playKycStory,
  oauth: (stage, tell) => playOAuth(stage, tell, byHand()),
};

/** `npm run demo -- oauth --by-hand`: a person clicks through it. */
function byHand(): ((startUrl: string) => void) | undefined {
  return process.argv.includes("--by-hand") ? (url) => say(`\n  Open ${url}\n`) : undefined;
}

/** `npm run demo`: plays the story on the Cairn that runs here, or on one of its own, which it ends. */
async function main(name = "alice"): Promise<void> {
  process.send?.("speaking");
  const play = STORIES[name];
  if (play === undefined) {
    throw new Error(`there is no story "${name}"; there are ${Object.keys(STORIES).join(", ")}`);
  }
  const running = findRunning();
  if (running !== undefined) {
    say(`Playing on the Cairn that runs at ${running.apiUrl}\n`);
    await tell(play, running);
    return;
  }
  say("No Cairn runs here; starting one for the story.\n");
  const cairn = await startCairn({
    dataDir: DATA_DIR,
    env: readEnvironment(),
    report: (who, line) => say(processLine(who, line)),
    doing,
  });
  const end = async () => {
    await cairn.stop();
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end());
  try {
    say("");
    await tell(play, stageOf(cairn));
  } finally {
    await cairn.stop();
  }
}

async function tell(play: Story, stage: Stage): Promise<void> {
  let number = 1;
  const startedAt = performance.now();
  doing("step 1 of the story");
  await play(stage, (scene) => {
    say(sceneLines(scene, number));
    number += 1;
    doing(`step ${number} of the story`);
  });
  done();
  say(`\nDone in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
}

function findRunning(): Stage | undefined {
  const path = runningRecordPath(DATA_DIR);
  if (!existsSync(path)) return undefined;
  const { pid, stage } = JSON.parse(readFileSync(path, "utf8")) as RunningRecord;
  try {
    process.kill(pid, 0);
    return stage;
  } catch {
    // The record of a Cairn that was killed: nobody is there.
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
