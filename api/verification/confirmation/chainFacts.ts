import type { JsonRpcPayload, JsonRpcResult } from "ethers";
import type { Chain } from "../../../chain/client";
import { TransientError } from "../../../core/errors";
import { statusPosition } from "../../../chain/status/credId";

/** What a verification asks of the chain. Addresses are `0x` and 40 lower-case hexadecimal digits. */
export interface ChainQuestion {
  issuer: string;
  /** The credential's index. */
  index: number;
  /** The identity the credential was issued to. */
  subject: string;
}

/** What the chain says. */
export interface ChainFacts {
  accredited: boolean;
  /** Digest of the issuer's DID document, `0x` and 64 hexadecimal digits; zero when there is none or it is not active. */
  documentHash: string;
  revoked: boolean;
  suspended: boolean;
  /** Whose signature counts as the subject's: its controller, itself while it is not registered, nobody's once deactivated. */
  holder: string | null;
  /** The chain's newest block just before it was asked: the facts are as of this block or a later one. */
  block: { number: number; hash: string };
}

/** Where the facts come from. */
export interface FactReader {
  /** @throws TransientError when the facts cannot be had; nothing may pass then */
  read(question: ChainQuestion): Promise<ChainFacts>;
}

const ZERO_HASH = `0x${"0".repeat(64)}`;
const REVOCATION = 0n;
const SUSPENSION = 1n;

/** Most calls in one HTTP body; providers refuse larger batches. */
const MAX_BATCH = 50;

interface Waiting {
  question: ChainQuestion;
  resolve(facts: ChainFacts): void;
  reject(error: Error): void;
}

/**
 * Reads from the chain itself. Verifications that ask at the same time share one exchange, and whatever several of them
 * ask, such as an issuer's accreditation or a word of 256 statuses, is asked once. A question that arrives while an
 * exchange is under way waits for the next: no answer is older than its question.
 */
export function createChainFacts(
  chain: Pick<Chain, "provider" | "didRegistry" | "issuerRegistry" | "deployment">,
): FactReader {
  const { provider, didRegistry, issuerRegistry } = chain;
  const { DIDRegistry, IssuerRegistry } = chain.deployment.contracts;
  const selectors = {
    resolveDID: didRegistry.interface.getFunction("resolveDID").selector,
    statusWords: didRegistry.interface.getFunction("statusWords").selector,
    isAccredited: issuerRegistry.interface.getFunction("isAccredited").selector,
  };
  let waiting: Waiting[] = [];
  let flying = false;
  let nextId = 1;

  const ask = (method: string, params: unknown[]): JsonRpcPayload => ({
    id: nextId++,
    jsonrpc: "2.0",
    method,
    params: params as never,
  });
  const call = (to: string, selector: string, ...values: (string | bigint)[]) =>
    ask("eth_call", [{ to, data: selector + values.map(padded).join("") }, "latest"]);

  async function exchange(questions: ChainQuestion[]): Promise<(question: ChainQuestion) => ChainFacts> {
    const block = ask("eth_getBlockByNumber", ["latest", false]);
    const payloads = [block];
    const accreditations = new Map<string, number>();
    const identities = new Map<string, number>();
    const words = new Map<string, { revocation: number; suspension: number }>();
    const want = (payload: JsonRpcPayload): number => {
      payloads.push(payload);
      return payload.id;
    };
    const wantIdentity = (address: string) => {
      if (identities.has(address)) return;
      identities.set(address, want(call(DIDRegistry.address, selectors.resolveDID, address)));
    };
    for (const { issuer, index, subject } of questions) {
      wantIdentity(subject);
      const key = wordKeyOf(issuer, index);
      // Whoever's word is asked for was asked for as an issuer, too.
      if (words.has(key)) continue;
      wantIdentity(issuer);
      if (!accreditations.has(issuer)) {
        accreditations.set(issuer, want(call(IssuerRegistry.address, selectors.isAccredited, issuer)));
      }
      const { word } = statusPosition(index);
      const read = (purpose: bigint) =>
        want(call(DIDRegistry.address, selectors.statusWords, issuer, purpose, word, 1n));
      words.set(key, { revocation: read(REVOCATION), suspension: read(SUSPENSION) });
    }
    const answers = await sendAll(payloads);
    const text = (id: number | undefined): string => String(answers.get(id ?? 0));
    const newest = answers.get(block.id) as { number: string; hash: string };
    const asked = { number: Number(newest.number), hash: newest.hash };

    return ({ issuer, index, subject }) => {
      const word = words.get(wordKeyOf(issuer, index));
      const issuing = text(identities.get(issuer));
      const held = text(identities.get(subject));
      const registered = isSet(held, VERSION);
      return {
        accredited: isSet(text(accreditations.get(issuer)), 0),
        documentHash: isSet(issuing, ACTIVE) ? wordOf(issuing, DOCUMENT_HASH) : ZERO_HASH,
        revoked: bitOf(text(word?.revocation), index),
        suspended: bitOf(text(word?.suspension), index),
        holder: registered ? (isSet(held, ACTIVE) ? `0x${wordOf(held, CONTROLLER).slice(26)}` : null) : subject,
        block: asked,
      };
    };
  }

  async function sendAll(payloads: JsonRpcPayload[]): Promise<Map<number, unknown>> {
    const chunks: JsonRpcPayload[][] = [];
    for (let first = 0; first < payloads.length; first += MAX_BATCH)
      chunks.push(payloads.slice(first, first + MAX_BATCH));
    const results: JsonRpcResult[] = (await Promise.all(chunks.map((chunk) => provider._send(chunk)))).flat();
    const answers = new Map<number, unknown>();
    for (const result of results) if ("result" in result) answers.set(result.id, result.result);
    const missing = payloads.find(({ id }) => answers.get(id) === undefined || answers.get(id) === null);
    if (missing === undefined) return answers;
    throw new TransientError("rpc.failed", `The chain did not answer ${missing.method} as it should.`);
  }

  async function fly(): Promise<void> {
    while (waiting.length > 0) {
      const aboard = waiting;
      waiting = [];
      try {
        const factsFor = await exchange(aboard.map(({ question }) => question));
        for (const { question, resolve } of aboard) resolve(factsFor(question));
      } catch (error) {
        const cannot =
          error instanceof TransientError
            ? error
            : new TransientError("rpc.failed", "The chain did not answer as it should.", { cause: error });
        for (const { reject } of aboard) reject(cannot);
      }
    }
    flying = false;
  }

  return {
    read: (question) =>
      new Promise((resolve, reject) => {
        waiting.push({ question, resolve, reject });
        if (flying) return;
        flying = true;
        // Not at once: whatever else arrives in this turn of the event loop comes aboard.
        setImmediate(() => void fly());
      }),
  };
}

/** An argument as the ABI has it: 32 bytes, 64 hexadecimal digits. */
function padded(value: string | bigint): string {
  return (typeof value === "bigint" ? value.toString(16) : value.slice(2)).padStart(64, "0");
}

/** The n-th word of an ABI answer. A word that is not there means that no contract answered. */
function wordOf(answer: string, n: number): string {
  const word = answer.slice(2 + 64 * n, 66 + 64 * n);
  if (word.length === 64) return `0x${word}`;
  throw new TransientError("rpc.failed", "The chain's answer is shorter than the registry's answers are.");
}

/** Words of the answer of `resolveDID`: its tuple is dynamic, so one word comes before its fields. */
const DOCUMENT_HASH = 3;
const CONTROLLER = 4;
const VERSION = 5;
const ACTIVE = 12;

/** Whether the n-th word of an answer is anything but zero. */
function isSet(answer: string, n: number): boolean {
  return wordOf(answer, n) !== ZERO_HASH;
}

/** The bit of a credential in the answer of `statusWords` for its word: an offset, a length, the word. */
function bitOf(answer: string, index: number): boolean {
  const bit = index % 256;
  // Index 0 is the most significant bit: the first of the first hexadecimal digit.
  const digit = Number.parseInt(wordOf(answer, 2).charAt(2 + (bit >> 2)), 16);
  return ((digit >> (3 - (bit & 3))) & 1) === 1;
}

function wordKeyOf(issuer: string, index: number): string {
  return `${issuer}/${Math.floor(index / 256)}`;
}
