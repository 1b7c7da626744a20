import { expect } from "chai";
import { sign } from "node:crypto";
import { createCodes } from "../../../../api/devices/registration/codes";
import { confirmEmailCode, sendEmailCode } from "../../../../api/devices/registration/actions";
import { createEmailChallengeStore } from "../../../../api/devices/registration/store";
import { createDeviceSessionStore } from "../../../../api/devices/store";
import { randomId } from "../../../../core/crypto";
import type { DomainError } from "../../../../core/errors";
import { possessionSigningBytes } from "../../../../core/keys/devicePossession";
import { registerUser } from "../../../support/accounts";
import { deviceKey } from "../../../support/deviceActors";
import { type Fixture, fixture } from "../../../support/fixture";

/** Ends a confirmation where it stands, as the end of the process would. */
class Killed extends Error {}

describe("a confirmation that is killed", () => {
  let api: Fixture;
  before(async () => {
    api = await fixture("registration_killed", { modules: ["sessions", "devices", "notifications", "wallets"] });
  });
  after(() => api.close());

  function depsOf() {
    const { context, modules } = api;
    return {
      ...context,
      challenges: createEmailChallengeStore(context),
      deviceSessions: createDeviceSessionStore(context),
      codeOf: createCodes(context.keys),
      accounts: modules.sessions.ports.accounts,
      takeEmailBudget: () => Promise.resolve(),
      canMail: true,
      enqueueCode: () => undefined,
    };
  }

  type Deps = ReturnType<typeof depsOf>;

  /** The writes of a confirmation in their order, each of which dies before or after it was done. */
  function dyingAt(deps: Deps, write: string, when: "before" | "after"): Deps {
    const dying = <Of extends object>(name: string, store: Of): Of =>
      new Proxy(store, {
        get: (target, member, receiver) => {
          const real: unknown = Reflect.get(target, member, receiver);
          if (`${name}.${String(member)}` !== write || typeof real !== "function") return real;
          return async (...input: unknown[]) => {
            if (when === "after") await (real as (...input: unknown[]) => Promise<unknown>)(...input);
            throw new Killed();
          };
        },
      });
    return {
      ...deps,
      challenges: dying("challenges", deps.challenges),
      deviceSessions: dying("deviceSessions", deps.deviceSessions),
      accounts: dying("accounts", deps.accounts),
    };
  }

  const codeOfError = (error: unknown) => (error instanceof Killed ? "killed" : (error as DomainError).code);

  async function story(email: string, reset: boolean) {
    const deps = depsOf();
    const { challengeId } = await sendEmailCode(deps, { email });
    const key = deviceKey();
    const { publicKey } = key;
    const confirmation = {
      challengeId,
      code: await deps.codeOf(challengeId),
      publicKey,
      proof: sign(null, possessionSigningBytes({ challengeId, publicKey }), key.privateKey),
      deviceName: "Pixel 9",
      reset,
      address: "192.0.2.1",
    };
    const confirm = (on: Deps) => confirmEmailCode(on, confirmation).catch(codeOfError);
    return { deps, confirm };
  }

  const stateOf = async (id: string) => (await api.modules.devices.ports.readDeviceSession(id))?.state;
  const sessionsOf = (userId: string) => api.context.mongo.collection("device_sessions").find({ userId }).toArray();

  const writes = {
    "of an unknown address": [
      "challenges.use",
      "accounts.create",
      "deviceSessions.insert",
      "accounts.passwordVersionOf",
      "challenges.finish",
    ],
    "of an account that is reset": [
      "challenges.use",
      "accounts.reset",
      "deviceSessions.insert",
      "accounts.passwordVersionOf",
      "challenges.finish",
    ],
  };
  for (const [whose, steps] of Object.entries(writes)) {
    for (const step of steps) {
      for (const when of ["before", "after"] as const) {
        it(`${whose}, ${when} ${step}: is finished by its repetition, with one session`, async () => {
          const reset = whose.endsWith("reset");
          const known = reset ? await registerUser(api) : undefined;
          const email = known?.email ?? `${randomId()}@example.com`;
          const { deps, confirm } = await story(email, reset);
          expect(await confirm(dyingAt(deps, step, when))).to.equal("killed");
          const repeated = await confirm(deps);
          const { deviceSessionId } = repeated as { deviceSessionId: string };
          expect(await confirm(deps)).to.deep.equal(repeated);
          expect(await stateOf(deviceSessionId)).to.equal("active");
          const account = await deps.accounts.ofEmail(email);
          expect(account?.isConfirmed).to.equal(true);
          expect(await sessionsOf(account!.userId)).to.have.length(1);
          if (known === undefined) return;
          expect((await api.ask("GET", "/auth/session", { token: known.token })).body.code).to.equal("session.revoked");
          const login = await api.ask("POST", "/auth/login", { body: known });
          expect(login.status).not.to.equal(200);
        });
      }
    }
  }

  it("gives no session when the password was changed before its repetition", async () => {
    const { email, password, token, userId } = await registerUser(api);
    await depsOf().accounts.confirmEmail(userId);
    const { deps, confirm } = await story(email, false);
    expect(await confirm(dyingAt(deps, "challenges.use", "after"))).to.equal("killed");
    const body = { currentPassword: password, newPassword: "a wholly different phrase" };
    expect((await api.ask("POST", "/auth/password", { token, body })).status).to.equal(200);
    expect([await confirm(deps), await confirm(deps)]).to.deep.equal(["account.changed", "account.changed"]);
    const found = await sessionsOf(userId);
    expect(found.map(({ revokedAt }) => revokedAt !== null)).to.deep.equal([true]);
  });

  it("opens no second account when somebody registered the address before its repetition", async () => {
    const email = `${randomId()}@example.com`;
    const { deps, confirm } = await story(email, false);
    expect(await confirm(dyingAt(deps, "challenges.use", "after"))).to.equal("killed");
    const body = { email, password: "correct horse battery", name: "Mallory" };
    expect((await api.ask("POST", "/auth/register", { body })).status).to.equal(201);
    expect(await confirm(deps)).to.equal("account.changed");
    expect(await deps.accounts.ofEmail(email)).to.include({ isConfirmed: false, passwordVersion: 1 });
  });
});
