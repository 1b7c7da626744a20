import { getBytes, hexlify } from "ethers";
import type { Chain } from "../../chain/client";
import { registryDomain } from "../../chain/deployment";
import { type Consent, consentDigest, encodeWrite, type RegistryWrite } from "../../chain/registry/consents";
import { readNonce } from "../../chain/registry/identity";
import { readRevert } from "../../chain/registry/reverts";
import type { Relayer } from "../../chain/relayer/relayer";
import { type Clock, addSeconds } from "../../core/clock";
import { DomainError, TransientError, messageOf } from "../../core/errors";
import type { KeyStore } from "../../core/keys/keyStore";

/** A write in an identity's name. */
export interface IssuerWrite {
  /** Names the relayer's handler that gets the outcome. */
  kind: string;
  /** The identity. */
  address: string;
  controllerKeyId: string;
  /** Names the write for ever. */
  name: string;
  write: RegistryWrite;
}

/** Sends writes in the name of the identities whose controller keys the key store holds; the relayer pays. */
export interface IssuerSigner {
  /**
   * Has a write mined. Asking again while it is under way changes nothing; after it failed, it is signed anew with a
   * fresh nonce. Ask only while the chain does not show the write's effect.
   *
   * @throws TransientError `issuer.busy` while another write of the identity is under way, and the relayer's own
   * @throws DomainError `issuer.write_refused` when the registry would revert, or did so too often
   */
  send(request: IssuerWrite): Promise<void>;
}

/** How long a signature may wait to be mined; outlasts any outage a write should survive by itself. */
const CONSENT_SECONDS = 24 * 60 * 60;

/** A write that reverts so often will not succeed by being sent again. */
const MAX_ATTEMPTS = 5;

/** The one transaction under way an identity: its writes need its nonces in order. */
export function subjectOf(address: string): string {
  return `identity/${address}`;
}

/** What signing and sending need from around them. */
export interface IssuerSignerDeps {
  chain: Pick<Chain, "chainId" | "didRegistry" | "deployment">;
  keys: KeyStore;
  relayer: Pick<Relayer, "submit" | "find">;
  clock: Clock;
}

/** Makes the signer of all identities whose controller keys are in the key store. */
export function createIssuerSigner(deps: IssuerSignerDeps): IssuerSigner {
  return { send: (request) => sendWrite(deps, request) };
}

async function sendWrite(deps: IssuerSignerDeps, request: IssuerWrite): Promise<void> {
  const { chain, relayer } = deps;
  const { kind, address, name, write } = request;
  const to = chain.deployment.contracts.DIDRegistry.address;
  const subject = subjectOf(address);
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    // A registry deployed anew is another one: what the former did does not count there.
    const key = `${name}/${to}/${attempt}`;
    const known = await relayer.find({ key, subject });
    if (known !== null && known.key !== key) throw busy();
    if (known?.open === true) return;
    if (known !== null) continue;
    try {
      const data = encodeWrite(write, await consentTo(deps, request));
      const taken = await relayer.submit({ kind, subject, key, call: { to, data } });
      if (taken.key !== key) throw busy();
      return;
    } catch (error) {
      throw rejectionOf(error) ?? error;
    }
  }
  throw rejected("it was reverted or lost every time it was sent");
}

async function consentTo(deps: IssuerSignerDeps, { write, address, controllerKeyId }: IssuerWrite): Promise<Consent> {
  const { chain, keys, clock } = deps;
  const { address: signer } = await keys.describe(controllerKeyId);
  if (signer === null) throw new RangeError(`the key ${controllerKeyId} is no account's`);
  const nonce = await readNonce(chain, address);
  const deadline = Math.floor(addSeconds(clock.now(), CONSENT_SECONDS).getTime() / 1000);
  const digest = consentDigest(registryDomain(chain.deployment), write, { nonce, deadline });
  return { signer, nonce, deadline, signature: hexlify(await keys.sign(controllerKeyId, getBytes(digest))) };
}

function busy(): TransientError {
  return new TransientError("issuer.busy", "Another transaction of this issuer is under way.");
}

/** The error of a write that would revert; a nonce that moved meanwhile only needs another signature. */
function rejectionOf(error: unknown): Error | undefined {
  const revert = readRevert(error);
  if (revert === undefined) return undefined;
  if (revert.name === "NonceAlreadyConsumed") {
    return new TransientError("issuer.nonce_moved", "The issuer's nonce moved while a write was signed.", {
      cause: error,
    });
  }
  return rejected(`the registry refuses it with ${revert.description ?? messageOf(error)}`, error);
}

function rejected(reason: string, cause?: unknown): DomainError {
  const message = `The chain does not take the issuer's write: ${reason}.`;
  return new DomainError("issuer.write_refused", "conflict", message, cause === undefined ? {} : { cause });
}
