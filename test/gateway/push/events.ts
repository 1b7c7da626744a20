import type { UserEvent } from "../../../gateway/push/userEvent";

/** An event of a user; its id follows from its number. */
export function eventOf(userId: string, seq: number | bigint, changes: Partial<UserEvent> = {}): UserEvent {
  const id = `00000000-0000-4000-8000-${String(seq).padStart(12, "0")}`;
  return {
    userId,
    seq: BigInt(seq),
    id,
    type: "credential.issued",
    at: new Date(1_780_000_000_000 + Number(seq)),
    payload: JSON.stringify({ credentialId: `c${seq}` }),
    ...changes,
  };
}
