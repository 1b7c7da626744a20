import { randomId } from "../../core/crypto";
import type { UserEvent } from "./userEvent";

/** One event as it is sent, whatever the stream's form. */
export interface OutgoingEvent {
  /** UUID in lower case. */
  id: string;
  type: string;
  atMs: number;
  /** Number among its user's events; 0 for the gateway's own. */
  cursor: bigint;
  /** The cursor after which a reader goes on that received this event; undefined for one that moves it nowhere. */
  goOnAfter: bigint | undefined;
  /** JSON text. */
  payload: string;
}

export const SERVER_TIME = "gateway.server_time";
export const HEARTBEAT = "gateway.heartbeat";
export const GAP = "gateway.gap";

export function outgoing({ id, type, at, seq, payload }: UserEvent): OutgoingEvent {
  return { id, type, atMs: at.getTime(), cursor: seq, goOnAfter: seq, payload };
}

/** The first event of every stream: what time it is here, and the cursor that the stream goes on after. */
export function serverTime(now: Date, after: bigint): OutgoingEvent {
  return own(SERVER_TIME, now, after, { server_time_ms: now.getTime(), after: after.toString() });
}

/** Tells a reader to whom nothing was sent for a while that the stream is alive. */
export function heartbeat(now: Date): OutgoingEvent {
  return own(HEARTBEAT, now, undefined, { server_time_ms: now.getTime() });
}

/** Tells a reader that events are not sent: it reads anew what they were about, and goes on after `to`. */
export function gap(now: Date, { from, to }: { from: bigint; to: bigint }): OutgoingEvent {
  return own(GAP, now, to, { from: from.toString(), to: to.toString() });
}

function own(type: string, now: Date, goOnAfter: bigint | undefined, payload: object): OutgoingEvent {
  return { id: randomId(), type, atMs: now.getTime(), cursor: 0n, goOnAfter, payload: JSON.stringify(payload) };
}
