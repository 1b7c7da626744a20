import { getBytes, hexlify } from "ethers";
import { registryDomain } from "../../chain/deployment";
import { type Consent, consentDigest, encodeWrite, type RegistryWrite } from "../../chain/registry/consents";
import { readIdentity } from "../../chain/registry/identity";
import { readRevert } from "../../chain/registry/reverts";
import { isSpendingRefusal } from "../../chain/relayer/policy";
import type { Relayer } from "../../chain/relayer/relayer";
import { fulfils } from "../../chain/relayer/transaction";
import { addSeconds } from "../../core/clock";
import { DomainError, TransientError, messageOf } from "../../core/errors";
import type { Context } from "../../process/context";
import { issuerUnknown } from "./rules";
import type { IssuerAccount, IssuerStore } from "./store";

/** A write of the registry in an issuer's name. */
export interface IssuerWrite {
  /** Names the relayer's handler that gets the outcome. */
  kind: string;
  /** The issuer's address. */
  issuer: string;
  /** Names the write for ever. */
  name: string;
  write: RegistryWrite;
}

/** How long a signature may wait to be mined; outlasts any outage a write should survive by itself. */
const CONSENT_SECONDS = 24 * 60 * 60;

/** A write that reverts so often will not succeed by being sent again. */
const MAX_ATTEMPTS = 5;

export interface IssuerSignerDeps extends Pick<Context, "chain" | "clock" | "keys"> {
  issuers: Pick<IssuerStore, "find">;
  relayer: Pick<Relayer, "submit" | "find">;
}

/**
 * Has a write mined in an issuer's name, with the consent of the issuer's controller key; the relayer pays. Asking again
 * while it is pending changes nothing; after it failed, it is signed anew with a fresh nonce. Ask only while the chain
 * does not show the write's effect.
 *
 * @throws TransientError `issuer.busy` while another write of the issuer is pending, and the relayer's own
 * @throws DomainError `issuer.unknown`; `issuer.write_refused` when the registry would revert, or did so too often
 */
export async function sendAsIssuer(deps: IssuerSignerDeps, { kind, issuer, name, write }: IssuerWrite): Promise<void> {
  const { chain, relayer } = deps;
  const account = await deps.issuers.find(issuer);
  if (account === null) throw issuerUnknown();
  const to = chain.deployment.contracts.DIDRegistry.address;
  // One pending transaction an identity: its writes need its nonces in order.
  const subject = subjectOf(issuer);
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    // A registry deployed anew is another one: what the former did does not count there.
    const key = `${name}/${to}/${attempt}`;
    const known = await relayer.find({ key, subject });
    if (known !== null && !fulfils(known, key)) throw busy();
    if (known?.open === true) return;
    if (known !== null) continue;
    try {
      const consent = await consentTo(deps, account, write);
      const taken = await relayer.submit({
        kind,
        subject,
        key,
        call: { to, data: encodeWrite(write, consent) },
        beneficiaries: [{ kind: "issuer", id: issuer }],
        expiresAt: new Date(consent.deadline * 1000),
      });
      if (!fulfils(taken, key)) throw busy();
      return;
    } catch (error) {
      // An issuer's writes are due whatever they cost: what is not paid for now is tried again.
      if (isSpendingRefusal(error)) throw new TransientError(error.code, error.message, { cause: error });
      throw rejectionOf(error) ?? error;
    }
  }
  throw rejected("it was reverted or lost every time it was sent");
}

/**
 * Whether a write that {@link sendAsIssuer} took is pending: the relayer has not reported yet what became of it, even
 * where the chain already shows its effect.
 *
 * @throws TransientError `rpc.unreachable`
 */
export async function isWritePending(
  relayer: Pick<Relayer, "find">,
  { issuer, name }: Pick<IssuerWrite, "issuer" | "name">,
): Promise<boolean> {
  // No transaction has the bare name as its key, so this is the one pending for the issuer.
  const pending = await relayer.find({ key: name, subject: subjectOf(issuer) });
  return pending?.open === true && pending.requests.some(({ key }) => key.startsWith(`${name}/`));
}

function subjectOf(issuer: string): string {
  return `identity/${issuer}`;
}

async function consentTo(
  { chain, keys, clock }: IssuerSignerDeps,
  { address, controllerKeyId }: IssuerAccount,
  write: RegistryWrite,
): Promise<Consent> {
  const { address: signer } = await keys.describe(controllerKeyId);
  if (signer === null) throw new RangeError(`the key ${controllerKeyId} is no account's`);
  const { nonce } = await readIdentity(chain, address);
  const deadline = Math.floor(addSeconds(clock.now(), CONSENT_SECONDS).getTime() / 1000);
  const digest = consentDigest(registryDomain(chain.deployment), write, { signer, nonce, deadline });
  return { signer, nonce, deadline, signature: hexlify(await keys.sign(controllerKeyId, getBytes(digest))) };
}

function busy(): TransientError {
  return new TransientError("issuer.busy", "Another transaction of this issuer is pending.");
}

/** The error of a write that would revert; a nonce that moved meanwhile only needs another signature. */
function rejectionOf(error: unknown): Error | undefined {
  const revert = readRevert(error);
  if (revert === undefined) return undefined;
  if (revert.name === "NonceMismatch") {
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
