import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { cookieFrom } from "../support/ask";
import { issue, newHolder, newIssuer, newVerifier, requestVerification } from "../support/credentialActors";
import { ADMIN_KEY, type Fixture, fixture } from "../support/fixture";
import { createAnswerChecker } from "../support/fuzz/answers";
import { type FuzzRequest, type Operation, type Principal, randomRequest } from "../support/fuzz/requests";
import { createRandom, type KnownValues } from "../support/fuzz/values";
import { type OAuthActors, startOAuthActors } from "../support/oauthActors";

/** How many, and which: `FUZZ_REQUESTS=50000 FUZZ_SEED=7 npm test -- test/e2e/fuzz.test.ts`. */
const REQUESTS = Number(process.env["FUZZ_REQUESTS"] ?? 1_500);
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);

const AT_ONCE = 16;

/** Values known under one name, and names learned, are bounded: a long run learns no end of them. */
const MAX_KNOWN = 40;

describe("random requests", () => {
  let on: Fixture;
  let oauth: OAuthActors;
  const known: KnownValues = new Map();
  const firm: KnownValues = new Map();
  const principals: Principal[] = [];
  /** Whose session an Authorization header is of. */
  const owners = new Map<string, string>();
  const operations: Operation[] = [];
  let components: object;

  before(async () => {
    on = await fixture("fuzz", { chain: true, workers: true });
    await on.startIndexer();
    oauth = await startOAuthActors(on);
    const issuer = await newIssuer(on);
    const [alice, bob] = [await newHolder(on), await newHolder(on)];
    const verifier = await newVerifier(on);
    const credential = await issue(on, issuer, alice);
    learn(await requestVerification(on, verifier, credential.credentialId), known);
    for (const fact of [issuer, alice, bob, verifier, credential, { ...oauth.client }]) learn(fact, known);
    add("walletAddress", alice.wallet.address, bob.wallet.address, issuer.address);
    add("client_id", oauth.client.clientId);
    add("client_secret", oauth.client.secret);
    add("uuid", credential.credentialId, randomUUID());
    add("password", "correct horse battery staple");
    add("type", "EducationCredential");
    add("email", alice.email);
    add("claims", { name: "Alice Smith", degree: "BS Computer Science" });
    add("schema", { type: "object" }, { type: "object", properties: { name: { type: "string", pattern: "^(a+)+$" } } });
    add(
      "credential",
      (await on.ask("GET", sharePath(credential.credentialId), { token: alice.token })).body["payload"],
    );
    // What is learned later does not push these out.
    for (const [name, values] of known) firm.set(name, [...values]);
    const password = "correct horse battery staple";
    const account = { email: `${randomUUID()}@example.com`, password, name: "Carol Jones", cookie: true };
    const carol = await on.ask("POST", "/auth/register", { body: account });
    expect(carol.status, carol.text).to.equal(201);
    const bearer = (scheme: string, token: string): Principal => ({
      scheme,
      headers: { authorization: `Bearer ${token}` },
    });
    const cookie = cookieFrom(carol);
    const basic = Buffer.from(`${oauth.client.clientId}:${oauth.client.secret}`).toString("base64");
    principals.push(
      { scheme: "", headers: {} },
      { ...bearer("bearer", alice.token), lasts: true },
      { ...bearer("bearer", alice.token), lasts: true },
      bearer("bearer", bob.token),
      bearer("issuerKey", issuer.apiKey),
      bearer("verifierKey", verifier.apiKey),
      bearer("adminKey", ADMIN_KEY),
      bearer("", "SES-none"),
      bearer("", ""),
      bearer("", oauth.client.secret),
      { scheme: "cookie", headers: { cookie, "x-csrf-token": carol.body.csrfToken } },
      { scheme: "", headers: { cookie } },
      { scheme: "", headers: { authorization: `Basic ${basic}` } },
    );
    for (const { token, userId } of [alice, bob]) owners.set(`Bearer ${token}`, userId);
    const document = (await on.ask("GET", "/openapi.json")).body;
    components = document["components"] as object;
    for (const [path, methods] of Object.entries(document["paths"] as Record<string, Record<string, object>>)) {
      for (const [method, operation] of Object.entries(methods)) {
        operations.push({ ...(operation as Operation), path, method });
      }
    }
  });

  after(async () => {
    await oauth.close();
    await on.close();
  });

  function add(name: string, ...values: unknown[]): void {
    known.set(name, [...(known.get(name) ?? []), ...values]);
  }

  /** Gives a principal a session again that one of the requests ended, and an account that one erased. */
  async function renew({ headers }: Principal): Promise<void> {
    const userId = owners.get(headers["authorization"] ?? "");
    if (userId === undefined) return;
    // An erased account has no sessions: another holder takes its place.
    const { token, ...owner } = await on.modules.sessions.ports
      .openSession({ userId, userAgent: undefined })
      .catch(() => newHolder(on));
    learn(owner, known);
    headers["authorization"] = `Bearer ${token}`;
    owners.set(headers["authorization"], owner.userId);
  }

  it(`get answers that their operations declare, and no 5xx: ${REQUESTS} of them, seed ${SEED}`, async () => {
    const random = createRandom(SEED);
    const check = createAnswerChecker(components);
    const found = new Map<string, string>();
    const statuses = new Map<number, number>();
    const taken = new Set<string>();
    let sent = 0;

    async function sendOne(): Promise<void> {
      const operation = random.pick(operations);
      const request = randomRequest(operation, { random, known, principals });
      const answer = await send(on.url, request);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (answer.status < 400) taken.add(operation.path);
      const problem = check(operation, answer);
      const name = `${request.method} ${operation.path}`;
      if (problem !== undefined && !found.has(`${name} ${problem}`)) {
        found.set(`${name} ${problem}`, `${describeRequest(request)} -> ${answer.status} ${answer.text.slice(0, 300)}`);
      }
      if (answer.status === 401) await renew(request.principal);
      if (answer.status < 300 && answer.contentType.includes("json")) learn(JSON.parse(answer.text), known, firm);
    }
    async function sendSome(): Promise<void> {
      while (sent < REQUESTS) {
        sent += 1;
        await sendOne();
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, sendSome));

    expect([...found].map(([problem, example]) => `${problem}\n      ${example}`).join("\n")).to.equal("");
    expect([...statuses.keys()].filter((status) => status >= 500 && status !== 501)).to.deep.equal([]);
    // A fuzzer that is refused at the door tries nothing.
    expect(taken.size).to.be.greaterThan(operations.length / 3);
  });
});

async function send(url: string, { method, path, headers, body }: FuzzRequest) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    redirect: "manual",
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  return { status: response.status, contentType: response.headers.get("content-type") ?? "", text };
}

function sharePath(credentialId: string): string {
  return `/credentials/${credentialId}/share`;
}

/**
 * Takes the strings of an answer to be sent back under their names.
 *
 * @param firm values that stay
 */
function learn(value: unknown, known: KnownValues, firm: KnownValues = new Map(), name = ""): void {
  if (Array.isArray(value)) for (const item of value.slice(0, 3)) learn(item, known, firm, name);
  else if (typeof value === "object" && value !== null) {
    for (const [member, field] of Object.entries(value)) learn(field, known, firm, member);
  } else if (typeof value === "string" && name !== "" && value.length < 2_000) {
    const values = known.get(name) ?? [];
    const first = firm.get(name) ?? [];
    const later = values.slice(first.length).slice(-MAX_KNOWN);
    if (!values.includes(value)) known.set(name, [...first, ...later, value]);
  }
}

function describeRequest({ method, path, body, headers }: FuzzRequest): string {
  const who = (headers["authorization"] ?? headers["cookie"] ?? "nobody").slice(0, 18);
  return `${method} ${path.slice(0, 200)} by ${who} ${(body ?? "").slice(0, 300)}`;
}
