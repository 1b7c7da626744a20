import { expect } from "chai";
import { inspect } from "node:util";
import { type Interface, type Log, type LogDescription } from "ethers";
import { DIDRegistry__factory, IssuerRegistry__factory } from "../../typechain-types";
import type { DevChain } from "./devChain";
import type { IndexDatabase } from "./indexerHarness";

/**
 * What the index should contain, computed a second time and in another way: every log of the chain from its first block
 * on, decoded by ethers, folded into plain maps. Nothing here is shared with the code under test.
 */
export interface Reference {
  dids: Map<string, Record<string, unknown>>;
  issuers: Map<string, Record<string, unknown>>;
  words: Map<string, Record<string, unknown>>;
  eventIds: string[];
}

interface Seen {
  log: Log;
  event: LogDescription;
  at: { blockNumber: number; blockHash: string; minedAt: Date; transactionHash: string };
}

/** Values by name, read as whatever the event at hand has there. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- ethers gives bigint, string or list, by the ABI
type Args = Record<string, any>;

const ZERO = `0x${"0".repeat(64)}`;

export async function replayFromGenesis(chain: DevChain): Promise<Reference> {
  const { DIDRegistry, IssuerRegistry } = chain.deployment.contracts;
  const interfaces = new Map<string, Interface>([
    [DIDRegistry.address.toLowerCase(), DIDRegistry__factory.createInterface()],
    [IssuerRegistry.address.toLowerCase(), IssuerRegistry__factory.createInterface()],
  ]);
  const logs = await chain.provider.getLogs({ fromBlock: 0, toBlock: "latest" });
  const times = new Map<number, Date>();
  for (const number of new Set(logs.map((log) => log.blockNumber))) {
    times.set(number, new Date((await chain.provider.getBlock(number))!.timestamp * 1000));
  }
  const reference: Reference = { dids: new Map(), issuers: new Map(), words: new Map(), eventIds: [] };
  for (const log of logs) {
    const event = interfaces.get(log.address.toLowerCase())?.parseLog(log);
    if (!event) continue;
    const { blockNumber, blockHash, transactionHash } = log;
    reference.eventIds.push(`31337:${blockHash}:${log.index}`);
    fold(reference, { log, event, at: { blockNumber, blockHash, minedAt: times.get(blockNumber)!, transactionHash } });
  }
  return reference;
}

function fold(reference: Reference, seen: Seen): void {
  const { event, log, at } = seen;
  const args = event.args as unknown as Args;
  const position = log.blockNumber * 2 ** 21 + log.index;
  if (event.name === "IssuerAccredited" || event.name === "IssuerDiscredited") {
    const id = args["issuer"]!.toLowerCase();
    reference.issuers.set(id, {
      accredited: event.name === "IssuerAccredited",
      metadataUri: args["metadataUri"],
      version: Number(args["version"]),
      created: reference.issuers.get(id)?.["created"] ?? at,
      updated: at,
      position,
      unverified: null,
    });
    return;
  }
  const subject = String(args["identity"] ?? args["issuer"] ?? "").toLowerCase();
  if (subject === "") return;
  const did = reference.dids.get(subject) ?? emptyDid(subject);
  reference.dids.set(subject, did);
  did["position"] = position;
  const names = event.fragment.inputs.map(({ name }) => name);
  if (names.includes("statusSequence")) {
    did["statusSequence"] = Number(args["statusSequence"]);
    for (const [purpose, word, mask] of masksOf(event)) {
      const id = `${subject}:${purpose}:${word.toString(16).padStart(22, "0")}`;
      const before = BigInt((reference.words.get(id)?.["bits"] as string | undefined) ?? "0x0");
      const bits = event.name.endsWith("Cleared") ? before & ~mask : before | mask;
      const value = `0x${bits.toString(16).padStart(64, "0")}`;
      reference.words.set(id, { issuer: subject, purpose, word: id.slice(-22), bits: value, updated: at, position });
    }
    return;
  }
  if (event.name === "NonceConsumed") {
    spendNonces(did, args["nonce"] as bigint, (args["nonce"] as bigint) + 1n);
    return;
  }
  if (event.name === "NoncesCancelled") {
    spendNonces(did, args["firstNonce"], args["nextNonce"]);
    return;
  }
  if (event.name === "DigestAnchored") {
    did["anchorSequence"] = Number(args["anchorSequence"]);
    return;
  }
  did["version"] = Number(args["version"]);
  did["updated"] = at;
  did["created"] ??= at;
  const delegates = did["delegates"] as ReferenceDelegation[];
  const isMeant = ({ role, delegate }: ReferenceDelegation) =>
    role === String(args["role"]) && delegate === String(args["delegate"]).toLowerCase();
  switch (event.name) {
    case "DIDRegistered":
    case "DocumentUpdated":
      did["registration"] ??= at;
      did["documentUri"] = args["documentUri"];
      did["documentHash"] = args["documentHash"] === ZERO ? null : args["documentHash"];
      return;
    case "ControllerChanged":
    case "ControllerRotated":
      did["controller"] = args["controller"]!.toLowerCase();
      did["controlVersion"] = did["version"];
      did["nonceCount"] = 0;
      did["delegates"] = [];
      if (event.name === "ControllerRotated")
        did["successor"] = args["commitment"] === ZERO ? null : args["commitment"];
      return;
    case "SuccessorNamed":
      did["successor"] = args["commitment"];
      return;
    case "DelegateAdded": {
      const held = delegates.find((candidate) => isMeant(candidate) && candidate.expiresAt > at.minedAt);
      const added = {
        role: args["role"],
        delegate: args["delegate"]!.toLowerCase(),
        expiresAt: new Date(Math.min(Number(args["expiresAt"]) * 1000, 8.64e15)),
        grantVersion: held?.grantVersion ?? did["version"],
        nonceCount: held?.nonceCount ?? 0,
      };
      did["delegates"] = [...delegates.filter((candidate) => !isMeant(candidate)), added];
      return;
    }
    case "DelegateRevoked":
      did["delegates"] = delegates.filter((candidate) => !isMeant(candidate));
      return;
    case "DIDDeactivated":
      did["active"] = false;
      return;
    default:
      throw new Error(`the reference knows no ${event.name}`);
  }
}

interface ReferenceDelegation {
  role: string;
  delegate: string;
  expiresAt: Date;
  grantVersion: number;
  nonceCount: number;
}

function emptyDid(address: string): Record<string, unknown> {
  return {
    registration: null,
    documentUri: "",
    documentHash: null,
    controller: address,
    successor: null,
    delegates: [],
    active: true,
    version: 0,
    controlVersion: 0,
    statusSequence: 0,
    anchorSequence: 0,
    nonceCount: 0,
    created: null,
    updated: null,
    unverified: null,
  };
}

function spendNonces(did: Record<string, unknown>, first: bigint, next: bigint): void {
  const grant = Number(first / 2n ** 64n);
  const count = Number(next % 2n ** 64n);
  if (grant === did["controlVersion"]) did["nonceCount"] = count;
  else
    (did["delegates"] as ReferenceDelegation[]).find(({ grantVersion }) => grantVersion === grant)!.nonceCount = count;
}

function masksOf(event: LogDescription): [number, bigint, bigint][] {
  const args = event.args as unknown as Args;
  const purpose = event.name.includes("Revo") ? 0 : Number(args["purpose"]);
  if (event.name.includes("Words")) {
    const first = args["firstWord"] as bigint;
    return [...args["masks"]!].map((mask: bigint, offset) => [purpose, first + BigInt(offset), mask]);
  }
  if (event.name.includes("Masks")) {
    return [...args["words"]!].map((word: bigint, at) => [purpose, word, args["masks"]![at] as bigint]);
  }
  const index = BigInt(args["credId"]) & ((1n << 96n) - 1n);
  return [[purpose, index >> 8n, 1n << (255n - (index & 255n))]];
}

/** Compares every stored document with the reference, so that a difference names the document. */
export async function expectIndexEqualsChain(database: IndexDatabase, chain: DevChain): Promise<void> {
  const reference = await replayFromGenesis(chain);
  const { dids, issuers, words, events } = database.collections;
  expectSame("dids", await stored(dids), reference.dids);
  expectSame("issuers", await stored(issuers), reference.issuers);
  expectSame("status_words", await stored(words), reference.words);
  const ids = (await events.find({}).toArray()).map(({ _id }) => _id);
  expect(ids.sort(), "chain_events").to.deep.equal(reference.eventIds.sort());
}

function expectSame(name: string, found: Map<string, unknown>, reference: Map<string, Record<string, unknown>>): void {
  for (const id of new Set([...found.keys(), ...reference.keys()])) {
    expect(
      found.get(id),
      `${name} ${id}: ${inspect(found.get(id))} is not ${inspect(reference.get(id))}`,
    ).to.deep.equal(reference.get(id));
  }
}

async function stored(collection: {
  find(filter: object): { toArray(): Promise<unknown[]> };
}): Promise<Map<string, unknown>> {
  const documents = (await collection.find({}).toArray()) as { _id: string; term: number }[];
  return new Map(documents.map(({ _id, term: _term, ...state }) => [_id, state]));
}
