import { ZeroHash } from "ethers";
import type { Clock } from "../../../core/clock";
import { TransientError } from "../../../core/errors";
import type { Freshness } from "../../../projection/freshness";
import type { Projection } from "../../../projection/queries";
import { formatCredId } from "../../../chain/status/credId";
import { implicitDid } from "../../../chain/registry/fold";
import type { CredentialFacts } from "../../../chain/registry/credentialFacts";
import type { FactReader } from "./chainFacts";

/**
 * Reads from the index instead of the chain, for installations that accept a revocation counting a little later.
 *
 * @param maxStalenessSeconds how old the index may be; what is older fails as a chain that does not answer would
 */
export function createIndexFacts({
  index,
  maxStalenessSeconds,
  clock,
}: {
  index: Pick<Projection, "findDid" | "findIssuer" | "credentialStatus">;
  maxStalenessSeconds: number;
  clock: Clock;
}): FactReader {
  function requireVerified(freshness: Freshness | null, unverifiedReason: string | null): Freshness {
    if (freshness === null) throw new TransientError("index.empty", "The index has not seen the chain yet.");
    if (unverifiedReason !== null)
      throw new TransientError("index.unverified", `The index cannot vouch for its answer: ${unverifiedReason}.`);
    // While it has caught up it is as old as the last look at the chain; else as old as its last block.
    const asOf = freshness.blockNumber >= freshness.headNumber ? freshness.headSeenAt : freshness.minedAt;
    if (clock.now().getTime() - asOf.getTime() <= maxStalenessSeconds * 1000) return freshness;
    throw new TransientError("index.stale", `The index is more than ${maxStalenessSeconds} s behind the chain.`);
  }

  return {
    async read({ issuer, index: position, subject }): Promise<CredentialFacts> {
      const [status, accreditation, issuing, held] = await Promise.all([
        index.credentialStatus(formatCredId({ issuer, index: position })),
        index.findIssuer(issuer),
        index.findDid(issuer),
        index.findDid(subject),
      ]);
      for (const { freshness, unverifiedReason } of [accreditation, issuing, held])
        requireVerified(freshness, unverifiedReason);
      const { blockNumber, blockHash } = requireVerified(status.freshness, status.unverifiedReason);
      // An identity without any event controls itself.
      const holder = held.state ?? implicitDid(subject);
      return {
        accredited: accreditation.state?.accredited ?? false,
        documentHash: (issuing.state?.active === true ? issuing.state.documentHash : null) ?? ZeroHash,
        revoked: status.revoked,
        suspended: status.suspended,
        holder: holder.active ? holder.controller : null,
        block: { number: blockNumber, hash: blockHash },
      };
    },
  };
}
