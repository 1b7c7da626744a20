import { randomInt } from "node:crypto";

/** Milliseconds between blocks, or the range they are drawn from; 0 is off. */
export type IntervalSetting = number | [number, number];

/**
 * Mines in intervals instead of the node: blocks that the node mines by itself would not get into the journal.
 */
export class IntervalMining {
  private timer: NodeJS.Timeout | undefined;
  private generation = 0;

  constructor(private readonly mine: () => Promise<unknown>) {}

  /** @throws RangeError when the setting is neither a number of milliseconds nor a range of them */
  set(setting: IntervalSetting): void {
    const [least, most] = Array.isArray(setting) ? setting : [setting, setting];
    if (!(Number.isInteger(least) && Number.isInteger(most) && least >= 0 && most >= least)) {
      throw new RangeError(
        `The mining interval ${JSON.stringify(setting)} is neither milliseconds nor a range of them.`,
      );
    }
    clearTimeout(this.timer);
    this.generation++;
    if (most > 0) this.schedule(least, most, this.generation);
  }

  private schedule(least: number, most: number, turn: number): void {
    // Goes on when a block could not be mined, as the node's own interval mining does.
    const again = () => {
      if (turn === this.generation) this.schedule(least, most, turn);
    };
    this.timer = setTimeout(() => void this.mine().then(again, again), randomInt(least, most + 1));
  }
}
