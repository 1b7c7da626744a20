import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { declaredCodes } from "../../../api/http/rejections";
import { type Fixture, fixture } from "../../support/fixture";

/** The texts of a folder's TypeScript files. */
function sourceTexts(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return names.map((name) => readFileSync(join(folder, name), "utf8"));
}

describe("problems", () => {
  let api: Fixture;

  before(async () => {
    api = await fixture("problems");
  });
  after(() => api.close());

  it("are explained at their URLs, every code that an operation declares or that passes by itself", async () => {
    const thrown = ["api", "chain", "core", "process", "projection"]
      .flatMap(sourceTexts)
      .flatMap((text) => [...text.matchAll(/new TransientError\(\s*"([^"]+)"/g)].map(([, code = ""]) => code));
    expect(thrown.length).to.be.greaterThan(20);
    const declared = api.endpoints.flatMap((endpoint) => [...declaredCodes(endpoint)]);
    const general = ["request.unknown_path", "request.method_not_allowed", "internal.error"];
    const { problems } = (await api.ask("GET", "/problems")).body as unknown as {
      problems: { code: string; url: string }[];
    };
    expect(problems.map(({ code }) => code)).to.include.members([...new Set([...thrown, ...declared, ...general])]);
    for (const { code, url } of problems) {
      const explained = await api.ask("GET", url);
      expect([explained.status, explained.body["code"]]).to.deep.equal([200, code]);
      expect(explained.body["meanings"], code).not.to.deep.equal([]);
    }
  });

  it("never become 304 where an answer has no tag: an answer is not cut short by If-None-Match", async () => {
    for (const path of ["/problems", "/problems/internal.error", "/contexts/v1"]) {
      const answer = await api.ask("GET", path, { headers: { "if-none-match": "*" } });
      expect([path, answer.status]).to.deep.equal([path, 200]);
    }
  });
});
