import { encodeBytes32String } from "ethers";
import { DIDRegistry__factory, IssuerRegistry__factory } from "../../typechain-types";
import type { DevChain } from "./devChain";

/** Draws whole numbers from 0 to below `below`, the same at every run with the same seed (mulberry32). */
export type SeededRandom = (below: number) => number;

export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const did = DIDRegistry__factory.createInterface();
const issuers = IssuerRegistry__factory.createInterface();
/** Revocation, suspension, and one of an issuer's own. */
const PURPOSES = [0, 1, 200];
const ROLES = [encodeBytes32String("status"), encodeBytes32String("keys")];

/**
 * Sends a few transactions of every kind, several a block, without asking whether they may succeed: those that revert
 * make blocks without events, which the index must cope with too. Every block is mined before this returns.
 */
export async function randomActivity(chain: DevChain, random: SeededRandom, blocks: number): Promise<void> {
  await chain.rpc("evm_setAutomine", false);
  for (let block = 0; block < blocks; block += 1) {
    const count = random(5);
    const sent: Promise<unknown>[] = [];
    for (let index = 0; index < count; index += 1) sent.push(send(chain, random));
    await Promise.all(sent);
    await chain.rpc("evm_mine");
  }
  await chain.rpc("evm_setAutomine", true);
}

function send(chain: DevChain, random: SeededRandom): Promise<unknown> {
  const actors = chain.accounts.slice(1, 8);
  const actor = actors[random(actors.length)]!;
  const other = actors[random(actors.length)]!;
  const { DIDRegistry, IssuerRegistry } = chain.deployment.contracts;
  if (random(8) === 0) {
    const data =
      random(3) === 0
        ? issuers.encodeFunctionData("discredit", [other, `https://why.example/${random(9)}`])
        : issuers.encodeFunctionData("accredit", [other, `https://issuer.example/${random(4)}`]);
    return transact(chain, chain.accounts[0]!, IssuerRegistry.address, data);
  }
  return transact(chain, actor, DIDRegistry.address, randomCall(random, actor, other));
}

function randomCall(random: SeededRandom, actor: string, other: string): string {
  const hash = `0x${
    random(2) === 0
      ? "0".repeat(64)
      : random(2 ** 32)
          .toString(16)
          .padStart(64, "a")
  }`;
  const credId = `${actor}${(random(3) * 256 + random(256)).toString(16).padStart(24, "0")}`;
  switch (random(14)) {
    case 0:
    case 1:
    case 2:
      return did.encodeFunctionData("registerDIDWithHash", [`did:mychain:${actor}`, "https://a.example", hash]);
    case 3:
      return did.encodeFunctionData("updateDocument", [actor, `https://a.example/${random(1000)}/ü`, hash]);
    case 4:
      return did.encodeFunctionData("addDelegate", [actor, ROLES[random(2)]!, other, 2n ** 32n + BigInt(random(100))]);
    case 5:
      return did.encodeFunctionData("revokeDelegate", [actor, ROLES[random(2)]!, other]);
    case 6:
      return random(6) === 0
        ? did.encodeFunctionData("changeController", [actor, other])
        : did.encodeFunctionData("cancelNonces", [actor, ROLES[0]!, 1 + random(3)]);
    case 7:
      return random(10) === 0
        ? did.encodeFunctionData("deactivateDID", [actor])
        : did.encodeFunctionData("anchorDigest", [actor, hash]);
    case 8:
    case 9:
      return did.encodeFunctionData("setCredentialStatus", [credId, random(2) === 0]);
    case 10:
      return did.encodeFunctionData("setStatus", [credId, PURPOSES[random(3)]!, random(3) > 0]);
    case 11: {
      const masks = Array.from({ length: 1 + random(4) }, () => 1n << BigInt(random(256)));
      const words = masks.map(() => random(4));
      return did.encodeFunctionData("setStatusMasks", [actor, PURPOSES[random(3)]!, words, masks, random(3) > 0]);
    }
    default: {
      const masks = Array.from({ length: 1 + random(3) }, () => (1n << BigInt(random(256))) | BigInt(random(2 ** 31)));
      const purpose = random(4) === 0 ? 0 : 1;
      return did.encodeFunctionData("setStatusWords", [actor, purpose, random(4), masks, random(4) > 0]);
    }
  }
}

/** The node signs; with a gas limit given, it does not reject what will revert. */
function transact(chain: DevChain, from: string, to: string, data: string): Promise<unknown> {
  return chain.rpc("eth_sendTransaction", { from, to, data, gas: "0x100000" });
}
