import type { RegistryEvent } from "../../chain/registry/events";
import { type DidState, foldDid, implicitDid } from "../../chain/registry/fold";

/** Why a DID could not be resolved: the last part of the error's URI (DID Resolution §10). */
export type ResolutionErrorName =
  | "INVALID_DID"
  | "METHOD_NOT_SUPPORTED"
  | "FEATURE_NOT_SUPPORTED"
  | "INVALID_OPTIONS"
  | "NOT_FOUND"
  | "REPRESENTATION_NOT_SUPPORTED"
  | "INTERNAL_ERROR";

/** The HTTP status of each (DID Resolution §12.1). */
const STATUS_OF_ERROR: Record<ResolutionErrorName, number> = {
  INVALID_DID: 400,
  INVALID_OPTIONS: 400,
  NOT_FOUND: 404,
  REPRESENTATION_NOT_SUPPORTED: 406,
  METHOD_NOT_SUPPORTED: 501,
  FEATURE_NOT_SUPPORTED: 501,
  INTERNAL_ERROR: 500,
};

/** A resolution that failed, by the error name of the standard. */
export class ResolutionError extends Error {
  override readonly name = "ResolutionError";

  /** @param message for people: what was wrong, and how to fix it */
  constructor(
    readonly error: ResolutionErrorName,
    message: string,
  ) {
    super(message);
  }

  get status(): number {
    return STATUS_OF_ERROR[this.error];
  }
}

/** Which version of a DID document is asked for; the latest when neither is given. */
export interface VersionChoice {
  /** How many changes the identity had. */
  version?: number;
  /** The version that was current at this moment. */
  time?: Date;
}

/** One version of an identity. */
export interface VersionedState {
  state: DidState;
  /** The change after it; undefined for the latest. */
  next?: { version: number; at: Date };
}

const OPTIONS = new Set(["versionId", "versionTime", "expandRelativeUrls"]);

/** DID Resolution §3.3: an XML datetime in UTC; fractions of a second are let pass. */
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

/**
 * Reads the resolution options of a query (DID Resolution §4.1).
 *
 * @throws ResolutionError FEATURE_NOT_SUPPORTED for options this resolver does not know, INVALID_OPTIONS for bad values
 */
export function parseOptions(query: Record<string, unknown>): VersionChoice {
  const unknown = Object.keys(query).find((name) => !OPTIONS.has(name));
  if (unknown !== undefined) {
    throw new ResolutionError(
      "FEATURE_NOT_SUPPORTED",
      `The option ${unknown.slice(0, 64)} is not known; known are ${[...OPTIONS].join(", ")}.`,
    );
  }
  const { versionId, versionTime, expandRelativeUrls } = query;
  if (expandRelativeUrls !== undefined && expandRelativeUrls !== "true" && expandRelativeUrls !== "false") {
    throw invalidOptions("expandRelativeUrls is true or false.");
  }
  if (versionId !== undefined && versionTime !== undefined) {
    throw invalidOptions("versionId and versionTime exclude each other: give one of them.");
  }
  if (versionId !== undefined) {
    if (typeof versionId !== "string" || !/^(0|[1-9]\d{0,15})$/.test(versionId)) {
      throw invalidOptions("versionId is a whole number from 0, as didDocumentMetadata gives it.");
    }
    return { version: Number(versionId) };
  }
  if (versionTime === undefined) return {};
  if (typeof versionTime !== "string" || !MOMENT.test(versionTime) || Number.isNaN(Date.parse(versionTime))) {
    throw invalidOptions("versionTime is a moment in UTC such as 2026-11-21T08:30:00Z.");
  }
  return { time: new Date(versionTime) };
}

function invalidOptions(message: string): ResolutionError {
  return new ResolutionError("INVALID_OPTIONS", message);
}

/**
 * Finds a version of an identity by folding its events. Version 0 is the identity before its first change.
 *
 * @param address of the identity
 * @param events all of the identity, in the order of the chain
 * @returns undefined when there is no such version
 */
export function versionOf(address: string, events: RegistryEvent[], choice: VersionChoice): VersionedState | undefined {
  let state = implicitDid(address);
  let chosen = isChosen(state, choice) ? state : undefined;
  for (const event of events) {
    const next: DidState = foldDid(state, event);
    if (chosen !== undefined && next.version > chosen.version && !isChosen(next, choice)) {
      return { state: chosen, next: { version: next.version, at: event.minedAt } };
    }
    if (isChosen(next, choice)) chosen = next;
    state = next;
  }
  return chosen && { state: chosen };
}

function isChosen({ version, updated }: DidState, { version: asked, time }: VersionChoice): boolean {
  if (asked !== undefined) return version === asked;
  return time === undefined || updated === null || updated.minedAt <= time;
}
