import type { Chain } from "../../chain/client";
import { DomainError, TransientError } from "../../core/errors";
import type { EventName, RegistryEvent } from "../../chain/registry/events";
import { statusSlots } from "../../chain/registry/statusSlots";
import type { EventDocument } from "../../projection/models";
import type { Freshness } from "../../projection/freshness";
import type { Projection } from "../../projection/queries";
import { parseCredId } from "../../chain/status/credId";
import { type RpcHeader, type StatusProof, encodeHeader, hashHeader } from "./rules";
import { touches } from "./statusChanges";

/** What audits are answered from. */
export interface AuditParts {
  index: Pick<Projection, "freshness" | "listEvents" | "eventsOf" | "credentialStatus">;
  chain: Pick<Chain, "chainId" | "provider" | "deployment">;
  /** The name on the chain of a credential issued here; null when there is none. */
  credIdOf(credentialId: string): Promise<string | null>;
}

/** All that is known of a credential's status on the chain. */
export interface CredentialAudit {
  credId: string;
  issuer: string;
  index: bigint;
  revoked: boolean;
  suspended: boolean;
  freshness: Freshness;
  /** Why the index cannot vouch for its answer; null when it does. */
  unverifiedReason: string | null;
  /** Events that touched its status, the oldest first. */
  events: RegistryEvent[];
  /** Null where the node gives none. */
  proof: StatusProof | null;
}

interface ProofAnswer {
  accountProof: string[];
  storageProof: { value: string; proof: string[] }[];
}

const CREDENTIAL_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Makes the use cases of auditors. */
export function auditActions({ index, chain, credIdOf }: AuditParts) {
  async function prove(credId: string, { blockNumber, blockHash }: Freshness): Promise<StatusProof | null> {
    const { address } = chain.deployment.contracts.DIDRegistry;
    const slots = statusSlots(credId);
    const tag = `0x${blockNumber.toString(16)}`;
    let answers: [ProofAnswer | null, RpcHeader | null];
    try {
      answers = (await Promise.all([
        chain.provider.send("eth_getProof", [address, [slots.revocation, slots.suspension], tag]),
        chain.provider.send("eth_getBlockByNumber", [tag, false]),
      ])) as typeof answers;
    } catch (error) {
      if (error instanceof TransientError) throw error;
      // Nodes without old states, or without this method, refuse: the answer then goes without a proof.
      return null;
    }
    const [answer, block] = answers;
    if (answer === null || block === null || block["hash"] !== blockHash) return null;
    const header = encodeHeader(block);
    // A chain whose headers have other fields: no proof rather than one that does not hold.
    if (hashHeader(header) !== blockHash) return null;
    const [revocation, suspension] = answer.storageProof;
    if (revocation === undefined || suspension === undefined) return null;
    return {
      block: { number: blockNumber, hash: blockHash },
      header,
      address: address.toLowerCase(),
      accountProof: answer.accountProof,
      storage: [
        { purpose: "revocation", slot: slots.revocation, value: revocation.value, proof: revocation.proof },
        { purpose: "suspension", slot: slots.suspension, value: suspension.value, proof: suspension.proof },
      ],
    };
  }

  return {
    /** Events of the registries, the newest first, and how new the index is. */
    async events(filter: {
      subject?: string | undefined;
      names?: readonly EventName[] | undefined;
      before?: number | undefined;
      limit: number;
    }) {
      const { subject, names, before, limit } = filter;
      const wanted = {
        ...(subject !== undefined && { subject }),
        ...(names !== undefined && { names }),
        ...(before !== undefined && { before }),
        limit,
      };
      const [events, freshness]: [EventDocument[], Freshness | null] = await Promise.all([
        index.listEvents(wanted),
        index.freshness(),
      ]);
      return { events, freshness };
    },

    /**
     * What the chain holds of a credential, with a proof where the node gives one.
     *
     * @param id the credential's id, or its name on the chain
     * @throws DomainError `credential.unknown`, `credential_id.malformed`
     * @throws TransientError while the index has nothing, or the chain does not answer
     */
    async credential(id: string): Promise<CredentialAudit> {
      const credId = CREDENTIAL_ID.test(id) ? await credIdOf(id) : id.toLowerCase();
      if (credId === null)
        throw new DomainError("credential.unknown", "not_found", "There is no such credential here.");
      const { issuer, index: position } = parseCredId(credId);
      const [status, events] = await Promise.all([index.credentialStatus(credId), index.eventsOf(issuer)]);
      const { revoked, suspended, freshness, unverifiedReason } = status;
      if (freshness === null) throw new TransientError("index.empty", "The index has not seen the chain yet.");
      const proof = await prove(credId, freshness);
      const touching = events.filter((event) => touches(event, credId));
      return {
        credId,
        issuer,
        index: position,
        revoked,
        suspended,
        freshness,
        unverifiedReason,
        events: touching,
        proof,
      };
    },
  };
}
