import { createPublicKey } from "node:crypto";
import { expect } from "chai";
import { authorityKeyIdOf } from "../../../../api/presentations/certificates/extensions";
import { issueCertificate } from "../../../../api/presentations/certificates/issueCertificate";
import { issuerKeyOf, readIssuerChain } from "../../../../api/presentations/certificates/issuerChain";
import { encoded, issuerOf, type Party, party } from "../../../support/presentations/certificates";
import { PresentationRejection } from "../../../../api/presentations/rejection";

const NOW = new Date("2026-05-01T12:00:00Z");
const ISSUER = "https://issuer.example";

describe("an issuer's certificates", () => {
  let root: Party;
  let middle: Party;
  let leaf: Party;
  let self: Party;
  before(async () => {
    root = await party("Root", { authority: true });
    middle = await party("Middle", { authority: true }, root);
    leaf = await party("Issuer", { authority: false, host: "issuer.example" }, middle);
    self = await party("Issuer", { authority: false, host: "issuer.example" });
  });

  const distrust = (chain: Party[], anchors: Party[] = [root], issuer: string | undefined = ISSUER, now = NOW) =>
    issuerKeyOf(
      readIssuerChain(
        chain.map(encoded),
        anchors.map(({ certificate }) => certificate),
      ),
      issuer,
      now,
    ).distrust;

  it("are trusted when they lead to an anchor, with the anchor in the chain or not", () => {
    expect(distrust([leaf, middle])).to.equal(null);
    expect(distrust([leaf, middle, root])).to.equal(null);
    expect(distrust([leaf], [middle])).to.equal(null);
    expect(distrust([self], [self])).to.equal(null);
    expect(distrust([leaf, middle], [root], undefined)).to.equal(null);
  });

  it("give the leaf's key and the key ids of every authority", async () => {
    const found = issuerKeyOf(readIssuerChain([leaf, middle].map(encoded), [root.certificate]), ISSUER, NOW);
    expect(found.key.equals(createPublicKey(leaf.privateKey))).to.equal(true);
    expect(found.authorityKeyIds).to.deep.equal([await subjectKeyIdOf(middle), await subjectKeyIdOf(root)]);
  });

  it("are not trusted when they lead nowhere, are reordered, or leave out a link", () => {
    expect(distrust([leaf, middle], [])).to.contain("no trusted authority");
    expect(distrust([middle, leaf])).to.contain("certificate authority's");
    expect(distrust([leaf])).to.contain("no trusted authority");
    expect(distrust([self])).to.contain("no trusted authority");
    expect(distrust([leaf, root])).to.contain("no trusted authority");
  });

  it("are not trusted when one was issued by whoever is no authority", async () => {
    const below = await party("Below", { authority: false, host: "issuer.example" }, leaf);
    expect(distrust([below, leaf, middle])).to.contain("no trusted authority");
  });

  it("are not trusted when an authority of the same name signed, with another key", async () => {
    const impostor = await party("Middle", { authority: true });
    const forged = await party("Issuer", { authority: false, host: "issuer.example" }, impostor);
    expect(distrust([forged, middle])).to.contain("no trusted authority");
  });

  it("are not trusted before or after their time, the anchor's included", async () => {
    expect(distrust([leaf, middle], [root], ISSUER, new Date("2024-12-31T00:00:00Z"))).to.contain("not valid yet");
    expect(distrust([leaf, middle], [root], ISSUER, new Date("2028-01-02T00:00:00Z"))).to.contain("expired");
    const brief = await party(
      "Issuer",
      { authority: false, host: "issuer.example" },
      root,
      new Date("2026-04-30T00:00:00Z"),
    );
    expect(distrust([brief])).to.contain("expired");
    const old = await party("Old", { authority: true }, undefined, new Date("2026-04-30T00:00:00Z"));
    const under = await party("Issuer", { authority: false, host: "issuer.example" }, old);
    expect(distrust([under], [old])).to.contain("anchor expired");
  });

  it("are not trusted for another issuer's name", () => {
    expect(distrust([leaf, middle], [root], "https://other.example")).to.contain("another issuer's");
    expect(distrust([leaf, middle], [root], "http://issuer.example")).to.contain("another issuer's");
    expect(distrust([leaf, middle], [root], "Issuer")).to.contain("another issuer's");
  });

  it("that are none leave the issuer unknown", () => {
    for (const x5c of [[], "AAAA", ["AAAA"], [1], Array.from({ length: 9 }, () => encoded(leaf))]) {
      expect(() => readIssuerChain(x5c, [])).to.throw(PresentationRejection);
    }
  });
});

/** A self-issued certificate names its own key as its authority's. */
async function subjectKeyIdOf(authority: Party): Promise<string | undefined> {
  const self = await issueCertificate(
    {
      subject: "x",
      publicKey: createPublicKey(authority.privateKey),
      kind: { authority: true },
      validFrom: NOW,
      validUntil: NOW,
    },
    issuerOf({ name: "x", privateKey: authority.privateKey }),
  );
  return authorityKeyIdOf(self);
}
