import type { PersonalData } from "../../core/personalData";
import type { Credential } from "./rules";
import type { OfferStore } from "./offers/store";
import type { CredentialStore, Page } from "./store";

/** Read in one exchange while exporting. */
const PAGE_SIZE = 200;

/** The credentials of a person's DIDs, and those that are offered to them. */
export function credentialData({
  credentials,
  offers,
}: {
  credentials: Pick<CredentialStore, "ofHolder" | "erase">;
  offers: Pick<OfferStore, "ofHolder" | "erase">;
}): PersonalData {
  async function all(subjectDids: string[]): Promise<Credential[]> {
    const found: Credential[] = [];
    let before: Page["before"] = null;
    for (;;) {
      const page: Credential[] = await credentials.ofHolder(
        { subjectDids, usableAt: null },
        { limit: PAGE_SIZE, before },
      );
      found.push(...page);
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_SIZE) return found;
      before = { issuedAt: last.issuedAt, credentialId: last.credentialId };
    }
  }

  return {
    async export({ dids }) {
      const found = await all(dids);
      const offered = await offers.ofHolder(dids);
      return {
        credentials: found.map(({ hold: _hold, unrecorded: _unrecorded, uses: _uses, ...credential }) => credential),
        credentialOffers: offered.map(
          ({ offerId, issuer, subjectDid, type, content, status, createdAt, issuedAt }) => ({
            offerId,
            issuer,
            subjectDid,
            type,
            claims: content?.claims ?? null,
            status,
            createdAt,
            issuedAt,
          }),
        ),
      };
    },
    async erase(person) {
      // First what credentials are made of, so that none is made after the others are erased.
      await offers.erase(person.dids);
      await credentials.erase(person);
    },
  };
}
