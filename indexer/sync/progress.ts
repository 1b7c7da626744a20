import { monotonicMs } from "../../core/clock";
import type { Logger } from "../../core/logger";

/** Shows how far a long run has come: a bar on a terminal, a line now and then elsewhere. */
export interface Progress {
  advance(blocks: number, events: number): void;
  finish(): void;
}

/** Where a bar is drawn: a terminal, usually standard error. */
export interface Terminal {
  isTTY?: boolean;
  write(text: string): unknown;
}

const REDRAW_MS = 100;
const LINE_MS = 5_000;
const BAR_CELLS = 30;

/** Starts to show the progress over `totalBlocks`. */
export function startProgress(options: { totalBlocks: number; logger: Logger; terminal: Terminal }): Progress {
  const { totalBlocks, logger, terminal } = options;
  const startedMs = monotonicMs();
  let shownMs = startedMs;
  let blocks = 0;
  let events = 0;

  function facts() {
    const seconds = Math.max(0.001, (monotonicMs() - startedMs) / 1000);
    const blocksPerSecond = blocks / seconds;
    return {
      blocks,
      totalBlocks,
      events,
      eventsPerSecond: Math.round(events / seconds),
      secondsLeft: blocksPerSecond > 0 ? Math.round((totalBlocks - blocks) / blocksPerSecond) : null,
    };
  }

  function draw(): void {
    const { eventsPerSecond, secondsLeft } = facts();
    const done = totalBlocks === 0 ? 1 : Math.min(1, blocks / totalBlocks);
    const bar = "█".repeat(Math.round(done * BAR_CELLS)).padEnd(BAR_CELLS, "░");
    const left = secondsLeft === null ? "" : `, ${formatSeconds(secondsLeft)} left`;
    const numbers = `${(done * 100).toFixed(0)} %, block ${blocks}/${totalBlocks}, ${events} events, ${eventsPerSecond}/s`;
    terminal.write(`\r\u001b[2K${bar} ${numbers}${left}`);
  }

  return {
    advance(moreBlocks, moreEvents) {
      blocks += moreBlocks;
      events += moreEvents;
      if (monotonicMs() - shownMs < (terminal.isTTY === true ? REDRAW_MS : LINE_MS)) return;
      shownMs = monotonicMs();
      if (terminal.isTTY === true) draw();
      else logger.info(facts(), "backfilling");
    },
    finish() {
      if (terminal.isTTY === true) {
        draw();
        terminal.write("\n");
      }
      logger.info(facts(), "backfill complete");
    },
  };
}

/** `75` as `1 min 15 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
