import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createDeviceSessionStore } from "../../api/devices/store";
import { randomId } from "../../core/crypto";
import type { Fixture } from "./fixture";

/** A device with a key of its own. */
export interface TestDevice {
  deviceSessionId: string;
  userId: string;
  publicKey: Buffer;
  privateKey: KeyObject;
}

/** A fresh Ed25519 key pair, the public key as its 32 bytes. */
export function deviceKey(): { publicKey: Buffer; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { publicKey: Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url"), privateKey };
}

/** Registers a device for a user as a confirmed code would. */
export async function newDevice(
  { context }: Pick<Fixture, "context">,
  userId: string,
  name = "Pixel 9",
): Promise<TestDevice> {
  const deviceSessionId = randomId();
  const key = deviceKey();
  await createDeviceSessionStore(context).insert({
    _id: deviceSessionId,
    userId,
    publicKey: key.publicKey.toString("base64url"),
    name,
    createdAt: context.clock.now(),
  });
  return { deviceSessionId, userId, ...key };
}

/** A user's events, in their order. */
export async function eventsOf(
  { modules }: Pick<Fixture, "modules">,
  userId: string,
): Promise<{ seq: number; type: string; payload: Record<string, unknown> }[]> {
  const { events } = await modules.notifications.ports.readUserEvents({ userId, after: 0, limit: 500 });
  return events.map(({ seq, type, payload }) => ({ seq, type, payload }));
}
