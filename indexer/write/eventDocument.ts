import type { RegistryEvent } from "../../chain/registry/events";
import { positionOf } from "../../chain/registry/position";
import type { EventDocument } from "../../projection/models";
import type { Term } from "./term";

/** The `_id` of an event's document, `<chainId>:<blockHash>:<logIndex>`. */
export function eventIdOf(chainId: number, { blockHash, logIndex }: { blockHash: string; logIndex: number }): string {
  return `${chainId}:${blockHash}:${logIndex}`;
}

/** An event as `chain_events` stores it. */
export function eventDocument({ checkpoint, number }: Term, event: RegistryEvent): EventDocument {
  return {
    _id: eventIdOf(checkpoint.chainId, event),
    ...event,
    position: positionOf(event.blockNumber, event.logIndex),
    term: number,
  };
}
