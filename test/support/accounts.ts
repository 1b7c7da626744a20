import { randomBytes } from "node:crypto";
import { expect } from "chai";
import type { Fixture } from "./fixture";

/** An account that was opened with a password, and its first session. */
export interface RegisteredUser {
  userId: string;
  email: string;
  password: string;
  token: string;
}

/** Registers an account over HTTP; where no password is needed, `newUser` of the fixture is quicker. */
export async function registerUser(on: Pick<Fixture, "ask">, name = "Alice Smith"): Promise<RegisteredUser> {
  const email = `${randomBytes(6).toString("hex")}@example.org`;
  const password = `correct horse ${randomBytes(4).toString("hex")}`;
  const { status, body } = await on.ask("POST", "/auth/register", { body: { email, password, name } });
  expect(status).to.equal(201);
  return { userId: body.userId, email, password, token: body.sessionId };
}
