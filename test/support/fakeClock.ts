import { type Clock, systemClock } from "../../core/clock";

/** A clock that stands still until a test advances or sets it. */
export interface FakeClock extends Clock {
  advance(seconds: number): void;
  set(date: Date): void;
}

/**
 * Makes a clock that shows `start`. By default that is far in the future: databases sweep by their own clock, and must
 * not find a test's documents overdue.
 */
export function fakeClock(start = new Date("2100-12-06T14:30:00.000Z")): FakeClock {
  let now = start.getTime();
  return {
    now: () => new Date(now),
    advance: (seconds) => {
      now += seconds * 1000;
    },
    set: (date) => {
      now = date.getTime();
    },
  };
}

/** A clock that goes on like the machine's, and can be moved. */
export interface MovableClock extends Clock {
  moveSeconds(seconds: number): void;
}

export function movableClock(): MovableClock {
  let offsetMs = 0;
  return {
    now: () => new Date(systemClock.now().getTime() + offsetMs),
    moveSeconds: (seconds) => void (offsetMs += seconds * 1000),
  };
}
