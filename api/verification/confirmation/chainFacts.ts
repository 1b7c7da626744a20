import type { Chain } from "../../../chain/client";
import { asTransient } from "../../../chain/registry/answered";
import {
  type CredentialFacts,
  type CredentialQuestion,
  readCredentialFacts,
} from "../../../chain/registry/credentialFacts";
import { createBatch } from "../../../core/batch";

/** Where the facts of a verification come from. */
export interface FactReader {
  /** @throws TransientError when the facts cannot be had; nothing may pass then */
  read(question: CredentialQuestion): Promise<CredentialFacts>;
}

/**
 * Reads from the chain itself. Verifications that ask at the same time share one exchange. A question that arrives while
 * an exchange is under way waits for the next: no answer is older than its question.
 */
export function createChainFacts(chain: Pick<Chain, "provider" | "deployment">): FactReader {
  const readAll = async (questions: CredentialQuestion[]) => {
    try {
      return await readCredentialFacts(chain, questions);
    } catch (error) {
      throw asTransient(error);
    }
  };
  return { read: createBatch({ run: readAll, maxSize: Number.POSITIVE_INFINITY, waitFor: "running" }) };
}
