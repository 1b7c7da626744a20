import { assertNever, DomainError, TransientError } from "../../../core/errors";
import type { VerificationState, VerifierTarget, WalletVerifier } from "./verifier";

/** Whose verification it is at this process's own verifier. */
interface OwnedVerification {
  verificationId: string;
  ownerId: string;
}

/** This process's own verifier (api/presentations), as the list of modules passes it. */
export interface OwnVerifications {
  /** @throws DomainError when this installation cannot ask for presentations */
  create(order: {
    ownerId: string;
    query: unknown;
    acceptedIssuers: string[];
  }): Promise<{ verificationId: string; deepLink: string }>;
  read(
    owned: OwnedVerification,
  ): Promise<
    | { state: "pending" }
    | { state: "expired" }
    | { state: "verified"; claims: unknown }
    | { state: "failed"; errorCode: string; errorDescription: string }
  >;
  /** The claims were stored; a minute later they may be erased. */
  release(owned: OwnedVerification): Promise<void>;
}

/** Serves clients without a verifier's URL by this process's own verifier, and all others by theirs. */
export function chooseVerifier({
  own,
  elsewhere,
}: {
  own: OwnVerifications;
  elsewhere: WalletVerifier;
}): WalletVerifier {
  const ownVerifier = createOwnVerifier(own);
  const verifierOf = ({ verifierUrl }: VerifierTarget) => (verifierUrl === null ? ownVerifier : elsewhere);
  return {
    create: (target, request) => verifierOf(target).create(target, request),
    read: (target, verificationId) => verifierOf(target).read(target, verificationId),
    release: (target, verificationId) => verifierOf(target).release(target, verificationId),
  };
}

function createOwnVerifier(own: OwnVerifications): WalletVerifier {
  return {
    async create(target, { query, acceptedIssuers }) {
      try {
        return await own.create({ ownerId: ownerOf(target), query, acceptedIssuers });
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        // As when a verifier elsewhere refuses: an operator may mend it, and the client is told to try again.
        throw new TransientError("verifier.refused", `This installation's verifier refused: ${error.message}`, {
          cause: error,
        });
      }
    },
    read: async (target, verificationId) => stateOf(await own.read({ verificationId, ownerId: ownerOf(target) })),
    release: (target, verificationId) => own.release({ verificationId, ownerId: ownerOf(target) }),
  };
}

/** No verifier's id, so that no API key reads what belongs to a client of the gateway. */
function ownerOf({ clientId }: VerifierTarget): string {
  return `oauth client ${clientId}`;
}

function stateOf(read: Awaited<ReturnType<OwnVerifications["read"]>>): VerificationState {
  switch (read.state) {
    case "pending":
    case "expired":
      return { state: read.state };
    case "verified":
      return { state: "closed", result: { status: "verified", claims: read.claims } };
    case "failed": {
      const { errorCode, errorDescription } = read;
      return { state: "closed", result: { status: "failed", errorCode, errorDescription } };
    }
    default:
      return assertNever(read);
  }
}
