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

interface ProgressState {
  totalBlocks: number;
  startedMs: number;
  shownMs: number;
  blocks: number;
  events: number;
}

/** Starts to show the progress over `totalBlocks`. */
export function startProgress(options: { totalBlocks: number; logger: Logger; terminal: Terminal }): Progress {
  const { totalBlocks, logger, terminal } = options;
  const startedMs = monotonicMs();
  const state: ProgressState = { totalBlocks, startedMs, shownMs: startedMs, blocks: 0, events: 0 };
  return {
    advance(blocks, events) {
      state.blocks += blocks;
      state.events += events;
      if (monotonicMs() - state.shownMs < (terminal.isTTY === true ? REDRAW_MS : LINE_MS)) return;
      state.shownMs = monotonicMs();
      if (terminal.isTTY === true) terminal.write(barOf(factsOf(state)));
      else logger.info(factsOf(state), "backfilling");
    },
    finish() {
      if (terminal.isTTY === true) terminal.write(`${barOf(factsOf(state))}\n`);
      logger.info(factsOf(state), "backfill complete");
    },
  };
}

function factsOf({ totalBlocks, startedMs, blocks, events }: ProgressState) {
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

/** A line that replaces the one before on a terminal. */
function barOf({ blocks, totalBlocks, events, eventsPerSecond, secondsLeft }: ReturnType<typeof factsOf>): string {
  const done = totalBlocks === 0 ? 1 : Math.min(1, blocks / totalBlocks);
  const bar = "█".repeat(Math.round(done * BAR_CELLS)).padEnd(BAR_CELLS, "░");
  const left = secondsLeft === null ? "" : `, ${formatSeconds(secondsLeft)} left`;
  const numbers = `${(done * 100).toFixed(0)} %, block ${blocks}/${totalBlocks}, ${events} events, ${eventsPerSecond}/s`;
  return `\r\u001b[2K${bar} ${numbers}${left}`;
}

/** `75` as `1 min 15 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
