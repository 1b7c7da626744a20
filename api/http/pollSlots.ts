import { DomainError } from "../../core/errors";

/** How many requests may wait for an event at once. */
export interface PollLimits {
  total: number;
  perAddress: number;
  perPrincipal: number;
}

/** Places of requests that wait; each asks the database again and again, so they are few enough not to delay others. */
export interface PollSlots {
  /**
   * Takes a place.
   *
   * @param waiting.principal the account of the caller; undefined where it has none
   * @returns gives it back; to be called once
   * @throws DomainError `request.too_many` when there is none
   */
  take(waiting: { address: string; principal: string | undefined }): () => void;
}

/** Until when a caller that found no place should wait: places are held for tens of seconds. */
const RETRY_SECONDS = 2;

/** Creates places for one process. */
export function createPollSlots({ total, perAddress, perPrincipal }: PollLimits): PollSlots {
  const held = { total: 0, addresses: new Map<string, number>(), principals: new Map<string, number>() };
  return {
    take({ address, principal }) {
      const isFull =
        held.total >= total ||
        (held.addresses.get(address) ?? 0) >= perAddress ||
        (principal !== undefined && (held.principals.get(principal) ?? 0) >= perPrincipal);
      if (isFull) throw tooManyPolls();
      const change = (by: 1 | -1) => {
        held.total += by;
        changeCount(held.addresses, address, by);
        if (principal !== undefined) changeCount(held.principals, principal, by);
      };
      change(1);
      return () => change(-1);
    },
  };
}

function changeCount(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function tooManyPolls(): DomainError {
  const message = `Too many requests wait here for an event: ask without waiting, or come back in ${RETRY_SECONDS} s.`;
  const options = { retryAfterSeconds: RETRY_SECONDS, details: { policy: "polls" } };
  return new DomainError("request.too_many", "too_many", message, options);
}
