import { stepLines } from "../dev/output";
import type { Progress } from "../dev/progress";
import type { Demo, DemoTarget } from "./demo";

/** Runs a demo and prints each step when it is finished. @throws what the demo throws */
export async function printDemo(progress: Progress, demo: Demo, target: DemoTarget): Promise<void> {
  let number = 1;
  progress.start("step 1 of the demo");
  await demo(target, (step) => {
    progress.print(stepLines(step, number));
    number += 1;
    progress.start(`step ${number} of the demo`);
  });
}
