import type { Interface } from "ethers";
import { didRegistryInterface, issuerRegistryInterface } from "../../chain/registry/abi";
import { type IdentityHeader, parseHeader } from "../../chain/registry/header";
import type { IndexIdentity } from "../../projection/models";
import type { Endpoint, RpcCall } from "../rpc/endpoint";
import { RpcError } from "../rpc/rpcError";

/** An identity's counters, as the chain has them: each counts one kind of its events. */
export type Counters = Pick<IdentityHeader, "version" | "statusSequence" | "anchorSequence" | "nonceCount">;

/** A call of a contract's view function at one block, by its hash (EIP-1898): a node on another branch cannot answer. */
export function callAt(to: string, data: string, blockHash: string): RpcCall {
  return { method: "eth_call", params: [{ to, data }, { blockHash }] };
}

/** What to ask for an identity's record, and how to read the answer. */
export const resolveDid = {
  ask: (identity: string) => didRegistryInterface.encodeFunctionData("resolveDID", [identity]),
  read: (answer: unknown): Record<string, unknown> => structOf(didRegistryInterface, "resolveDID", answer),
};

/** What to ask for an issuer's accreditation, and how to read the answer. */
export const issuerOf = {
  ask: (issuer: string) => issuerRegistryInterface.encodeFunctionData("issuerOf", [issuer]),
  read: (answer: unknown): Record<string, unknown> => structOf(issuerRegistryInterface, "issuerOf", answer),
};

/** What to ask for the end of a delegation, and how to read the answer, Unix seconds. */
export const delegateExpiresAt = {
  ask: (identity: string, role: string, delegate: string) =>
    didRegistryInterface.encodeFunctionData("delegateExpiresAt", [identity, role, delegate]),
  read: (answer: unknown): bigint =>
    didRegistryInterface.decodeFunctionResult("delegateExpiresAt", textOf(answer))[0] as bigint,
};

/** What to ask for words of a bitmap, and how to read the answer: 32 bytes each in hexadecimal. */
export const statusWords = {
  ask: (issuer: string, purpose: number, firstWord: bigint, count: number) =>
    didRegistryInterface.encodeFunctionData("statusWords", [issuer, purpose, firstWord, count]),
  read: (answer: unknown): string[] => {
    const words = didRegistryInterface.decodeFunctionResult("statusWords", textOf(answer))[0] as bigint[];
    return words.map((word) => `0x${word.toString(16).padStart(64, "0")}`);
  },
};

/** The counters of identities at one block, in the order asked for: one call of `headers`. @throws RpcError */
export async function countersAt(
  endpoint: Endpoint,
  { contracts }: Pick<IndexIdentity, "contracts">,
  identities: string[],
  blockHash: string,
): Promise<Counters[]> {
  if (identities.length === 0) return [];
  const data = didRegistryInterface.encodeFunctionData("headers", [identities]);
  const [answer] = await endpoint.callAll([callAt(contracts.DIDRegistry, data, blockHash)]);
  const [headers] = didRegistryInterface.decodeFunctionResult("headers", textOf(answer)) as unknown as [bigint[]];
  return headers.map(parseHeader);
}

/** The versions of issuers at one block, in the order asked for. @throws RpcError */
export async function issuerVersionsAt(
  endpoint: Endpoint,
  { contracts }: Pick<IndexIdentity, "contracts">,
  issuers: string[],
  blockHash: string,
): Promise<number[]> {
  const calls = issuers.map((issuer) => callAt(contracts.IssuerRegistry, issuerOf.ask(issuer), blockHash));
  return (await endpoint.callAll(calls)).map((answer) => Number(issuerOf.read(answer)["version"]));
}

function textOf(answer: unknown): string {
  // An answer without data is that of an address without a contract: the node is at another block than it says.
  if (typeof answer !== "string" || answer.length <= 2) throw new RpcError("inconsistent", "a call answered nothing");
  return answer;
}

/** The fields of the struct that a function returns; one that cannot be decoded, such as text that is not UTF-8, is absent. */
function structOf(abi: Interface, name: string, answer: unknown): Record<string, unknown> {
  const [struct] = abi.decodeFunctionResult(name, textOf(answer)) as unknown as [Record<string, unknown>];
  const fields = abi.getFunction(name)?.outputs[0]?.components ?? [];
  return Object.fromEntries(
    fields.map((field) => {
      try {
        return [field.name, struct[field.name]];
      } catch {
        // ethers throws on reading, not on decoding; the caller compares what is there.
        return [field.name, undefined];
      }
    }),
  );
}
