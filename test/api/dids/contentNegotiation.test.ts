import { expect } from "chai";
import { chooseRepresentation } from "../../../api/dids/contentNegotiation";

describe("the representation of a resolution", () => {
  for (const [accept, contentType] of [
    [undefined, "application/did-resolution"],
    ["", "application/did-resolution"],
    ["*/*", "application/did-resolution"],
    ["application/*", "application/did-resolution"],
    ["application/did-resolution", "application/did-resolution"],
    ["Application/DID", "application/did"],
    ["application/did+ld+json", "application/did+ld+json"],
    ["application/did+json", "application/did+json"],
    ["application/json", "application/json"],
    ["application/ld+json", "application/ld+json"],
    ["application/ld+json;q=0.8, text/html", "application/ld+json"],
    [
      'application/ld+json;profile="https://w3id.org/did-resolution"',
      'application/ld+json;profile="https://w3id.org/did-resolution"',
    ],
    ["application/did+json;q=0.5, application/did;q=0.9", "application/did"],
    ["text/html, application/did+json;q=0.5, */*;q=0.1", "application/did+json"],
    ["application/did-resolution;q=0, */*", "application/did"],
    ["text/html, */*;q=0.1", "application/did-resolution"],
  ] as const) {
    it(`is ${contentType} when asked for ${accept ?? "nothing"}`, () => {
      expect(chooseRepresentation(accept)?.contentType).to.equal(contentType);
    });
  }

  for (const accept of [
    "text/html",
    'application/ld+json;profile="https://else.example"',
    "*/*;q=0",
    "nonsense",
    "application/did;q=never",
  ]) {
    it(`cannot be given when asked for ${accept}`, () => {
      expect(chooseRepresentation(accept)).to.equal(undefined);
    });
  }
});
