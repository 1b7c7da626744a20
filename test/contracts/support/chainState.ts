import { AbiCoder, keccak256, toQuantity } from "ethers";
import type { Cast } from "./cast";
import { type EventFold, packedHeader } from "./eventFold";
import { PURPOSES_WATCHED, WORDS_WATCHED } from "./histories";
import type { RegistryModel } from "./model";
import { delegationKey } from "./modelIdentity";
import { wordOf } from "./modelStatus";
import { request } from "./play";
import { ANCHOR_ROLE, didOf, OTHER_ROLE, REVOCATION, STATUS_ROLE } from "./registry";

const ROLES = [STATUS_ROLE, ANCHOR_ROLE, OTHER_ROLE];

/** Words of status lists, by `issuer purpose:word`. */
type Words = Map<string, bigint>;

/** A view to be read, by its calldata. */
interface View {
  name: string;
  data: string;
}

/**
 * Reads the state that histories can change, through the contract's views. What is asked is always the same, so that it
 * is encoded once.
 */
export class ChainState {
  private readonly addresses: string[];
  private readonly recordsQuery: Query;
  private readonly wordsQuery: Query;
  private readonly revocationsQuery: Query;

  constructor(private readonly cast: Cast) {
    this.addresses = [...cast.members.map(({ address }) => address), cast.relayer];
    const records = this.addresses.map((address) => this.view("resolveDID", { identity: address }));
    this.recordsQuery = new Query(cast, [this.view("headers", { identities: this.addresses }), ...records]);
    this.wordsQuery = new Query(cast, this.wordViews(PURPOSES_WATCHED));
    this.revocationsQuery = new Query(cast, this.wordViews([REVOCATION]));
  }

  /** The words of all lists that are watched, as they are now. */
  async words(): Promise<Words> {
    return this.bitsOf(await this.wordsQuery.readRaw("latest"), PURPOSES_WATCHED);
  }

  /** Compares the registry with what the events tell, and with the model; both know each bit of it. */
  async expectSame(words: Words, fold: EventFold, model: RegistryModel, now: bigint): Promise<void> {
    const [headers, ...records] = await this.recordsQuery.read("latest");
    for (const [position, address] of this.addresses.entries()) {
      const header = (headers as bigint[])[position];
      const folded = fold.of(address);
      expectEqual(header, packedHeader(address, folded), `header of ${address}`);
      // A header is zero for an identity without events, and for no other.
      expectEqual(header === 0n, !fold.identities.has(address), `absence of events of ${address}`);
      expectSameRecord(records[position] as Record<string, unknown>, address, fold);
      const expected = model.of(address);
      expectEqual(folded.version, expected.version, `version of ${address}`);
      expectEqual(folded.nonceCount, expected.nonceCount, `nonces of ${address}`);
      expectEqual(folded.controlVersion, expected.controlVersion, `controlVersion of ${address}`);
      for (const purpose of PURPOSES_WATCHED) {
        for (const word of WORDS_WATCHED) {
          const bits = words.get(`${address} ${purpose}:${word}`);
          const about = `word ${word} of purpose ${purpose} of ${address}`;
          expectEqual(bits, folded.words.get(`${purpose}:${word}`) ?? 0n, about);
          expectEqual(bits, wordOf(expected, purpose, word), about);
        }
      }
    }
    await this.expectSameDelegations(fold, model, now);
  }

  /** Bits that are revoked in one of the earlier blocks are revoked in the later ones, and now. */
  async expectRevocationsKept(earlierBlocks: number[], now: Words): Promise<void> {
    let before: Words = new Map();
    for (const block of earlierBlocks) {
      const words = this.bitsOf(await this.revocationsQuery.readRaw(toQuantity(block)), [REVOCATION]);
      expectSameRevocations(before, words, `at block ${block}`);
      before = words;
    }
    expectSameRevocations(before, now, "after the last block");
  }

  /** Every delegation that there ever was, and some that there never were. */
  private async expectSameDelegations(fold: EventFold, model: RegistryModel, now: bigint): Promise<void> {
    const asked = [...fold.identities.keys()].flatMap((identity) =>
      ROLES.flatMap((role) =>
        this.cast.members
          .map(({ address }) => ({ identity, role, delegate: address }))
          .filter(({ delegate }) => model.of(identity).delegations.has(delegationKey(role, delegate))),
      ),
    );
    const views = asked.flatMap(({ identity, role, delegate }) => [
      this.view("isDelegate", { identity, role, delegate }),
      this.view("delegateExpiresAt", { identity, role, delegate }),
    ]);
    const answers = await new Query(this.cast, views).readRaw("latest");
    for (const [position, { identity, role, delegate }] of asked.entries()) {
      const folded = fold.of(identity).delegations.get(`${role} ${delegate}`);
      const live = !fold.of(identity).deactivated && folded !== undefined && now < folded.expiresAt;
      const about = `delegation of ${identity}: ${role} ${delegate}`;
      expectEqual(BigInt(answers[2 * position] ?? "0x") === 1n, live, about);
      expectEqual(model.isDelegate(identity, role, delegate, now), live, about);
      expectEqual(BigInt(answers[2 * position + 1] ?? "0x"), folded?.expiresAt ?? 0n, about);
      if (!folded) continue;
      const slot = BigInt(
        await request<string>(
          "eth_getStorageAt",
          this.cast.registryAddress,
          slotOf(identity, role, delegate),
          "latest",
        ),
      );
      expectEqual(slot, folded.expiresAt | (folded.grantVersion << 64n) | (folded.nonceCount << 96n), about);
      // What makes a delegation stand: it was granted after the last change of control.
      expectEqual(((slot >> 64n) & 0xffff_ffffn) > fold.of(identity).controlVersion, true, about);
    }
  }

  private view(name: string, values: Record<string, unknown>): View {
    return { name, data: this.cast.codec.encodeCall(name, values) };
  }

  /** Of each address and purpose the two pairs of neighbouring words that are watched. */
  private wordViews(purposes: bigint[]): View[] {
    return this.addresses.flatMap((address) =>
      purposes.flatMap((purpose) =>
        pairs().map((firstWord) => this.view("statusWords", { issuer: address, purpose, firstWord, count: 2 })),
      ),
    );
  }

  private bitsOf(answers: string[], purposes: bigint[]): Words {
    const bits = new Map<string, bigint>();
    let position = 0;
    for (const address of this.addresses) {
      for (const purpose of purposes) {
        for (const firstWord of pairs()) {
          // Offset, length, and the two words.
          const answer = answers[position++] ?? "0x";
          bits.set(`${address} ${purpose}:${firstWord}`, BigInt(`0x${answer.slice(130, 194)}`));
          bits.set(`${address} ${purpose}:${firstWord + 1n}`, BigInt(`0x${answer.slice(194, 258)}`));
        }
      }
    }
    return bits;
  }
}

function expectSameRevocations(before: Words, after: Words, when: string): void {
  for (const [word, bits] of before) {
    expectEqual((after.get(word) ?? 0n) & bits, bits, `revocations in ${word} ${when}`);
  }
}

/** Several views, read in one call by `multicall`. */
class Query {
  private readonly data: string;

  constructor(
    private readonly cast: Cast,
    private readonly views: View[],
  ) {
    this.data = cast.codec.encodeCall("multicall", { data: views.map(({ data }) => data) });
  }

  async readRaw(block: string): Promise<string[]> {
    const answer = await request<string>("eth_call", { to: this.cast.registryAddress, data: this.data }, block);
    return bytesArrayOf(answer);
  }

  async read(block: string): Promise<unknown[]> {
    const results = await this.readRaw(block);
    return this.views.map(({ name }, position) => this.cast.codec.decodeResult(name, results[position] ?? "0x"));
  }
}

/** An ABI-encoded `bytes[]`, read by hand: ethers takes most of a history's time for it. */
function bytesArrayOf(encoded: string): string[] {
  const digits = encoded.slice(2);
  const numberAt = (byte: number) => Number(`0x${digits.slice(2 * byte + 48, 2 * byte + 64)}`);
  const count = numberAt(32);
  return Array.from({ length: count }, (_, position) => {
    const start = 64 + numberAt(64 + 32 * position);
    return `0x${digits.slice(2 * start + 64, 2 * (start + 32 + numberAt(start)))}`;
  });
}

function pairs(): bigint[] {
  return WORDS_WATCHED.filter((_, position) => position % 2 === 0);
}

function expectSameRecord(record: Record<string, unknown>, address: string, fold: EventFold): void {
  const folded = fold.of(address);
  const expected: Record<string, unknown> = {
    did: didOf(address),
    documentUri: folded.documentUri,
    documentHash: folded.documentHash,
    controller: folded.controller,
    successor: folded.commitment,
    version: folded.version,
    controlVersion: folded.controlVersion,
    statusSequence: folded.statusSequence,
    anchorSequence: folded.anchorSequence,
    nonce: (folded.controlVersion << 64n) | folded.nonceCount,
    createdAt: folded.createdAt,
    updatedAt: folded.updatedAt,
    registered: folded.registered,
    active: !folded.deactivated,
  };
  for (const [field, value] of Object.entries(expected)) expectEqual(record[field], value, `${field} of ${address}`);
}

// Not chai's: Hardhat's matchers look at each value for a number, which takes a tenth of the time of a history.
function expectEqual(actual: unknown, expected: unknown, about: string): void {
  if (actual !== expected)
    throw new Error(`${about}: the chain has ${String(actual)}, expected is ${String(expected)}`);
}

const coder = AbiCoder.defaultAbiCoder();

function slotOf(identity: string, role: string, delegate: string): string {
  const key = keccak256(coder.encode(["address", "bytes32", "address"], [identity, role, delegate]));
  return keccak256(coder.encode(["bytes32", "uint256"], [key, 3]));
}
