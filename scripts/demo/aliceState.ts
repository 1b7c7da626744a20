import { Wallet } from "ethers";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Alice's account and key, saved while her demo is unfinished. */
export interface AliceState {
  email: string;
  password: string;
  privateKey: string;
  registered: boolean;
}

/** The Alice of an unfinished demo, or a new one, which is saved. */
export function loadOrCreateAlice(dataDir: string): AliceState {
  const path = pathOf(dataDir);
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as AliceState;
  const alice: AliceState = {
    email: `alice-${randomBytes(4).toString("hex")}@example.com`,
    password: randomBytes(18).toString("base64url"),
    privateKey: Wallet.createRandom().privateKey,
    registered: false,
  };
  saveAlice(dataDir, alice);
  return alice;
}

export function saveAlice(dataDir: string, alice: AliceState): void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(pathOf(dataDir), JSON.stringify(alice), { mode: 0o600 });
}

/** The next demo begins with a new Alice. */
export function deleteAlice(dataDir: string): void {
  rmSync(pathOf(dataDir), { force: true });
}

function pathOf(dataDir: string): string {
  return join(dataDir, "alice.json");
}
