import { link, mkdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { addSeconds } from "../clock";
import { randomId } from "../crypto";
import { DomainError } from "../errors";
import type { KeyStore } from "./keyStore";

/** How long a key is published before it signs, in seconds: readers that keep the published keys have it by then. */
export const PUBLISHED_BEFORE_SECONDS = 24 * 3600;

/** How long a key stays published after another signs in its place, in seconds. */
export const PUBLISHED_AFTER_SECONDS = 7 * 24 * 3600;

/** One of a series of signing keys. It signs until the next one of the series does. */
export interface ScheduledKey {
  keyId: string;
  signsFrom: Date;
}

/** Where the schedule of a folder of keys lies. */
export function schedulePathOf(directory: string): string {
  return join(directory, "schedule.json");
}

/** The key that signs at a time: the last whose time has come; undefined before the first. */
export function signingKeyAt(keys: ScheduledKey[], now: Date): ScheduledKey | undefined {
  return keys.filter(({ signsFrom }) => signsFrom <= now).at(-1);
}

/** The keys that readers are told at a time: the one that signs, those that will, and those that did lately. */
export function publishedKeysAt(keys: ScheduledKey[], now: Date): ScheduledKey[] {
  return keys.filter((_key, index) => {
    const successor = keys[index + 1];
    return successor === undefined || addSeconds(successor.signsFrom, PUBLISHED_AFTER_SECONDS) > now;
  });
}

const file = z.object({
  keys: z.array(z.object({ keyId: z.string(), signsFrom: z.iso.datetime().transform((text) => new Date(text)) })),
});

/** Reads the schedule, oldest first; undefined where the file does not exist. @throws Error when it is not readable */
export async function readSchedule(path: string): Promise<ScheduledKey[] | undefined> {
  try {
    return file.parse(JSON.parse(await readFile(path, "utf8"))).keys;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`${path} is no schedule of keys: restore it, or remove it and make keys anew`, { cause: error });
  }
}

interface Deps {
  keys: Pick<KeyStore, "create" | "destroy">;
  path: string;
}

/**
 * Makes the first key of a series, which signs at once. Whoever does so at the same time gets the same key.
 *
 * @returns the schedule as it stands, made here or before
 */
export async function createSchedule(deps: Deps, now: Date): Promise<ScheduledKey[]> {
  const present = await readSchedule(deps.path);
  if (present !== undefined) return present;
  await mkdir(dirname(deps.path), { recursive: true, mode: 0o700 });
  const { keyId } = await deps.keys.create("EdDSA");
  const draft = await writeDraft(deps.path, [{ keyId, signsFrom: now }]);
  try {
    // Fails where another process was first: then that one's key counts.
    await link(draft, deps.path);
    return [{ keyId, signsFrom: now }];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    await deps.keys.destroy(keyId);
    return (await readSchedule(deps.path)) ?? [];
  } finally {
    await unlink(draft);
  }
}

/**
 * Makes the next key, which is published from now on and signs a day later; destroys those that are published no more.
 *
 * @throws DomainError `key.rotation_pending` when the next key exists and does not sign yet
 */
export async function rotateSchedule(deps: Deps, now: Date): Promise<ScheduledKey[]> {
  const present = (await readSchedule(deps.path)) ?? [];
  const pending = present.find(({ signsFrom }) => signsFrom > now);
  if (pending !== undefined) {
    const message = `The next key is published already and signs from ${pending.signsFrom.toISOString()}: rotate after that.`;
    throw new DomainError("key.rotation_pending", "conflict", message);
  }
  if (present.length === 0) return createSchedule(deps, now);
  const { keyId } = await deps.keys.create("EdDSA");
  const kept = publishedKeysAt(present, now);
  const next = [...kept, { keyId, signsFrom: addSeconds(now, PUBLISHED_BEFORE_SECONDS) }];
  await rename(await writeDraft(deps.path, next), deps.path);
  for (const old of present.filter((key) => !kept.includes(key))) await deps.keys.destroy(old.keyId);
  return next;
}

/** Writes beside the file what is then put in its place at once: no reader sees half of it. @returns its path */
async function writeDraft(path: string, keys: ScheduledKey[]): Promise<string> {
  const draft = `${path}.${randomId()}`;
  const entries = keys.map(({ keyId, signsFrom }) => ({ keyId, signsFrom: signsFrom.toISOString() }));
  await writeFile(draft, `${JSON.stringify({ keys: entries }, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  return draft;
}
