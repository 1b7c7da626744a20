import { expect } from "chai";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authenticateClient } from "../../../api/oauth/clients/actions";
import { createClientStore } from "../../../api/oauth/clients/store";
import { connectMongo, type Mongo } from "../../../core/mongo";
import { clientCommand } from "../../../scripts/operate/client";
import { executeCommand } from "../../../scripts/operate/command";
import { testMongoUri } from "../../support/servers";

const SCOPES = [
  {
    name: "age",
    description: "that you are over 18",
    dcql: { credentials: [{ id: "id", format: "dc+sd-jwt", claims: [{ path: ["age_over_18"] }] }] },
  },
];

interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe("npm run client", () => {
  let uri: string;
  let mongo: Mongo;
  let folder: string;
  let scopes: string;

  beforeEach(async () => {
    uri = testMongoUri("client_script");
    mongo = await connectMongo({ uri, name: "test-client" });
    folder = mkdtempSync(join(tmpdir(), "cairn-client-"));
    scopes = file("scopes.json", JSON.stringify(SCOPES));
  });
  afterEach(async () => {
    await mongo.dropDatabase();
    await mongo.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  async function run(...args: string[]): Promise<Ran> {
    const ran: Ran = { code: null, stdout: "", stderr: "" };
    const code = await executeCommand(clientCommand, args, {
      env: {
        NODE_ENV: "development",
        MONGODB_URI: uri,
        PUBLIC_URL: "http://cairn.localhost:3000",
        KEYSTORE_DIR: join(folder, "keys"),
        KEYSTORE_PASSPHRASE: "passphrase of a test",
      },
      print: (line) => (ran.stdout += `${line}\n`),
      printError: (line) => (ran.stderr += `${line}\n`),
    });
    return { ...ran, code };
  }

  const required = (): Record<string, string | undefined> => ({
    name: "Shop & Sons",
    "redirect-uri": "https://shop.example/callback",
    "verifier-url": "https://verifier.example",
    scopes,
  });
  const add = (given: Record<string, string | undefined> = {}) =>
    run(
      "add",
      ...Object.entries({ ...required(), ...given }).flatMap(([name, value]) =>
        value === undefined ? [] : [`--${name}`, value],
      ),
    );
  const secretOf = ({ stdout }: Ran) =>
    /client_secret +(OCS-[A-Za-z0-9_-]{43}) /.exec(stdout)?.[1] ?? "no secret shown";
  const everythingStored = async () =>
    JSON.stringify(await mongo.collection("oauth_clients").find().toArray()) +
    readdirSync(folder, { recursive: true })
      .map(String)
      .filter((name) => /^keys./.test(name))
      .map((name) => readFileSync(join(folder, name), "utf8"))
      .join("\n");
  const opens = async (clientId: string, secret: string) =>
    authenticateClient({ clients: createClientStore(mongo) }, { clientId, secret }).then(
      () => true,
      () => false,
    );

  it("adds a client with everything it was given, and says where its verifier sends notifications", async () => {
    const header = file("header", "Authorization: Bearer management key\n");
    const key = file("key", "webhook key\n");
    const ran = await add({
      id: "shop",
      "management-path": "/api/verifications",
      "accepted-issuer": "did:tdw:issuer",
      "webhook-url": "https://shop.example/hook",
      "verifier-header-file": header,
      "notification-key-file": key,
      "notification-key-header": "X-Verifier-Key",
    });
    expect(ran).to.include({ code: 0, stderr: "" });
    expect(ran.stdout)
      .to.match(/^client_id +shop$/m)
      .and.to.match(/^webhook secret whsec_\S+$/m)
      .and.to.include("to http://cairn.localhost:3000/notification");
    const client = await createClientStore(mongo).find("shop");
    expect(client).to.deep.include({
      name: "Shop & Sons",
      redirectUris: ["https://shop.example/callback"],
      verifierUrl: "https://verifier.example",
      managementPath: "/api/verifications",
      acceptedIssuers: ["did:tdw:issuer"],
      scopes: SCOPES,
      webhookUrl: "https://shop.example/hook",
      notificationHeader: "x-verifier-key",
      failuresAsCode: false,
    });
    expect(await opens("shop", secretOf(ran))).to.equal(true);
  });

  it("shows a secret once, and keeps only its hash; keeps the verifier's key hashed and its header sealed", async () => {
    const header = file("header", "Authorization: Bearer management key");
    const key = file("key", "webhook key");
    const added = await add({ id: "shop", "verifier-header-file": header, "notification-key-file": key });
    const secret = secretOf(added);
    const stored = await everythingStored();
    expect(stored).to.include(createHash("sha256").update(secret).digest("hex"));
    for (const hidden of [secret, "webhook key", "management key"]) expect(stored).not.to.include(hidden);
    const shownLater = [await run("list"), await run("remove", "shop")];
    for (const { stdout, stderr } of shownLater) expect(stdout + stderr).not.to.include(secret);
  });

  it("lists clients by their ids, and says so when there is none", async () => {
    expect(await run("list")).to.deep.equal({ code: 0, stdout: "there is no client\n", stderr: "" });
    await add({ id: "zoo", name: "Zoo" });
    await add({ id: "shop" });
    expect(await run("list")).to.deep.equal({
      code: 0,
      stdout: "shop  Shop & Sons  age  https://shop.example/callback\nzoo  Zoo  age  https://shop.example/callback\n",
      stderr: "",
    });
  });

  it("renews a secret: the one before stays good until the next time", async () => {
    const first = secretOf(await add({ id: "shop" }));
    const second = secretOf(await run("new-secret", "shop"));
    expect([await opens("shop", first), await opens("shop", second)]).to.deep.equal([true, true]);
    const third = secretOf(await run("new-secret", "shop"));
    const good = [await opens("shop", first), await opens("shop", second), await opens("shop", third)];
    expect(good).to.deep.equal([false, true, true]);
  });

  it("removes a client, and says so when there is no such client", async () => {
    const secret = secretOf(await add({ id: "shop" }));
    expect(await run("remove", "shop")).to.include({ code: 0, stdout: "shop is removed\n" });
    expect(await opens("shop", secret)).to.equal(false);
    for (const [command, which] of [
      ["remove", "shop"],
      ["new-secret", "shop that has a secret"],
    ] as const) {
      const { code, stdout, stderr } = await run(command, "shop");
      expect([code, stdout, stderr]).to.deep.equal([1, "", `There is no client ${which}; list them first.\n`]);
    }
  });

  it("registers a client that authenticates by keys, requires PKCE unless told otherwise, and gives it other keys", async () => {
    const keys = (seed: number) => {
      const x = Buffer.alloc(32, seed).toString("base64url");
      return file(`keys${seed}.json`, JSON.stringify({ keys: [{ kty: "OKP", crv: "Ed25519", x }] }));
    };
    const added = await add({ id: "shop", "jwks-file": keys(1) });
    expect(added).to.include({ code: 0, stderr: "" });
    expect(added.stdout).to.include("authenticates by its keys").and.not.to.include("client_secret");
    const clients = createClientStore(mongo);
    expect(await clients.find("shop")).to.deep.include({ secretHashes: [], requiresPkce: true });
    expect(await run("new-keys", "shop", "--jwks-file", keys(2))).to.include({ code: 0, stderr: "" });
    expect(JSON.stringify((await clients.find("shop"))?.jwks)).to.include(Buffer.alloc(32, 2).toString("base64url"));
    expect((await run("new-keys", "shop")).stderr).to.match(/Give --jwks-file too/);
    const text = file("text.json", '{"keys": "none"}');
    expect((await run("new-keys", "shop", "--jwks-file", text)).stderr).to.match(/is not a JWK Set\. keys: /);
    await run(
      "add",
      "--name",
      "Old",
      "--id",
      "old",
      "--redirect-uri",
      "https://old.example/",
      "--scopes",
      scopes,
      "--verifier-url",
      "https://verifier.example",
      "--without-pkce",
    );
    expect(await clients.find("old")).to.include({ requiresPkce: false, jwks: null });
  });

  it("refuses a second client of the same id and leaves the first as it was", async () => {
    const secret = secretOf(await add({ id: "shop" }));
    const { code, stdout, stderr } = await add({ id: "shop", name: "Impostor" });
    expect([code, stdout]).to.deep.equal([1, ""]);
    expect(stderr).to.include("There is a client shop already: choose another id.");
    expect(await opens("shop", secret)).to.equal(true);
    expect((await createClientStore(mongo).find("shop"))!.name).to.equal("Shop & Sons");
  });

  it("names what is wrong with what it was given and how to fix it, and registers nothing", async () => {
    const scopesFile = (name: string, content: unknown) => file(name, JSON.stringify(content));
    const twice = scopesFile("twice.json", [...SCOPES, ...SCOPES]);
    const problems: [Record<string, string | undefined>, RegExp][] = [
      [
        { "redirect-uri": "https://*.shop.example/" },
        /\*\.shop\.example\/ is no redirect URI \(https, or http on this/,
      ],
      [{ id: "a b", "verifier-url": "ftp://x" }, /the id must be 3 to 64 .*; the verifier's URL must be https:\/\/ or/],
      [{ "webhook-url": "shop" }, /the webhook URL must be https:\/\/ or http:\/\//],
      [{ scopes: join(folder, "absent") }, /^--scopes: .*absent cannot be read \(ENOENT.*\): name a file that can\./],
      [{ scopes: file("broken.json", "[{") }, /^--scopes: .*broken\.json is no JSON \(.*\): correct its syntax\./],
      [
        { scopes: scopesFile("null.json", [null]) },
        /^--scopes: .*null\.json is not a list of scopes\. 0: Invalid input/,
      ],
      [
        { scopes: scopesFile("partial.json", [{ name: "age", dcql: {} }]) },
        /0\.description: Invalid input: expected string.*; 0\.dcql\.credentials: Invalid input: expected array/,
      ],
      [{ scopes: scopesFile("none.json", []) }, /the file: Too small/],
      [{ scopes: twice }, /scopes must have distinct names/],
      [{ "notification-key-file": file("empty", "\n") }, /^--notification-key-file: .*empty is empty: put the secret/],
      [{ "verifier-header-file": file("odd", "no header") }, /the verifier's header must look like Name: value/],
      [{ "notification-key-header": "a b" }, /the notifications' header must be a header's name/],
    ];
    for (const [given, said] of problems) {
      const { code, stdout, stderr } = await add(given);
      expect([code, stdout], stderr).to.deep.equal([1, ""]);
      expect(stderr).to.match(said);
      expect(stderr, "no stack for people").not.to.match(/\n +at /);
    }
    expect(await mongo.collection("oauth_clients").countDocuments()).to.equal(0);
  });

  it("prints its usage and exits with 64 for arguments it does not know", async () => {
    const wrong: [string[], RegExp][] = [
      [[], /^Give one of the commands below\./],
      [["drop"], /^Give one of the commands below\./],
      [["remove"], /^Give one of the commands below\./],
      [["new-secret"], /^Give one of the commands below\./],
      [["list", "shop"], /^Give one of the commands below\./],
      [["remove", "shop", "zoo"], /^zoo is too much: one client at a time\./],
      [["add", "--colour", "red"], /^Unknown option '--colour'/],
      [["add", "--redirect-uri", "u", "--verifier-url", "v"], /^Give --name, --scopes too\./],
      [["add", "--name", "n", "--verifier-url", "v", "--scopes", scopes], /^Give --redirect-uri too\./],
    ];
    for (const [args, said] of wrong) {
      const { code, stdout, stderr } = await run(...args);
      expect([code, stdout], args.join(" ")).to.deep.equal([64, ""]);
      expect(stderr).to.match(said).and.to.include("\n\nnpm run client -- add --name NAME --redirect-uri URI");
    }
    expect(await mongo.collection("oauth_clients").countDocuments()).to.equal(0);
  });

  it("prints its usage when it is asked for help", async () => {
    const { code, stdout, stderr } = await run("--help");
    expect([code, stderr]).to.deep.equal([0, ""]);
    expect(stdout).to.include("npm run client -- add --name NAME --redirect-uri URI");
  });
});
