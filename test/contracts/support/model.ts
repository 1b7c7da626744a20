import { ZeroAddress, ZeroHash } from "ethers";
import { Refusal, refuse, textOf } from "./outcome";
import { commitmentOf, didOf } from "./registry";
import { copyOf, delegationKey, type ModelDelegation, type ModelIdentity, neverWritten } from "./modelIdentity";
import { changeMasks, changeOne, changeWords } from "./modelStatus";
import { identityOf, roleOf, type Write } from "./writes";

/** How a write reaches the registry: by the account's own call, or by its consent that a relayer brings. */
export interface Way {
  account: string;
  nowSeconds: bigint;
  consent?: ConsentTerms;
}

export interface ConsentTerms {
  nonce: bigint;
  deadline: bigint;
  /** The EIP-712 digest of what is submitted. */
  digest: string;
  /** Whether the signature is the account's, over that digest. */
  genuine: boolean;
}

export interface BulkEntry {
  documentUri: string;
  documentHash: string;
  signer: string;
  consent: ConsentTerms;
}

const MAX_URI_LENGTH = 2048;
const MAX_CANCELLED = 65_536n;

/** What the registry promises, in a few plain rules and without a thought for gas. */
export class RegistryModel {
  private readonly identities = new Map<string, ModelIdentity>();
  /** Copies of the identities as they were before the transaction, if it has touched them. */
  private before = new Map<string, ModelIdentity | undefined>();

  /** The state of an identity; one that was never written controls itself. */
  of(address: string): Readonly<ModelIdentity> {
    return this.identities.get(address) ?? neverWritten(address);
  }

  /** The events of a write. @throws Refusal which leaves everything as it was */
  apply(write: Write, way: Way): string[] {
    return this.transaction(() => this.carryOut(write, way));
  }

  /** The events of several writes in one transaction: all of them, or none. @throws Refusal of the first bad one */
  applyAll(writes: { write: Write; way: Way }[]): string[] {
    return this.transaction(() => writes.flatMap(({ write, way }) => this.carryOut(write, way)));
  }

  /** The events of a bulk registration, which skips what could not be registered alone. */
  applyBulk(entries: BulkEntry[], nowSeconds: bigint): string[] {
    return entries.flatMap(({ signer, documentUri, documentHash, consent }) => {
      try {
        const write: Write = { name: "registerDID", did: didOf(signer), documentUri, documentHash };
        return this.apply(write, { account: signer, nowSeconds, consent });
      } catch (thrown) {
        if (thrown instanceof Refusal) return [];
        throw thrown;
      }
    });
  }

  /** The nonce that the account's next consent must carry, as `grant << 64 | count`; zero for one without power. */
  nonceOf(address: string, role: string, signer: string): bigint {
    const identity = this.of(address);
    if (signer === identity.controller) return (identity.controlVersion << 64n) | identity.nonceCount;
    const delegation = identity.delegations.get(delegationKey(role, signer));
    if (!delegation || !holds(identity, delegation)) return 0n;
    return (delegation.grantVersion << 64n) | delegation.nonceCount;
  }

  /** Whether the account has the role now: given after the last change of control, not ended, not taken away. */
  isDelegate(address: string, role: string, delegate: string, nowSeconds: bigint): boolean {
    const identity = this.of(address);
    return !identity.deactivated && isLive(identity, role, delegate, nowSeconds);
  }

  private transaction(action: () => string[]): string[] {
    this.before = new Map();
    try {
      return action();
    } catch (refusal) {
      this.before.forEach((identity, address) => {
        if (identity) this.identities.set(address, identity);
        else this.identities.delete(address);
      });
      throw refusal;
    }
  }

  private touch(address: string): ModelIdentity {
    const known = this.identities.get(address);
    if (!this.before.has(address)) this.before.set(address, known && copyOf(known));
    const identity = known ?? neverWritten(address);
    this.identities.set(address, identity);
    return identity;
  }

  private carryOut(write: Write, way: Way): string[] {
    const identity = this.touch(identityOf(write, way.account));
    requireAuthority(write, identity, way);
    const consumed = way.consent ? consume(write, identity, way.account, way.nowSeconds, way.consent) : [];
    return [...consumed, ...effects(write, identity, way)];
  }
}

function isGuarded(identity: ModelIdentity): boolean {
  return identity.commitment !== ZeroHash;
}

/** Whether a delegation stands: given after the last change of control. It may have ended by time. */
function holds(identity: ModelIdentity, delegation: ModelDelegation): boolean {
  return delegation.grantVersion > identity.controlVersion;
}

function isLive(identity: ModelIdentity, role: string, delegate: string, nowSeconds: bigint): boolean {
  const delegation = identity.delegations.get(delegationKey(role, delegate));
  return delegation !== undefined && holds(identity, delegation) && nowSeconds < delegation.expiresAt;
}

function requireAuthority(write: Write, identity: ModelIdentity, way: Way): void {
  const { account, nowSeconds } = way;
  if (identity.deactivated) throw refuse("IdentityDeactivated", identity.address);
  if (write.name === "rotateController") {
    if (commitmentOf(identity.address, account, write.salt) === identity.commitment) return;
    throw refuse("NotSuccessor", identity.address, account);
  }
  if (account === identity.controller) {
    if (write.name === "registerDID") requireRegistrable(write, identity);
    return;
  }
  const role = roleOf(write);
  if (role === undefined) throw refuse("NotController", identity.address, account);
  if (!isLive(identity, role, account, nowSeconds)) throw refuse("NotAuthorized", identity.address, role, account);
}

function requireRegistrable(write: Write & { name: "registerDID" }, { address, registered }: ModelIdentity): void {
  if (registered) throw refuse("AlreadyRegistered", address);
  if (write.did !== didOf(address)) throw refuse("DIDMismatch", write.did, didOf(address));
  requireUri(write.documentUri);
}

/** Consumes the consent's nonce. */
function consume(
  write: Write,
  identity: ModelIdentity,
  signer: string,
  nowSeconds: bigint,
  { nonce, deadline, digest, genuine }: ConsentTerms,
): string[] {
  if (nowSeconds > deadline) throw refuse("SignatureExpired", deadline, nowSeconds);
  if (write.name === "rotateController") {
    const current = identity.controlVersion << 64n;
    if (nonce !== current) throw refuse("NonceMismatch", identity.address, signer, nonce, current);
    if (!genuine) throw refuse("InvalidSignature", signer, digest);
    return [];
  }
  const counter = counterOf(write, identity, signer);
  if (nonce !== counter.nonce) throw refuse("NonceMismatch", identity.address, signer, nonce, counter.nonce);
  if (!genuine) throw refuse("InvalidSignature", signer, digest);
  counter.advanceTo(nonce + 1n);
  return [textOf("NonceConsumed", [identity.address, signer, nonce])];
}

interface Counter {
  nonce: bigint;
  advanceTo: (next: bigint) => void;
}

/** The counter of the power that an authorized account uses. */
function counterOf(write: Write, identity: ModelIdentity, account: string): Counter {
  if (account === identity.controller) {
    return {
      nonce: (identity.controlVersion << 64n) | identity.nonceCount,
      advanceTo: (next) => (identity.nonceCount = next - (identity.controlVersion << 64n)),
    };
  }
  const delegation = identity.delegations.get(delegationKey(roleOf(write) ?? "", account));
  if (!delegation) throw new Error("An authorized account is the controller or a delegate.");
  return {
    nonce: (delegation.grantVersion << 64n) | delegation.nonceCount,
    advanceTo: (next) => (delegation.nonceCount = next - (delegation.grantVersion << 64n)),
  };
}

/** Counts one change of the identity. */
function nextVersion(identity: ModelIdentity, nowSeconds: bigint): bigint {
  identity.version++;
  identity.updatedAt = nowSeconds;
  if (identity.version === 1n) identity.createdAt = nowSeconds;
  return identity.version;
}

function effects(write: Write, identity: ModelIdentity, way: Way): string[] {
  const { address } = identity;
  const { account, nowSeconds } = way;
  switch (write.name) {
    case "registerDID": {
      identity.registered = true;
      identity.documentUri = write.documentUri;
      identity.documentHash = write.documentHash;
      const version = nextVersion(identity, nowSeconds);
      return [textOf("DIDRegistered", [address, write.documentUri, write.documentHash, version])];
    }
    case "updateDocument": {
      requireUri(write.documentUri);
      if (identity.documentUri === write.documentUri && identity.documentHash === write.documentHash) return [];
      identity.registered = true;
      identity.documentUri = write.documentUri;
      identity.documentHash = write.documentHash;
      const version = nextVersion(identity, nowSeconds);
      return [textOf("DocumentUpdated", [address, write.documentUri, write.documentHash, version])];
    }
    case "changeController": {
      if (write.newController === ZeroAddress) throw refuse("ZeroAddress");
      if (isGuarded(identity)) throw refuse("SuccessorRequired", address);
      if (write.newController === identity.controller) return [];
      identity.controller = write.newController;
      identity.controlVersion = nextVersion(identity, nowSeconds);
      identity.nonceCount = 0n;
      return [textOf("ControllerChanged", [address, write.newController, identity.controlVersion])];
    }
    case "nameSuccessor": {
      if (write.commitment === ZeroHash) throw refuse("ZeroCommitment");
      if (isGuarded(identity)) throw refuse("SuccessorAlreadyNamed", address);
      identity.commitment = write.commitment;
      return [textOf("SuccessorNamed", [address, write.commitment, nextVersion(identity, nowSeconds)])];
    }
    case "rotateController": {
      identity.controller = account;
      identity.commitment = write.nextCommitment;
      identity.controlVersion = nextVersion(identity, nowSeconds);
      identity.nonceCount = 0n;
      return [textOf("ControllerRotated", [address, account, write.nextCommitment, identity.controlVersion])];
    }
    case "addDelegate":
      return addDelegate(identity, write, nowSeconds);
    case "revokeDelegate": {
      const delegation = identity.delegations.get(delegationKey(write.role, write.delegate));
      if (!delegation || !holds(identity, delegation)) {
        throw refuse("DelegateNotFound", address, write.role, write.delegate);
      }
      identity.delegations.delete(delegationKey(write.role, write.delegate));
      const version = nextVersion(identity, nowSeconds);
      return [textOf("DelegateRevoked", [address, write.role, write.delegate, version])];
    }
    case "deactivateDID":
      if (isGuarded(identity)) throw refuse("SuccessorRequired", address);
      identity.deactivated = true;
      return [textOf("DIDDeactivated", [address, nextVersion(identity, nowSeconds)])];
    case "cancelNonces":
      return cancelNonces(identity, write, way);
    case "setCredentialStatus":
    case "setStatus":
      return changeOne(identity, write);
    case "setStatusWords":
      return changeWords(identity, write);
    case "setStatusMasks":
      return changeMasks(identity, write);
    case "anchorDigest":
      identity.anchorSequence++;
      return [textOf("DigestAnchored", [address, write.digest, identity.anchorSequence])];
  }
}

function addDelegate(
  identity: ModelIdentity,
  { role, delegate, expiresAt }: Write & { name: "addDelegate" },
  nowSeconds: bigint,
): string[] {
  if (delegate === ZeroAddress) throw refuse("ZeroAddress");
  if (expiresAt <= nowSeconds) throw refuse("DelegationAlreadyExpired", expiresAt, nowSeconds);
  const key = delegationKey(role, delegate);
  const former = identity.delegations.get(key);
  const live = isLive(identity, role, delegate, nowSeconds);
  if (live && former?.expiresAt === expiresAt) return [];
  const version = nextVersion(identity, nowSeconds);
  const grant = live && former ? former : { grantVersion: version, nonceCount: 0n };
  identity.delegations.set(key, { ...grant, expiresAt });
  return [textOf("DelegateAdded", [identity.address, role, delegate, expiresAt, version])];
}

function cancelNonces(identity: ModelIdentity, write: Write & { name: "cancelNonces" }, way: Way): string[] {
  const counter = counterOf(write, identity, way.account);
  const { nextNonce } = write;
  // A consent has consumed its own nonce, which may be all that was wanted.
  if (way.consent && nextNonce === counter.nonce) return [];
  if (nextNonce <= counter.nonce || nextNonce > counter.nonce + MAX_CANCELLED) {
    throw refuse("NonceMismatch", identity.address, way.account, nextNonce, counter.nonce);
  }
  counter.advanceTo(nextNonce);
  return [textOf("NoncesCancelled", [identity.address, way.account, counter.nonce, nextNonce])];
}

function requireUri(documentUri: string): void {
  const { length } = Buffer.from(documentUri);
  if (length === 0 || length > MAX_URI_LENGTH) throw refuse("InvalidDocumentUriLength", length, MAX_URI_LENGTH);
}
