import { contexts } from "@digitalbazaar/credentials-context";
import { Ajv2020 } from "ajv/dist/2020";
import { expect } from "chai";
import { decodeJWT, verifyJWT } from "did-jwt";
import { type DIDResolutionResult, Resolver } from "did-resolver";
import { expand } from "jsonld";
import { eventually } from "../../support/eventually";
import { type Fixture, fixture } from "../../support/fixture";
import { issue, newHolder, newIssuer, type TestHolder, type TestIssuer } from "../../support/credentialActors";

/** A document that this API serves, or one of the VC Data Model from the library; nothing is fetched from elsewhere. */
function documentLoader(own: string) {
  return async (url: string) => {
    const document = url.startsWith(`${own}/`) ? ((await (await fetch(url)).json()) as object) : contexts.get(url);
    if (document === undefined) throw new Error(`there is no context ${url} at hand`);
    return { contextUrl: null, documentUrl: url, document };
  };
}

/** The names of all properties and types of an expanded document. */
function termsOf(expanded: unknown): string[] {
  if (Array.isArray(expanded)) return expanded.flatMap(termsOf);
  if (typeof expanded !== "object" || expanded === null) return [];
  return Object.entries(expanded).flatMap(([name, value]) => [
    ...(name === "@type" ? (value as string[]) : [name]),
    ...termsOf(value),
  ]);
}

describe("credentials, read by libraries of others", () => {
  let on: Fixture;
  let issuer: TestIssuer;
  let alice: TestHolder;

  before(async () => {
    on = await fixture("foreign_libraries", {
      modules: ["contexts", "dids", "issuers", "credentials", "statusLists"],
      chain: true,
      workers: true,
    });
    await on.startIndexer();
    issuer = await newIssuer(on);
    alice = await newHolder(on);
  });

  after(() => on.close());

  /** did-resolver with a driver of this registry's method, which asks over HTTP. */
  function resolver(): Resolver {
    const [, method = ""] = issuer.did.split(":");
    return new Resolver({
      async [method](did) {
        const headers = { accept: "application/did-resolution" };
        return (await (await fetch(`${on.url}/1.0/identifiers/${did}`, { headers })).json()) as DIDResolutionResult;
      },
    });
  }

  for (const algorithm of ["EdDSA", "ES256"] as const) {
    it(`are verified by did-jwt with what did-resolver resolves: ${algorithm}`, async () => {
      const signer = algorithm === "EdDSA" ? issuer : await newIssuer(on, algorithm);
      const { jwt } = await issue(on, signer, alice);
      await eventually("the issuer's document to be indexed", async () => {
        const { didDocumentMetadata } = await resolver().resolve(signer.did);
        return (didDocumentMetadata as Record<string, unknown>)["documentKeys"] === "merged";
      });
      const options = { resolver: resolver(), proofPurpose: "assertionMethod" as const };
      const verified = await verifyJWT(String(jwt), options);
      expect(verified.verified).to.equal(true);
      expect(verified.issuer).to.equal(signer.did);
      expect(decodeJWT(String(jwt)).header).to.include({ alg: algorithm, kid: verified.signer.id, typ: "vc+jwt" });
      expect(verified.payload["credentialSubject"]).to.deep.include({ id: alice.did });

      const [header = "", payload = "", signature = ""] = String(jwt).split(".");
      const forged = Buffer.from(Buffer.from(payload, "base64url").toString().replace("Alice Smith", "Mallory"));
      const error = await verifyJWT(`${header}.${forged.toString("base64url")}.${signature}`, options).catch(
        (reason: unknown) => reason,
      );
      expect(String(error)).to.contain("invalid_signature");
    });
  }

  it("lose nothing to JSON-LD in safe mode, and every term of ours is defined where it says", async () => {
    const claims = {
      name: "Alice Smith",
      degree: "BS Computer Science",
      type: "Alumna",
      modules: [{ title: "Compilers", grade: 1.3, "a:b": true }, { id: "urn:isbn:9780131103627" }],
    };
    const schema = { type: "object" };
    const put = { token: issuer.apiKey, body: { schema } };
    expect((await on.ask("PUT", "/credential-types/TranscriptCredential", put)).status).to.equal(200);
    const { jwt } = await issue(on, issuer, alice, { type: "TranscriptCredential", claims });
    const payload = decodeJWT(String(jwt)).payload;
    const options = { safe: true, documentLoader: documentLoader(on.url) };
    const terms = termsOf(await expand(payload, options));
    const own = `${on.url}/contexts/v1#`;
    const undefinedTerm = "https://www.w3.org/ns/credentials/undefined-term#";
    for (const term of ["CairnRegistryStatus", "credId", "registry", "chainId"]) expect(terms).to.include(own + term);
    for (const term of ["TranscriptCredential", "degree", "modules", "grade", "Alumna"]) {
      expect(terms).to.include(undefinedTerm + term);
    }

    const [list = ""] = (payload["credentialStatus"] as { statusListCredential?: string }[])
      .map(({ statusListCredential }) => statusListCredential)
      .filter((url) => url !== undefined);
    const listed = await on.ask("GET", new URL(list).pathname, { headers: { accept: "application/vc" } });
    expect(listed.status).to.equal(200);
    expect(termsOf(await expand(JSON.parse(listed.text) as object, options))).to.include(
      "https://www.w3.org/ns/credentials/status#BitstringStatusList",
    );

    const service = { "@context": `${on.url}/contexts/v1`, "@id": `${issuer.did}#document`, "@type": "DidDocument" };
    expect(termsOf(await expand(service, options))).to.include(`${own}DidDocument`);
  });

  it("are refused with claims that JSON-LD would drop or read as something else", async () => {
    for (const claims of [
      { "@context": { name: "https://evil.example/#name" } },
      { nested: { "@type": "x" } },
      { list: [{ "": 1 }] },
      { nested: { id: "no URI" } },
      { nested: { id: 7 } },
      { type: 5 },
      { type: ["@id"] },
    ]) {
      const body = { subjectDid: alice.did, type: "TranscriptCredential", claims };
      const refused = await on.ask("POST", "/credentials/issue", { token: issuer.apiKey, body });
      expect([refused.status, refused.body["code"]], JSON.stringify(claims)).to.deep.equal([400, "request.invalid"]);
    }
  });

  it("are valid by the schema that they name, which describes the whole credential", async () => {
    const body = {
      schema: {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        type: "object",
        $defs: { grade: { type: "string", enum: ["A", "B"] } },
        properties: { grade: { $ref: "#/$defs/grade" } },
        required: ["grade"],
        additionalProperties: false,
      },
    };
    expect((await on.ask("PUT", "/credential-types/GradeCredential", { token: issuer.apiKey, body })).status).to.equal(
      200,
    );
    const { jwt } = await issue(on, issuer, alice, { type: "GradeCredential", claims: { grade: "A" } });
    const credential = decodeJWT(String(jwt)).payload;
    const { id, type } = credential["credentialSchema"] as { id: string; type: string };
    expect(type).to.equal("JsonSchema");
    const schema = (await (await fetch(id)).json()) as Record<string, unknown>;
    expect(schema).to.include({ $schema: "https://json-schema.org/draft/2020-12/schema", $id: id, type: "object" });
    const validate = new Ajv2020({ formats: { uri: (text: string) => URL.canParse(text) } }).compile(schema);
    expect(validate(credential), JSON.stringify(validate.errors)).to.equal(true);
    expect(validate({ ...credential, credentialSubject: { id: alice.did, grade: "F" } })).to.equal(false);
    expect(validate({ ...credential, credentialSubject: { grade: "A", more: 1 } })).to.equal(false);
    expect(validate({ ...credential, credentialSubject: undefined })).to.equal(false);
  });
});
