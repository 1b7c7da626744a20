import { mine } from "@nomicfoundation/hardhat-network-helpers";
import fc from "fast-check";
import { type Cast, createCast } from "./cast";
import { ChainState } from "./chainState";
import { EventFold } from "./eventFold";
import { histories, type Step } from "./histories";
import { play, type Playing, request } from "./play";

/** How many random histories are played in all. `CONTRACT_PROPERTY_RUNS=50000` for a night of them. */
const RUNS = Number(process.env["CONTRACT_PROPERTY_RUNS"] ?? 2000);
const STEPS = 60;

/** Which histories: those of one seed are always the same. */
const SEED = Number(process.env["CONTRACT_PROPERTY_SEED"] ?? 12);

/** The histories are divided among this many test files, which run side by side. */
const FILES = 4;

/** Defines the test of one file's share of the random histories. @param file From 1 to the number of files */
export function testHistories(file: number): void {
  const runs = Array.from({ length: RUNS }, (_, run) => run).filter((run) => run % FILES === file - 1);

  describe(`under ${runs.length} random histories of calls and consents (part ${file} of ${FILES})`, () => {
    let cast: Cast;
    let state: ChainState;
    let snapshot: string;

    before(async () => {
      cast = await createCast();
      state = new ChainState(cast);
      await mine();
      snapshot = await request<string>("evm_snapshot");
    });

    after(async () => {
      await request("evm_revert", snapshot);
    });

    it("the registry does what its model does, and its events tell all of it", async function () {
      this.timeout(Math.max(600_000, runs.length * 2000));
      const failureOf = async (history: Step[]): Promise<Failure | undefined> => {
        const playing = await play(cast, history);
        try {
          await check(state, playing);
          return undefined;
        } catch (error) {
          return { error: error as Error, playing };
        } finally {
          await request("evm_revert", snapshot);
          snapshot = await request<string>("evm_snapshot");
        }
      };
      for (const run of runs) {
        const [history = []] = fc.sample(histories(STEPS), { numRuns: 1, seed: SEED * 1_000_003 + run });
        const failure = await failureOf(history);
        if (failure) throw await reportOf(run, history, failure, failureOf);
      }
    });
  });
}

interface Failure {
  error: Error;
  playing: Playing;
}

/** Everything that must hold after a history. */
async function check(state: ChainState, { model, played, startBlock, endBlock, nowSeconds }: Playing): Promise<void> {
  const fold = new EventFold();
  const accepted = new Set<string>();
  for (const { step, what, nowSeconds: time, expected, actual, logs, digests } of played) {
    if (textOf(actual) !== textOf(expected))
      throw new Error(`${step.act.kind} ${textOf(what)} is not as in the model.`);
    for (const log of logs) fold.apply(log, time);
    // No consent counts twice, whatever was between. A bulk takes some of its consents.
    if ("error" in actual || step.act.kind === "bulk") continue;
    for (const digest of digests) {
      if (accepted.has(digest)) throw new Error(`The consent ${digest} was accepted before.`);
      accepted.add(digest);
    }
  }
  const words = await state.words();
  await state.expectSame(words, fold, model, nowSeconds);
  const earlierBlocks = [1 / 3, 2 / 3].map((part) => startBlock + Math.ceil(part * (endBlock - startBlock)));
  await state.expectRevocationsKept(earlierBlocks, words);
}

/** The failure of the shortest history that can be found, with all that is needed to repeat it. */
async function reportOf(
  run: number,
  history: Step[],
  failure: Failure,
  failureOf: (history: Step[]) => Promise<Failure | undefined>,
): Promise<Error> {
  const shrunk = await shrink(history, failure, failureOf);
  const steps = shrunk.failure.playing.played.map(
    ({ step, from, what, expected, actual }, position) =>
      `${position + 1}. ${step.act.kind} from ${from}: ${textOf(what)}\n   model: ${textOf(expected)}\n   chain: ${textOf(actual)}`,
  );
  const repeat = `CONTRACT_PROPERTY_SEED=${SEED} CONTRACT_PROPERTY_RUNS=${RUNS}`;
  return new Error(
    `History ${run} of seed ${SEED} (${repeat}) fails, shrunk to ${shrunk.history.length} steps:\n` +
      `${steps.join("\n")}\n${textOf(shrunk.history)}\n${shrunk.failure.error.message}`,
  );
}

/** Leaves out steps, many at once and then one at a time, as long as it still fails. */
async function shrink(
  history: Step[],
  failure: Failure,
  failureOf: (history: Step[]) => Promise<Failure | undefined>,
): Promise<{ history: Step[]; failure: Failure }> {
  let shortest = { history, failure };
  if (process.env["CONTRACT_PROPERTY_SHRINK"] === "no") return shortest;
  for (let size = Math.ceil(history.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < shortest.history.length;) {
      const shorter = shortest.history.filter((_, position) => position < start || position >= start + size);
      const stillFails = await failureOf(shorter);
      if (stillFails) shortest = { history: shorter, failure: stillFails };
      else start += size;
    }
  }
  return shortest;
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each));
}
