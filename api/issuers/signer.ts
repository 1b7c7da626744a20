import { TypedDataEncoder, getBytes, hexlify, isError } from "ethers";
import type { Chain } from "../../chain/client";
import { type Clock, addSeconds } from "../../core/clock";
import { DomainError, TransientError, messageOf } from "../../core/errors";
import type { KeyStore } from "../../core/keys/keyStore";
import type { Relayer } from "../../chain/relayer/relayer";

/** By which a signer consents to a write of the registry, as the contract's `...For` functions take it. */
export interface Consent {
  signer: string;
  nonce: bigint;
  /** Unix seconds. */
  deadline: number;
  signature: string;
}

/** A write of the DIDRegistry in an identity's name: what is signed (EIP-712), and how the call is made of it. */
export interface RegistryWrite {
  primaryType: string;
  /** Fields before `nonce` and `deadline`, which every type ends with. */
  fields: { name: string; type: string }[];
  values: Record<string, unknown>;
  /** Calldata, `0x` and hexadecimal digits. */
  encode(consent: Consent): string;
}

/** Sends writes in the name of the identities whose controller keys the key store holds; the relayer pays. */
export interface IssuerVoice {
  /**
   * Has a write mined. Asking again while it is under way changes nothing; after it failed, it is signed anew with a
   * fresh nonce. Ask only while the chain does not show the write's effect.
   *
   * @param kind names the relayer's handler that is told the outcome
   * @param name names the write for ever
   * @throws TransientError `issuer.busy` while another write of the identity is under way, and the relayer's own
   * @throws DomainError `issuer.write_refused` when the registry would revert, or did so too often
   */
  send(request: {
    kind: string;
    address: string;
    controllerKeyId: string;
    name: string;
    write: RegistryWrite;
  }): Promise<void>;
}

/** How long a signature may wait to be mined; outlasts any outage a write should survive by itself. */
const CONSENT_SECONDS = 24 * 60 * 60;

/** A write that reverts so often will not succeed by being sent again. */
const MAX_ATTEMPTS = 5;

/** The one transaction under way an identity: its writes need its nonces in order. */
export function subjectOf(address: string): string {
  return `identity/${address}`;
}

/** Makes the voice. */
export function openIssuerVoice(parts: {
  chain: Pick<Chain, "chainId" | "didRegistry" | "deployment">;
  keys: KeyStore;
  relayer: Pick<Relayer, "submit" | "find">;
  clock: Clock;
}): IssuerVoice {
  const { chain, keys, relayer, clock } = parts;
  const { didRegistry } = chain;
  const to = chain.deployment.contracts.DIDRegistry.address;
  const domain = { name: "Cairn DIDRegistry", version: "1", chainId: chain.chainId, verifyingContract: to };

  async function consentTo(write: RegistryWrite, address: string, controllerKeyId: string): Promise<Consent> {
    const { address: signer } = await keys.describe(controllerKeyId);
    if (signer === null) throw new RangeError(`the key ${controllerKeyId} is no account's`);
    const nonce = await didRegistry.nonceOf(address);
    const deadline = Math.floor(addSeconds(clock.now(), CONSENT_SECONDS).getTime() / 1000);
    const types = { [write.primaryType]: [...write.fields, ...NONCE_AND_DEADLINE] };
    const digest = TypedDataEncoder.hash(domain, types, { ...write.values, nonce, deadline });
    return { signer, nonce, deadline, signature: hexlify(await keys.sign(controllerKeyId, getBytes(digest))) };
  }

  return {
    async send({ kind, address, controllerKeyId, name, write }) {
      const subject = subjectOf(address);
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
        // A registry deployed anew is another one: what the former did does not count there.
        const key = `${name}/${to}/${attempt}`;
        const known = await relayer.find({ key, subject });
        if (known !== null && known.key !== key) throw busy();
        if (known?.open === true) return;
        if (known !== null) continue;
        try {
          const data = write.encode(await consentTo(write, address, controllerKeyId));
          const taken = await relayer.submit({ kind, subject, key, call: { to, data } });
          if (taken.key !== key) throw busy();
          return;
        } catch (error) {
          throw refusalOf(chain, error) ?? error;
        }
      }
      throw refused("it was reverted or lost every time it was sent");
    },
  };
}

const NONCE_AND_DEADLINE = [
  { name: "nonce", type: "uint256" },
  { name: "deadline", type: "uint256" },
];

function busy(): TransientError {
  return new TransientError("issuer.busy", "Another transaction of this issuer is under way.");
}

/** A revert foretold by the node, in words; a nonce that moved meanwhile only needs another signature. */
function refusalOf(chain: Pick<Chain, "didRegistry">, error: unknown): Error | undefined {
  if (!isError(error, "CALL_EXCEPTION")) return undefined;
  const parsed = error.data ? chain.didRegistry.interface.parseError(error.data) : null;
  if (parsed?.name === "NonceAlreadyConsumed") {
    return new TransientError("issuer.nonce_moved", "The issuer's nonce moved while a write was signed.", {
      cause: error,
    });
  }
  const reason = parsed === null ? messageOf(error) : `${parsed.name}(${parsed.args.map(String).join(", ")})`;
  return refused(`the registry refuses it with ${reason}`, error);
}

function refused(reason: string, cause?: unknown): DomainError {
  const message = `The chain does not take the issuer's write: ${reason}.`;
  return new DomainError("issuer.write_refused", "conflict", message, cause === undefined ? {} : { cause });
}
