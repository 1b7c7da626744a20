import { getAddress, id, toBeHex, ZeroHash } from "ethers";
import { formatCredId } from "../../../chain/status/credId";
import type { Cast, CastMember, KeyName } from "./cast";
import { digestOf, type SignedWrite, type Terms } from "./consents";
import type { PlannedConsent, PlannedNonce, PlannedWrite, Relabelling, Who } from "./histories";
import type { RegistryModel } from "./model";
import { delegationKey } from "./modelIdentity";
import { ANCHOR_ROLE, commitmentOf, didOf, OTHER_ROLE, saltOf, STATUS_ROLE, URI } from "./registry";
import { identityOf, roleOf, type Write } from "./writes";

const ROLES = [STATUS_ROLE, ANCHOR_ROLE, OTHER_ROLE];
const URIS = [URI, "https://example.org/a", "https://example.org/b", ""];

/** A consent as it was signed. */
export interface SignedConsent {
  write: SignedWrite;
  terms: Terms;
  /** Whose signature it is, and the signature before it takes the form of an account's kind. */
  key: KeyName;
  inner: string;
  digest: string;
  formed: boolean;
}

/** A consent as it is sent. */
export interface SentConsent {
  write: SignedWrite;
  terms: Terms;
  signature: string;
  digest: string;
  /** Whether the account that is named as the signer accepts the signature, which is over just this. */
  genuine: boolean;
}

/** Turns the plans of a history into writes and consents, by what the model knows at that moment. */
export class Planner {
  constructor(
    private readonly cast: Cast,
    private readonly model: RegistryModel,
  ) {}

  member(position: number): CastMember {
    const member = this.cast.members[position % this.cast.members.length];
    if (!member) throw new Error("There are no accounts.");
    return member;
  }

  /** The account that a plan means, for a write that is planned. */
  actor(who: Who, plan: PlannedWrite): CastMember {
    if (plan.name === "registerDID") return this.member(who.is === "member" ? who.position : plan.uri);
    if (who.is === "member") return this.member(who.position);
    const identity = this.model.of(this.member(plan.identity).address);
    // Who cannot do it at all is a member by chance; a delegate or a successor is meant for what only they can do.
    const delegate = who.is === "delegate" ? this.delegateFor(plan, identity.delegations) : undefined;
    const successor =
      plan.name === "rotateController" || who.is === "successor" ? this.successorOf(identity) : undefined;
    const wanted = successor?.member.address ?? delegate ?? identity.controller;
    return this.cast.members.find(({ address }) => address === wanted) ?? this.member(plan.identity);
  }

  /** The write that is planned, by an account. */
  write(plan: PlannedWrite, actor: CastMember, nowSeconds: bigint): Write {
    const address = (position: number) => this.member(position).address;
    const role = (position: number) => ROLES[position] ?? OTHER_ROLE;
    switch (plan.name) {
      case "registerDID": {
        const did = didOf(plan.foreign ? this.cast.relayer : actor.address);
        return { name: plan.name, did, ...documentOf(plan) };
      }
      case "updateDocument":
        return { name: plan.name, identity: address(plan.identity), ...documentOf(plan) };
      case "changeController":
        return { name: plan.name, identity: address(plan.identity), newController: address(plan.to) };
      case "nameSuccessor": {
        const identity = address(plan.identity);
        return { name: plan.name, identity, commitment: this.commitment(identity, plan) };
      }
      case "rotateController": {
        const identity = address(plan.identity);
        const nextCommitment = plan.next ? this.commitment(identity, plan.next) : ZeroHash;
        // The salt is nearly always the one of the commitment, or nobody would ever open one.
        const known = this.successorOf(this.model.of(identity));
        return { name: plan.name, identity, salt: saltOf(known?.salt ?? plan.salt), nextCommitment };
      }
      case "addDelegate":
        return {
          name: plan.name,
          identity: address(plan.identity),
          role: role(plan.role),
          delegate: address(plan.to),
          expiresAt: nowSeconds + BigInt(plan.seconds),
        };
      case "revokeDelegate": {
        const identity = address(plan.identity);
        const { delegations } = this.model.of(identity);
        const [existing] = plan.existing ? delegations.keys() : [];
        const [existingRole, existingDelegate] = existing?.split(" ") ?? [];
        const delegate = existingDelegate ?? address(plan.to);
        return { name: plan.name, identity, role: existingRole ?? role(plan.role), delegate };
      }
      case "deactivateDID":
        return { name: plan.name, identity: address(plan.identity) };
      case "cancelNonces": {
        const identity = address(plan.identity);
        const current = this.currentNonce(identity, role(plan.role), actor.address);
        const nextNonce = notNegative(current + BigInt(plan.ahead)) + (plan.otherGrant ? 1n << 64n : 0n);
        return { name: plan.name, identity, role: role(plan.role), nextNonce };
      }
      case "setCredentialStatus":
        return { name: plan.name, credId: this.credId(plan), revoked: plan.revoked };
      case "setStatus":
        return { name: plan.name, credId: this.credId(plan), purpose: plan.purpose, on: plan.on };
      case "setStatusWords": {
        const { name, purpose, firstWord, masks, on } = plan;
        return { name, issuer: address(plan.identity), purpose, firstWord, masks, on };
      }
      case "setStatusMasks": {
        const { name, purpose, words, masks, on } = plan;
        return { name, issuer: address(plan.identity), purpose, words, masks, on };
      }
      case "anchorDigest":
        return { name: plan.name, identity: address(plan.identity), digest: id(`digest ${plan.digest}`) };
    }
  }

  /** Signs what is planned. A write without consent becomes the one that does the same. */
  sign(plan: PlannedConsent, nowSeconds: bigint): SignedConsent {
    const actor = this.actor(plan.who, plan.write);
    const write = withConsentOf(this.write(plan.write, actor, nowSeconds));
    const nonce = this.nonce(plan.nonce, write, actor.address);
    const deadline = nowSeconds + BigInt(plan.secondsLeft);
    return this.signAs(write, { signer: actor.address, nonce, deadline }, this.keyName(plan.key, actor), plan.formed);
  }

  /** The consent that does what a call of the account would. */
  consentInstead(write: Write, actor: CastMember, nowSeconds: bigint): SignedConsent {
    const signed = withConsentOf(write);
    const nonce = this.nonce({ is: "current", ahead: 0 }, signed, actor.address);
    return this.signAs(
      signed,
      { signer: actor.address, nonce, deadline: nowSeconds },
      this.keyName("own", actor),
      true,
    );
  }

  private signAs(write: SignedWrite, terms: Terms, key: KeyName, formed: boolean): SignedConsent {
    const digest = digestOf(this.cast.domainSeparator, write, terms);
    return { write, terms, key, inner: this.cast.keys[key].sign(digest), digest, formed };
  }

  /** A signed consent as it is sent, with something changed or not. */
  send(signed: SignedConsent, relabelling: Relabelling): SentConsent {
    const { write, terms } = this.relabelled(signed, relabelling);
    const digest = relabelling.is === "nothing" ? signed.digest : digestOf(this.cast.domainSeparator, write, terms);
    const account = this.cast.members.find(({ address }) => address === terms.signer);
    const form = signed.formed && account ? account.form : this.wrongForm(account);
    const signature = form(signed.inner);
    const accepted =
      account !== undefined && account.keys.includes(signed.key) && signature === account.form(signed.inner);
    return { write, terms, signature, digest, genuine: accepted && digest === signed.digest };
  }

  /** The consents of a bulk are registrations, signed as planned. */
  nonce(plan: PlannedNonce, write: Write, account: string): bigint {
    const identity = this.model.of(identityOf(write, account));
    const current =
      write.name === "rotateController"
        ? identity.controlVersion << 64n
        : this.currentNonce(identity.address, roleOf(write) ?? ZeroHash, account);
    switch (plan.is) {
      case "current":
        return notNegative(current + BigInt(plan.ahead));
      case "next grant":
        return (identity.version + 1n) << 64n;
      case "without grant":
        return current & (2n ** 64n - 1n);
    }
  }

  keyName(plan: PlannedConsent["key"], account: CastMember): KeyName {
    if (plan === "own") return account.keys[0] ?? "stranger";
    if (plan === "second") return account.keys.at(-1) ?? "stranger";
    return plan;
  }

  private currentNonce(identity: string, role: string, account: string): bigint {
    return this.model.nonceOf(identity, role, account);
  }

  /** A delegate with a role that counts for what is planned, if there is one. */
  private delegateFor(plan: PlannedWrite, delegations: ReadonlyMap<string, unknown>): string | undefined {
    const role = rolePlanned(plan);
    if (role === undefined) return undefined;
    return this.cast.members.find(({ address }) => delegations.has(delegationKey(role, address)))?.address;
  }

  private commitment(identity: string, { to, salt }: { to: number; salt: number }): string {
    return commitmentOf(identity, this.member(to).address, saltOf(salt));
  }

  /** Whoever an identity committed to, found by trying all. */
  private successorOf(identity: { address: string; commitment: string }) {
    if (identity.commitment === ZeroHash) return undefined;
    for (const [position, member] of this.cast.members.entries()) {
      const salt = [0, 1].find(
        (each) => this.commitment(identity.address, { to: position, salt: each }) === identity.commitment,
      );
      if (salt !== undefined) return { member, salt };
    }
    return undefined;
  }

  private credId({ identity, index }: { identity: number; index: bigint }): string {
    return formatCredId({ issuer: this.member(identity).address, index });
  }

  private wrongForm(account: CastMember | undefined): (signature: string) => string {
    const [keyAccount] = this.cast.members.filter(({ kind }) => kind === "key account");
    return account?.kind === "key account" || !keyAccount ? (signature) => signature : keyAccount.form;
  }

  private relabelled({ write, terms }: SignedConsent, relabelling: Relabelling): { write: SignedWrite; terms: Terms } {
    switch (relabelling.is) {
      case "nothing":
        return { write, terms };
      case "signer": {
        const signer = this.member(relabelling.to).address;
        // A registration is of the account that signs: its DID has to follow, or the contract never looks further.
        const renamed = write.name === "registerDID" ? { ...write, did: didOf(signer) } : write;
        return { write: renamed, terms: { ...terms, signer } };
      }
      case "identity":
        return { write: withIdentity(write, this.member(relabelling.to).address), terms };
      case "function":
        return { write: asOtherFunction(write), terms };
      case "argument":
        return { write: withOtherArgument(write), terms };
      case "nonce": {
        const nonce = this.nonce({ is: "current", ahead: 0 }, write, terms.signer);
        return { write, terms: { ...terms, nonce } };
      }
      case "deadline":
        return { write, terms: { ...terms, deadline: terms.deadline + 1000n } };
    }
  }
}

function rolePlanned(plan: PlannedWrite): string | undefined {
  if (plan.name.startsWith("setStatus") || plan.name === "setCredentialStatus") return STATUS_ROLE;
  if (plan.name === "anchorDigest") return ANCHOR_ROLE;
  return plan.name === "cancelNonces" ? ROLES[plan.role] : undefined;
}

function documentOf({ uri, hash }: { uri: number; hash: boolean }): { documentUri: string; documentHash: string } {
  return { documentUri: URIS[uri] ?? URI, documentHash: hash ? id("document") : ZeroHash };
}

function notNegative(value: bigint): bigint {
  return value < 0n ? 0n : value;
}

function withConsentOf(write: Write): SignedWrite {
  if (write.name !== "setCredentialStatus") return write;
  return { name: "setStatus", credId: write.credId, purpose: write.revoked ? 0n : 1n, on: write.revoked };
}

function withIdentity(write: SignedWrite, identity: string): SignedWrite {
  if ("identity" in write) return { ...write, identity };
  if ("issuer" in write) return { ...write, issuer: identity };
  if ("credId" in write) return { ...write, credId: identity.toLowerCase() + write.credId.slice(42) };
  return { ...write, did: didOf(identity) };
}

/** Another function that takes as nearly the same values as there is one. */
function asOtherFunction(write: SignedWrite): SignedWrite {
  switch (write.name) {
    case "registerDID": {
      const { documentUri, documentHash } = write;
      return { name: "updateDocument", identity: getAddress(`0x${write.did.slice(-40)}`), documentUri, documentHash };
    }
    case "updateDocument": {
      const { documentUri, documentHash } = write;
      return { name: "registerDID", did: didOf(write.identity), documentUri, documentHash };
    }
    case "changeController":
      return { name: "revokeDelegate", identity: write.identity, role: STATUS_ROLE, delegate: write.newController };
    case "nameSuccessor":
      return { name: "anchorDigest", identity: write.identity, digest: write.commitment };
    case "rotateController":
      return { name: "nameSuccessor", identity: write.identity, commitment: write.nextCommitment };
    case "addDelegate":
      return { name: "revokeDelegate", identity: write.identity, role: write.role, delegate: write.delegate };
    case "revokeDelegate":
      return { ...write, name: "addDelegate", expiresAt: 2n ** 40n };
    case "deactivateDID":
      return { name: "cancelNonces", identity: write.identity, role: ZeroHash, nextNonce: 5n };
    case "cancelNonces":
      return { name: "deactivateDID", identity: write.identity };
    case "setStatus": {
      const { purpose, on } = write;
      const issuer = getAddress(write.credId.slice(0, 42));
      return { name: "setStatusWords", issuer, purpose, firstWord: 0n, masks: [1n], on };
    }
    case "setStatusWords": {
      const { issuer, purpose, firstWord, masks, on } = write;
      const words = masks.map((_, offset) => firstWord + BigInt(offset));
      return { name: "setStatusMasks", issuer, purpose, words, masks, on };
    }
    case "setStatusMasks": {
      const { issuer, purpose, words, masks, on } = write;
      return { name: "setStatusWords", issuer, purpose, firstWord: words[0] ?? 0n, masks, on };
    }
    case "anchorDigest":
      return { name: "nameSuccessor", identity: write.identity, commitment: write.digest };
  }
}

/** The same with one argument changed, which is neither identity nor signer. */
function withOtherArgument(write: SignedWrite): SignedWrite {
  switch (write.name) {
    case "registerDID":
    case "updateDocument":
      return { ...write, documentUri: `${write.documentUri}#` };
    case "changeController":
      return { ...write, newController: write.identity };
    case "nameSuccessor":
      return { ...write, commitment: id("another commitment") };
    case "rotateController":
      return { ...write, nextCommitment: id("another commitment") };
    case "addDelegate":
      return { ...write, expiresAt: write.expiresAt + 1n };
    case "revokeDelegate":
      return { ...write, role: write.role === STATUS_ROLE ? ANCHOR_ROLE : STATUS_ROLE };
    case "deactivateDID":
      return write;
    case "cancelNonces":
      return { ...write, nextNonce: write.nextNonce + 1n };
    case "setStatus":
      return { ...write, on: !write.on };
    case "setStatusWords":
    case "setStatusMasks":
      return { ...write, purpose: write.purpose === 0n ? 255n : 0n };
    case "anchorDigest":
      return { ...write, digest: toBeHex(BigInt(write.digest) ^ 1n, 32) };
  }
}
