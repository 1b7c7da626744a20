/** Where progress is written; `process.stdout` for commands. */
export interface ProgressStream {
  isTTY?: boolean;
  write(text: string): unknown;
}

/** Output that is never silent while something is being waited for. */
export interface Progress {
  /** Writes a line, or several. */
  say(text: string): void;
  /** Names what is being done from now on; it is repeated, with the seconds it has taken, while nothing else is said. */
  doing(what: string): void;
  /** Nothing is waited for any more. */
  done(): void;
}

/** Two seconds is how long a person waits without a word; a busy machine fires timers late. */
const LONGEST_SILENCE_MS = 1_400;
const LOOK_EVERY_MS = 200;

/** At a terminal the line about what is being done is rewritten in place; elsewhere it is a line like any other. */
export function createProgress(stream: ProgressStream, longestSilenceMs = LONGEST_SILENCE_MS): Progress {
  let current: { what: string; since: number } | undefined;
  let saidAt = performance.now();
  let isLineOpen = false;
  let timer: NodeJS.Timeout | undefined;

  function write(text: string): void {
    stream.write(isLineOpen ? `\r\u001b[K${text}` : text);
    isLineOpen = false;
    saidAt = performance.now();
  }

  function remind(): void {
    if (current === undefined || performance.now() - saidAt < longestSilenceMs) return;
    const seconds = Math.round((performance.now() - current.since) / 1000);
    const line = `... ${current.what} (${seconds} s)`;
    write(stream.isTTY === true ? line : `${line}\n`);
    isLineOpen = stream.isTTY === true;
  }

  return {
    say: (text) => write(`${text}\n`),
    doing(what) {
      current = { what, since: performance.now() };
      timer ??= setInterval(remind, Math.min(LOOK_EVERY_MS, longestSilenceMs)).unref();
    },
    done() {
      current = undefined;
      clearInterval(timer);
      timer = undefined;
      if (isLineOpen) write("");
    },
  };
}
