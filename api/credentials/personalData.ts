import type { PersonalData } from "../../core/personalData";
import type { Credential } from "./rules";
import type { CredentialStore, Page } from "./store";

/** Read in one exchange while exporting. */
const PAGE_SIZE = 200;

/** The credentials of a person's DIDs. */
export function credentialData({
  credentials,
}: {
  credentials: Pick<CredentialStore, "ofHolder" | "erase">;
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
      return {
        credentials: found.map(({ hold: _hold, unrecorded: _unrecorded, uses: _uses, ...credential }) => credential),
      };
    },
    erase: (person) => credentials.erase(person),
  };
}
