import { hexlify, type HDNodeWallet, randomBytes, Wallet } from "ethers";
import { successorCommitment } from "../../chain/registry/successor";
import type { Answer, AnswerBody } from "./ask";
import { eventually } from "./eventually";
import { type Fixture, fund, type TestUser } from "./fixture";
import { signTypedData } from "./walletActors";

type Key = HDNodeWallet | Wallet;

/** A user whose linked wallet controls its own DID. */
export interface TestController extends TestUser {
  wallet: HDNodeWallet;
  /** The wallet's address in lower case. */
  identity: string;
  did: string;
}

/** A successor's key, and what is remembered with it. */
export interface TestSuccessor {
  wallet: HDNodeWallet;
  address: string;
  salt: string;
  commitment: string;
}

export async function newController(on: Fixture): Promise<TestController> {
  const wallet = Wallet.createRandom();
  const user = await on.newUser();
  const did = await on.linkWallet(user.userId, wallet.address);
  return { ...user, wallet, identity: wallet.address.toLowerCase(), did };
}

/** A key that an identity can commit to. */
export function newSuccessor(identity: string): TestSuccessor {
  const wallet = Wallet.createRandom();
  const address = wallet.address.toLowerCase();
  const salt = hexlify(randomBytes(32));
  return { wallet, address, salt, commitment: successorCommitment({ identity, successor: address, salt }) };
}

/** Asks for the typed data of an operation. */
export function askTypedData(on: Pick<Fixture, "ask">, path: string, body: object, token?: string): Promise<Answer> {
  return on.ask("POST", `/control/${path}/typed-data`, { body, token });
}

/** What is handed in once an account has signed the answer with the typed data. */
export async function signed(question: AnswerBody, key: Key): Promise<Record<string, unknown>> {
  const { typedData, ...rest } = question;
  const signature = await signTypedData(key, { typedData } as unknown as AnswerBody);
  return { ...rest, consent: { ...(rest["consent"] as object), signature } };
}

/** Asks for typed data and signs it; fails when there is none. */
export async function prepare(
  on: Pick<Fixture, "ask">,
  path: string,
  given: { body: object; key: Key; token?: string | undefined },
): Promise<Record<string, unknown>> {
  const question = await askTypedData(on, path, given.body, given.token);
  if (question.status !== 200) throw new Error(`no typed data: ${question.status} ${question.text}`);
  return signed(question.body, given.key);
}

/** What naming a successor is handed in with. */
export function prepareNaming(
  on: Pick<Fixture, "ask">,
  { did, token, wallet }: TestController,
  { commitment }: Pick<TestSuccessor, "commitment">,
): Promise<Record<string, unknown>> {
  return prepare(on, "name-successor", { body: { did, commitment }, key: wallet, token });
}

/** What taking control is handed in with. */
export function prepareRotation(
  on: Pick<Fixture, "ask">,
  did: string,
  { wallet, address, salt }: TestSuccessor,
  nextCommitment?: string,
): Promise<Record<string, unknown>> {
  const body = { did, successor: address, salt, ...(nextCommitment !== undefined && { nextCommitment }) };
  return prepare(on, "rotate", { body, key: wallet });
}

/** Waits until an operation is in a state. */
export function untilOperation(on: Pick<Fixture, "ask">, operationId: string, status: string): Promise<AnswerBody> {
  return eventually(`the operation to be ${status}`, async () => {
    const { body } = await on.ask("GET", `/control/operations/${operationId}`);
    if (body["status"] === "failed" && status !== "failed") throw new Error(JSON.stringify(body));
    return body["status"] === status && body;
  });
}

/** An account that sends its own transactions. */
export async function registryAs(on: Fixture, key: Key) {
  await fund(on.chain.rpcUrl, key.address);
  const { didRegistry, provider } = on.context.chain;
  return didRegistry.connect(key.connect(provider));
}
