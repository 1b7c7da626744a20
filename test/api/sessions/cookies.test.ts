import { expect } from "chai";
import { registerUser } from "../../support/accounts";
import { type Answer, cookieFrom } from "../../support/ask";
import { fakeClock } from "../../support/fakeClock";
import { type Fixture, fixture } from "../../support/fixture";

describe("cookie sessions", () => {
  const clock = fakeClock();
  let api: Fixture;
  before(async () => {
    api = await fixture("cookies", { modules: ["sessions"], clock });
  });
  after(() => api.close());

  async function browserLogin(): Promise<{ answer: Answer; cookie: string; csrfToken: string; password: string }> {
    const { email, password } = await registerUser(api);
    const answer = await api.ask("POST", "/auth/login", { body: { email, password, cookie: true } });
    expect(answer.status).to.equal(200);
    return { answer, cookie: cookieFrom(answer), csrfToken: answer.body.csrfToken, password };
  }

  it("hold the token where scripts and other sites cannot get at it", async () => {
    const { answer } = await browserLogin();
    const [set] = answer.headers.getSetCookie();
    expect(set).to.match(/^__Host-cairn-session=SES-[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    expect(answer.text, "the body must not undo HttpOnly").not.to.match(/SES-/);
  });

  it("read without a CSRF token, and are given it for the page to use", async () => {
    const { cookie, csrfToken } = await browserLogin();
    const answer = await api.ask("GET", "/auth/session", { cookie });
    expect(answer.status).to.equal(200);
    expect(answer.body.csrfToken).to.equal(csrfToken);
  });

  it("change nothing without the right CSRF token (CSRF)", async () => {
    const { cookie, csrfToken, password } = await browserLogin();
    const other = await browserLogin();
    const changes: [string, string, unknown][] = [
      ["POST", "/auth/logout", undefined],
      ["DELETE", "/auth/sessions", undefined],
      ["POST", "/auth/password", { currentPassword: password, newPassword: "chosen by the attacker" }],
    ];
    for (const [method, path, body] of changes) {
      for (const forged of [undefined, "", "guess", other.csrfToken, cookie.split("=")[1]!]) {
        const options = {
          cookie,
          ...(forged !== undefined && { csrfToken: forged }),
          ...(body !== undefined && { body }),
        };
        const answer = await api.ask(method, path, options);
        expect([answer.status, answer.body.code], `${method} ${path} with ${forged}`).to.deep.equal([
          403,
          "session.csrf",
        ]);
      }
    }
    expect((await api.ask("GET", "/auth/session", { cookie })).status).to.equal(200);
    expect((await api.ask("POST", "/auth/logout", { cookie, csrfToken })).status).to.equal(204);
  });

  it("are not kept alive by forged requests", async () => {
    const { cookie } = await browserLogin();
    for (let minute = 0; minute < 3; minute += 1) {
      clock.advance(5 * 60);
      expect((await api.ask("POST", "/auth/logout", { cookie })).body.code).to.equal("session.csrf");
    }
    expect((await api.ask("GET", "/auth/session", { cookie })).body.code).to.equal("session.idle");
  });

  it("end with the logout, which takes the cookie away", async () => {
    const { cookie, csrfToken } = await browserLogin();
    const answer = await api.ask("POST", "/auth/logout", { cookie, csrfToken });
    expect(answer.headers.getSetCookie()[0]).to.match(/^__Host-cairn-session=; Max-Age=0; /);
    expect((await api.ask("GET", "/auth/session", { cookie })).body.code).to.equal("session.revoked");
  });

  it("get a new cookie and CSRF token with a new password", async () => {
    const { cookie, csrfToken, password } = await browserLogin();
    const body = { currentPassword: password, newPassword: "a wholly different phrase" };
    const answer = await api.ask("POST", "/auth/password", { cookie, csrfToken, body });
    expect(answer.status).to.equal(200);
    const renewed = { cookie: cookieFrom(answer), csrfToken: answer.body.csrfToken };
    expect(renewed.csrfToken).not.to.equal(csrfToken);
    expect((await api.ask("GET", "/auth/session", { cookie })).body.code).to.equal("session.revoked");
    expect((await api.ask("POST", "/auth/logout", { ...renewed, csrfToken })).body.code).to.equal("session.csrf");
    expect((await api.ask("POST", "/auth/logout", renewed)).status).to.equal(204);
  });

  it("yield to a bearer token, which needs no CSRF token because no browser sends it by itself", async () => {
    const { cookie } = await browserLogin();
    const { token, userId } = await registerUser(api);
    expect((await api.ask("GET", "/auth/session", { cookie, token })).body.userId).to.equal(userId);
    expect((await api.ask("POST", "/auth/logout", { cookie, token })).status).to.equal(204);
    expect((await api.ask("GET", "/auth/session", { cookie })).status).to.equal(200);
  });
});
