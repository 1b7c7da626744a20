import { expect } from "chai";
import { ENCRYPTED_FIELDS } from "../../../scripts/operate/encryptedFields";
import { executeCommand } from "../../../scripts/operate/command";
import { keysCommand } from "../../../scripts/operate/keys";
import { type Fixture, fixture } from "../../support/fixture";

describe("npm run keys", () => {
  let api: Fixture;
  before(async () => {
    api = await fixture("keys_command", { modules: ["sessions"] });
  });
  after(() => api.close());

  async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    let stdout = "";
    let stderr = "";
    const code = await executeCommand(keysCommand, args, {
      env: { NODE_ENV: "test", ...api.contextOptions.environment },
      print: (line) => (stdout += `${line}\n`),
      printError: (line) => (stderr += `${line}\n`),
    });
    return { code, stdout, stderr };
  }

  it("lists, rotates and re-encrypts what a running API goes on reading, and refuses to retire too early", async () => {
    const none = await run("list");
    expect([none.code, none.stderr]).to.deep.equal([
      1,
      "Nothing is encrypted yet: the first field makes the first key.\n",
    ]);
    const alice = await api.newUser();
    expect((await run("list")).stdout).to.match(/^data-1 {2}encrypts {2}since \S+ {2}1 in users\n$/);
    expect((await run("rotate")).stdout).to.equal(
      "data-2 encrypts from now on; data-1 still decrypts\n1 documents were re-encrypted\n",
    );
    expect((await run("list")).stdout).to.match(
      /^data-1 {2}decrypts {2}since \S+ {2}in no document\ndata-2 {2}encrypts {2}since \S+ {2}1 in users\n$/,
    );
    const { body } = await api.ask("GET", "/auth/session", { token: alice.token });
    expect(body).to.include({ email: alice.email, name: alice.name });
    // This API does not know of the rotation yet: what it encrypts now is found by the next run.
    await api.newUser("Bob");
    expect((await run("reencrypt")).stdout).to.equal("1 documents were re-encrypted\n");
    const early = await run("retire", "data-1");
    expect(early.code).to.equal(1);
    expect(early.stderr).to.include("Running processes may still encrypt with data-1");
  });

  it("prints its usage after wrong arguments, and connects to nothing then", async () => {
    for (const args of [[], ["retire"], ["rotate", "data-1"], ["burn"]]) {
      const { code, stderr } = await run(...args);
      expect(code).to.equal(64);
      expect(stderr).to.include("npm run keys -- list");
    }
  });

  it("goes through every collection once", () => {
    const collections = ENCRYPTED_FIELDS.map(({ collection }) => collection);
    expect(collections).to.deep.equal([...new Set(collections)]);
  });
});
