import { expect } from "chai";
import { type Fixture, fixture } from "../../support/fixture";

describe("how often control may be asked for", () => {
  let on: Fixture;

  before(async () => {
    on = await fixture("control-limits", { modules: ["control"], config: { sessions: { limitLogins: true } } });
  });
  after(() => on.close());

  it("is limited for each user where a session is needed, and for each address where none is", () => {
    const endpoints = on.endpoints.filter(({ path, method }) => path.startsWith("/control/") && method === "post");
    expect(endpoints).to.have.length(8);
    for (const { path, auth, limit } of endpoints) {
      expect(limit?.by, path).to.equal(auth === "none" ? "address" : "user");
    }
    expect(endpoints.filter(({ auth }) => auth === "none").map(({ path }) => path)).to.deep.equal([
      "/control/rotate/typed-data",
      "/control/rotate",
    ]);
  });

  it("lets nobody try more than 30 rotations an hour from one address", async () => {
    const answers = [];
    for (let each = 0; each < 31; each += 1) answers.push(await on.ask("POST", "/control/rotate", { body: {} }));
    expect(answers.map(({ status }) => status)).to.deep.equal([...Array<number>(30).fill(400), 429]);
    expect(answers.at(-1)!.body.code).to.equal("request.too_many");
  });
});
