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
  const did = reference.dids.get(subject) ?? emptyDid();
  reference.dids.set(subject, did);
  did["position"] = position;
  if (event.name === "NonceConsumed") {
    did["nonce"] = Number(args["nonce"]) + 1;
    return;
  }
  if (args["statusSequence"] !== undefined && event.fragment.inputs.some(({ name }) => name === "statusSequence")) {
    did["statusSequence"] = Number(args["statusSequence"]);
    for (const [purpose, word, bits] of wordsOf(reference, subject, event)) {
      const id = `${subject}:${purpose}:${word.toString(16).padStart(22, "0")}`;
      const value = `0x${bits.toString(16).padStart(64, "0")}`;
      reference.words.set(id, {
        issuer: subject,
        purpose,
        word: id.slice(-22),
        bits: value,
        updated: at,
        position,
      });
    }
    return;
  }
  did["version"] = Number(args["version"]);
  did["updated"] = at;
  const delegates = did["delegates"] as { role: string; delegate: string; expiresAt: Date }[];
  const others = delegates.filter(
    ({ role, delegate }) => role !== String(args["role"]) || delegate !== String(args["delegate"]).toLowerCase(),
  );
  switch (event.name) {
    case "DIDRegistered":
      did["did"] = args["did"];
      did["controller"] = args["controller"]!.toLowerCase();
      did["created"] = at;
      did["active"] = true;
      setDocument(did, args);
      return;
    case "DocumentUpdated":
      setDocument(did, args);
      return;
    case "ControllerChanged":
      did["controller"] = args["newController"]!.toLowerCase();
      return;
    case "DelegateAdded":
      did["delegates"] = [
        ...others,
        {
          role: args["role"],
          delegate: args["delegate"]!.toLowerCase(),
          expiresAt: new Date(Math.min(Number(args["expiresAt"]) * 1000, 8.64e15)),
        },
      ];
      return;
    case "DelegateRevoked":
      did["delegates"] = others;
      return;
    case "DIDDeactivated":
      did["active"] = false;
      return;
    default:
      throw new Error(`the reference knows no ${event.name}`);
  }
}

function emptyDid(): Record<string, unknown> {
  return {
    did: "",
    documentUri: "",
    documentHash: null,
    controller: `0x${"0".repeat(40)}`,
    delegates: [],
    active: false,
    version: 0,
    statusSequence: 0,
    nonce: 0,
    created: null,
    updated: null,
    unverified: null,
  };
}

function setDocument(did: Record<string, unknown>, args: Record<string, unknown>): void {
  did["documentUri"] = args["documentUri"];
  did["documentHash"] = args["documentHash"] === ZERO ? null : args["documentHash"];
}

function wordsOf(reference: Reference, issuer: string, event: LogDescription): [string, bigint, bigint][] {
  const args = event.args as unknown as Args;
  if (event.name === "StatusWordChanged") {
    return [[args["purpose"] === 0n ? "revocation" : "suspension", args["word"]!, args["bits"]!]];
  }
  if (event.name.endsWith("WordsSet")) {
    const purpose = event.name.startsWith("Revocation") ? "revocation" : "suspension";
    return [...args["words"]!].map((bits, offset) => [purpose, (args["firstWord"] as bigint) + BigInt(offset), bits]);
  }
  const purpose = event.name === "CredentialRevoked" ? "revocation" : "suspension";
  const index = BigInt(args["credId"]) & ((1n << 96n) - 1n);
  const id = `${issuer}:${purpose}:${(index >> 8n).toString(16).padStart(22, "0")}`;
  const before = BigInt((reference.words.get(id)?.["bits"] as string | undefined) ?? "0x0");
  const mask = 1n << (255n - (index & 255n));
  return [[purpose, index >> 8n, event.name === "CredentialReinstated" ? before & ~mask : before | mask]];
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
