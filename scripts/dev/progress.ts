/** Where progress is written; `process.stdout` for commands. */
export interface ProgressStream {
  isTTY?: boolean;
  write(text: string): unknown;
}

/** Output that is never silent for more than two seconds while an activity lasts. */
export interface Progress {
  /** Writes a line, or several. */
  print(text: string): void;
  /** Names the activity from now on. While nothing else is printed, it is repeated with the seconds it has taken. */
  start(activity: string): void;
  /** Ends the activity: nothing is repeated any more. */
  end(): void;
}

/** Below two seconds, because a busy machine fires timers late. */
const MAX_SILENCE_MS = 1_400;
const POLL_INTERVAL_MS = 200;

/** At a terminal the line of the activity is rewritten in place; elsewhere it is a line like any other. */
export function createProgress(stream: ProgressStream, maxSilenceMs = MAX_SILENCE_MS): Progress {
  let current: { activity: string; startedMs: number } | undefined;
  let printedMs = performance.now();
  let isLineOpen = false;
  let timer: NodeJS.Timeout | undefined;

  function write(text: string): void {
    stream.write(isLineOpen ? `\r\u001b[K${text}` : text);
    isLineOpen = false;
    printedMs = performance.now();
  }

  function repeat(): void {
    if (current === undefined || performance.now() - printedMs < maxSilenceMs) return;
    const seconds = Math.round((performance.now() - current.startedMs) / 1000);
    const line = `... ${current.activity} (${seconds} s)`;
    write(stream.isTTY === true ? line : `${line}\n`);
    isLineOpen = stream.isTTY === true;
  }

  return {
    print: (text) => write(`${text}\n`),
    start(activity) {
      current = { activity, startedMs: performance.now() };
      timer ??= setInterval(repeat, Math.min(POLL_INTERVAL_MS, maxSilenceMs)).unref();
    },
    end() {
      current = undefined;
      clearInterval(timer);
      timer = undefined;
      if (isLineOpen) write("");
    },
  };
}
